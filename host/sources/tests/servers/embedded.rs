//! The embedded queue.

use crate::conformance::{MAX_ATTEMPTS, Place, conformance};
use framemill_sources::{Queue, QueueSource, Source};
use std::sync::Arc;
use std::time::Duration;

struct Embedded(tempfile::TempDir);

#[async_trait::async_trait]
impl Place for Embedded {
    async fn open(&self) -> Arc<dyn Source> {
        let queue = Queue::open(&self.0.path().join("queue.redb"), MAX_ATTEMPTS).unwrap();
        Arc::new(QueueSource::new(Arc::new(queue), "embedded queue"))
    }

    fn lease(&self) -> Duration {
        Duration::ZERO
    }
}

async fn place(_: &str) -> Arc<dyn Place> {
    Arc::new(Embedded(tempfile::tempdir().unwrap()))
}

conformance!(place;
    what_is_published_comes,
    ack_is_final,
    dropped_comes_back_untried,
    retried_comes_back_later,
    gives_up_after_the_last_attempt,
    dead_letters_can_be_redriven,
    closing_gives_back_what_waits,
    what_runs_at_the_stop_is_still_settled,
);
