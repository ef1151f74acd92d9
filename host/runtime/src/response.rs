//! What a component answered.

use bytes::Bytes;
use http::Response;
use std::time::Duration;

/// What a component answered.
#[derive(Debug)]
pub struct ComponentResponse {
    /// Status, headers and the whole body.
    pub response: Response<Bytes>,
    /// Largest memory of its sandbox.
    pub peak_memory: u64,
    /// Time that it ran.
    pub guest_time: Duration,
}
