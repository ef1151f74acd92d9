//! Frames and their annotations become a dataset. Pure: no I/O, no clock.
//!
//! ```text
//! manifests + current annotations ─▶ Candidate… ─▶ Snapshot: frames with splits, label list, rules
//!                                                    └─▶ Export: COCO, YOLO, Hugging Face, … ─▶ Sink
//! ```
//!
//! The same frames, annotations, labels and rules give the same snapshot, byte for byte, on every
//! machine and in whatever order they come.

pub mod export;
mod frame;

pub use frame::{DatasetFrame, DatasetImage, DatasetShape, FrameState};
