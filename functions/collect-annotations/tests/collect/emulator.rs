//! The mirror against Google's Firestore emulator.

use crate::harness::firestore::KEYS;
use crate::harness::{FRAME_0, FRAME_1, FULL_SYNC, Harness, SYNC, annotation};
use crate::reports::report;
use framemill_component_sdk::http::{HttpRequest, HttpResponse, Method, Web, WebError};
use framemill_contract::Outcome;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use ureq::http::Request;

const VARIABLE: &str = "FRAMEMILL_TEST_FIRESTORE_EMULATOR";
/// Where Google's package puts it.
const USUAL: &str =
    "/usr/lib/google-cloud-sdk/platform/cloud-firestore-emulator/cloud-firestore-emulator.jar";
const INSTALL: &str = "apt-get install -y --no-install-recommends \
    google-cloud-cli-firestore-emulator default-jre-headless";
const MAIN: &str = "com.google.cloud.datastore.emulator.firestore.CloudFirestore";
const READY_WITHIN: Duration = Duration::from_secs(180);

/// An emulator of its own; it ends with its test.
struct Emulator {
    process: Child,
    origin: String,
    _folder: tempfile::TempDir,
}

impl Emulator {
    fn start() -> Self {
        let told = std::env::var_os(VARIABLE).map(PathBuf::from);
        let places = told.into_iter().chain([PathBuf::from(USUAL)]);
        let jar = places.into_iter().find(|place| place.is_file());
        let jar = jar.unwrap_or_else(|| {
            panic!("no Firestore emulator at {VARIABLE}: run `cargo xtask test`, or: {INSTALL}")
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let folder = tempfile::tempdir().unwrap();
        let process = Command::new("java")
            .args(["-Xmx256m", "-XX:+UseSerialGC", "-cp"])
            .arg(jar)
            .args([MAIN, "--host=127.0.0.1", &format!("--port={port}")])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("no java ({error}): {INSTALL}"));
        let mut emulator = Self {
            process,
            origin: format!("http://127.0.0.1:{port}"),
            _folder: folder,
        };
        let start = Instant::now();
        while !emulator.get("/").is_ok_and(|answer| answer.status == 200) {
            let ended = emulator.process.try_wait().unwrap();
            assert_eq!(ended, None, "the emulator ended before it was ready");
            assert!(start.elapsed() < READY_WITHIN, "the emulator is not ready");
            std::thread::sleep(Duration::from_millis(100));
        }
        emulator
    }

    fn get(&self, path: &str) -> Result<HttpResponse, WebError> {
        exchange(&HttpRequest::get(format!("{}{path}", self.origin)))
    }

    fn harness(&self, target: &str) -> Harness {
        Harness::with(target, &[KEYS[0], ("firestore_url", &self.origin)])
    }

    /// Fields of all documents, by frame.
    fn documents(&self) -> BTreeMap<String, Value> {
        let path = "/v1/projects/p/databases/(default)/documents/frames?pageSize=300";
        let (mut documents, mut page) = (BTreeMap::new(), String::new());
        loop {
            let answer = self.get(&format!("{path}&pageToken={page}")).unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text());
            let answer: Value = serde_json::from_slice(&answer.body).unwrap();
            for document in answer["documents"].as_array().into_iter().flatten() {
                let fields = document["fields"].clone();
                let frame = fields["frame"]["stringValue"].as_str().unwrap().to_owned();
                documents.insert(frame, fields);
            }
            match answer["nextPageToken"].as_str() {
                Some(token) if !token.is_empty() => page = token.to_owned(),
                _ => return documents,
            }
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn exchange(request: &HttpRequest<'_>) -> Result<HttpResponse, WebError> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(120)))
        .proxy(None)
        .build()
        .into();
    let method = match request.method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Delete => "DELETE",
    };
    let mut sent = Request::builder().method(method).uri(&request.url);
    for (name, value) in &request.headers {
        sent = sent.header(*name, value);
    }
    let failed = |error: ureq::Error| WebError::Unanswered(error.to_string());
    let mut answer = agent
        .run(sent.body(request.body.concat()).unwrap())
        .map_err(failed)?;
    Ok(HttpResponse {
        status: answer.status().as_u16(),
        body: answer.body_mut().read_to_vec().map_err(failed)?,
        ..HttpResponse::default()
    })
}

/// The labeling systems of a harness, and the emulator.
struct Through<'h>(&'h Harness);

impl Web for Through<'_> {
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, WebError> {
        match request.url.starts_with("http://127.0.0.1") {
            true => exchange(&request),
            false => self.0.send(request).await,
        }
    }

    fn now(&self) -> u64 {
        self.0.now()
    }

    async fn sleep(&self, _: u64) {}
}

fn deliver(harness: &Harness, name: &str) {
    let outcome = harness.deliver_with(&Through(harness), name).unwrap();
    assert!(matches!(outcome, Outcome::Collected { .. }), "{outcome:?}");
}

#[test]
fn a_life_of_two_frames_is_mirrored() {
    let emulator = Emulator::start();
    let harness = emulator.harness("label-studio");
    harness.set_task(7, FRAME_0, 10, json!([annotation(1, 10, 25.0)]));
    harness.set_task(8, FRAME_1, 11, json!([annotation(2, 11, 50.0)]));
    harness.request_sync();
    deliver(&harness, SYNC);
    let documents = emulator.documents();
    assert_eq!(documents.len(), 2);
    let fields = &documents["gs://b/videos/cam 1/x.mp4#5/30"];
    assert_eq!(
        fields["video"]["stringValue"],
        "gs://b/videos/cam 1/x.mp4#5"
    );
    assert_eq!(fields["index"]["integerValue"], "30");
    assert_eq!(
        fields["labels"]["arrayValue"]["values"][0]["stringValue"],
        "car"
    );
    let shape = &fields["shapes"]["arrayValue"]["values"][0]["mapValue"]["fields"];
    // The emulator writes whole numbers without a point.
    assert_eq!(shape["x"]["doubleValue"].as_f64(), Some(320.0));

    harness.systems.tasks.borrow_mut().remove(&8);
    harness.set_task(7, FRAME_0, 20, json!([annotation(1, 20, 30.0)]));
    harness.put_webhook(FULL_SYNC, b"{}");
    deliver(&harness, FULL_SYNC);
    let documents = emulator.documents();
    let states = documents
        .values()
        .map(|it| it["state"]["stringValue"].clone());
    assert_eq!(states.collect::<Vec<_>>(), ["labeled", "deleted"]);

    // A bucket that knows an older revision alone: the newer document stays.
    let older = emulator.harness("label-studio");
    older.set_task(7, FRAME_0, 15, json!([annotation(1, 15, 1.0)]));
    older.request_sync();
    deliver(&older, SYNC);
    assert_eq!(emulator.documents(), documents);
}

#[test]
fn more_frames_than_a_commit_takes_are_mirrored_while_others_write_them() {
    let emulator = Emulator::start();
    std::thread::scope(|scope| {
        for second in [10, 30, 20] {
            let emulator = &emulator;
            scope.spawn(move || {
                let harness = emulator.harness("webhook");
                harness.put_manifest("many.mp4", 700);
                let frame = |index: u64| {
                    let mut frame = report(index, second, Some(1.0))["answers"][0].take();
                    frame["frame"] = json!(format!("gs://b/videos/many.mp4#5/{index}"));
                    frame["image"] = json!(format!("images/many.mp4/{index:06}.jpg"));
                    frame
                };
                let answers: Vec<Value> = (0..700).map(frame).collect();
                let body = json!({"schema": "framemill.answer/1", "answers": answers});
                harness.put_webhook("a", body.to_string().as_bytes());
                // Whoever loses against the others each time is told to come back.
                let give_up = Instant::now() + READY_WITHIN;
                loop {
                    let outcome = harness.deliver_with(&Through(&harness), "a").unwrap();
                    match outcome {
                        Outcome::Retry { .. } if Instant::now() < give_up => {}
                        Outcome::Collected { .. } => break,
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
    });
    let documents = emulator.documents();
    assert_eq!(documents.len(), 700);
    for (frame, fields) in documents {
        let time = &fields["updated_at"]["stringValue"];
        assert_eq!(*time, "2026-11-01T10:00:30Z", "{frame}");
    }
}
