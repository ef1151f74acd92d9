//! Work in checkpoints: how far a video is, as an object in the bucket. Each number ends with a new
//! checkpoint, created and never replaced; its upload event is the message that brings the next one.

use crate::{ObjectRef, SegmentResult};
use serde::{Deserialize, Serialize};

const CHECKPOINT_SCHEMA: &str = "framemill.checkpoint/1";

/// What one number did, and where the next one starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Schema name.
    pub schema: String,
    /// The video; `generation` is always set.
    pub video: ObjectRef,
    /// GOPs of the plan that were done before this number.
    pub from_gop: u64,
    /// GOPs of the plan that are done.
    pub to_gop: u64,
    /// GOPs from `to_gop` on that were in a segment that crashed: each gets a sandbox of its
    /// own, so that only the one to blame is lost.
    pub isolated: u64,
    /// What this number made.
    pub result: SegmentResult,
    /// Where near-duplicates are dropped: the last kept frame, by which the next is judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_kept: Option<LastKept>,
}

/// What is remembered of a frame to tell whether the next one is like it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastKept {
    /// Frame.
    pub index: u64,
    /// Its perceptual hash, as in the manifest.
    pub phash: String,
    /// The frame in small, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumb: Option<String>,
}

impl Checkpoint {
    /// The start of a number that begins at GOP `from_gop` of this video.
    pub fn new(video: ObjectRef, from_gop: u64) -> Self {
        Self {
            schema: CHECKPOINT_SCHEMA.to_owned(),
            video,
            from_gop,
            to_gop: from_gop,
            isolated: 0,
            result: SegmentResult::default(),
            last_kept: None,
        }
    }

    /// From an object's bytes; `None` for anything else and for other versions of the schema.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let checkpoint: Self = serde_json::from_slice(bytes).ok()?;
        let sound =
            checkpoint.schema == CHECKPOINT_SCHEMA && checkpoint.from_gop <= checkpoint.to_gop;
        sound.then_some(checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        let video = ObjectRef {
            bucket: "b".into(),
            name: "videos/x.mp4".into(),
            generation: Some(5),
        };
        let checkpoint = Checkpoint::new(video, 3);
        let bytes = serde_json::to_vec(&checkpoint).unwrap();
        assert_eq!(Checkpoint::parse(&bytes), Some(checkpoint.clone()));
        for broken in [
            Checkpoint {
                schema: "framemill.checkpoint/2".into(),
                ..checkpoint.clone()
            },
            Checkpoint {
                to_gop: 2,
                ..checkpoint
            },
        ] {
            assert_eq!(
                Checkpoint::parse(&serde_json::to_vec(&broken).unwrap()),
                None
            );
        }
        assert_eq!(Checkpoint::parse(b"{"), None);
    }
}
