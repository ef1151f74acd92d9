//! A frame that may come into a dataset.

use crate::DatasetImage;
use crate::fault::image_fault;
use framemill_annotations::FrameAnnotation;

/// A frame of a manifest, with all that labeling systems answered about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The video, as the names of objects say it.
    pub video: String,
    /// Number in the video, in presentation order from 0.
    pub index: u64,
    /// Seconds after the video's first frame.
    pub seconds: f64,
    /// Its image.
    pub image: DatasetImage,
    /// Variance of the Laplacian, as in the manifest.
    pub sharpness: f32,
    /// The current revision of each target that answered, in any order.
    pub annotations: Vec<FrameAnnotation>,
}

impl Candidate {
    /// How messages name it: `video#index`.
    pub(crate) fn name(&self) -> String {
        frame_name(&self.video, self.index)
    }

    /// Why it is none: what comes from a manifest is checked before it is relied on.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        if !self.seconds.is_finite() {
            return Some("its seconds are no finite number");
        }
        image_fault(&self.image)
    }
}

/// How messages name a frame.
pub(crate) fn frame_name(video: &str, index: u64) -> String {
    format!("{video}#{index}")
}
