//! What is exported.

use crate::DatasetFrame;
use framemill_annotations::LabelList;

/// A snapshot as exports read it.
#[derive(Clone, Copy, Debug)]
pub struct ExportDataset<'a> {
    /// Name of the dataset.
    pub name: &'a str,
    /// Hash of the snapshot, lower-case hex.
    pub hash: &'a str,
    /// Names of all splits, in the order of the split rule; some may have no frames.
    pub splits: &'a [String],
    /// All labels: ids are places from 0.
    pub labels: &'a LabelList,
    /// Frames sorted by video and index. Every `label` of a shape is in `labels`, every `split` in
    /// `splits`.
    pub frames: &'a [DatasetFrame],
}

impl<'a> ExportDataset<'a> {
    /// The frames of a split, in order.
    pub fn frames_of(&self, split: &str) -> impl Iterator<Item = &'a DatasetFrame> {
        self.frames.iter().filter(move |frame| frame.split == split)
    }
}
