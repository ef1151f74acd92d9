//! From an event to the work it asks for.

use crate::{Config, Event, EventKind, ObjectRef, VideoName};
use thiserror::Error;

/// A video to extract frames from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The video.
    pub video: ObjectRef,
    /// Its name in what is written about it, if no other video or generation has it.
    pub name: VideoName,
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
    /// An image of ours: where videos lie anywhere, it is among them.
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
    /// Not the manifest of a video.
    #[error("not a manifest below manifest_path `{0}`")]
    NotAManifest(String),
    /// Not what a labeling system sent.
    #[error("not a webhook below `{0}`")]
    NotAWebhook(String),
    /// Has the name of a checkpoint, but is none.
    #[error("among the checkpoints, but none")]
    NotACheckpoint,
    /// Another delivery did this part of the work.
    #[error("another delivery did this part of the work")]
    CheckpointTaken,
    /// No target is configured.
    #[error("labeling is off: no target is configured")]
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
        if video.name.starts_with(&config.layout.images) {
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
        Ok(Self {
            video: video.clone(),
            name: VideoName::plain(below),
        })
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
    fn a_video_is_named_by_its_path() {
        for naming in ["index", "sample"] {
            let job = job("videos/cam1/x.mp4", &[("naming", naming)]).unwrap();
            assert_eq!(job.name, VideoName::plain("cam1/x.mp4"));
        }
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
