//! What labeling systems answer about frames, normalised. Pure: no I/O, no clock.
//!
//! ```text
//! a task of Label Studio · CVAT · Scale · a report ─▶ Answer… ─▶ FrameAnnotation ─▶ Revision
//!                                                          ├─▶ label names ─▶ LabelList: ids
//!                                                          └─▶ firestore: a document a frame
//! ```
//!
//! A revision is written once and never changed. Of a frame's revisions the latest counts, whatever
//! order they come in; the same answers make the same revision, so that two deliveries are one.

pub mod firestore;
mod geometry;
mod label_list;
mod label_studio_brush;
mod mask;
mod record;
mod rectangle;
pub mod sources;
mod webhook;

pub use geometry::Geometry;
pub use label_list::{LABELS_SCHEMA, Label, LabelError, LabelList};
pub use mask::Mask;
pub use record::{
    ANNOTATION_SCHEMA, AnnotatedImage, Answer, FrameAnnotation, Revision, Shape, State, Task,
};
pub use rectangle::{Point, Rectangle, hull};
pub use webhook::{is_authentic, may_be_authentic, may_request_sync};
