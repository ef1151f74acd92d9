//! The messages between framemill's parts. Pure: no I/O, no clock, no environment.
//!
//! ```text
//! push body ─▶ Event ─▶ Job ─▶ (work) ─▶ Manifest | FailureRecord ─▶ Outcome
//!                        ├─▶ SegmentRequest ─▶ SegmentReply (fan-out)
//!                        └─▶ Checkpoint ─▶ (its own upload event: the continuation)
//! push body ─▶ Event ─▶ LabelJob ─▶ LabelIntent ─▶ LabelRequest… ─▶ LabelReceipt ─▶ Outcome
//! ```
//!
//! Everything that is written to a bucket or sent over HTTP has its type here, with a `schema`
//! that names its version.

mod budget;
mod checkpoint;
mod config;
mod error;
mod event;
mod interval;
mod job;
mod label;
mod manifest;
mod platform;
mod segment;

pub use budget::SegmentBudget;
pub use checkpoint::{Checkpoint, CheckpointFolder, LastKept};
pub use config::{
    Config, ConfigError, ConfigKey, Dedupe, Filters, ImageFormat, ImageSettings, KEYS, Naming,
    Select, Selection, Snap, UnspecifiedMatrix,
};
pub use error::{Disposition, JobError};
pub use event::{Event, EventKind, NotAnEnvelope, ObjectRef};
pub use interval::Interval;
pub use job::{Folder, Ignored, Job};
pub use label::{
    ImageUrls, LABEL_KEYS, LabelBatch, LabelConfig, LabelFrame, LabelIntent, LabelJob,
    LabelManifest, LabelReceipt, LabelRequest, LabelTarget, Secret, SentBatch, TargetKind,
    webhook_signature,
};
use manifest::VERSION;
pub use manifest::{
    Claim, ColorFacts, DropReason, DroppedFrame, FailureRecord, KeptFrame, MANIFEST_SCHEMA,
    Manifest, Outcome, Prediction, SelectionRecord, Source, Stats, Tool, VideoFacts, Warning,
};
pub use platform::{Credentials, PLATFORM_KEYS, Platform, Push};
pub use segment::{GopWork, SegmentError, SegmentReply, SegmentRequest, SegmentResult, Wanted};
