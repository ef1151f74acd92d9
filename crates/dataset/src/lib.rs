//! Frames and their annotations become a dataset. Pure: no I/O, no clock.
//!
//! ```text
//! manifests + current annotations ─▶ Candidate… ─▶ Snapshot: frames with splits, label list, rules
//!                                                    └─▶ Export: COCO, YOLO, Hugging Face, … ─▶ Sink
//! ```
//!
//! The same frames, annotations, labels and rules give the same snapshot, byte for byte, on every
//! machine and in whatever order they come.

mod answer;
mod build;
mod build_error;
mod candidate;
mod check;
mod counts;
mod diff;
mod diff_text;
mod duplicates;
pub mod export;
mod fault;
mod filter;
mod frame;
mod group;
mod label_names;
mod meta;
mod report;
mod resolve;
mod rule;
mod shape_diff;
mod snapshot;
mod split;
#[cfg(test)]
mod testing;
mod warning;

pub use build::SnapshotBuilder;
pub use build_error::BuildError;
pub use candidate::Candidate;
pub use counts::{Counts, LabelCounts, SplitCounts};
pub use diff::{Changed, Diff, FrameChange, FrameDiff, LabelDiff, Moved, Version};
pub use filter::{FilterError, FrameFilter};
pub use frame::{DatasetFrame, DatasetImage, DatasetShape, FrameState};
pub use group::{GroupError, GroupRule};
pub use meta::{DATASET_SCHEMA, EXPORTER_VERSION, FileSum, SnapshotMeta, is_name};
pub use report::BuildReport;
pub use rule::{BuildRule, MinState};
pub use shape_diff::ShapeDiff;
pub use snapshot::{DATASET_FILE, FRAMES_FILE, LABELS_FILE, Snapshot, SnapshotError};
pub use split::{SplitError, SplitRule};
pub use warning::{Warning, WarningCode};
