//! Pub/Sub on Google's emulator.

use crate::conformance::{MAX_ATTEMPTS, PREFETCH, Place, WORKERS, conformance};
use framemill::sources::pubsub::{PubSubConfig, PubSubSource, SetUp, set_up};
use framemill::sources::Source;
use framemill_tests::servers::PubSub;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The shortest that the service has.
const LEASE: Duration = Duration::from_secs(10);

/// One for all tests of this process; it ends with it.
pub fn emulator() -> &'static PubSub {
    static EMULATOR: OnceLock<PubSub> = OnceLock::new();
    EMULATOR.get_or_init(PubSub::start)
}

pub fn config(name: &str) -> PubSubConfig {
    PubSubConfig {
        subscription: PubSub::subscription(name),
        workers: WORKERS,
        prefetch: PREFETCH,
        max_attempts: MAX_ATTEMPTS,
        dead_letter_topic: None,
        lease: LEASE,
        drain: Duration::from_secs(20),
        emulator: Some(emulator().host_port()),
    }
}

struct OnEmulator(PubSubConfig);

#[async_trait::async_trait]
impl Place for OnEmulator {
    async fn open(&self) -> Arc<dyn Source> {
        Arc::new(PubSubSource::new(self.0.clone()).await.unwrap())
    }

    fn lease(&self) -> Duration {
        LEASE
    }
}

async fn place(name: &str, exactly_once: bool) -> Arc<dyn Place> {
    let config = config(name);
    let how = SetUp {
        topic: &PubSub::topic(name),
        exactly_once,
        server_gives_up: false,
    };
    set_up(&config, how).await.unwrap();
    // Again: all is there.
    set_up(&config, how).await.unwrap();
    Arc::new(OnEmulator(config))
}

mod at_least_once {
    use super::*;

    async fn place(name: &str) -> Arc<dyn Place> {
        super::place(&format!("once-{}", name.replace('_', "-")), false).await
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
}

mod exactly_once {
    use super::*;

    async fn place(name: &str) -> Arc<dyn Place> {
        super::place(&format!("exact-{}", name.replace('_', "-")), true).await
    }

    conformance!(place;
        what_is_published_comes,
        ack_is_final,
        retried_comes_back_later,
        gives_up_after_the_last_attempt,
        two_share,
        killed_comes_back,
        long_jobs_keep_their_message,
    );
}
