//! Asking for labels: the configuration, and what is written and sent.

mod config;
mod job;
mod request;
mod sign;

pub use config::{ImageUrls, LabelConfig, Secret, TargetKind};
pub use job::{LabelJob, LabelManifest};
pub use request::{
    LabelBatch, LabelFrame, LabelIntent, LabelReceipt, LabelRequest, LabelTarget, SentBatch,
};
pub use sign::webhook_signature;
