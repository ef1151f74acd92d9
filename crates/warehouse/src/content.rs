//! What the bucket says of a video.

use framemill_annotations::FrameAnnotation;
use framemill_contract::Manifest;
use std::collections::BTreeSet;

/// What the bucket says of a video: all that its rows are made of.
#[derive(Clone, Debug, Default)]
pub struct VideoContent {
    /// The video, as the names of objects say it: the path below `video_path`, and `@<generation>`
    /// behind it where another upload has the plain name.
    pub video: String,
    /// Its manifest, where it has one that can be read.
    pub manifest: Option<Manifest>,
    /// Prefix of all images.
    pub image_path: String,
    /// Ids of the targets that were asked for labels: those with a receipt.
    pub requested: BTreeSet<String>,
    /// Current annotations, in any order.
    pub annotations: Vec<IndexedAnnotation>,
}

/// The current annotation of a frame.
#[derive(Clone, Debug)]
pub struct IndexedAnnotation {
    /// The frame's number in the video.
    pub index: u64,
    /// What is known of it.
    pub annotation: FrameAnnotation,
}

impl VideoContent {
    /// The targets that were asked, in one text; `None` for none.
    pub(crate) fn requested_targets(&self) -> Option<String> {
        let all: Vec<&str> = self.requested.iter().map(String::as_str).collect();
        (!all.is_empty()).then(|| all.join(","))
    }
}
