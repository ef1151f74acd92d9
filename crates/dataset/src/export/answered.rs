//! Frames of which is known what is in them.

use super::dataset::ExportDataset;
use crate::{DatasetFrame, FrameState};

/// The frames of a split that somebody answered, each with its place in the whole dataset. For formats
/// in which a frame without a shape is a negative: one that nobody has looked at, or that all passed
/// on, must not go out as one.
pub(super) fn answered<'a>(
    dataset: &ExportDataset<'a>,
    split: &str,
) -> impl Iterator<Item = (usize, &'a DatasetFrame)> {
    let frames = dataset.frames.iter().enumerate();
    frames.filter(move |(_, frame)| {
        frame.split == split && matches!(frame.state, FrameState::Empty | FrameState::Labeled)
    })
}
