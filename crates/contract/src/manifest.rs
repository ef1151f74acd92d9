//! What is written to the bucket about images, and what is answered to the queue.

use crate::{JobError, ObjectRef, Selection, Tool, Work};
use framemill_video::{
    Codec, Container, Matrix, Primaries, Pts, Range, Rotation, Timescale, Transfer,
};
use serde::{Deserialize, Serialize};

/// Schema name of [`Manifest`].
pub const MANIFEST_SCHEMA: &str = "framemill.manifest/2";
const FAILURE_SCHEMA: &str = "framemill.failure/1";
const CLAIM_SCHEMA: &str = "framemill.claim/2";

/// A manifest: its existence is the commit of a video. The same video and configuration give the
/// same bytes, `stats.peak_memory_bytes` apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Manifest {
    /// [`MANIFEST_SCHEMA`].
    pub schema: String,
    /// The video.
    pub source: Source,
    /// What is in it.
    pub video: VideoFacts,
    /// What was asked for.
    pub selection: SelectionRecord,
    /// Folder of the images, below `image_path`: the video's path below `video_path`, with
    /// `naming = "sample"` without its ending; behind that `@` and the generation, where another
    /// upload has that folder, and `-` and a hash too, where another configuration or version has it.
    pub image_folder: String,
    /// Kept frames in presentation order.
    pub frames: Vec<KeptFrame>,
    /// Selected frames that a filter dropped, in presentation order.
    pub dropped: Vec<DroppedFrame>,
    /// Selected frames that have no image since their picture cannot be trusted, in presentation
    /// order. They count as lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<DamagedFrame>,
    /// Damage that was stepped over.
    pub warnings: Vec<Warning>,
    /// What it took.
    pub stats: Stats,
    /// What made it.
    pub tool: Tool,
}

impl Manifest {
    /// Selected frames that have no image for damage: no filter dropped them.
    pub fn frames_lost(&self) -> u64 {
        let there = self.frames.len() as u64 + self.dropped.len() as u64;
        self.stats.frames_selected.saturating_sub(there)
    }

    /// Why this is no success, though it is a commit: more than half of what was selected is lost.
    pub fn incomplete(&self) -> Option<JobError> {
        let (lost, selected) = (self.frames_lost(), self.stats.frames_selected);
        let first = self.warnings.first();
        (lost > selected / 2).then(|| JobError::FramesLost {
            lost,
            selected,
            first: first.map_or_else(String::new, |warning| warning.message.clone()),
        })
    }
}

/// The object that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Source {
    /// Bucket.
    pub bucket: String,
    /// Object name.
    pub name: String,
    /// Generation.
    pub generation: i64,
    /// Bytes.
    pub size: u64,
    /// Checksum of the whole object, base64 big endian as GCS gives it; absent where the store
    /// keeps none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crc32c: Option<String>,
}

/// What is in the video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VideoFacts {
    /// File format.
    pub container: Container,
    /// Codec.
    pub codec: Codec,
    /// Profile.
    pub profile: String,
    /// Width as coded, before rotation.
    pub width: u32,
    /// Height as coded, before rotation.
    pub height: u32,
    /// Turn that was applied, clockwise.
    pub rotation: Rotation,
    /// Ticks per second of all `pts`.
    pub timescale: Timescale,
    /// Duration in ticks.
    pub duration_pts: i64,
    /// Shown frames.
    pub frame_count: u64,
    /// Colour as used for the conversion.
    pub color: ColorFacts,
}

/// Colour as used for the conversion to RGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ColorFacts {
    /// Matrix.
    pub matrix: Matrix,
    /// Range.
    pub range: Range,
    /// Primaries, where the video says.
    pub primaries: Option<Primaries>,
    /// Transfer, where the video says.
    pub transfer: Option<Transfer>,
    /// Whether the matrix was assumed because the video names none.
    pub matrix_assumed: bool,
    /// Whether HDR (PQ or HLG) was tone-mapped to SDR.
    pub tone_mapped: bool,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SelectionRecord {
    /// Which frames.
    #[serde(flatten)]
    pub selection: Selection,
    /// How images are made.
    pub images: crate::ImageSettings,
    /// What is dropped again.
    pub filters: crate::Filters,
    /// How images are named.
    pub naming: crate::Naming,
    /// Hash of the above.
    pub config_hash: String,
}

/// A frame with an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeptFrame {
    /// Number in presentation order, from 0.
    pub index: u64,
    /// Presentation time in ticks.
    pub pts: Pts,
    /// Seconds after the first frame.
    pub seconds: f64,
    /// Image name, in `image_folder`: the frame's number; behind that `-` and the start of the
    /// checksum, where something else had that name.
    pub name: String,
    /// Image width.
    pub width: u32,
    /// Image height.
    pub height: u32,
    /// Image size.
    pub bytes: u64,
    /// Image checksum, lower-case hex.
    pub sha256: String,
    /// Perceptual hash, 16 hex digits.
    pub phash: String,
    /// Variance of the Laplacian of the small luma image.
    pub sharpness: f32,
    /// The picture cannot be trusted, and has an image since `keep_damaged` asks for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub damaged: bool,
    /// Why it cannot be trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
    /// What a model found in the image already: passed on to whoever labels it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub predictions: Vec<Prediction>,
}

/// A rectangle that a model found in an image. Lengths are fractions of the image's width and
/// height, from its top left corner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Prediction {
    /// What it is.
    pub label: String,
    /// How sure the model is, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Which model, with its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// Why a selected frame has no image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// Like the last kept one; score is the hash distance.
    Duplicate,
    /// Too blurred; score is the sharpness.
    Blurred,
    /// One colour; score is the standard deviation of luma.
    Blank,
    /// Of the same frame as another selected sample, whose index is `like`: a container may give each
    /// of its two fields a sample. Score is 0.
    SameFrame,
}

/// A selected frame that a filter dropped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DroppedFrame {
    /// Number in presentation order, from 0.
    pub index: u64,
    /// Presentation time in ticks.
    pub pts: Pts,
    /// Why.
    pub reason: DropReason,
    /// The number that decided.
    pub score: f32,
    /// For duplicates: index of the kept frame it is like; for `same_frame`: index of the frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<u64>,
}

/// A selected frame that has no image since its picture cannot be trusted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DamagedFrame {
    /// Number in presentation order, from 0.
    pub index: u64,
    /// Presentation time in ticks.
    pub pts: Pts,
    /// Seconds after the first frame.
    pub seconds: f64,
    /// Always true, as in a frame with an image.
    pub damaged: bool,
    /// Why.
    pub damage: String,
}

/// Damage that was stepped over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Warning {
    /// Stable name.
    pub code: String,
    /// Fact and consequence.
    pub message: String,
    /// From here.
    pub from_pts: Option<Pts>,
    /// To here.
    pub to_pts: Option<Pts>,
}

/// What a job took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Stats {
    /// Frames that were selected: those that are neither kept nor dropped are lost to damage.
    pub frames_selected: u64,
    /// Bytes of the video that were read, index included.
    pub bytes_read: u64,
    /// Access units in the video.
    pub access_units_total: u64,
    /// Access units decoded.
    pub access_units_decoded: u64,
    /// Largest memory of any sandbox that worked on it.
    pub peak_memory_bytes: u64,
}

/// A claim: which work on which video and generation a folder of images belongs to. Created before
/// anything else is written about it, and never replaced: so two uploads of one name, two videos that
/// share a folder under `naming = "sample"`, and two configurations or versions that work on one
/// upload can never mix their images, however their deliveries overlap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Schema name.
    pub schema: String,
    /// Video.
    pub name: String,
    /// Its generation.
    pub generation: i64,
    /// The [`Work`].
    #[serde(default)]
    pub work: String,
}

impl Claim {
    /// For this work on a video of this name and generation.
    pub fn new(name: &str, generation: i64, work: &Work) -> Self {
        Self {
            schema: CLAIM_SCHEMA.to_owned(),
            name: name.to_owned(),
            generation,
            work: work.to_string(),
        }
    }

    /// Whether it is about this upload, whatever the work.
    pub fn is_of(&self, name: &str, generation: i64) -> bool {
        self.name == name && self.generation == generation
    }
}

/// A failure record: what cannot be processed, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FailureRecord {
    /// Schema name.
    pub schema: String,
    /// The object: a video, or the manifest of one.
    pub source: ObjectRef,
    /// Stable name of the reason.
    pub code: String,
    /// The reason in words.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// Whether trying again can help.
    pub retry_can_help: bool,
    /// What made the record.
    pub tool: Tool,
}

impl FailureRecord {
    /// The record of `error` for `source`.
    pub fn new(source: &ObjectRef, error: &JobError, tool: Tool) -> Self {
        Self {
            schema: FAILURE_SCHEMA.to_owned(),
            source: source.clone(),
            code: error.code().to_owned(),
            message: error.to_string(),
            remedy: error.remedy().to_owned(),
            retry_can_help: error.disposition() == crate::Disposition::Retry,
            tool,
        }
    }
}

/// What a message led to; the body of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Images and manifest are there.
    Extracted {
        /// Manifest object.
        manifest: String,
        /// Images.
        frames: u64,
        /// Frames that filters dropped.
        dropped: u64,
        /// Warnings in the manifest.
        warnings: u64,
    },
    /// Images and manifest are there, but most of the selected frames are lost: a failure record
    /// says so too.
    Incomplete {
        /// Manifest object.
        manifest: String,
        /// Images.
        frames: u64,
        /// Frames that filters dropped.
        dropped: u64,
        /// Selected frames that could not be decoded.
        lost: u64,
        /// Failure record object.
        failure: String,
        /// The loss in words.
        message: String,
    },
    /// Labels were asked for.
    Requested {
        /// Id of the target: its kind and a hash of what makes it that target.
        target: String,
        /// Tasks made now.
        tasks: u64,
        /// Frames whose task the target had already.
        existing: u64,
        /// Receipt object.
        receipt: String,
    },
    /// What a labeling system answered is in the bucket.
    Collected {
        /// Id of the target.
        target: String,
        /// Tasks that were read.
        tasks: u64,
        /// Frames about which something new is known.
        frames: u64,
        /// Frames of which all was known already.
        unchanged: u64,
        /// Frames of tasks that are in no manifest.
        unknown: u64,
    },
    /// All was done already.
    Unchanged {
        /// Manifest object.
        manifest: String,
    },
    /// Part of the work is done; a checkpoint object says how far, and its event brings the rest.
    Continued {
        /// Checkpoint object.
        checkpoint: String,
        /// Access units that are done.
        done: u64,
        /// Access units that the plan decodes.
        of: u64,
    },
    /// The event asks for nothing.
    Ignored {
        /// Why.
        reason: String,
    },
    /// The video cannot be processed.
    Rejected {
        /// Failure record object.
        failure: String,
        /// Stable name of the reason.
        code: String,
        /// The reason in words.
        message: String,
    },
    /// Something passing: the message should come back.
    Retry {
        /// Stable name of the reason.
        code: String,
        /// The reason in words.
        message: String,
    },
    /// The body is no event.
    NotAnEvent {
        /// The reason in words.
        message: String,
    },
}

impl Outcome {
    /// HTTP status: 200 settles the message, 503 brings it back, 400 sends it to the dead
    /// letters.
    pub fn status(&self) -> u16 {
        match self {
            Self::Extracted { .. }
            | Self::Incomplete { .. }
            | Self::Requested { .. }
            | Self::Collected { .. }
            | Self::Unchanged { .. }
            | Self::Continued { .. }
            | Self::Ignored { .. }
            | Self::Rejected { .. } => 200,
            Self::Retry { .. } => 503,
            Self::NotAnEvent { .. } => 400,
        }
    }

    /// The failure record that goes with it.
    pub fn failure(&self) -> Option<&str> {
        match self {
            Self::Rejected { failure, .. } | Self::Incomplete { failure, .. } => Some(failure),
            _ => None,
        }
    }
}
