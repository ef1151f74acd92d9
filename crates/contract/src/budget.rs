//! What one request may cost where the host stops it early.

use framemill_function_spec::Interval;
use std::fmt;

/// What one request may cost: time that a segment is planned to decode, and bytes of any body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentBudget {
    /// Longest planned decoding time of a segment.
    pub time: Interval,
    /// Largest body of a request or an answer.
    pub bytes: u64,
}

impl fmt::Display for SegmentBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.time, self.bytes)
    }
}
