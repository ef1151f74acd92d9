//! Why a selection gives no plan.

use thiserror::Error;

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// No sample is shown.
    #[error(
        "none of the track's {samples} samples is shown: check the edit list, or encode the video again"
    )]
    NoFrames {
        /// Samples in the track.
        samples: usize,
    },
    /// More samples than a plan counts.
    #[error("the track has {samples} samples, more than 4294967295: split the video")]
    TooManySamples {
        /// Samples in the track.
        samples: usize,
    },
    /// A selection that never gets on.
    #[error("the selection's step is zero: choose an interval, frame step or count above zero")]
    ZeroStep,
}
