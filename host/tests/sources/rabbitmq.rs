//! RabbitMQ on a real node.

use crate::conformance::{MAX_ATTEMPTS, PREFETCH, Place, WORKERS, conformance};
use framemill::sources::rabbitmq::{RabbitConfig, RabbitSource};
use framemill::sources::Source;
use framemill_tests::servers::RabbitMq;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// One for all tests of this process; it ends with it.
fn server() -> &'static RabbitMq {
    static SERVER: OnceLock<RabbitMq> = OnceLock::new();
    SERVER.get_or_init(RabbitMq::start)
}

fn config(name: &str) -> RabbitConfig {
    RabbitConfig {
        url: server().url(),
        queue: name.to_owned(),
        workers: WORKERS,
        prefetch: PREFETCH,
        max_attempts: MAX_ATTEMPTS,
        dead_letters: None,
    }
}

struct OnServer(RabbitConfig);

#[async_trait::async_trait]
impl Place for OnServer {
    async fn open(&self) -> Arc<dyn Source> {
        Arc::new(RabbitSource::new(self.0.clone()).unwrap())
    }

    /// There is none: what was not acked comes again when the connection ends.
    fn lease(&self) -> Duration {
        Duration::from_secs(1)
    }
}

async fn place(name: &str) -> Arc<dyn Place> {
    Arc::new(OnServer(config(name)))
}

conformance!(place;
    what_is_published_comes,
    ack_is_final,
    dropped_comes_back_untried,
    retried_comes_back_later,
    gives_up_after_the_last_attempt,
    buried_can_be_revived,
    no_more_than_the_hands_allow,
    closing_gives_back_what_waits,
    two_share,
    killed_comes_back,
    long_jobs_keep_their_message,
);
