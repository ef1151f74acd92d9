//! The limits of a small wasm cloud, and what a component has there besides HTTP.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod common;

use bytes::Bytes;
use common::{LIMITS, request, runtime};
use framemill_runtime::{ComponentResponse, Crash, CrashReason, Limits, Runtime, Side};
use http::Request;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const MIB: usize = 1 << 20;
const OWN: &str = "http://extract-frames.spin.internal";
const OBJECTS: &str = "https://storage.googleapis.com";

fn plain(data: &Path, limits: Limits) -> Runtime {
    runtime(data, limits, Arc::new(|_, _| {}))
}

fn text(answer: &ComponentResponse) -> (u16, String) {
    let body = String::from_utf8_lossy(answer.response.body()).into_owned();
    (answer.response.status().as_u16(), body)
}

async fn send(
    runtime: &Runtime,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Result<(u16, String), Crash> {
    let mut request = Request::builder().uri(format!("http://probe.test/{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.into()).unwrap();
    runtime
        .call("test", request)
        .await
        .map(|answer| text(&answer))
}

/// Little time in all, and much of it for running.
fn hurried() -> Limits {
    Limits {
        wall: Some(Duration::from_millis(700)),
        ..LIMITS
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_time_counts_where_the_whole_time_is_limited() {
    let data = tempfile::tempdir().unwrap();
    let runtime = plain(data.path(), hurried());
    let wall = CrashReason::Wall(Duration::from_millis(700));
    // Running.
    let crash = runtime.call("test", request("/spin")).await.unwrap_err();
    assert_eq!(crash.reason, wall);
    let words = crash.to_string();
    assert!(
        words.contains("700ms, waiting included") && words.contains("spin_forever"),
        "{words}"
    );
    // Waiting for another sandbox, which started later and so has more time left.
    let url = format!("{OWN}/spin");
    let headers = [("x-method", "GET"), ("x-url", url.as_str())];
    let crash = send(&runtime, "fetch", &headers, "").await.unwrap_err();
    assert_eq!(crash.reason, wall);
    assert_eq!(crash.reason.code(), "wall_limit");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_body_is_larger_than_its_limit() {
    let data = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(data.path().join("videos")).unwrap();
    let video = std::fs::File::create(data.path().join("videos/v.mp4")).unwrap();
    video.set_len(30 << 20).unwrap();
    let runtime = plain(data.path(), Limits::akamai());
    let most = 10 << 20;
    let fits = send(&runtime, "length", &[], vec![1; most]).await.unwrap();
    assert_eq!(fits, (200, most.to_string()));
    // The request to the component.
    let crash = send(&runtime, "length", &[], vec![1; most + 1])
        .await
        .unwrap_err();
    assert_eq!(crash.reason, CrashReason::Body(Side::Request, most as u64));
    assert!(crash.to_string().contains("10 MiB"), "{crash}");
    // Its answer.
    let crash = send(&runtime, "blow-up", &[("x-bytes", "10485761")], "")
        .await
        .unwrap_err();
    assert_eq!(
        crash.reason,
        CrashReason::Body(Side::ComponentResponse, most as u64)
    );
    // A request of its own, to objects and to itself.
    let upload = format!("{OBJECTS}/upload/storage/v1/b/local/o?uploadType=media&name=images%2Fi");
    for url in [upload, format!("{OWN}/length")] {
        for (bytes, status) in [(8 * MIB, 200), (most + 1, 502)] {
            let bytes = bytes.to_string();
            let headers = [("x-url", url.as_str()), ("x-bytes", &bytes)];
            let (_, seen) = send(&runtime, "stream-out", &headers, "").await.unwrap();
            let refused = seen.contains("413") || seen.contains("HttpRequestBodySize");
            assert_eq!(refused, status == 502, "{url} {bytes}: {seen}");
        }
    }
    // The answer to it.
    let url = format!("{OBJECTS}/storage/v1/b/local/o/videos%2Fv.mp4?alt=media");
    for (range, status) in [("bytes=0-10485759", 200), ("bytes=0-10485760", 502)] {
        let headers = [("x-url", url.as_str()), ("range", range)];
        let (seen, words) = send(&runtime, "stream-in", &headers, "").await.unwrap();
        assert_eq!(seen, status, "{range}: {words}");
        assert!(
            status == 200 || words.contains("HttpResponseBodySize"),
            "{words}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_kept_across_requests() {
    let data = tempfile::tempdir().unwrap();
    let runtime = plain(data.path(), LIMITS);
    let keep = async |place: &str, value: Vec<u8>| {
        send(&runtime, &format!("keep/{place}"), &[], value)
            .await
            .unwrap()
    };
    assert_eq!(keep("default/a", b"one".into()).await.0, 404);
    assert_eq!(keep("default/a", b"two".into()).await, (200, "one".into()));
    assert_eq!(keep("default/a", Vec::new()).await, (200, "two".into()));
    assert_eq!(keep("default/b", Vec::new()).await.0, 404);
    let (status, why) = keep("other/a", b"one".into()).await;
    assert_eq!(status, 507);
    assert!(why.contains("AccessDenied"), "{why}");
    let (status, why) = keep("default/a", vec![1; MIB + 1]).await;
    assert_eq!(status, 507);
    assert!(why.contains("value is over 1 MiB"), "{why}");
    // Another component has its own.
    let other = plain(data.path(), LIMITS);
    let nothing = send(&other, "keep/default/a", &[], "").await.unwrap();
    assert_eq!(nothing.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_is_not_there_is_not_chained_to() {
    let data = tempfile::tempdir().unwrap();
    let runtime = plain(data.path(), LIMITS);
    let headers = [("x-url", "http://nobody.spin.internal/")];
    let (status, why) = send(&runtime, "fetch", &headers, "").await.unwrap();
    assert_eq!(status, 502);
    assert!(why.contains("DestinationNotFound"), "{why}");
    // Names as Spin's: one that breaks its rules, one that is not there.
    for (name, word) in [
        ("No-Name", "InvalidName"),
        ("speed", "Undefined"),
        ("a__b", "InvalidName"),
        ("a_", "InvalidName"),
    ] {
        let path = format!("variable/{name}");
        let (status, why) = send(&runtime, &path, &[], "").await.unwrap();
        assert_eq!(status, 404);
        assert!(why.contains(word), "{name}: {why}");
    }
}
