//! An upload, as the bucket knows it: whether it is committed, and which names are its own.

use crate::store::{Created, JSON, ObjectError, Objects, to_json};
use framemill_contract::{
    Claim, Config, JobError, MANIFEST_SCHEMA, Manifest, ObjectRef, VideoName,
};
use serde::Deserialize;

/// One upload of a video.
pub(crate) struct Upload<'a, O> {
    pub objects: &'a O,
    pub config: &'a Config,
    /// The video with its generation.
    pub video: &'a ObjectRef,
}

/// What an upload is called in records, and the folder that this work on it owns.
pub(crate) struct Claimed {
    /// The plain name, if no other upload has it.
    pub video: VideoName,
    /// The folder of the same name, if no other work on the upload has it.
    pub folder: String,
}

/// What is there under the name of a manifest.
pub(crate) enum There {
    Nothing,
    /// The commit of this upload; `None` where it is of another version, or cannot be read.
    Ours(Option<Box<Manifest>>),
    /// Another upload's.
    Others,
}

/// What manifests of all versions say.
#[derive(Deserialize)]
struct Head {
    source: HeadSource,
}

#[derive(Deserialize)]
struct HeadSource {
    name: String,
    generation: i64,
}

impl<O: Objects> Upload<'_, O> {
    pub fn generation(&self) -> i64 {
        self.video.generation.unwrap_or_default()
    }

    /// The names that it may have in records: that of its path, and that of its generation.
    pub fn names(&self, plain: &VideoName) -> [VideoName; 2] {
        [plain.clone(), plain.of_generation(self.generation())]
    }

    /// Claims a folder of images for this work, under the first of these names that is free or ours.
    pub async fn claim(
        &self,
        plain: &VideoName,
        free: impl IntoIterator<Item = VideoName>,
    ) -> Result<Claimed, ObjectError> {
        let (naming, work) = (self.config.naming, self.config.work());
        let ours = Claim::new(&self.video.name, self.generation(), &work);
        for name in free {
            let of_work = plain.folder_of_work(naming, self.generation(), &work);
            for folder in [name.folder(naming), of_work] {
                let holder = self.claim_folder(&folder, &ours).await?;
                if holder.as_ref() == Some(&ours) {
                    return Ok(Claimed {
                        video: name,
                        folder,
                    });
                }
                if !holder.is_some_and(|holder| self.is_of(&holder)) {
                    break;
                }
            }
        }
        Err(ObjectError::Failed(JobError::Storage {
            what: format!("claiming a folder of images for {plain}"),
            reason: "another video holds that of this generation: rename one of them".to_owned(),
        }))
    }

    /// Creates the claim of a folder, if there is none; the claim that is there then. `None` where
    /// that says nothing that can be read.
    async fn claim_folder(&self, folder: &str, ours: &Claim) -> Result<Option<Claim>, ObjectError> {
        let (bucket, name) = (&self.video.bucket, self.config.layout.claim(folder));
        let bytes = to_json(ours)?;
        if self.objects.create(bucket, &name, JSON, &bytes).await? == Created::New {
            return Ok(Some(ours.clone()));
        }
        match self.objects.read_all(bucket, &name).await {
            Ok(there) => Ok(serde_json::from_slice(&there).ok()),
            // Nothing of ours removes claims. It must not pass for the video that is gone.
            Err(ObjectError::Gone) => Err(ObjectError::Failed(JobError::Storage {
                what: format!("reading {name}"),
                reason: "the claim was removed at this moment".to_owned(),
            })),
            Err(error) => Err(error),
        }
    }

    /// Whether this upload owns a folder, whatever the work.
    pub async fn owns(&self, folder: &str) -> Result<bool, ObjectError> {
        let name = self.config.layout.claim(folder);
        let claim = match self.objects.read_all(&self.video.bucket, &name).await {
            Err(ObjectError::Gone) => return Ok(false),
            there => serde_json::from_slice::<Claim>(&there?),
        };
        Ok(claim.is_ok_and(|claim| self.is_of(&claim)))
    }

    fn is_of(&self, claim: &Claim) -> bool {
        claim.is_of(&self.video.name, self.generation())
    }

    /// The manifest of this name.
    pub async fn manifest(&self, name: &VideoName) -> Result<There, ObjectError> {
        let object = self.config.layout.manifest(name);
        let bytes = match self.objects.read_all(&self.video.bucket, &object).await {
            Err(ObjectError::Gone) => return Ok(There::Nothing),
            // Written where the limit was higher.
            Err(ObjectError::Failed(JobError::ObjectTooLarge { .. })) => Vec::new(),
            there => there?,
        };
        let ours =
            |name: &str, generation| name == self.video.name && generation == self.generation();
        if let Ok(manifest) = serde_json::from_slice::<Manifest>(&bytes) {
            let source = &manifest.source;
            if !ours(&source.name, source.generation) {
                return Ok(There::Others);
            }
            let known = manifest.schema == MANIFEST_SCHEMA;
            return Ok(There::Ours(known.then(|| Box::new(manifest))));
        }
        let is_ours = match serde_json::from_slice::<Head>(&bytes) {
            Ok(Head { source }) => ours(&source.name, source.generation),
            Err(_) => self.owns(&name.folder(self.config.naming)).await?,
        };
        Ok(match is_ours {
            true => There::Ours(None),
            false => There::Others,
        })
    }
}
