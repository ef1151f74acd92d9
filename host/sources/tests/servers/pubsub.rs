//! Pub/Sub on Google's emulator.

use crate::conformance;
use crate::conformance::{MAX_ATTEMPTS, PREFETCH, Place, WORKERS, conformance};
use crate::proxy::Proxy;
use framemill_sources::Source;
use framemill_sources::pubsub::{PubSubConfig, PubSubSource, SetUp, set_up};
use framemill_support::finding::Severity;
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
        dead_letter_policy: false,
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
        dead_letters_can_be_redriven,
        no_more_than_the_hands_allow,
        closing_gives_back_what_waits,
        what_runs_at_the_stop_is_still_settled,
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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn outages_are_waited_out() {
    place("outage", false).await;
    let proxy = Proxy::to(emulator().host_port()).await;
    let mut config = config("outage");
    config.emulator = Some(proxy.host_port());
    let source = PubSubSource::new(config).await.unwrap();
    conformance::outages_are_waited_out(&source, &proxy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_outage_shows() {
    place("outage-shows", false).await;
    let proxy = Proxy::to(emulator().host_port()).await;
    let mut config = config("outage-shows");
    config.emulator = Some(proxy.host_port());
    let source = PubSubSource::new(config).await.unwrap();
    assert!(source.connected().is_err(), "nobody was asked yet");
    conformance::an_outage_shows(&source, &proxy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn check_says_what_is_wrong() {
    place("checked", false).await;
    let findings = PubSubSource::new(config("checked"))
        .await
        .unwrap()
        .check()
        .await;
    assert!(
        findings.iter().all(|f| f.severity < Severity::Error),
        "{findings:?}"
    );
    assert!(
        findings.iter().any(|f| f.fact.contains("at least once")),
        "{findings:?}"
    );
    assert!(
        findings
            .iter()
            .any(|f| f.fact.contains("takes dead letters")),
        "{findings:?}"
    );

    let missing = PubSubSource::new(config("missing")).await.unwrap();
    let findings = missing.check().await;
    let text = findings[0].to_string();
    assert_eq!(findings[0].severity, Severity::Error);
    assert!(text.contains("does not exist"), "{text}");
    assert!(
        text.contains("gcloud pubsub subscriptions create missing --project="),
        "{text}"
    );
    let error = missing.next().await.err().unwrap().to_string();
    assert!(
        error.contains("gcloud pubsub subscriptions create"),
        "{error}"
    );

    let push = serde_json::json!({"pushConfig": {"pushEndpoint": "http://127.0.0.1:9/x"}});
    let server = emulator();
    tokio::task::block_in_place(|| server.create_subscription("pushes", "checked", push));
    let pushes = PubSubSource::new(config("pushes")).await.unwrap();
    let error = pushes.next().await.err().unwrap().to_string();
    assert!(
        error.contains("it pushes to http://127.0.0.1:9/x"),
        "{error}"
    );

    let mut nobody = config("checked");
    nobody.emulator = Some("127.0.0.1:9".to_owned());
    let text = PubSubSource::new(nobody).await.unwrap().check().await[0].to_string();
    assert!(
        text.contains("does not answer") && text.contains("PUBSUB_EMULATOR_HOST"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_no_notification_is_buried_with_its_data() {
    let place = place("large", false).await;
    let source = place.open().await;
    let (data, many) = (vec![b'x'; 2 << 20], "v".repeat(1024));
    let keys: Vec<String> = (0..100).map(|n| format!("k{n}")).collect();
    let attributes: Vec<_> = keys
        .iter()
        .map(|key| (key.as_str(), many.as_str()))
        .collect();
    tokio::task::block_in_place(|| emulator().publish("large", &data, &attributes));
    source.publish(&conformance::event(1)).await.unwrap();
    let delivery = conformance::next(&*source).await;
    assert_eq!(conformance::object(&delivery), conformance::event(1).object);
    delivery.handle.ack(&conformance::done()).await.unwrap();
    source.close().await;
    let letters = tokio::task::block_in_place(|| emulator().take("large-dead-kept", 1));
    assert_eq!(letters[0].data, data);
    assert_eq!(letters[0].attributes.len(), 100);
    let reason = letters[0].attributes.get("framemill-reason").unwrap();
    assert!(reason.contains("2097152 bytes"), "{reason}");
}
