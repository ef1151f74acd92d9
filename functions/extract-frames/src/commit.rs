//! The commit of a video: its manifest, created if absent, and what may be tidied up behind it.
//!
//! **Nothing is deleted or replaced before the commit.** Whoever is slower, or lost frames, or works
//! with another configuration leaves alone what is there. Once there is a manifest, it alone decides:
//! it is never replaced, so an image that it does not name will never belong to anything.

use crate::store::{Created, JSON, ObjectError, Objects, to_json};
use crate::upload::{Claimed, There, Upload};
use framemill_contract::{
    FailureRecord, JobError, Manifest, ObjectRef, Outcome, VideoName, is_image_name,
};
use std::collections::{BTreeSet, HashSet};

/// The end of the work on a video.
pub(crate) struct Commit<'a, O> {
    pub upload: &'a Upload<'a, O>,
    pub claimed: Claimed,
}

/// What is there before any work.
pub(crate) enum Found {
    /// The commit, under this name; this is to be answered.
    Committed(VideoName, Outcome),
    /// None; these names are not another upload's.
    Free(Vec<VideoName>),
}

/// Looks whether an upload is committed. The delivery that committed it may have ended before it
/// tidied up: that is done then.
pub(crate) async fn find<O: Objects>(
    upload: &Upload<'_, O>,
    plain: &VideoName,
) -> Result<Found, ObjectError> {
    let mut free = Vec::new();
    for video in upload.names(plain) {
        match upload.manifest(&video).await? {
            There::Nothing => free.push(video),
            There::Others => {}
            There::Ours(manifest) => {
                let naming = upload.config.naming;
                let folder = manifest.as_ref().map(|it| it.image_folder.clone());
                let folder = folder.unwrap_or_else(|| video.folder(naming));
                let claimed = Claimed { video, folder };
                let commit = Commit { upload, claimed };
                let outcome = commit.unchanged(manifest).await?;
                return Ok(Found::Committed(commit.claimed.video, outcome));
            }
        }
    }
    Ok(Found::Free(free))
}

impl<O: Objects> Commit<'_, O> {
    /// Commits the video with this manifest, unless another delivery was faster.
    pub async fn write(&self, manifest: Manifest) -> Result<Outcome, ObjectError> {
        self.still_current().await?;
        let (bucket, name) = (self.bucket(), self.manifest_name());
        let bytes = to_json(&manifest)?;
        let created = self.objects().create(bucket, &name, JSON, &bytes).await?;
        if created == Created::New {
            self.tidy_up(&manifest).await?;
            return Ok(self.outcome(&manifest));
        }
        let reason = match self.upload.manifest(&self.claimed.video).await? {
            There::Ours(manifest) => return self.unchanged(manifest).await,
            There::Others => "another upload has committed under this name",
            There::Nothing => "the manifest was removed at this moment",
        };
        Err(ObjectError::Failed(JobError::Storage {
            what: format!("writing {name}"),
            reason: reason.to_owned(),
        }))
    }

    /// Says in the bucket why there will be no manifest, unless another delivery has made one.
    pub async fn reject(&self, error: &JobError) -> Result<Outcome, ObjectError> {
        self.still_current().await?;
        let record = self.failure(error);
        self.create_failure(&record).await?;
        // Whoever committed meanwhile may have looked for a failure record before it was there.
        if let There::Ours(manifest) = self.upload.manifest(&self.claimed.video).await? {
            return self.unchanged(manifest).await;
        }
        Ok(Outcome::Rejected {
            failure: self.failure_name(),
            code: record.code,
            message: record.message,
        })
    }

    /// The answer where the video is committed already. One of a later version is left alone.
    async fn unchanged(&self, manifest: Option<Box<Manifest>>) -> Result<Outcome, ObjectError> {
        let incomplete = match &manifest {
            Some(manifest) if self.tidy_up(manifest).await? => Some(manifest),
            _ => None,
        };
        Ok(match incomplete {
            // Nobody has told of it.
            Some(manifest) => self.outcome(manifest),
            None => Outcome::Unchanged {
                manifest: self.manifest_name(),
            },
        })
    }

    fn outcome(&self, manifest: &Manifest) -> Outcome {
        let (frames, dropped) = (manifest.frames.len() as u64, manifest.dropped.len() as u64);
        match manifest.incomplete() {
            None => Outcome::Extracted {
                manifest: self.manifest_name(),
                frames,
                dropped,
                warnings: manifest.warnings.len() as u64,
            },
            Some(error) => Outcome::Incomplete {
                manifest: self.manifest_name(),
                frames,
                dropped,
                lost: manifest.frames_lost(),
                failure: self.failure_name(),
                message: error.to_string(),
            },
        }
    }

    /// Leaves what the committed manifest names, and the failure record that it asks for; whether
    /// that was not there.
    async fn tidy_up(&self, manifest: &Manifest) -> Result<bool, ObjectError> {
        let told = match manifest.incomplete() {
            Some(error) => self.replace_failure(&self.failure(&error)).await?,
            None => {
                let name = self.failure_name();
                self.objects().delete(self.bucket(), &name).await?;
                false
            }
        };
        let folder = self.upload.config.layout.images_in(&manifest.image_folder);
        let frames = manifest.frames.iter();
        let belongs: HashSet<String> = frames
            .map(|frame| format!("{folder}{}", frame.name))
            .collect();
        for folder in self.folders().await? {
            self.remove_images_but(&folder, &belongs).await?;
        }
        Ok(told)
    }

    /// The folders of images that works on this upload own.
    async fn folders(&self) -> Result<BTreeSet<String>, ObjectError> {
        let (layout, naming) = (&self.upload.config.layout, self.upload.config.naming);
        let video = &self.claimed.video;
        let claims = layout.claim_names();
        let works = video.folders_of_works(naming, self.upload.generation());
        let works = format!("{}{works}", claims.prefix);
        let works = self.objects().list(self.bucket(), &works).await?;
        let works = works.iter().filter_map(|name| claims.key(name));
        let own = video.folder(naming);
        let mut folders = BTreeSet::from([self.claimed.folder.clone()]);
        for folder in works.chain([own.as_str()]) {
            // A video may be called like a work on another.
            if !folders.contains(folder) && self.upload.owns(folder).await? {
                folders.insert(folder.to_owned());
            }
        }
        Ok(folders)
    }

    async fn remove_images_but(
        &self,
        folder: &str,
        belongs: &HashSet<String>,
    ) -> Result<(), ObjectError> {
        let (bucket, prefix) = (self.bucket(), self.upload.config.layout.images_in(folder));
        for name in self.objects().list(bucket, &prefix).await? {
            let is_image = name.strip_prefix(&prefix).is_some_and(is_image_name);
            if is_image && !belongs.contains(&name) {
                self.objects().delete(bucket, &name).await?;
            }
        }
        Ok(())
    }

    fn failure(&self, error: &JobError) -> FailureRecord {
        FailureRecord::new(self.upload.video, error, self.upload.config.tool())
    }

    async fn create_failure(&self, record: &FailureRecord) -> Result<Created, ObjectError> {
        let (name, bytes) = (self.failure_name(), to_json(record)?);
        let bucket = self.bucket();
        self.objects().create(bucket, &name, JSON, &bytes).await
    }

    /// Creates a failure record in place of one that says something else, before the commit; whether
    /// it was not there.
    async fn replace_failure(&self, record: &FailureRecord) -> Result<bool, ObjectError> {
        if self.create_failure(record).await? == Created::New {
            return Ok(true);
        }
        let name = self.failure_name();
        let there = match self.objects().read_all(self.bucket(), &name).await {
            Err(ObjectError::Gone) => None,
            there => serde_json::from_slice::<FailureRecord>(&there?).ok(),
        };
        if there.is_some_and(|there| there.code == record.code && there.source == record.source) {
            return Ok(false);
        }
        self.objects().delete(self.bucket(), &name).await?;
        self.create_failure(record).await?;
        Ok(true)
    }

    /// Ends where the video was replaced meanwhile. A sweep takes what has the plain name and was
    /// written after an upload for that upload's: so nothing may be written about an older one.
    async fn still_current(&self) -> Result<(), ObjectError> {
        let ObjectRef { bucket, name, .. } = self.upload.video;
        let meta = self.objects().metadata(bucket, name).await?;
        match self.upload.video.generation == Some(meta.generation) {
            true => Ok(()),
            false => Err(ObjectError::Gone),
        }
    }

    fn objects(&self) -> &O {
        self.upload.objects
    }

    fn bucket(&self) -> &str {
        &self.upload.video.bucket
    }

    fn manifest_name(&self) -> String {
        let layout = &self.upload.config.layout;
        layout.manifest(&self.claimed.video)
    }

    fn failure_name(&self) -> String {
        let names = self.upload.config.layout.extract_failure_names();
        names.name(&self.claimed.video)
    }
}
