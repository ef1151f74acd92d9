//! The commit of a video: its manifest, created if absent, and what may be tidied up behind it.
//!
//! **Nothing is deleted or replaced before the commit.** Whoever is slower, or lost frames, or works
//! with another configuration leaves alone what is there. Once there is a manifest, it alone decides:
//! it is never replaced, so an image that it does not name will never belong to anything.

use crate::claim::{Claimed, read_claim};
use crate::store::{Created, JSON, ObjectError, Objects, to_json};
use framemill_contract::{
    Config, FailureRecord, JobError, Manifest, ObjectRef, Outcome, Tool, is_image_name,
};
use std::collections::HashSet;

/// The end of the work on a video.
pub(crate) struct Commit<'a, O> {
    pub objects: &'a O,
    pub config: &'a Config,
    /// The video with its generation.
    pub video: &'a ObjectRef,
    pub claimed: &'a Claimed,
}

impl<O: Objects> Commit<'_, O> {
    /// What is to be answered where the video is committed already. The delivery that committed it
    /// may have ended before it tidied up: that is done then.
    pub async fn found(&self) -> Result<Option<Outcome>, ObjectError> {
        let name = self.manifest_name();
        let there = match self.objects.read_all(&self.video.bucket, &name).await {
            Err(ObjectError::Gone) => return Ok(None),
            there => there?,
        };
        // One that a later version wrote is left alone.
        if let Ok(manifest) = serde_json::from_slice::<Manifest>(&there) {
            self.tidy_up(&manifest).await?;
        }
        Ok(Some(Outcome::Unchanged { manifest: name }))
    }

    /// Commits the video with this manifest, unless another delivery was faster.
    pub async fn write(&self, manifest: Manifest) -> Result<Outcome, ObjectError> {
        self.still_current().await?;
        let (bucket, name) = (&self.video.bucket, self.manifest_name());
        let bytes = to_json(&manifest)?;
        if self.objects.create(bucket, &name, JSON, &bytes).await? == Created::Existed {
            let found = self.found().await?;
            return found.ok_or_else(|| {
                ObjectError::Failed(JobError::Storage {
                    what: format!("reading {name}"),
                    reason: "the manifest was removed at this moment".to_owned(),
                })
            });
        }
        self.tidy_up(&manifest).await?;
        let (frames, dropped) = (manifest.frames.len() as u64, manifest.dropped.len() as u64);
        Ok(match manifest.incomplete() {
            None => Outcome::Extracted {
                manifest: name,
                frames,
                dropped,
                warnings: manifest.warnings.len() as u64,
            },
            Some(error) => Outcome::Incomplete {
                manifest: name,
                frames,
                dropped,
                lost: manifest.frames_lost(),
                failure: self.failure_name(),
                message: error.to_string(),
            },
        })
    }

    /// Says in the bucket why there will be no manifest, unless another delivery has made one.
    pub async fn reject(&self, error: &JobError) -> Result<Outcome, ObjectError> {
        self.still_current().await?;
        let record = self.write_failure(error).await?;
        // Whoever committed meanwhile may have looked for a failure record before it was there.
        if let Some(unchanged) = self.found().await? {
            return Ok(unchanged);
        }
        Ok(Outcome::Rejected {
            failure: self.failure_name(),
            code: record.code,
            message: record.message,
        })
    }

    /// Leaves what the committed manifest names, and the failure record that it asks for.
    async fn tidy_up(&self, manifest: &Manifest) -> Result<(), ObjectError> {
        match manifest.incomplete() {
            Some(error) => drop(self.write_failure(&error).await?),
            None => {
                let (bucket, name) = (&self.video.bucket, self.failure_name());
                self.objects.delete(bucket, &name).await?;
            }
        }
        let folder = self.config.layout.images_in(&manifest.image_folder);
        let frames = manifest.frames.iter();
        let belongs: HashSet<String> = frames
            .map(|frame| format!("{folder}{}", frame.name))
            .collect();
        for folder in self.folders().await? {
            self.remove_images_but(&folder, &belongs).await?;
        }
        Ok(())
    }

    /// The folders of images that works on this upload own.
    async fn folders(&self) -> Result<Vec<String>, ObjectError> {
        let (layout, naming) = (&self.config.layout, self.config.naming);
        let (bucket, video) = (&self.video.bucket, &self.claimed.video);
        let generation = self.video.generation.unwrap_or_default();
        let claims = layout.claim_names();
        let works = format!(
            "{}{}",
            claims.prefix,
            video.folders_of_works(naming, generation)
        );
        let mut folders = vec![video.folder(naming)];
        for name in self.objects.list(bucket, &works).await? {
            // A video may be called like a work on another.
            let claim = read_claim(self.objects, bucket, &name).await?;
            let is_ours = claim.is_some_and(|it| it.is_of(&self.video.name, generation));
            folders.extend(claims.key(&name).filter(|_| is_ours).map(str::to_owned));
        }
        Ok(folders)
    }

    async fn remove_images_but(
        &self,
        folder: &str,
        belongs: &HashSet<String>,
    ) -> Result<(), ObjectError> {
        let (bucket, prefix) = (&self.video.bucket, self.config.layout.images_in(folder));
        for name in self.objects.list(bucket, &prefix).await? {
            let is_image = name.strip_prefix(&prefix).is_some_and(is_image_name);
            if is_image && !belongs.contains(&name) {
                self.objects.delete(bucket, &name).await?;
            }
        }
        Ok(())
    }

    async fn write_failure(&self, error: &JobError) -> Result<FailureRecord, ObjectError> {
        let tool = Tool::new(self.config.component_sha256.clone());
        let record = FailureRecord::new(self.video, error, tool);
        let (bucket, name) = (&self.video.bucket, self.failure_name());
        // One that an earlier delivery wrote says the same.
        let bytes = to_json(&record)?;
        self.objects.create(bucket, &name, JSON, &bytes).await?;
        Ok(record)
    }

    /// Ends where the video was replaced meanwhile. A sweep takes what has the plain name and was
    /// written after an upload for that upload's: so nothing may be written about an older one.
    async fn still_current(&self) -> Result<(), ObjectError> {
        let ObjectRef { bucket, name, .. } = self.video;
        let meta = self.objects.metadata(bucket, name).await?;
        match self.video.generation == Some(meta.generation) {
            true => Ok(()),
            false => Err(ObjectError::Gone),
        }
    }

    fn manifest_name(&self) -> String {
        self.config.layout.manifest(&self.claimed.video)
    }

    fn failure_name(&self) -> String {
        let names = self.config.layout.extract_failure_names();
        names.name(&self.claimed.video)
    }
}
