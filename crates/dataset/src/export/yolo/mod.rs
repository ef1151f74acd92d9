//! The text format of Ultralytics' YOLO: a line a shape, a file an image
//! (<https://docs.ultralytics.com/datasets/>). Each task is a file.

mod data_yaml;
mod detect;
mod layout;
mod obb;
mod segment;

pub(super) use detect::DETECT;
pub(super) use obb::OBB;
pub(super) use segment::SEGMENT;
