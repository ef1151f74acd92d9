//! The servers around the components: the store, a labeling system, the signer of push messages.

use super::case::{Case, Step};
use super::issuer::{AUDIENCE, EMAIL, Issuer};
use crate::fake_gcs::FakeGcs;
use crate::receiver::Receiver;
use crate::servers::free_port;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use ureq::http::Request;

/// The bucket of all cases.
pub const BUCKET: &str = "footage";

/// What cases give the application where they say nothing else: a local try against emulators.
pub const USUAL: &[(&str, &str)] = &[
    ("bucket", BUCKET),
    ("objects_url", "{{objects}}"),
    ("push_keys_origin", "{{keys}}"),
    ("insecure_push", "true"),
    ("credentials", "none"),
    ("labeling_target_origin", "{{receiver}}"),
];

/// The servers.
pub struct Harness {
    /// The store.
    pub gcs: FakeGcs,
    /// A labeling system of our own.
    pub receiver: Receiver,
    issuer: Issuer,
    /// A port on which nobody listens.
    nobody: u16,
}

impl Harness {
    /// Starts them.
    pub fn start() -> Self {
        Self {
            gcs: FakeGcs::start(BUCKET),
            receiver: Receiver::start(),
            issuer: Issuer::start(),
            nobody: free_port(),
        }
    }

    /// Makes them as new.
    pub fn reset(&self) {
        self.gcs.reset(BUCKET);
        self.receiver.reset();
    }

    /// Names for what differs from run to run, with what they stand for.
    fn names(&self) -> [(&'static str, String); 6] {
        [
            ("{{objects}}", self.gcs.endpoint()),
            ("{{receiver}}", self.receiver.origin()),
            ("{{keys}}", self.issuer.origin()),
            ("{{nobody}}", format!("http://127.0.0.1:{}", self.nobody)),
            ("{{audience}}", AUDIENCE.to_owned()),
            ("{{email}}", EMAIL.to_owned()),
        ]
    }

    /// Text with values in place of names.
    pub fn expand(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in self.names() {
            text = text.replace(name, &value);
        }
        while let Some((before, rest)) = text.split_once("{{token:") {
            let (kind, after) = rest.split_once("}}").unwrap();
            text = format!("{before}{}{after}", self.issuer.token(kind));
        }
        while let Some((before, rest)) = text.split_once("{{generation:") {
            let (name, after) = rest.split_once("}}").unwrap();
            text = format!("{before}{}{after}", self.generation(name));
        }
        assert!(
            !text.contains("{{"),
            "a name that stands for nothing: {text}"
        );
        text
    }

    /// Text with names in place of the servers' addresses.
    pub fn generic(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in self.names().into_iter().take(4) {
            text = text.replace(&value, name);
        }
        // The folder of a webhook has a hash of its address, port included.
        let mut parts = text.split("webhook-");
        let mut generic = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let hash = part
                .get(..8)
                .filter(|hash| hash.bytes().all(|b| b.is_ascii_hexdigit()));
            generic.push_str("webhook-");
            generic.push_str(if hash.is_some() { "address" } else { "" });
            generic.push_str(&part[hash.map_or(0, str::len)..]);
        }
        generic
    }

    /// The application's variables in a case.
    pub fn variables(&self, case: &Case) -> BTreeMap<String, String> {
        let usual = USUAL.iter().map(|(name, value)| (*name, *value));
        // The probe's manifest declares what it needs, no more.
        let usual = usual.filter(|(name, _)| case.component != "probe" || *name == "objects_url");
        let given = case.variables.iter();
        let given = given.map(|(name, value)| (name.as_str(), value.as_str()));
        usual
            .chain(given)
            .map(|(name, value)| (name.to_owned(), self.expand(value)))
            .collect()
    }

    /// A case's request; the host puts its own address before the path.
    pub fn request(&self, case: &Case, step: &Step) -> Request<Vec<u8>> {
        let body = match (&step.event, &step.body, &step.body_file) {
            (Some(object), None, None) => {
                let bucket = step.bucket.as_deref().unwrap_or(BUCKET);
                self.push_message(bucket, object).into_bytes()
            }
            (None, Some(text), None) => self.expand(text).into_bytes(),
            (None, None, Some(file)) => {
                let text = fs::read_to_string(case.folder.join(file)).unwrap();
                self.expand(&text).into_bytes()
            }
            (None, None, None) => Vec::new(),
            _ => panic!("{}: a request has one of event, body, body_file", case.name),
        };
        let path = step.path.clone().unwrap_or_else(|| case.route());
        let method = step.method.as_deref().unwrap_or("POST");
        let mut request = Request::builder().method(method).uri(path);
        if step.event.is_some() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in &step.headers {
            request = request.header(name, self.expand(value));
        }
        request.body(body).unwrap()
    }

    fn generation(&self, object: &str) -> i64 {
        let object = self.gcs.get(BUCKET, object);
        object.map_or(1, |object| object.generation)
    }

    /// What Pub/Sub pushes when an object was written.
    fn push_message(&self, bucket: &str, object: &str) -> String {
        let generation = self.generation(object).to_string();
        let resource = json!({
            "kind": "storage#object",
            "name": object,
            "bucket": bucket,
            "generation": generation,
        });
        json!({
            "subscription": "projects/test-project/subscriptions/uploads",
            "message": {
                "messageId": "1",
                "publishTime": "2026-11-22T12:00:00.000Z",
                "data": BASE64.encode(resource.to_string()),
                "attributes": {
                    "eventType": "OBJECT_FINALIZE",
                    "bucketId": bucket,
                    "objectId": object,
                    "objectGeneration": generation,
                    "eventTime": "2026-11-22T12:00:00.000000Z",
                    "payloadFormat": "JSON_API_V1",
                },
            },
        })
        .to_string()
    }
}
