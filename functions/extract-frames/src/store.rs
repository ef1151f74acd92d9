//! What the flow needs from the outside, as traits: objects, and sandboxes for segments.

use std::time::Duration;

pub use framemill_component_sdk::store::{
    Created, JSON, ObjectError, ObjectInfo, Objects, gone, to_json,
};
use framemill_contract::{SegmentReply, SegmentRequest};

/// How a segment's sandbox answered.
#[derive(Clone, Debug, PartialEq)]
pub enum SegmentAnswer {
    /// It ran to its end.
    Reply(SegmentReply),
    /// It trapped or hit a limit.
    Crashed(SegmentCrash),
}

/// Why a segment's sandbox stopped, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SegmentCrash {
    /// It was refused memory, as the host says.
    Memory(String),
    /// Another reason that the host gives.
    Other(String),
    /// The host gives none.
    Unknown(String),
}

/// Time, as a coordinator that must not outlive its host's time limit sees it.
#[allow(async_fn_in_trait)]
pub trait Clock {
    /// Time since the request came in.
    fn elapsed(&self) -> Duration;

    /// Waits until this long after the request came in; for ever where that never comes.
    async fn until(&self, elapsed: Duration);
}

/// Sandboxes that handle segments.
#[allow(async_fn_in_trait)]
pub trait Segments {
    /// Runs one segment in a sandbox of its own.
    async fn run(&self, request: &SegmentRequest) -> Result<SegmentAnswer, ObjectError>;
}
