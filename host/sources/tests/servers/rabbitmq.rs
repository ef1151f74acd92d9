//! RabbitMQ on a real node.

use crate::conformance;
use crate::conformance::{MAX_ATTEMPTS, PREFETCH, Place, WORKERS, conformance};
use crate::proxy::Proxy;
use framemill_sources::Source;
use framemill_sources::rabbitmq::{RabbitConfig, RabbitSource};
use framemill_support::finding::Severity;
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
    dead_letters_can_be_redriven,
    no_more_than_the_hands_allow,
    closing_gives_back_what_waits,
    what_runs_at_the_stop_is_still_settled,
    two_share,
    killed_comes_back,
    long_jobs_keep_their_message,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn outages_are_waited_out() {
    let proxy = Proxy::to(server().host_port()).await;
    let mut config = config("outage");
    config.url = config
        .url
        .replace(&server().host_port(), &proxy.host_port());
    let source = RabbitSource::new(config).unwrap();
    conformance::outages_are_waited_out(&source, &proxy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_outage_shows() {
    let proxy = Proxy::to(server().host_port()).await;
    let mut config = config("outage-shows");
    config.url = config
        .url
        .replace(&server().host_port(), &proxy.host_port());
    let source = RabbitSource::new(config).unwrap();
    assert!(source.connected().is_err(), "nobody was asked yet");
    conformance::an_outage_shows(&source, &proxy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn check_says_what_is_wrong() {
    let good = config("checked");
    let source = RabbitSource::new(good.clone()).unwrap();
    let findings = source.check().await;
    assert!(
        findings.iter().all(|f| f.severity == Severity::Warning),
        "{findings:?}"
    );
    source.publish(&conformance::event(1)).await.unwrap();
    let findings = source.check().await;
    assert!(
        findings.iter().all(|f| f.severity == Severity::Good),
        "{findings:?}"
    );
    assert!(findings[0].fact.contains("1 messages"), "{findings:?}");
    source.close().await;
    let mut wrong = good;
    wrong.url = wrong.url.replace("guest:guest", "guest:secret-word");
    let source = RabbitSource::new(wrong).unwrap();
    let error = source.next().await.err().unwrap().to_string();
    assert!(
        error.contains("password") && !error.contains("secret-word"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_minio_notification_is_an_upload() {
    use lapin::options::BasicPublishOptions;
    let source = RabbitSource::new(config("minio")).unwrap();
    assert!(source.dead_letters(1).await.unwrap().is_empty());
    let connection = lapin::Connection::connect(&server().url(), Default::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    let body = br#"{"EventName":"s3:ObjectCreated:Put","Key":"b/videos/a b.mp4","Records":[{"eventName":"s3:ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"videos%2Fa+b.mp4"}}}]}"#;
    let large = vec![b' '; 2 << 20];
    for data in [&large[..], body] {
        let options = BasicPublishOptions::default();
        let sent =
            channel.basic_publish("".into(), "minio".into(), options, data, Default::default());
        sent.await.unwrap().await.unwrap();
    }
    // What is too large to be a notification goes to the dead letters unread.
    let delivery = conformance::next(&source).await;
    let object = conformance::object(&delivery);
    assert_eq!(
        (object.bucket.as_str(), object.name.as_str()),
        ("b", "videos/a b.mp4")
    );
    delivery.handle.ack(&conformance::done()).await.unwrap();
    let dead = source.dead_letters(10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert!(dead[0].reason.contains("2097152 bytes"), "{dead:?}");
    source.close().await;
}
