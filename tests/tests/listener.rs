//! `framemill up --listen`: a process that lives from pushes alone, and what it tells of its work.

use framemill_contract::{Event, EventKind, ObjectRef};
use framemill_tests::otlp::{Collector, Received};
use framemill_tests::servers::{call, free_port, try_send};
use framemill_tests::*;
use prometheus_parse::{Scrape, Value as Sample};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use ureq::http::Request;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SENDER: &str = "00f067aa0ba902b7";

/// A running framemill without a source.
struct Up {
    child: Child,
    origin: String,
}

impl Up {
    fn start(data: &Path, collector: &Collector) -> Self {
        let port = free_port();
        let child = framemill()
            .args(["up", "--source", "none", "--store"])
            .arg(data)
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .env("FRAMEMILL_INSECURE_PUSH", "true")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())
            // Only the flush at the end sends anything in time.
            .env("OTEL_BSP_SCHEDULE_DELAY", "3600000")
            .env("no_proxy", "127.0.0.1")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let up = Self {
            child,
            origin: format!("http://127.0.0.1:{port}"),
        };
        wait_for("readiness", || {
            let request = Request::get(up.url("/readyz")).body(Vec::new()).unwrap();
            try_send(request).is_ok_and(|answer| answer.status == 200)
        });
        up
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// The only series of this metric that has these labels.
    fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let text = call("GET", &self.url("/metrics"), None);
        let text = String::from_utf8(text.ok().to_vec()).unwrap();
        let scrape = Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap();
        let has = |sample: &&prometheus_parse::Sample| {
            let label = |(key, value): &(&str, &str)| sample.labels.get(key) == Some(*value);
            sample.metric == name && labels.iter().all(label)
        };
        let found: Vec<_> = scrape.samples.iter().filter(has).collect();
        assert_eq!(found.len(), 1, "{name} {labels:?}\n{text}");
        match &found[0].value {
            Sample::Counter(value) | Sample::Gauge(value) | Sample::Untyped(value) => *value,
            other => panic!("{name}: {other:?}"),
        }
    }

    fn stop(mut self) {
        signal(&self.child, "TERM");
        assert!(self.child.wait().unwrap().success());
    }
}

/// The message of an upload, from a sender who traces.
fn uploaded(name: &str) -> Value {
    let event = Event {
        kind: EventKind::Finalized,
        object: ObjectRef {
            bucket: "local".to_owned(),
            name: format!("videos/{name}"),
            generation: Some(i64::try_from(MODIFIED * 1_000_000).unwrap()),
        },
    };
    let mut body = event.to_push_body("17", "2026-01-01T00:00:00Z", 1);
    let sender = format!("00-{TRACE}-{SENDER}-01");
    body["message"]["attributes"]["googclient_traceparent"] = sender.into();
    body
}

#[test]
fn a_push_makes_images_metrics_and_a_trace() {
    let data = tempfile::tempdir().unwrap();
    upload(
        data.path(),
        &h264_clip("ten-seconds.mp4", 10),
        "a b.mp4",
        MODIFIED,
    );
    let collector = Collector::start();
    let up = Up::start(data.path(), &collector);
    let pushed = |outcome: &str| {
        let answer = call("POST", &up.url("/push"), Some(&uploaded("a b.mp4"))).json();
        assert_eq!(answer["outcome"], outcome, "{answer}");
    };
    pushed("extracted");
    pushed("unchanged");
    let folder = data.path().join("images/a b.mp4");
    let kept = stored_manifest(data.path(), "a b.mp4").frames;
    assert_eq!(kept.len(), 10);
    for frame in &kept {
        let url = up.url(&format!("/images/local/images/a%20b.mp4/{}", frame.name));
        let served = call("GET", &url, None);
        assert_eq!(served.ok(), fs::read(folder.join(&frame.name)).unwrap());
    }
    let metric = |name: &str, labels: &[(&str, &str)]| up.metric(name, labels);
    for (outcome, count) in [("extracted", 1.0), ("unchanged", 1.0)] {
        let labels = [("outcome", outcome)];
        assert_eq!(metric("framemill_messages_total", &labels), count);
    }
    assert_eq!(
        metric("framemill_frames_total", &[("result", "kept")]),
        10.0
    );
    let video = fs::metadata(data.path().join("videos/a b.mp4")).unwrap();
    let read = metric("framemill_component_read_bytes_total", &[]);
    assert!(
        read > 0.0 && read < 2.0 * video.len() as f64,
        "read {read} of {} bytes",
        video.len()
    );
    let segments = metric("framemill_component_requests_total", &[("kind", "segment")]);
    assert!(segments > 0.0);
    assert_eq!(collector.spans(), [], "nothing is sent before the end");
    up.stop();
    check_trace(&collector.spans(), segments);
}

/// One span from message to commit, one below it for each request to a component, and below
/// that of the coordinator those of its segments.
fn check_trace(spans: &[Received], segments: f64) {
    let of = |name: &str| -> Vec<&Received> {
        let mut spans: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
        spans.sort_by_key(|span| span.attributes.get("outcome").cloned());
        spans
    };
    assert!(spans.iter().all(|span| span.service == "framemill"));
    assert!(spans.iter().all(|span| span.ids[0] == TRACE), "{spans:#?}");
    let messages = of("message");
    let outcomes = messages
        .iter()
        .map(|span| span.attributes["outcome"].as_str());
    assert_eq!(Vec::from_iter(outcomes), ["extracted", "unchanged"]);
    for message in &messages {
        assert_eq!(message.ids[2], SENDER);
        assert_eq!(message.attributes["messaging.message.id"], "17");
        assert_eq!(message.attributes["object"], "videos/a b.mp4");
    }
    let below = |parent: &Received| -> Vec<&Received> {
        let components = of("component").into_iter();
        components
            .filter(|span| span.ids[2] == parent.ids[1])
            .collect()
    };
    for message in &messages {
        let [coordinator] = below(message)[..] else {
            panic!("not one request to a component: {spans:#?}");
        };
        assert_eq!(coordinator.attributes["segment"], "false");
        assert!(coordinator.attributes.contains_key("peak_memory"));
        let in_segments = below(coordinator);
        assert!(
            in_segments
                .iter()
                .all(|span| span.attributes["segment"] == "true")
        );
        let expected = match message.attributes["outcome"].as_str() {
            "extracted" => segments,
            _ => 0.0,
        };
        assert_eq!(in_segments.len() as f64, expected);
    }
}

#[test]
fn check_names_an_address_that_is_taken() {
    let data = tempfile::tempdir().unwrap();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let toml = data.path().join("framemill.toml");
    let text = format!("data = '{}'\nlisten = '{address}'\n", data.path().display());
    fs::write(&toml, text).unwrap();
    let output = run(framemill().args(["check", "--json", "--config"]).arg(&toml));
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let subject = format!("listener {address}");
    let finding = findings.iter().find(|it| it["subject"] == *subject);
    assert_eq!(finding.unwrap()["severity"], "error", "{findings:#?}");
    assert!(!output.status.success());
    // `up` says the same, and ends at once.
    let output = run(framemill().args(["up", "--config"]).arg(&toml));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("configuration `listen`"), "{said}");
    assert_eq!(output.status.code(), Some(2));
}
