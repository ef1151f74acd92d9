//! Google's Firestore emulator.

use super::PROJECT;
use super::http::call;
use super::process::{Process, answers, free_port, program};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

const INSTALL: &str = "apt-get install -y --no-install-recommends \
    google-cloud-cli-firestore-emulator default-jre-headless";
/// Where Google's package puts it.
const USUAL: &str =
    "/usr/lib/google-cloud-sdk/platform/cloud-firestore-emulator/cloud-firestore-emulator.jar";
const MAIN: &str = "com.google.cloud.datastore.emulator.firestore.CloudFirestore";

/// A Firestore emulator of its own, with nothing in it yet.
pub struct Firestore {
    /// Ends it.
    _process: Process,
    port: u16,
}

impl Firestore {
    /// Starts one and waits until it answers.
    pub fn start() -> Self {
        let usual = [PathBuf::from(USUAL)];
        let jar = program("FRAMEMILL_TEST_FIRESTORE_EMULATOR", &usual, INSTALL);
        let (process, port) = Process::start(
            "firestore",
            |folder| {
                let port = free_port();
                let mut java = Command::new("java");
                java.args(["-Xmx256m", "-XX:+UseSerialGC"])
                    .arg(format!("-Djava.io.tmpdir={}", folder.display()))
                    .arg("-cp")
                    .arg(&jar)
                    .args([MAIN, "--host=127.0.0.1", &format!("--port={port}")]);
                (java, port)
            },
            |port| answers(&format!("http://127.0.0.1:{port}/")),
        );
        Self {
            _process: process,
            port,
        }
    }

    /// Its address with the scheme.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The database that it has.
    pub fn database() -> String {
        format!("projects/{PROJECT}/databases/(default)")
    }

    /// Fields of the first documents of a collection, as Firestore types them.
    pub fn documents(&self, collection: &str) -> Vec<Value> {
        let (endpoint, database) = (self.endpoint(), Self::database());
        let url = format!("{endpoint}/v1/{database}/documents/{collection}?pageSize=100");
        let mut answer = call("GET", &url, None).json();
        let documents = answer["documents"].as_array_mut();
        documents
            .into_iter()
            .flatten()
            .map(|document| document["fields"].take())
            .collect()
    }
}
