//! Large bodies in both directions: neither the sandbox nor the host holds them, and the slower
//! side sets the pace.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod common;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::{get, post};
use bytes::Bytes;
use common::{LIMITS, runtime_reaching};
use framemill_runtime::{AllowedHost, Limits, OutboundClient, Runtime};
use futures::StreamExt as _;
use http::Request;
use serde_json::{Value, json};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;

const MIB: u64 = 1 << 20;
const OBJECTS: &str = "https://storage.googleapis.com";
/// Far below the bodies.
const SMALL: Limits = Limits {
    memory: 24 * MIB,
    ..LIMITS
};

/// A server that counts what it hands out and takes.
#[derive(Default)]
struct Counts {
    handed_out: AtomicU64,
    taken: AtomicU64,
    /// The component pauses until the test has seen what it wants to.
    pausing: Notify,
    go_on: Notify,
    /// A body that was given up.
    dropped: Notify,
}

struct Server {
    url: String,
    counts: Arc<Counts>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Tells that a body is gone.
struct Gone(Arc<Counts>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.dropped.notify_one();
    }
}

async fn hand_out(State(counts): State<Arc<Counts>>) -> Body {
    let gone = Gone(Arc::clone(&counts));
    let chunk = Bytes::from(vec![7_u8; 64 * 1024]);
    let chunks = futures::stream::iter(0..3200).map(move |_| {
        let counts = &gone.0;
        let length = chunk.len() as u64;
        counts.handed_out.fetch_add(length, Ordering::SeqCst);
        Ok::<_, std::io::Error>(chunk.clone())
    });
    Body::from_stream(chunks)
}

async fn take(State(counts): State<Arc<Counts>>, body: Body) {
    let mut chunks = body.into_data_stream();
    while let Some(Ok(chunk)) = chunks.next().await {
        let length = chunk.len() as u64;
        counts.taken.fetch_add(length, Ordering::SeqCst);
    }
}

async fn pause(State(counts): State<Arc<Counts>>) {
    counts.pausing.notify_one();
    counts.go_on.notified().await;
}

impl Server {
    async fn start() -> Self {
        let counts = Arc::<Counts>::default();
        let app = Router::new()
            .route("/large", get(hand_out))
            .route("/take", post(take))
            .route("/refuse", post(|| async { http::StatusCode::FORBIDDEN }))
            .route("/pause", get(pause))
            .with_state(Arc::clone(&counts));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, counts, task }
    }

    fn reached_by(&self, data: &Path) -> Runtime {
        let allowed = AllowedHost {
            host: self.url.clone(),
            path: None,
        };
        let outbound = OutboundClient::new(&[allowed], &[]).unwrap();
        runtime_reaching(data, SMALL, Arc::new(|_, _| {}), outbound)
    }
}

/// What the component saw.
async fn stream(runtime: &Runtime, path: &str, headers: &[(&str, &str)]) -> Value {
    let mut request = Request::builder().uri(format!("http://probe.test/{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Bytes::new()).unwrap();
    let answer = runtime.call("test", request).await.unwrap();
    let body = answer.response.body();
    serde_json::from_slice(body).unwrap_or_else(|_| {
        json!({ "status": answer.response.status().as_u16(), "words": String::from_utf8_lossy(body) })
    })
}

/// FNV-1a, 64 bits, of the bytes 0, 1, … 250, 0, … or of zeros.
fn checksum(count: u64, byte: fn(u64) -> u8) -> String {
    let sum = (0..count).fold(0xcbf2_9ce4_8422_2325_u64, |sum, index| {
        (sum ^ u64::from(byte(index))).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{sum:016x}")
}

/// Largest memory of this process, bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib: u64 = line
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    kib * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_flow_through_a_small_sandbox_and_the_host() {
    let data = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(data.path().join("videos")).unwrap();
    let video = File::create(data.path().join("videos/v.mp4")).unwrap();
    video.set_len(300 * MIB).unwrap();
    let server = Server::start().await;
    let runtime = server.reached_by(data.path());
    let read = format!("{OBJECTS}/storage/v1/b/local/o/videos%2Fv.mp4?alt=media");
    let range = |last: u64| format!("bytes=5-{last}");
    // Once, so that what is there for all sizes is counted.
    stream(
        &runtime,
        "stream-in",
        &[("x-url", &read), ("range", &range(MIB))],
    )
    .await;
    let before = peak_memory();
    let last = 200 * MIB + 4;
    let seen = stream(
        &runtime,
        "stream-in",
        &[("x-url", &read), ("range", &range(last))],
    )
    .await;
    assert_eq!(
        (&seen["status"], &seen["bytes"]),
        (&json!(206), &json!(200 * MIB)),
        "{seen}"
    );
    assert_eq!(seen["fnv"], checksum(200 * MIB, |_| 0));
    assert!(seen["largest_chunk"].as_u64().unwrap() <= MIB, "{seen}");
    let upload = format!(
        "{OBJECTS}/upload/storage/v1/b/local/o?uploadType=media&ifGenerationMatch=0&name=images%2F"
    );
    for (name, size) in [("twenty", 20 * MIB), ("hundred", 100 * MIB)] {
        let url = format!("{upload}{name}");
        let headers = [("x-url", url.as_str()), ("x-bytes", &size.to_string())];
        let seen = stream(&runtime, "stream-out", &headers).await;
        assert_eq!(
            (&seen["status"], &seen["bytes"]),
            (&json!(200), &json!(size)),
            "{seen}"
        );
        let written = std::fs::read(data.path().join("images").join(name)).unwrap();
        assert_eq!(written.len() as u64, size);
        let pattern = |(index, byte): (usize, &u8)| *byte == (index % 251) as u8;
        assert!(written.iter().enumerate().all(pattern), "{name}");
        if name == "twenty" {
            let grown = peak_memory().saturating_sub(before);
            assert!(grown < 80 * MIB, "grew by {} MiB", grown / MIB);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_servers_bodies_flow_both_ways() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start().await;
    let runtime = server.reached_by(data.path());
    let url = format!("{}/large", server.url);
    let seen = stream(&runtime, "stream-in", &[("x-url", &url)]).await;
    assert_eq!(seen["bytes"], 200 * MIB, "{seen}");
    assert_eq!(seen["fnv"], checksum(200 * MIB, |_| 7));
    let url = format!("{}/take", server.url);
    for (total, announce) in [(100 * MIB, ""), (20 * MIB, "yes"), (1000, ""), (0, "")] {
        let before = server.counts.taken.load(Ordering::SeqCst);
        let total_text = total.to_string();
        let headers = [
            ("x-url", url.as_str()),
            ("x-bytes", &total_text),
            ("x-announce", announce),
        ];
        let seen = stream(&runtime, "stream-out", &headers).await;
        assert_eq!(seen["status"], 200, "{seen}");
        let taken = server.counts.taken.load(Ordering::SeqCst) - before;
        assert_eq!(taken, total);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_holds_the_sender_back() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start().await;
    let runtime = server.reached_by(data.path());
    let (large, gate) = (
        format!("{}/large", server.url),
        format!("{}/pause", server.url),
    );
    let headers = [
        ("x-url", large.as_str()),
        ("x-pause-at", "1000000"),
        ("x-pause-url", &gate),
    ];
    let look = async {
        server.counts.pausing.notified().await;
        // Until the buffers on the way are full, and no more is asked for.
        let mut before = 0;
        loop {
            let now = server.counts.handed_out.load(Ordering::SeqCst);
            if now == before {
                break;
            }
            before = now;
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
        server.counts.go_on.notify_one();
        before
    };
    let (seen, held) = tokio::join!(stream(&runtime, "stream-in", &headers), look);
    assert_eq!(seen["bytes"], 200 * MIB, "{seen}");
    assert!(
        held < 32 * MIB,
        "{} MiB went out while nobody read",
        held / MIB
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_ends_early_leaves_nothing_behind() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start().await;
    let runtime = server.reached_by(data.path());
    let url = format!("{}/large", server.url);
    let headers = [("x-url", url.as_str()), ("x-stop-at", "1000000")];
    let seen = stream(&runtime, "stream-in", &headers).await;
    assert!(seen["bytes"].as_u64().unwrap() < 2 * MIB, "{seen}");
    // The connection ends with the reader.
    server.counts.dropped.notified().await;
    // A server that answers before it has heard all.
    let url = format!("{}/refuse", server.url);
    let total = (100 * MIB).to_string();
    let headers = [("x-url", url.as_str()), ("x-bytes", &total)];
    let seen = stream(&runtime, "stream-out", &headers).await;
    assert!(seen["status"] == 403 || seen["status"] == 502, "{seen}");
    // An upload that breaks off is no object.
    let url = format!("{OBJECTS}/upload/storage/v1/b/local/o?uploadType=media&name=images%2Fhalf");
    let headers = [
        ("x-url", url.as_str()),
        ("x-bytes", &total),
        ("x-announce", "yes"),
        ("x-stop-at", "3000000"),
    ];
    let seen = stream(&runtime, "stream-out", &headers).await;
    assert_ne!(seen["status"], 200, "{seen}");
    assert!(!data.path().join("images/half").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wildcard_leads_to_no_server_of_this_machine() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start().await;
    let allowed = AllowedHost {
        host: "http://*:*".into(),
        path: None,
    };
    let outbound = OutboundClient::new(&[allowed], &[]).unwrap();
    let runtime = runtime_reaching(data.path(), SMALL, Arc::new(|_, _| {}), outbound);
    let port = server.url.rsplit(':').next().unwrap();
    for (host, why) in [
        ("localhost", "DestinationIpProhibited"),
        ("127.0.0.1", "HttpRequestDenied"),
        ("2130706433", "HttpRequestDenied"),
        ("[::ffff:127.0.0.1]", "HttpRequestDenied"),
        ("nobody.spin.internal", "DestinationNotFound"),
    ] {
        let url = format!("http://{host}:{port}/large");
        let seen = stream(&runtime, "stream-in", &[("x-url", &url)]).await;
        assert_eq!(seen["status"], 502, "{host}: {seen}");
        assert!(
            seen["words"].as_str().unwrap().contains(why),
            "{host}: {seen}"
        );
    }
    assert_eq!(server.counts.handed_out.load(Ordering::SeqCst), 0);
}
