//! Sandboxes: what a component can reach, and what happens when it misbehaves.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod common;

use bytes::Bytes;
use common::{LIMITS, request, runtime};
use framemill_runtime::{
    Component, ComponentEvent, ComponentResponse, Crash, CrashReason, Engine, Limits, Runtime,
    find_component,
};
use http::Request;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn plain(data: &Path, limits: Limits) -> Runtime {
    runtime(data, limits, Arc::new(|_, _| {}))
}

fn text(answer: &ComponentResponse) -> (u16, String) {
    let body = String::from_utf8_lossy(answer.response.body()).into_owned();
    (answer.response.status().as_u16(), body)
}

async fn get(runtime: &Runtime, path: &str) -> Result<(u16, String), Crash> {
    runtime
        .call("test", request(path))
        .await
        .map(|answer| text(&answer))
}

/// Has the probe send a request.
async fn fetch(
    runtime: &Runtime,
    method: &str,
    url: &str,
    body: impl Into<Bytes>,
) -> (u16, String) {
    let request = Request::builder()
        .uri("http://probe.test/fetch")
        .header("x-method", method)
        .header("x-url", url)
        .body(body.into())
        .unwrap();
    text(&runtime.call("test", request).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_are_answered_as_spin_does() {
    let data = tempfile::tempdir().unwrap();
    let runtime = plain(data.path(), LIMITS);
    assert_eq!(
        get(&runtime, "/variable/every").await.unwrap(),
        (200, "1s".into())
    );
    assert_eq!(
        get(&runtime, "/variable/parallel_segments").await.unwrap(),
        (200, "3".into())
    );
    let hash = get(&runtime, "/variable/component_sha256").await.unwrap().1;
    assert_eq!(hash.len(), 64);
    let (status, reason) = get(&runtime, "/variable/speed").await.unwrap();
    assert_eq!(status, 404);
    assert!(reason.contains("speed"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_read_and_written_through_the_gateway() {
    let data = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(data.path().join("videos")).unwrap();
    let video: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 253) as u8).collect();
    std::fs::write(data.path().join("videos/v.mp4"), &video).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&seen);
    let runtime = runtime(
        data.path(),
        LIMITS,
        Arc::new(move |label, event| {
            if let ComponentEvent::Written(written) = event {
                writer
                    .lock()
                    .unwrap()
                    .push((label.to_owned(), written.name, written.size));
            }
        }),
    );
    let base = "https://storage.googleapis.com";
    let read = Request::builder()
        .uri("http://probe.test/fetch")
        .header(
            "x-url",
            format!("{base}/storage/v1/b/local/o/videos%2Fv.mp4?alt=media"),
        )
        .body(Bytes::new())
        .unwrap();
    let answer = runtime.call("test", read).await.unwrap();
    assert_eq!(answer.response.body(), &video);
    assert!(answer.peak_memory >= 3_000_000);
    let upload = format!("{base}/upload/storage/v1/b/local/o?uploadType=media&name=images%2Fi.jpg");
    assert_eq!(fetch(&runtime, "POST", &upload, video.clone()).await.0, 200);
    assert_eq!(
        std::fs::read(data.path().join("images/i.jpg")).unwrap(),
        video
    );
    let expected = ("test".to_owned(), "images/i.jpg".to_owned(), 3_000_000);
    assert_eq!(*seen.lock().unwrap(), [expected]);
    let outside = format!("{base}/storage/v1/b/local/o/secret");
    assert_eq!(fetch(&runtime, "GET", &outside, "").await.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_hosts_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let runtime = plain(data.path(), LIMITS);
    for url in [
        "http://example.com/",
        "http://127.0.0.1:1/",
        "https://storage.googleapis.com.evil.test/",
    ] {
        let (status, reason) = fetch(&runtime, "GET", url, "").await;
        assert_eq!(status, 502, "{url}");
        assert!(reason.contains("HttpRequestDenied"), "{url}: {reason}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_reaches_itself_in_a_fresh_sandbox() {
    let data = tempfile::tempdir().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&seen);
    let runtime = runtime(
        data.path(),
        LIMITS,
        Arc::new(move |_, event| {
            if let ComponentEvent::SegmentDispatched(body) = event {
                writer.lock().unwrap().push(body.len());
            }
        }),
    );
    let own = "http://extract-frames.spin.internal";
    let body = vec![7_u8; 2_500_000];
    let answer = fetch(&runtime, "POST", &format!("{own}/length"), body).await;
    assert_eq!(answer, (200, "2500000".into()));
    assert_eq!(*seen.lock().unwrap(), [2_500_000]);
    let (status, crash) = fetch(&runtime, "POST", &format!("{own}/trap"), "").await;
    assert_eq!(status, 500);
    let crash: serde_json::Value = serde_json::from_str(&crash).unwrap();
    let words = crash["crash"].as_str().unwrap();
    assert!(
        words.contains("probe") && words.contains("stumble"),
        "{words}"
    );
    let (status, crash) = fetch(&runtime, "POST", &format!("{own}/allocate"), "").await;
    assert_eq!(status, 500);
    assert!(crash.contains("memory limit (64 MiB) hit"), "{crash}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fanned_out_sandboxes_do_not_fan_out() {
    let data = tempfile::tempdir().unwrap();
    let runtime = plain(data.path(), LIMITS);
    let own = "http://extract-frames.spin.internal";
    let request = Request::builder()
        .uri("http://probe.test/fetch")
        .header("x-url", format!("{own}/fetch"))
        .header("x-inner-url", format!("{own}/length"))
        .body(Bytes::new())
        .unwrap();
    let (status, reason) = text(&runtime.call("test", request).await.unwrap());
    assert_eq!(status, 502);
    assert!(reason.contains("LoopDetected"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn traps_say_where_and_why() {
    let data = tempfile::tempdir().unwrap();
    let runtime = plain(data.path(), LIMITS);
    for (path, why) in [
        ("/trap/abort", "unreachable"),
        ("/trap/outside", "out of bounds"),
    ] {
        let crash = get(&runtime, path).await.unwrap_err();
        assert!(
            matches!(&crash.reason, CrashReason::Trap(reason) if reason.contains(why)),
            "{crash}"
        );
        let words = crash.to_string();
        assert!(words.contains("component `probe`"), "{words}");
        assert!(words.contains("stumble"), "{words}");
    }
    assert_eq!(
        get(&runtime, "/log").await.unwrap().0,
        200,
        "the next sandbox is sound"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_limited() {
    let data = tempfile::tempdir().unwrap();
    let runtime = plain(data.path(), LIMITS);
    let crash = get(&runtime, "/allocate").await.unwrap_err();
    assert_eq!(crash.reason, CrashReason::Memory(64 << 20));
    let words = crash.to_string();
    assert!(
        words.contains("memory limit (64 MiB) hit") && words.contains("allocate_forever"),
        "{words}"
    );
}

#[tokio::test]
async fn time_is_limited_and_others_run_meanwhile() {
    let data = tempfile::tempdir().unwrap();
    let limits = Limits {
        time: Duration::from_millis(300),
        ..LIMITS
    };
    let runtime = plain(data.path(), limits);
    // One thread for both: the busy sandbox has to let the other one run.
    let (busy, answers) = tokio::join!(get(&runtime, "/spin"), async {
        let mut answers = Vec::new();
        for _ in 0..3 {
            answers.push(get(&runtime, "/log").await.unwrap().0);
        }
        answers
    });
    let crash = busy.unwrap_err();
    assert_eq!(crash.reason, CrashReason::Time(limits.time));
    let words = crash.to_string();
    assert!(
        words.contains("time limit (300ms) hit") && words.contains("spin_forever"),
        "{words}"
    );
    assert_eq!(answers, [200, 200, 200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_call_ends_its_sandbox() {
    let data = tempfile::tempdir().unwrap();
    let runtime = plain(data.path(), LIMITS);
    let call = tokio::spawn({
        let runtime = runtime.clone();
        async move { get(&runtime, "/spin").await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
}

#[test]
fn a_missing_component_says_how_to_build_it() {
    let folder = tempfile::tempdir().unwrap();
    let error = find_component("extract-frames", Some(folder.path())).unwrap_err();
    let words = error.to_string();
    assert!(
        words.contains("cargo xtask build") && words.contains("extract-frames.wasm"),
        "{words}"
    );
}

#[test]
fn perf_is_told_where_functions_are() {
    let (_, component) = common::probe();
    let map = component.perf_map().unwrap();
    let mut ends = 0;
    let mut named = 0;
    for line in map.lines() {
        let mut parts = line.splitn(3, ' ');
        let mut number = || u64::from_str_radix(parts.next().unwrap(), 16).unwrap();
        let (start, size) = (number(), number());
        assert!(start >= ends && size > 0, "functions overlap: {line}");
        ends = start + size;
        named += usize::from(parts.next().unwrap().ends_with("::probe::spin_forever"));
    }
    assert_eq!(named, 1, "a function has no name:\n{map}");
}

#[tokio::test]
async fn an_uninterrupted_component_has_no_time_limit() {
    let data = tempfile::tempdir().unwrap();
    let engine = Engine::uninterrupted(None).unwrap();
    let component = Component::load(&engine, &common::probe_path()).unwrap();
    let limits = Limits {
        time: Duration::ZERO,
        ..LIMITS
    };
    let parts = common::parts(component, data.path(), limits, Arc::new(|_, _| {}));
    let runtime = Runtime::new(&engine, parts).unwrap();
    // It fills its memory over many ticks of the clock.
    let crash = get(&runtime, "/allocate").await.unwrap_err();
    assert_eq!(crash.reason, CrashReason::Memory(limits.memory));
}

#[test]
fn compiled_code_is_kept() {
    let cache = tempfile::tempdir().unwrap();
    let engine = Engine::new(Some(cache.path())).unwrap();
    Component::load(&engine, &common::probe_path()).unwrap();
    let entries = std::fs::read_dir(cache.path()).unwrap().count();
    assert!(entries > 0);
}

/// As in a container whose home is read-only or missing.
#[test]
fn a_cache_that_cannot_be_made_keeps_nothing_from_starting() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let below = file.path().join(".cache");
    let engine = Engine::new(Some(&below)).unwrap();
    Component::load(&engine, &common::probe_path()).unwrap();
}

#[cfg(unix)]
#[test]
fn compiled_code_is_not_kept_where_others_could_change_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let cache = tempfile::tempdir().unwrap();
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(cache.path(), open).unwrap();
    let engine = Engine::new(Some(cache.path())).unwrap();
    Component::load(&engine, &common::probe_path()).unwrap();
    let entries = std::fs::read_dir(cache.path()).unwrap().count();
    assert_eq!(entries, 0);
}
