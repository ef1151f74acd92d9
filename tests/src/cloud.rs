//! A small cloud for end-to-end tests: a bucket that tells a topic of uploads, a subscription,
//! and processes of framemill that share it.

use crate::servers::{Gcs, PubSub};
use crate::{framemill, signal, wait_for};
use framemill_contract::Manifest;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// Name of the bucket.
pub const BUCKET: &str = "footage";
/// Name of the topic and of its subscription.
pub const UPLOADS: &str = "uploads";

/// fake-gcs-server with a bucket, its events in a topic of Google's Pub/Sub emulator, and a
/// subscription that the processes share.
pub struct Cloud {
    /// The emulator.
    pub pubsub: PubSub,
    /// The object server.
    pub gcs: Gcs,
    folder: tempfile::TempDir,
}

/// A process of framemill; killed when it is dropped.
pub struct Worker {
    /// The process.
    pub child: Child,
    log: PathBuf,
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Worker {
    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Ends it in order.
    pub fn stop(mut self) {
        signal(&self.child, "TERM");
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}\n{}", self.log());
    }
}

impl Cloud {
    /// Starts both servers.
    pub fn start() -> Self {
        let pubsub = PubSub::start();
        pubsub.create_topic(UPLOADS);
        let settings = json!({ "ackDeadlineSeconds": 20 });
        pubsub.create_subscription(UPLOADS, UPLOADS, settings);
        let gcs = Gcs::with_events(&pubsub, UPLOADS);
        gcs.create_bucket(BUCKET);
        Self {
            pubsub,
            gcs,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A place for files of the test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Points a command of framemill at this cloud.
    pub fn at<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .env("PUBSUB_EMULATOR_HOST", self.pubsub.host_port())
            .env("STORAGE_EMULATOR_HOST", self.gcs.endpoint())
            .env("FRAMEMILL_STORE", format!("gs://{BUCKET}"))
            .env("FRAMEMILL_SOURCE", PubSub::subscription(UPLOADS))
            .current_dir(self.folder.path())
    }

    /// Starts `framemill up` with these flags.
    pub fn worker(&self, name: &str, flags: &[&str]) -> Worker {
        let log = self.folder.path().join(format!("{name}.log"));
        let file = File::create(&log).unwrap();
        let mut up = framemill();
        up.arg("up").args(flags).stdout(Stdio::null()).stderr(file);
        let child = self.at(&mut up).spawn().unwrap();
        Worker { child, log }
    }

    /// Runs another command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = framemill();
        crate::run(self.at(command.args(arguments)))
    }

    /// Uploads a video.
    pub fn upload(&self, video: &Path, name: &str) {
        let bytes = fs::read(video).unwrap();
        self.gcs
            .upload(BUCKET, &format!("videos/{name}"), "video/mp4", &bytes);
    }

    /// The manifest of a video, once it is there.
    pub fn manifest(&self, name: &str) -> Manifest {
        let object = format!("manifests/{name}.json");
        let mut bytes = Vec::new();
        wait_for(&object, || match self.gcs.get(BUCKET, &object) {
            Ok(there) => {
                bytes = there;
                true
            }
            Err(_) => false,
        });
        serde_json::from_slice(&bytes).unwrap()
    }

    /// Names and generations of all images, manifests and records.
    pub fn written(&self) -> BTreeMap<String, u64> {
        let objects = self.gcs.list(BUCKET, "").into_iter();
        objects
            .filter(|object| !object.name.starts_with("videos/"))
            .map(|object| (object.name, object.generation))
            .collect()
    }
}
