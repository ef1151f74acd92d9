//! What the flow needs from the outside, as traits: objects, and sandboxes for segments.

use framemill_contract::{SegmentReply, SegmentRequest};
pub use framemill_functions::store::{Created, ObjectMeta, Objects, StoreError, to_json};

/// How a segment's sandbox answered.
#[derive(Clone, Debug, PartialEq)]
pub enum SegmentAnswer {
    /// It ran to its end.
    Reply(SegmentReply),
    /// It trapped or hit a limit; in words.
    Crashed(String),
}

/// Sandboxes that handle segments.
#[allow(async_fn_in_trait)]
pub trait Segments {
    /// Runs one segment in a sandbox of its own.
    async fn run(&self, request: &SegmentRequest) -> Result<SegmentAnswer, StoreError>;
}
