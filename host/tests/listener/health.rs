//! Probes, and the order of the end.

use crate::bench::{Bench, Setup};
use async_trait::async_trait;
use framemill_contract::Event;
use framemill_sources::{DeadLetter, Delivery, Source, SourceError};
use framemill_support::finding::Finding;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// A source that loses its connection.
#[derive(Default)]
struct Flaky {
    lost: AtomicBool,
    asked: AtomicUsize,
}

#[async_trait]
impl Source for Flaky {
    fn name(&self) -> String {
        "flaky".to_owned()
    }

    async fn next(&self) -> Result<Delivery, SourceError> {
        std::future::pending().await
    }

    async fn publish(&self, _: &Event) -> Result<(), SourceError> {
        Ok(())
    }

    async fn dead_letters(&self, _: usize) -> Result<Vec<DeadLetter>, SourceError> {
        Ok(Vec::new())
    }

    async fn redrive(&self, _: Option<&[String]>) -> Result<usize, SourceError> {
        Ok(0)
    }

    fn connected(&self) -> Result<(), String> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.lost.load(Ordering::SeqCst) {
            true => Err("connection refused".to_owned()),
            false => Ok(()),
        }
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }

    async fn stop(&self) {}

    async fn close(&self) {}
}

/// Status of `/readyz`, and the reasons of what is not ready, by name.
async fn readiness(bench: &Bench) -> (u16, Vec<(String, String)>) {
    let response = bench.get("/readyz").await;
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["ready"], status == 200, "{body}");
    let checks = body["checks"].as_array().unwrap();
    let text = |check: &Value, field: &str| check[field].as_str().unwrap().to_owned();
    let failed = checks.iter().filter(|check| check["ready"] == false);
    let reasons = failed.map(|check| (text(check, "name"), text(check, "reason")));
    (status, reasons.collect())
}

/// Waits until `/readyz` says so: what it found is true for some seconds.
async fn until(bench: &Bench, status: u16) -> Vec<(String, String)> {
    loop {
        let (now, reasons) = readiness(bench).await;
        if now == status {
            return reasons;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_names_what_is_in_the_way() {
    let source = Arc::new(Flaky::default());
    let setup = Setup {
        source: Arc::clone(&source) as Arc<dyn Source>,
        ..Setup::default()
    };
    let bench = Bench::starting(setup).await;
    let (status, reasons) = readiness(&bench).await;
    assert_eq!((status, reasons[0].0.as_str()), (503, "components"));
    let (status, after, _) = bench.push("ok.mp4").await;
    assert!(status == 503 && after.is_some(), "{status}");

    let run = bench.ready();
    assert_eq!(readiness(&bench).await.0, 200);
    // A storm of probes asks once.
    let asked = source.asked.load(Ordering::SeqCst);
    let storm = (0..200).map(|_| readiness(&bench));
    let found = futures::future::join_all(storm).await;
    assert!(found.iter().all(|(status, _)| *status == 200));
    let asked = source.asked.load(Ordering::SeqCst) - asked;
    assert!(asked < 100, "asked {asked} times for 200 probes");

    source.lost.store(true, Ordering::SeqCst);
    let reasons = until(&bench, 503).await;
    let lost = ("source flaky".to_owned(), "connection refused".to_owned());
    assert_eq!(reasons, [lost]);
    source.lost.store(false, Ordering::SeqCst);
    until(&bench, 200).await;
    let data = bench.data.path().to_owned();
    std::fs::remove_dir_all(&data).unwrap();
    let reasons = until(&bench, 503).await;
    assert_eq!(reasons[0].0, "store", "{reasons:?}");
    assert_eq!(
        bench.get("/healthz").await.status(),
        200,
        "the process lives"
    );
    std::fs::create_dir(&data).unwrap();
    until(&bench, 200).await;
    bench.stop.cancel();
    run.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_what_was_begun_and_takes_nothing_new() {
    let (bench, run) = Bench::started(Setup::default()).await;
    until(&bench, 200).await;
    let slow = tokio::spawn(bench.push_to("/push", "slow.mp4").send());
    while bench.metric("framemill_messages_in_flight", &[]).await != Some(1.0) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bench.stop.cancel();
    let (status, reasons) = readiness(&bench).await;
    let stopping = ("service".to_owned(), "stopping".to_owned());
    assert_eq!((status, reasons), (503, vec![stopping]));
    let (status, after, words) = bench.push("ok.mp4").await;
    assert!(status == 503 && after.is_some(), "{words}");
    assert_eq!(bench.get("/healthz").await.status(), 200);
    assert_eq!(slow.await.unwrap().unwrap().status(), 200);
    let summary = run.await.unwrap();
    assert_eq!((summary.done, summary.released), (1, 0));
    assert!(!bench.data.path().join("images/ok.mp4").exists());
    let address = bench.address;
    bench.closed().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
