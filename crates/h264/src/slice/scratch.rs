//! Buffers for inter prediction.

use crate::sample::Sample;

/// Side of the block with its margin that is copied where a reference picture ends.
pub(super) const EDGE: usize = 24;

/// Buffers for prediction.
pub(super) struct Scratch<S> {
    /// A block of a reference picture that reaches beyond its edge.
    pub edge: [S; EDGE * EDGE],
    /// The prediction from list 1.
    pub second: [S; 256],
}

impl<S: Sample> Default for Scratch<S> {
    fn default() -> Self {
        Self {
            edge: [S::default(); EDGE * EDGE],
            second: [S::default(); 256],
        }
    }
}
