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
//!
//! From a push body to the names of what is written about the video:
//!
//! ```
//! use framemill_contract::{Config, Event, Job};
//!
//! let body = br#"{"message": {"attributes": {
//!     "eventType": "OBJECT_FINALIZE", "bucketId": "footage", "objectId": "videos/cam1/x.mp4"
//! }}}"#;
//! let event = Event::parse(|_header| None, body).unwrap();
//! let config = Config::from_lookup(|_key| None).unwrap(); // all defaults
//! let job = Job::from_event(&event, &config).unwrap();
//!
//! let layout = &config.layout;
//! let folder = job.name.folder(config.naming);
//! assert_eq!(layout.images_in(&folder), "images/cam1/x.mp4/");
//! assert_eq!(layout.manifest(&job.name), "manifests/cam1/x.mp4.json");
//! ```

mod budget;
mod checkpoint;
mod collect;
mod config;
mod error;
mod event;
mod image_format;
mod job;
mod label;
mod layout;
mod manifest;
mod naming;
mod platform;
mod record;
mod segment;
mod segment_scope;
mod size_limits;
mod tool;
mod work;

pub use budget::SegmentBudget;
pub use checkpoint::{Checkpoint, LastKept};
pub use collect::{CollectConfig, FirestoreConfig};
pub use config::{
    Config, Dedupe, Filters, ImageSettings, Select, Selection, Snap, UnspecifiedMatrix,
};
pub use error::{Disposition, JobError};
pub use event::{Event, EventKind, NotAnEnvelope, ObjectRef};
pub use framemill_function_spec::{ConfigError, Interval};
pub use image_format::ImageFormat;
pub use job::{Ignored, Job};
pub use label::{
    ImageUrls, LabelBatch, LabelConfig, LabelFrame, LabelIntent, LabelJob, LabelManifest,
    LabelReceipt, LabelRequest, LabelTarget, Secret, SentBatch, TargetKind, webhook_signature,
};
pub use layout::{
    AnnotatedFrame, CURRENT_FILE, CheckpointFolder, FULL_SYNC_WEBHOOK, Layout, NamePattern,
    SYNC_WEBHOOK, VideoName, image_name, image_name_of_content, is_image_name,
};
pub use manifest::{
    Claim, ColorFacts, DamagedFrame, DropReason, DroppedFrame, FailureRecord, KeptFrame,
    MANIFEST_SCHEMA, Manifest, Outcome, Prediction, SelectionRecord, Source, Stats, VideoFacts,
    Warning,
};
pub use naming::Naming;
pub use platform::{Credentials, Platform, Push};
pub use record::{RecordError, parse_record};
pub use segment::{GopWork, SegmentError, SegmentReply, SegmentRequest, SegmentResult, Wanted};
pub use segment_scope::SegmentRefused;
pub use size_limits::SizeLimits;
pub use tool::Tool;
pub use work::Work;
