//! Who owns which folder of images.

use crate::store::{Created, JSON, ObjectError, Objects, to_json};
use framemill_contract::{Claim, Config, JobError, ObjectRef, VideoName};

/// What an upload is called in records, and the folder that this work on it owns.
pub(crate) struct Claimed {
    /// The plain name, if no other upload has it.
    pub video: VideoName,
    /// The folder of the same name, if no other work on the upload has it.
    pub folder: String,
}

/// Claims a folder of images for this work on a video, whose generation is known.
pub(crate) async fn claim<O: Objects>(
    objects: &O,
    config: &Config,
    video: &ObjectRef,
    plain: &VideoName,
) -> Result<Claimed, ObjectError> {
    let generation = video.generation.unwrap_or_default();
    let work = config.work();
    let ours = Claim::new(&video.name, generation, &work);
    for name in [plain.clone(), plain.of_generation(generation)] {
        let folder = name.folder(config.naming);
        let holder = claim_folder(objects, config, video, &folder, &ours).await?;
        if holder.as_ref() == Some(&ours) {
            return Ok(Claimed {
                video: name,
                folder,
            });
        }
        if !holder.is_some_and(|it| it.is_of(&video.name, generation)) {
            continue;
        }
        let folder = plain.folder_of_work(config.naming, generation, &work);
        let holder = claim_folder(objects, config, video, &folder, &ours).await?;
        if holder.as_ref() == Some(&ours) {
            return Ok(Claimed {
                video: name,
                folder,
            });
        }
    }
    Err(ObjectError::Failed(JobError::Storage {
        what: format!("claiming a folder of images for {plain}"),
        reason: "another video holds that of this generation: rename one of them".to_owned(),
    }))
}

/// Creates the claim of a folder, if there is none; the claim that is there then. `None` where
/// that says nothing that can be read.
async fn claim_folder<O: Objects>(
    objects: &O,
    config: &Config,
    video: &ObjectRef,
    folder: &str,
    ours: &Claim,
) -> Result<Option<Claim>, ObjectError> {
    let name = config.layout.claim(folder);
    let bytes = to_json(ours)?;
    match objects.create(&video.bucket, &name, JSON, &bytes).await? {
        Created::New => Ok(Some(ours.clone())),
        Created::Existed => read_claim(objects, &video.bucket, &name).await,
    }
}

/// The claim of this name.
pub(crate) async fn read_claim<O: Objects>(
    objects: &O,
    bucket: &str,
    name: &str,
) -> Result<Option<Claim>, ObjectError> {
    match objects.read_all(bucket, name).await {
        Ok(there) => Ok(serde_json::from_slice(&there).ok()),
        // Nothing of ours removes claims. It must not pass for the video that is gone.
        Err(ObjectError::Gone) => Err(ObjectError::Failed(JobError::Storage {
            what: format!("reading {name}"),
            reason: "the claim was removed at this moment".to_owned(),
        })),
        Err(error) => Err(error),
    }
}
