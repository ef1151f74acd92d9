//! Work in checkpoints: how far a video is, as an object in the bucket. Each number ends with a new
//! checkpoint, created and never replaced; its upload event is the message that brings the next one.

use crate::{Config, Folder, ObjectRef, SegmentResult, VERSION};
use serde::{Deserialize, Serialize};

const CHECKPOINT_SCHEMA: &str = "framemill.checkpoint/1";
/// Digits of the configuration's hash in names: enough to tell configurations apart.
const HASH_DIGITS: usize = 12;

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

/// The checkpoints of one video, generation, configuration and version of framemill: others plan
/// the work differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointFolder {
    of_generation: String,
    prefix: String,
}

impl CheckpointFolder {
    /// Beside `folder`, the folder of the video's images.
    pub fn new(config: &Config, folder: &Folder, generation: i64) -> Self {
        let prefix = folder.prefix();
        let below = prefix.strip_prefix(&config.image_path).unwrap_or(&prefix);
        let of_generation = format!("{}{below}{generation}-", config.checkpoint_path);
        let hash: String = config.hash().chars().take(HASH_DIGITS).collect();
        Self {
            prefix: format!("{of_generation}{hash}-{VERSION}/"),
            of_generation,
        }
    }

    /// Prefix of the checkpoints.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Prefix of all checkpoints of the generation, whatever the configuration.
    pub fn of_generation(&self) -> &str {
        &self.of_generation
    }

    /// Name of the checkpoint that number `number`, from 1, leaves.
    pub fn name(&self, number: u64) -> String {
        format!("{}{number:06}.json", self.prefix)
    }

    /// The number that left the checkpoint of this name; `None` for other names.
    pub fn number(&self, name: &str) -> Option<u64> {
        let number: u64 = name
            .strip_prefix(&self.prefix)?
            .strip_suffix(".json")?
            .parse()
            .ok()?;
        (self.name(number) == name).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, EventKind, Job};

    fn folder(name: &str, pairs: &[(&str, &str)]) -> CheckpointFolder {
        let config = Config::from_lookup(|key| {
            let found = pairs.iter().find(|(k, _)| *k == key)?;
            Some(found.1.to_owned())
        })
        .unwrap();
        let object = ObjectRef {
            bucket: "b".into(),
            name: name.into(),
            generation: Some(5),
        };
        let kind = EventKind::Finalized;
        let job = Job::from_event(&Event { kind, object }, &config).unwrap();
        CheckpointFolder::new(&config, &job.folder, 5)
    }

    #[test]
    fn names_lead_back_to_their_turn() {
        let checkpoints = folder("videos/cam1/x.mp4", &[]);
        let name = checkpoints.name(7);
        assert!(name.starts_with("checkpoints/cam1/x.mp4/5-"), "{name}");
        assert!(name.starts_with(checkpoints.of_generation()));
        assert_eq!(checkpoints.number(&name), Some(7));
        assert_eq!(
            checkpoints.number(&checkpoints.name(1_234_567)),
            Some(1_234_567)
        );
        for other in [
            "checkpoints/x.json",
            "",
            &format!("{}7.json", checkpoints.prefix()),
        ] {
            assert_eq!(checkpoints.number(other), None, "{other}");
        }
        assert_ne!(
            folder("videos/cam1/x.mp4", &[("quality", "80")]),
            checkpoints
        );
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
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
