//! From an event to the work it asks for, and the names of what the work writes.

use crate::{Config, Event, EventKind, ImageFormat, Naming, ObjectRef};
use thiserror::Error;

/// A video to extract frames from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The video.
    pub video: ObjectRef,
    /// Where its images go, if no other video or generation holds that folder.
    pub folder: Folder,
}

/// A folder of images in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Prefix, without trailing slash.
    path: String,
}

/// Why an event makes no work. Not an error: buckets hold other things than videos.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Ignored {
    /// Not a finished upload.
    #[error("event type {0}")]
    EventType(String),
    /// Another bucket than the configured one.
    #[error("bucket {0}")]
    Bucket(String),
    /// Something that we wrote ourselves.
    #[error("below image_path")]
    OwnOutput,
    /// Not below the prefix of videos.
    #[error("not below video_path `{0}`")]
    OutsideVideoPath(String),
    /// Not a name that the pipeline takes.
    #[error("not a name that the pipeline takes")]
    OtherName,
    /// A folder marker or a file whose ending is no video's.
    #[error("not a video by its name")]
    NotAVideo,
    /// Not the manifest of a video below the prefix of images.
    #[error("not a manifest below image_path `{0}`")]
    NotAManifest(String),
    /// Below the prefix of checkpoints, but none.
    #[error("below checkpoint_path, but not a checkpoint")]
    NotACursor,
    /// Another delivery did this turn of the work.
    #[error("another delivery took this turn")]
    CheckpointTaken,
    /// No target is configured.
    #[error("labeling is off: set target")]
    LabelingOff,
    /// The object is gone or was replaced; the newer upload has its own event.
    #[error("object is gone or was replaced by a newer upload")]
    Superseded,
}

impl Job {
    /// What `event` asks for.
    ///
    /// # Errors
    /// [`Ignored`] where it asks for nothing.
    pub fn from_event(event: &Event, config: &Config) -> Result<Self, Ignored> {
        if let EventKind::Other(kind) = &event.kind {
            return Err(Ignored::EventType(kind.clone()));
        }
        let video = &event.object;
        if config
            .bucket
            .as_ref()
            .is_some_and(|bucket| *bucket != video.bucket)
        {
            return Err(Ignored::Bucket(video.bucket.clone()));
        }
        if video.name.starts_with(&config.image_path) {
            return Err(Ignored::OwnOutput);
        }
        let below = video
            .name
            .strip_prefix(&config.video_path)
            .ok_or_else(|| Ignored::OutsideVideoPath(config.video_path.clone()))?;
        let (stem, extension) = below.rsplit_once('.').ok_or(Ignored::NotAVideo)?;
        let is_video = config
            .video_extensions
            .contains(&extension.to_ascii_lowercase());
        if !is_video || stem.is_empty() || stem.ends_with('/') {
            return Err(Ignored::NotAVideo);
        }
        let below = match config.naming {
            Naming::Index => below,
            Naming::Sample => stem,
        };
        Ok(Self {
            video: video.clone(),
            folder: Folder {
                path: format!("{}{below}", config.image_path),
            },
        })
    }
}

impl Folder {
    /// The folder whose manifest has this name; `None` where it is no manifest's name.
    pub fn of_manifest(name: &str) -> Option<Self> {
        let path = name.strip_suffix("/manifest.json")?.to_owned();
        Some(Self { path })
    }

    /// The folder for a generation of a video whose plain folder is held by another.
    #[must_use]
    pub fn for_generation(&self, generation: i64) -> Self {
        Self {
            path: format!("{}@{generation}", self.path),
        }
    }

    /// Prefix of everything inside.
    pub fn prefix(&self) -> String {
        format!("{}/", self.path)
    }

    /// Which video and generation holds the folder: written first, decides who may use it.
    pub fn claim(&self) -> String {
        format!("{}/claim.json", self.path)
    }

    /// The commit.
    pub fn manifest(&self) -> String {
        format!("{}/manifest.json", self.path)
    }

    /// The record of a permanent failure.
    pub fn failure(&self) -> String {
        format!("{}/failure.json", self.path)
    }

    /// The image of frame `index`, as its name inside the folder.
    pub fn image_name(index: u64, naming: Naming, format: ImageFormat) -> String {
        let extension = format.extension();
        match naming {
            Naming::Index => format!("{index:06}.{extension}"),
            Naming::Sample => format!("{index}.{extension}"),
        }
    }

    /// An object inside the folder.
    pub fn object(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: &str, pairs: &[(&str, &str)]) -> Result<Job, Ignored> {
        let config = Config::from_lookup(|key| {
            pairs
                .iter()
                .find(|(k, _)| *k == key)
                .map(|(_, value)| (*value).to_owned())
        })
        .unwrap();
        let object = ObjectRef {
            bucket: "b".into(),
            name: name.into(),
            generation: Some(5),
        };
        Job::from_event(
            &Event {
                kind: EventKind::Finalized,
                object,
            },
            &config,
        )
    }

    #[test]
    fn names_follow_the_design() {
        let folder = job("videos/cam1/x.mp4", &[]).unwrap().folder;
        assert_eq!(folder.manifest(), "images/cam1/x.mp4/manifest.json");
        let image = Folder::image_name(30, Naming::Index, ImageFormat::Jpeg);
        assert_eq!(folder.object(&image), "images/cam1/x.mp4/000030.jpg");
        assert_eq!(
            folder.for_generation(5).manifest(),
            "images/cam1/x.mp4@5/manifest.json"
        );
        let folder = job("videos/x.mp4", &[("naming", "sample")]).unwrap().folder;
        let image = Folder::image_name(30, Naming::Sample, ImageFormat::Jpeg);
        assert_eq!(folder.object(&image), "images/x/30.jpg");
    }

    #[test]
    fn what_is_no_upload_of_a_video_is_ignored() {
        for (name, why) in [
            ("images/x.mp4/000001.jpg", Ignored::OwnOutput),
            ("other/x.mp4", Ignored::OutsideVideoPath("videos/".into())),
            ("videos/notes.txt", Ignored::NotAVideo),
            ("videos/cam1/", Ignored::NotAVideo),
            ("videos/.mp4", Ignored::NotAVideo),
        ] {
            assert_eq!(job(name, &[]).unwrap_err(), why, "{name}");
        }
        assert_eq!(
            job("videos/x.mp4", &[("bucket", "other")]).unwrap_err(),
            Ignored::Bucket("b".into())
        );
        assert!(job("videos/X.MP4", &[]).is_ok());
        assert!(job("x.mkv", &[("video_path", "/")]).is_ok());
    }
}
