//! A frame of a dataset: its image, its split and what is marked in it.

use framemill_annotations::Geometry;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A frame of a dataset: a line of `frames.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DatasetFrame {
    /// The video, as the names of objects say it: the path below `videos/`, and `@<generation>`
    /// behind it where another upload has the plain name.
    pub video: String,
    /// Number in the video, in presentation order from 0.
    pub index: u64,
    /// Seconds after the video's first frame.
    pub seconds: f64,
    /// Its image.
    pub image: DatasetImage,
    /// What is never divided among splits: the video, or what a pattern finds in its path.
    pub group: String,
    /// Name of its split.
    pub split: String,
    /// What is known of it.
    pub state: FrameState,
    /// Id of the target whose annotation counts; none where nothing was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Name of the revision of that annotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// What is marked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shapes: Vec<DatasetShape>,
}

/// The image of a frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DatasetImage {
    /// Object name in the bucket.
    pub name: String,
    /// Checksum, lower-case hex.
    pub sha256: String,
    /// Size.
    pub bytes: u64,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
    /// Perceptual hash, 16 hex digits.
    pub phash: String,
}

/// What is known of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FrameState {
    /// Nobody has said anything about it, or what was said was taken back.
    Unlabeled,
    /// All who looked passed it on.
    Skipped,
    /// Someone looked, and there is nothing: a negative.
    Empty,
    /// There are shapes.
    Labeled,
}

/// Something marked in an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DatasetShape {
    /// Id of its label, in the dataset's label list.
    pub label: u32,
    /// Where it is, in pixels of the image.
    #[serde(flatten)]
    pub geometry: Geometry,
    /// Something stands before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub occluded: bool,
}

impl fmt::Display for FrameState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unlabeled => "unlabeled",
            Self::Skipped => "skipped",
            Self::Empty => "empty",
            Self::Labeled => "labeled",
        })
    }
}
