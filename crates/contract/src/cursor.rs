//! Work in turns: how far a video is, as an object in the bucket. Each turn ends with a new
//! cursor, created and never replaced; its upload event is the message that brings the next one.

use crate::{Config, Folder, ObjectRef, SegmentResult, VERSION};
use serde::{Deserialize, Serialize};

const CURSOR_SCHEMA: &str = "framemill.cursor/1";
/// Digits of the configuration's hash in names: enough to tell configurations apart.
const HASH_DIGITS: usize = 12;

/// What one turn did, and where the next one starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// Schema name.
    pub schema: String,
    /// The video; `generation` is always set.
    pub video: ObjectRef,
    /// GOPs of the plan that were done before this turn.
    pub from_gop: u64,
    /// GOPs of the plan that are done.
    pub to_gop: u64,
    /// GOPs from `to_gop` on that were in a segment that crashed: each gets a sandbox of its
    /// own, so that only the one to blame is lost.
    pub alone: u64,
    /// What this turn made.
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

impl Cursor {
    /// The start of a turn that begins at GOP `from_gop` of this video.
    pub fn new(video: ObjectRef, from_gop: u64) -> Self {
        Self {
            schema: CURSOR_SCHEMA.to_owned(),
            video,
            from_gop,
            to_gop: from_gop,
            alone: 0,
            result: SegmentResult::default(),
            last_kept: None,
        }
    }

    /// From an object's bytes; `None` for anything else and for other versions of the schema.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let cursor: Self = serde_json::from_slice(bytes).ok()?;
        let sound = cursor.schema == CURSOR_SCHEMA && cursor.from_gop <= cursor.to_gop;
        sound.then_some(cursor)
    }
}

/// The cursors of one video, generation, configuration and version of framemill: others plan
/// the work differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorFolder {
    of_generation: String,
    prefix: String,
}

impl CursorFolder {
    /// Beside `folder`, the folder of the video's images.
    pub fn new(config: &Config, folder: &Folder, generation: i64) -> Self {
        let prefix = folder.prefix();
        let below = prefix.strip_prefix(&config.image_path).unwrap_or(&prefix);
        let of_generation = format!("{}{below}{generation}-", config.cursor_path);
        let hash: String = config.hash().chars().take(HASH_DIGITS).collect();
        Self {
            prefix: format!("{of_generation}{hash}-{VERSION}/"),
            of_generation,
        }
    }

    /// Prefix of the cursors.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Prefix of all cursors of the generation, whatever the configuration.
    pub fn of_generation(&self) -> &str {
        &self.of_generation
    }

    /// Name of the cursor that turn `turn`, from 1, leaves.
    pub fn name(&self, turn: u64) -> String {
        format!("{}{turn:06}.json", self.prefix)
    }

    /// The turn that left the cursor of this name; `None` for other names.
    pub fn turn(&self, name: &str) -> Option<u64> {
        let turn: u64 = name
            .strip_prefix(&self.prefix)?
            .strip_suffix(".json")?
            .parse()
            .ok()?;
        (self.name(turn) == name).then_some(turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, EventKind, Job};

    fn folder(name: &str, pairs: &[(&str, &str)]) -> CursorFolder {
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
        CursorFolder::new(&config, &job.folder, 5)
    }

    #[test]
    fn names_lead_back_to_their_turn() {
        let cursors = folder("videos/cam1/x.mp4", &[]);
        let name = cursors.name(7);
        assert!(name.starts_with("cursors/cam1/x.mp4/5-"), "{name}");
        assert!(name.starts_with(cursors.of_generation()));
        assert_eq!(cursors.turn(&name), Some(7));
        assert_eq!(cursors.turn(&cursors.name(1_234_567)), Some(1_234_567));
        for other in ["cursors/x.json", "", &format!("{}7.json", cursors.prefix())] {
            assert_eq!(cursors.turn(other), None, "{other}");
        }
        assert_ne!(folder("videos/cam1/x.mp4", &[("quality", "80")]), cursors);
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let video = ObjectRef {
            bucket: "b".into(),
            name: "videos/x.mp4".into(),
            generation: Some(5),
        };
        let cursor = Cursor::new(video, 3);
        let bytes = serde_json::to_vec(&cursor).unwrap();
        assert_eq!(Cursor::parse(&bytes), Some(cursor.clone()));
        for broken in [
            Cursor {
                schema: "framemill.cursor/2".into(),
                ..cursor.clone()
            },
            Cursor {
                to_gop: 2,
                ..cursor
            },
        ] {
            assert_eq!(Cursor::parse(&serde_json::to_vec(&broken).unwrap()), None);
        }
        assert_eq!(Cursor::parse(b"{"), None);
    }
}
