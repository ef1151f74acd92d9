//! Google's Pub/Sub emulator.

use super::PROJECT;
use super::http::call;
use super::process::{Process, answers, free_port, program};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const INSTALL: &str = "apt-get install -y --no-install-recommends \
    google-cloud-cli-pubsub-emulator default-jre-headless";
/// Where Google's package puts it.
const FOLDER: &str = "/usr/lib/google-cloud-sdk/platform/pubsub-emulator/lib";

const MAIN: &str = "com.google.cloud.pubsub.testing.v1.Main";
/// Without it the emulator keeps streams whose client is gone; see the source beside it.
const INTERNAL_STATUS: &[u8] = include_bytes!("emulator/InternalStatus.class");

/// A Pub/Sub emulator of its own: gRPC and REST on one port, nothing in it yet.
pub struct PubSub {
    process: Process,
    port: u16,
}

/// A message as it was pulled.
#[derive(Debug, Clone)]
pub struct Received {
    /// For [`PubSub::ack`] and [`PubSub::nack`].
    pub ack_id: String,
    /// The message's id, the same at each delivery.
    pub message_id: String,
    /// The payload.
    pub data: Vec<u8>,
    /// The attributes.
    pub attributes: BTreeMap<String, String>,
    /// Which delivery this is, from 1; only on subscriptions with a dead-letter policy.
    pub delivery_attempt: Option<u64>,
}

impl PubSub {
    /// Starts one and waits until it answers.
    pub fn start() -> Self {
        let jar = program("FRAMEMILL_TEST_PUBSUB_EMULATOR", &usual(), INSTALL);
        let (process, port) = Process::start(
            "pubsub",
            |folder| {
                let port = free_port();
                let mut java = Command::new("java");
                java.args(["-Xmx256m", "-XX:+UseSerialGC", "-cp"])
                    .arg(format!("{}:{}", fixed(folder).display(), jar.display()))
                    .arg(MAIN)
                    .arg("--host=127.0.0.1")
                    .arg(format!("--port={port}"))
                    .arg(format!("--data-dir={}", folder.display()));
                (java, port)
            },
            |port| {
                answers(&format!(
                    "http://127.0.0.1:{port}/v1/projects/{PROJECT}/topics"
                ))
            },
        );
        Self { process, port }
    }

    /// For `PUBSUB_EMULATOR_HOST`.
    pub fn host_port(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its address with the scheme.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it has printed so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// `projects/…/topics/…`
    pub fn topic(name: &str) -> String {
        format!("projects/{PROJECT}/topics/{name}")
    }

    /// `projects/…/subscriptions/…`
    pub fn subscription(name: &str) -> String {
        format!("projects/{PROJECT}/subscriptions/{name}")
    }

    fn url(&self, resource: &str) -> String {
        format!("{}/v1/{resource}", self.endpoint())
    }

    /// Creates a topic.
    pub fn create_topic(&self, name: &str) {
        call("PUT", &self.url(&Self::topic(name)), Some(&json!({}))).ok();
    }

    /// Creates a subscription to a topic. `settings` are fields of the REST resource, such as
    /// `{"ackDeadlineSeconds": 10, "deadLetterPolicy": …}`; `{}` for none.
    pub fn create_subscription(&self, name: &str, topic: &str, mut settings: Value) {
        settings["topic"] = Self::topic(topic).into();
        let url = self.url(&Self::subscription(name));
        call("PUT", &url, Some(&settings)).ok();
    }

    /// A topic with one subscription of the same name.
    pub fn create_queue(&self, name: &str) {
        self.create_topic(name);
        self.create_subscription(name, name, json!({}));
    }

    /// Publishes one message and gives its id.
    pub fn publish(&self, topic: &str, data: &[u8], attributes: &[(&str, &str)]) -> String {
        let attributes: BTreeMap<_, _> = attributes.iter().copied().collect();
        let message = json!({ "data": BASE64.encode(data), "attributes": attributes });
        let url = self.url(&format!("{}:publish", Self::topic(topic)));
        let answer = call("POST", &url, Some(&json!({ "messages": [message] }))).json();
        answer["messageIds"][0].as_str().unwrap().to_owned()
    }

    /// What is there at once, at most `max` messages.
    pub fn pull(&self, subscription: &str, max: u32) -> Vec<Received> {
        let url = self.url(&format!("{}:pull", Self::subscription(subscription)));
        let body = json!({ "maxMessages": max, "returnImmediately": true });
        let answer = call("POST", &url, Some(&body)).json();
        let messages = answer["receivedMessages"].as_array();
        messages.into_iter().flatten().map(received).collect()
    }

    /// Waits until a message came and gives it unsettled; two minutes at most.
    pub fn take_unacked(&self, subscription: &str) -> Received {
        let mut taken = None;
        crate::wait_for(&format!("a message of {subscription}"), || {
            taken = self.pull(subscription, 1).pop();
            taken.is_some()
        });
        taken.unwrap()
    }

    /// Waits until `count` messages came, acks them and gives them; two minutes at most.
    pub fn take(&self, subscription: &str, count: usize) -> Vec<Received> {
        let mut taken = Vec::new();
        crate::wait_for(&format!("{count} messages of {subscription}"), || {
            let missing = u32::try_from(count - taken.len()).unwrap();
            let messages = self.pull(subscription, missing);
            self.ack(subscription, &messages);
            taken.extend(messages);
            taken.len() >= count
        });
        taken
    }

    /// Settles messages for good.
    pub fn ack(&self, subscription: &str, messages: &[Received]) {
        self.settle(subscription, "acknowledge", json!({}), messages);
    }

    /// Gives messages back for another delivery.
    pub fn nack(&self, subscription: &str, messages: &[Received]) {
        let body = json!({ "ackDeadlineSeconds": 0 });
        self.settle(subscription, "modifyAckDeadline", body, messages);
    }

    fn settle(&self, subscription: &str, how: &str, mut body: Value, messages: &[Received]) {
        if messages.is_empty() {
            return;
        }
        body["ackIds"] = messages.iter().map(|m| m.ack_id.as_str()).collect();
        let url = self.url(&format!("{}:{how}", Self::subscription(subscription)));
        call("POST", &url, Some(&body)).ok();
    }
}

/// A folder with classes that go before the emulator's own.
fn fixed(folder: &Path) -> PathBuf {
    let classes = folder.join("classes");
    let package = classes.join("io/grpc");
    std::fs::create_dir_all(&package).unwrap();
    std::fs::write(package.join("InternalStatus.class"), INTERNAL_STATUS).unwrap();
    classes
}

fn usual() -> Vec<PathBuf> {
    let files = std::fs::read_dir(FOLDER).into_iter().flatten().flatten();
    files
        .map(|file| file.path())
        .filter(|path| path.to_string_lossy().ends_with("-all.jar"))
        .collect()
}

fn received(received: &Value) -> Received {
    let message = &received["message"];
    let data = message["data"].as_str().unwrap_or_default();
    let attributes = message.get("attributes").cloned();
    Received {
        ack_id: received["ackId"].as_str().unwrap().to_owned(),
        message_id: message["messageId"].as_str().unwrap().to_owned(),
        data: BASE64.decode(data).unwrap(),
        attributes: attributes.map_or_else(BTreeMap::new, |a| serde_json::from_value(a).unwrap()),
        delivery_attempt: received["deliveryAttempt"].as_u64(),
    }
}
