//! A Firestore after its documentation, and nothing that it does not say.

use framemill_component_sdk::http::{HttpRequest, Method};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

/// The keys with which it is a mirror.
pub const KEYS: [(&str, &str); 2] = [
    ("firestore", "projects/p/databases/(default)"),
    ("firestore_url", "http://firestore.test"),
];
const CALLS: &str = "http://firestore.test/v1/projects/p/databases/(default)/documents:";
const DOCUMENTS: &str = "projects/p/databases/(default)/documents/frames/";

/// A document: its fields, and when it was last written.
type Document = (Value, u64);

#[derive(Default)]
pub struct Firestore {
    documents: RefCell<BTreeMap<String, Document>>,
    clock: Cell<u64>,
    /// How many documents each commit had.
    pub commits: RefCell<Vec<usize>>,
    /// What every call is answered with.
    pub status: Cell<Option<u16>>,
    /// What another writes between a question and the commit after it: the revision of all that is
    /// committed.
    pub overtaken_by: RefCell<Option<String>>,
}

impl Firestore {
    /// Fields of the documents, by their `frame`.
    pub fn by_frame(&self) -> BTreeMap<String, Value> {
        let documents = self.documents.borrow();
        let of = |(fields, _): &Document| {
            let frame = fields["frame"]["stringValue"].as_str()?.to_owned();
            Some((frame, fields.clone()))
        };
        documents.values().filter_map(of).collect()
    }

    pub fn answer(&self, request: &HttpRequest<'_>) -> (u16, Value) {
        if let Some(status) = self.status.get() {
            return (status, failure("UNAVAILABLE"));
        }
        let is_json =
            |(name, value): &(&str, String)| *name == "content-type" && value == "application/json";
        assert!(request.method == Method::Post && request.headers.iter().any(is_json));
        let body: Value = serde_json::from_slice(&request.body.concat()).unwrap();
        match request.url.strip_prefix(CALLS) {
            Some("batchGet") => (200, self.batch_get(&body)),
            Some("commit") => match self.commit(&body) {
                Ok(answer) => (200, answer),
                Err((status, name)) => (status, failure(name)),
            },
            _ => panic!("{}", request.url),
        }
    }

    fn batch_get(&self, body: &Value) -> Value {
        assert_eq!(body["mask"], json!({"fieldPaths": ["revision"]}));
        let documents = self.documents.borrow();
        let names = body["documents"].as_array().unwrap();
        let line = |name: &Value| {
            let name = name.as_str().unwrap();
            assert!(name.starts_with(DOCUMENTS), "{name}");
            match documents.get(name) {
                Some((fields, time)) => json!({"readTime": "now", "found": {"name": name,
                    "createTime": "then", "updateTime": time.to_string(),
                    "fields": {"revision": fields["revision"]}}}),
                None => json!({"readTime": "now", "missing": name}),
            }
        };
        names.iter().map(line).collect()
    }

    /// All writes or none.
    fn commit(&self, body: &Value) -> Result<Value, (u16, &'static str)> {
        let writes = body["writes"].as_array().unwrap();
        assert!((1..=500).contains(&writes.len()));
        if let Some(revision) = self.overtaken_by.take() {
            for write in writes {
                let mut fields = write["update"]["fields"].clone();
                fields["revision"] = json!({"stringValue": revision});
                self.put(write["update"]["name"].as_str().unwrap(), fields);
            }
        }
        let mut names = BTreeSet::new();
        for write in writes {
            let name = write["update"]["name"].as_str().unwrap();
            assert!(names.insert(name), "twice in a commit: {name}");
            let there = self.documents.borrow().get(name).map(|(_, time)| *time);
            let wanted = &write["currentDocument"];
            match (wanted.get("exists"), wanted["updateTime"].as_str(), there) {
                (Some(Value::Bool(false)), None, None) => {}
                (Some(Value::Bool(false)), None, Some(_)) => return Err((409, "ALREADY_EXISTS")),
                (None, Some(time), Some(there)) if time == there.to_string() => {}
                (None, Some(_), Some(_)) => return Err((400, "FAILED_PRECONDITION")),
                (None, Some(_), None) => return Err((404, "NOT_FOUND")),
                _ => panic!("no precondition: {write}"),
            }
        }
        for write in writes {
            let update = &write["update"];
            self.put(update["name"].as_str().unwrap(), update["fields"].clone());
        }
        self.commits.borrow_mut().push(writes.len());
        Ok(json!({"commitTime": "now", "writeResults": []}))
    }

    fn put(&self, name: &str, fields: Value) {
        let time = self.clock.get() + 1;
        self.clock.set(time);
        let mut documents = self.documents.borrow_mut();
        documents.insert(name.to_owned(), (fields, time));
    }
}

fn failure(status: &str) -> Value {
    json!({"error": {"code": 1, "message": "no", "status": status}})
}
