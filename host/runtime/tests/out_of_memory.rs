//! extract-frames with too little memory, at every size of a sandbox: where a segment would stop
//! for want of memory, a careful one says so. Under Spin nobody else does.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod common;

use bytes::Bytes;
use common::component_path;
use framemill_contract::SizeLimits;
use framemill_objects::{Access, FileLayout, Gateway, LocalStore, Store};
use framemill_runtime::{
    Component, ComponentEvent, CrashReason, Engine, Limits, Observer, OutboundClient, Runtime,
    RuntimeParts, with_host,
};
use framemill_tests::{VP9, test_clip};
use http::{Method, Request};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MIB: u64 = 1 << 20;
const LEAST: u64 = 8 * MIB;
/// The least that `memory_limit` takes.
const LEAST_CONFIGURED: u64 = 16 * MIB;
const ENOUGH: u64 = 512 * MIB;
const STEP: u64 = 3 * MIB;

/// All that a sandbox makes in one turn.
fn limits(memory: u64) -> Limits {
    Limits {
        memory,
        time: Duration::from_secs(600),
        wall: None,
        body: None,
    }
}

fn post(path: &str, body: &Value) -> Request<Bytes> {
    let request = Request::builder().method(Method::POST);
    let request = request.uri(format!("http://extract-frames.spin.internal{path}"));
    request.body(Bytes::from(body.to_string())).unwrap()
}

/// What the coordinator sends to its first segment of the video in `data`.
async fn segment(engine: &Engine, component: &Component, data: &Path) -> Value {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&seen);
    let observer: Observer = Arc::new(move |_, event| {
        if let ComponentEvent::SegmentDispatched(body) = event {
            let body: Value = serde_json::from_slice(&body).unwrap();
            writer.lock().unwrap().push(body);
        }
    });
    let runtime = extraction(engine, component, data, limits(ENOUGH), observer);
    let event = json!({"message": {"attributes": {
        "eventType": "OBJECT_FINALIZE", "bucketId": "local", "objectId": "videos/x.mp4",
    }}});
    let answer = runtime.call("test", post("/", &event)).await.unwrap();
    let body: Value = serde_json::from_slice(answer.response.body()).unwrap();
    assert_eq!(body["outcome"], "extracted", "{body}");
    seen.lock().unwrap().remove(0)
}

/// extract-frames over a folder that is the bucket `local`.
fn extraction(
    engine: &Engine,
    component: &Component,
    data: &Path,
    limits: Limits,
    observer: Observer,
) -> Runtime {
    let store: Arc<dyn Store> = Arc::new(LocalStore::new(FileLayout::folder(data)));
    let access = Access {
        read: vec!["videos/".into()],
        write: ["images/", "manifests/", "records/"].map(Into::into).into(),
    };
    // All frames, so that a decoder's last are held back together.
    let variables = [("every_frames", "1"), ("format", "png")];
    let variables = variables.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let itself = (
        "segments_url".to_owned(),
        "http://extract-frames.spin.internal/segments".to_owned(),
    );
    let variables = variables.into_iter().chain([itself]).collect();
    let parts = RuntimeParts {
        variables: with_host(variables, &component.sha256, SizeLimits::STANDARD),
        component: component.clone(),
        gateway: Arc::new(Gateway::new(
            HashMap::from([("local".into(), store)]),
            access,
        )),
        outbound: OutboundClient::default(),
        limits,
        parallel: 2,
        memory: None,
        observer,
    };
    Runtime::new(engine, parts).unwrap()
}

enum End {
    Done,
    /// The sandbox stopped, and only the host knows why.
    Stopped,
    OutOfMemory(String),
}

async fn end(runtime: &Runtime, request: &Value, careful: bool) -> End {
    let mut request = request.clone();
    request["careful"] = json!(careful);
    match runtime.call("test", post("/segments", &request)).await {
        Err(crash) => {
            assert!(matches!(crash.reason, CrashReason::Memory(_)), "{crash}");
            End::Stopped
        }
        Ok(answer) => {
            let body: Value = serde_json::from_slice(answer.response.body()).unwrap();
            match body.get("out_of_memory").and_then(Value::as_str) {
                Some(words) => End::OutOfMemory(words.to_owned()),
                None => {
                    assert!(body.get("done").is_some(), "{body}");
                    End::Done
                }
            }
        }
    }
}

/// Whatever the memory, a GOP that stops its sandbox for want of it is told by a careful one.
async fn is_told(name: &str, size: &str, encoder: &[&str]) {
    let video = test_clip(name, size, "24", 1, encoder);
    let data = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(data.path().join("videos")).unwrap();
    std::fs::copy(&video, data.path().join("videos/x.mp4")).unwrap();
    let engine = Engine::new(None).unwrap();
    let component = Component::load(&engine, &component_path("extract-frames")).unwrap();
    let mut request = segment(&engine, &component, data.path()).await;
    request["gops"].as_array_mut().unwrap().truncate(1);
    let (mut told, mut memory) = (0, LEAST);
    loop {
        let quiet: Observer = Arc::new(|_, _| {});
        let runtime = extraction(&engine, &component, data.path(), limits(memory), quiet);
        match end(&runtime, &request, false).await {
            End::Done => break,
            End::OutOfMemory(words) => unreachable!("{name}: nobody asked for care: {words}"),
            End::Stopped => {}
        }
        match end(&runtime, &request, true).await {
            End::OutOfMemory(words) => {
                assert!(words.contains("--max-instance-memory"), "{words}");
                told += 1;
            }
            End::Done => {}
            // A coordinator, which is the same component, is not there to ask for more either.
            End::Stopped => assert!(
                told == 0 && memory < LEAST_CONFIGURED,
                "{name}: {} MiB, and no reason",
                memory / MIB
            ),
        }
        memory += STEP;
        assert!(memory < ENOUGH, "{name}: never done");
    }
    eprintln!(
        "{name}: {} MiB are enough, {told} less were not",
        memory / MIB
    );
    assert!(told > 0, "{name}: never short of memory");
}

#[tokio::test(flavor = "multi_thread")]
async fn want_of_memory_is_told_for_h264() {
    let encoder = [
        "-c:v", "libx264", "-preset", "medium", "-pix_fmt", "yuv420p",
    ];
    is_told("memory-h264.mp4", "1280x720", &encoder).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn want_of_memory_is_told_for_hevc() {
    let encoder = [
        "-c:v", "libx265", "-preset", "veryfast", "-pix_fmt", "yuv420p",
    ];
    is_told("memory-hevc.mp4", "1280x720", &encoder).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn want_of_memory_is_told_for_av1() {
    let encoder = ["-c:v", "libsvtav1", "-preset", "10", "-pix_fmt", "yuv420p"];
    is_told("memory-av1.mp4", "1280x720", &encoder).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn want_of_memory_is_told_for_vp9() {
    is_told("memory-vp9.mp4", "1280x720", VP9).await;
}
