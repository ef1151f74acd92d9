//! Datasets in a bucket.
//!
//! ```text
//! manifests/ + records/annotations/…/current.json ─▶ Candidate… ─▶ Snapshot
//!     └─▶ datasets/<name>/<hash>/frames.jsonl, labels.json and, written last, dataset.json
//! a snapshot + its images ─▶ Export ─▶ a folder, or datasets/<name>/<hash>/exports/<format>/
//! ```
//!
//! What a dataset is, is [`framemill_dataset`]'s; here it is read and written.

mod build;
mod candidates;
mod catalog;
mod error;
mod export;
mod labels;
mod names;
mod objects;
mod progress;
mod sink;
mod verify;

pub use build::{Built, build};
pub use catalog::{Address, Listed, list, load};
pub use error::DatasetError;
pub use export::{ExportRequest, ExportSummary, ExportTo, export, format};
pub use labels::rename_label;
pub use names::{DATASETS, DatasetName};
pub use progress::{Progress, Step};
pub use verify::{Verified, verify};
