//! Time since the request came in.

use crate::store::Clock;
use framemill_component_sdk::wasi::wait;
use std::time::{Duration, Instant};

/// Runs from its making.
pub struct SinceRequest(Instant);

impl SinceRequest {
    /// Starts.
    pub fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SinceRequest {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    async fn until(&self, elapsed: Duration) {
        wait(elapsed.saturating_sub(self.elapsed())).await;
    }
}
