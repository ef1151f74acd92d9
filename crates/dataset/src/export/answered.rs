//! The frames of formats in which a frame without a shape is a negative.

use super::dataset::ExportDataset;
use super::format::{ExportError, Loss};
use super::losses::Losses;
use crate::{DatasetFrame, FrameState};

/// A frame and its place in the whole dataset.
pub(super) type Placed<'a> = (usize, &'a DatasetFrame);

/// The frames that go out, by split, of the splits that have any. A frame that nobody has looked at, or
/// that all passed on, must not go out as a negative; nor one in which something is marked of which the
/// format has nothing. `shapes` says how many shapes of a frame the format has; what they lose is
/// counted.
pub(super) fn answered<'a>(
    dataset: &ExportDataset<'a>,
    losses: &mut Losses,
    mut shapes: impl FnMut(&DatasetFrame, &mut Losses) -> Result<usize, ExportError>,
) -> Result<Vec<(&'a str, Vec<Placed<'a>>)>, ExportError> {
    let mut splits = Vec::new();
    for split in dataset.splits {
        let mut kept = Vec::new();
        let frames = dataset.frames.iter().enumerate();
        for (place, frame) in frames.filter(|(_, frame)| frame.split == *split) {
            match frame.state {
                FrameState::Unlabeled | FrameState::Skipped => losses.count(Loss::Unanswered),
                FrameState::Labeled if shapes(frame, losses)? == 0 => losses.count(Loss::Frame),
                FrameState::Labeled | FrameState::Empty => kept.push((place, frame)),
            }
        }
        if !kept.is_empty() {
            splits.push((split.as_str(), kept));
        }
    }
    Ok(splits)
}

/// How many frames there are in all.
pub(super) fn count(splits: &[(&str, Vec<Placed<'_>>)]) -> u64 {
    splits.iter().map(|(_, frames)| frames.len() as u64).sum()
}
