//! The fan-out: a run of GOPs as one request to one sandbox. A request carries all that its
//! handler needs, so that no sandbox but the coordinator's reads the video's index.

use crate::{
    ColorFacts, DamagedFrame, DroppedFrame, Filters, ImageSettings, JobError, KeptFrame, Naming,
    ObjectRef, Warning,
};
use framemill_video::{CodecConfig, Pts, Rotation, Sample, Timescale, Unwrap};
use serde::{Deserialize, Serialize};

/// `POST /segments`: decode these GOPs, write the images of the wanted frames.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentRequest {
    /// The video; `generation` is always set.
    pub video: ObjectRef,
    /// Prefix of the images, ending in `/`.
    pub image_prefix: String,
    /// Codec configuration, of samples that name no other.
    pub config: CodecConfig,
    /// Further ones: see [`Sample::description`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_configs: Vec<CodecConfig>,
    /// How access units lie in samples.
    pub unwrap: Unwrap,
    /// The track's clock.
    pub timescale: Timescale,
    /// PTS of the video's first frame: seconds count from here.
    pub first_pts: Pts,
    /// Turn to apply.
    pub rotation: Rotation,
    /// How images are made.
    pub images: ImageSettings,
    /// What is dropped again.
    pub filters: Filters,
    /// How images are named.
    pub naming: Naming,
    /// Whether to make sure of memory before each step, where a sandbox stopped and nobody knows
    /// why: [`SegmentReply::OutOfMemory`] is then the answer of one that would stop for want of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub careful: bool,
    /// The work, in presentation order.
    pub gops: Vec<GopWork>,
}

/// One GOP, or the part of it that is needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GopWork {
    /// Samples to decode, in decoding order; the first is a sync sample.
    pub samples: Vec<Sample>,
    /// Frames to make images of, in presentation order.
    pub wanted: Vec<Wanted>,
}

/// A frame to make an image of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Number in presentation order, from 0.
    pub index: u64,
    /// Presentation time.
    pub pts: Pts,
}

/// What a segment made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SegmentResult {
    /// Frames with images, in presentation order.
    pub frames: Vec<KeptFrame>,
    /// Where near-duplicates are dropped: each of `frames` in small, base64, for comparing
    /// with the frames of other segments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thumbs: Vec<String>,
    /// Frames dropped by filters.
    pub dropped: Vec<DroppedFrame>,
    /// Frames that have no image for damage.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<DamagedFrame>,
    /// Colour as used for the first image.
    pub color: Option<ColorFacts>,
    /// Damage.
    pub warnings: Vec<Warning>,
    /// Bytes of the video read.
    pub bytes_read: u64,
    /// Access units decoded.
    pub access_units_decoded: u64,
    /// Memory of this sandbox.
    pub peak_memory_bytes: u64,
}

/// Why a segment failed as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentError {
    /// [`JobError::code`].
    pub code: String,
    /// In words.
    pub message: String,
    /// The video is gone or replaced: the job as a whole ends as ignored.
    #[serde(default)]
    pub superseded: bool,
}

/// The body of every answer of a segment that did not crash. Anything else (a trap, a limit)
/// is taken for a crash of that sandbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentReply {
    /// Done.
    Done(SegmentResult),
    /// Failed in a way that may pass.
    Failed(SegmentError),
    /// There is too little memory for the video, in words. Only where the request is careful.
    OutOfMemory(String),
}

impl From<&JobError> for SegmentError {
    fn from(error: &JobError) -> Self {
        Self {
            code: error.code().to_owned(),
            message: error.to_string(),
            superseded: false,
        }
    }
}
