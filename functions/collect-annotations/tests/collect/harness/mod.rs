//! A bucket in memory and the labeling systems after their documentation, with a fault at any call.

pub mod firestore;
mod systems;

use firestore::Firestore;
use framemill_component_sdk::http::{HttpRequest, HttpResponse, Web, WebError};
use framemill_component_sdk::store::ObjectError;
use framemill_component_sdk::testing::{InMemory, Simulation, connection_cut};
use framemill_contract::{CollectConfig, Event, EventKind, ObjectRef, Outcome};
use futures::executor::block_on;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use systems::Systems;

/// The images of both frames.
pub const FRAME_0: &str = "gs://b/images/cam 1/x.mp4/000000.jpg";
pub const FRAME_1: &str = "gs://b/images/cam 1/x.mp4/000030.jpg";
/// Name of the webhook that asks for all.
pub const SYNC: &str = "sync";
/// Name of the webhook that asks for what was deleted too.
pub const FULL_SYNC: &str = "full-sync";
const URL: &str = "http://labels.test";
/// What webhooks prove themselves with.
pub const SECRET: &str = "hush";

/// What is known of a frame: its state, and left edge and width of its first shape.
pub fn known(harness: &Harness, frame: u64) -> Option<(String, Option<(f64, f64)>)> {
    let current = harness.current(frame)?;
    let shape = &current["shapes"][0];
    let edges = Some((shape["x"].as_f64(), shape["width"].as_f64()));
    let edges = edges.and_then(|(x, width)| Some((x?, width?)));
    Some((current["state"].as_str().unwrap().to_owned(), edges))
}

/// A state without shapes, as [`known`] gives it.
pub fn state(name: &str) -> Option<(String, Option<(f64, f64)>)> {
    Some((name.to_owned(), None))
}

pub struct Harness {
    pub objects: InMemory,
    pub config: CollectConfig,
    /// Where current annotations are mirrored to.
    pub firestore: Firestore,
    /// Who is asked.
    pub systems: Systems,
    /// What was asked for.
    pub reads: RefCell<Vec<String>>,
    pub calls: Cell<usize>,
    /// The call that fails, and whether it takes effect.
    pub fault: Cell<Option<(usize, bool)>>,
}

pub fn time(seconds: i64) -> String {
    let start: jiff::Timestamp = "2026-11-01T10:00:00Z".parse().unwrap();
    (start + jiff::SignedDuration::from_secs(seconds)).to_string()
}

/// An annotation with a box, its left edge in percent.
pub fn annotation(id: u64, at: i64, x: f64) -> Value {
    json!({
        "id": id, "completed_by": 1, "was_cancelled": false, "ground_truth": false,
        "created_at": time(at), "updated_at": time(at),
        "result": [{"id": "r", "type": "rectanglelabels", "original_width": 640,
            "original_height": 480, "image_rotation": 0, "value": {"x": x, "y": 10.0,
            "width": 10.0, "height": 10.0, "rotation": 0, "rectanglelabels": ["car"]}}],
    })
}

/// An annotator passes a frame on.
pub fn skipped(id: u64, at: i64) -> Value {
    json!({"id": id, "completed_by": 2, "was_cancelled": true, "ground_truth": false,
        "created_at": time(at), "updated_at": time(at), "result": []})
}

fn manifest(video: &str, frames: &[u64]) -> Value {
    let frame = |index: &u64| {
        json!({"index": index, "pts": index, "seconds": index, "name": format!("{index:06}.jpg"),
            "width": 640, "height": 480, "bytes": 1, "sha256": "00".repeat(32), "phash": "",
            "sharpness": 1.0})
    };
    json!({
        "schema": framemill_contract::MANIFEST_SCHEMA,
        "source": {"bucket": "b", "name": format!("videos/{video}"), "generation": 5, "size": 9},
        "image_folder": video,
        "frames": frames.iter().map(frame).collect::<Vec<_>>(),
    })
}

impl Harness {
    pub fn new(target: &str) -> Self {
        Self::with(target, &[])
    }

    /// With a mirror.
    pub fn mirrored(target: &str) -> Self {
        Self::with(target, &firestore::KEYS)
    }

    /// With these keys too.
    pub fn with(target: &str, keys: &[(&str, &str)]) -> Self {
        let lookup = |key: &str| {
            if let Some((_, value)) = keys.iter().find(|(name, _)| *name == key) {
                return Some((*value).to_owned());
            }
            let value = match key {
                "bucket" => "b",
                "webhook_secret" => SECRET,
                "target" => target,
                "target_url" => URL,
                "project" => "4",
                "labels" => "car",
                "cloud_storage" => "1",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let harness = Self {
            objects: InMemory::default(),
            config: CollectConfig::from_lookup(lookup).unwrap(),
            firestore: Firestore::default(),
            systems: Systems::new(target),
            reads: RefCell::default(),
            calls: Cell::new(0),
            fault: Cell::new(None),
        };
        let manifest = manifest("cam 1/x.mp4", &[0, 30]).to_string();
        let name = "manifests/cam 1/x.mp4.json";
        harness.objects.put(name, manifest.as_bytes(), 0);
        // Another video whose name begins alike.
        harness
            .objects
            .put("manifests/cam 1/x.mp4.bak.json", b"{}", 0);
        harness
    }

    pub fn set_task(&self, id: u64, image: &str, at: i64, annotations: Value) {
        let index = if image.ends_with("000030.jpg") { 30 } else { 0 };
        let task = json!({"id": id, "updated_at": time(at), "annotations": annotations, "data": {
            "framemill_frame": format!("gs://b/videos/cam 1/x.mp4#5/{index}"),
            "framemill_video": "gs://b/videos/cam 1/x.mp4#5", "framemill_object": image}});
        self.systems.tasks.borrow_mut().insert(id, (at, task));
    }

    /// The manifest of another video with so many frames.
    pub fn put_manifest(&self, video: &str, frames: u64) {
        let frames: Vec<u64> = (0..frames).collect();
        let manifest = manifest(video, &frames).to_string();
        let name = format!("manifests/{video}.json");
        self.objects.put(&name, manifest.as_bytes(), 0);
    }

    fn target(&self) -> String {
        self.config.labeling.target_id().unwrap()
    }

    fn name_of(&self, webhook: &str) -> String {
        self.config
            .labeling
            .layout
            .webhook_names(&self.target())
            .name(&webhook)
    }

    pub fn put_webhook(&self, name: &str, body: &[u8]) {
        self.objects.put(&self.name_of(name), body, 0);
    }

    /// A webhook that speaks of task 7, or of 8 where it says that that changed.
    pub fn hint(&self, name: &str) {
        let id = if name == "created" { 7 } else { 8 };
        let body = json!({"action": "ANNOTATION_UPDATED", "task": {"id": id}});
        self.put_webhook(name, body.to_string().as_bytes());
    }

    pub fn request_sync(&self) {
        self.put_webhook(SYNC, b"{}");
    }

    pub fn full_sync(&self) -> Outcome {
        self.put_webhook(FULL_SYNC, b"{}");
        self.deliver(FULL_SYNC).unwrap()
    }

    pub fn sync(&self) {
        self.request_sync();
        let outcome = self.deliver(SYNC).unwrap();
        assert!(matches!(outcome, Outcome::Collected { .. }), "{outcome:?}");
    }

    pub fn webhook(&self, name: &str, body: &Value) -> Outcome {
        self.put_webhook(name, body.to_string().as_bytes());
        self.deliver(name).unwrap()
    }

    /// Delivers the event of a webhook; `None` where there is none.
    pub fn deliver(&self, name: &str) -> Option<Outcome> {
        self.deliver_with(self, name)
    }

    /// The same with another way to other hosts.
    pub fn deliver_with(&self, web: &impl Web, name: &str) -> Option<Outcome> {
        let name = self.name_of(name);
        let generation = self.objects.generation(&name);
        let object = ObjectRef {
            bucket: "b".to_owned(),
            name,
            generation: (generation > 0).then_some(generation),
        };
        let kind = EventKind::Finalized;
        let event = Event { kind, object };
        let outcome = block_on(collect_annotations::handle(self, web, &self.config, &event));
        Some(outcome.outcome)
    }

    fn folder(&self, frame: u64) -> String {
        self.folder_of("cam 1/x.mp4", frame)
    }

    /// Where the revisions of a frame are.
    pub fn folder_of(&self, video: &str, frame: u64) -> String {
        let target = self.target();
        format!("records/annotations/{target}/{video}/{frame:06}/")
    }

    /// What is current of a frame.
    pub fn current(&self, frame: u64) -> Option<Value> {
        let bytes = self
            .objects
            .bytes(&format!("{}current.json", self.folder(frame)));
        Some(serde_json::from_slice(&bytes.ok()?).unwrap())
    }

    /// How many revisions of a frame there are.
    pub fn revisions(&self, frame: u64) -> usize {
        let folder = self.folder(frame);
        let names = self.objects.names().into_iter();
        names.filter(|name| name.starts_with(&folder)).count() - 1
    }

    /// The number of a call, and whether it is the one that fails: before or after it takes effect.
    fn fault(&self) -> (bool, bool) {
        let number = self.calls.replace(self.calls.get() + 1);
        match self.fault.get() {
            Some((at, late)) if at == number => (!late, late),
            _ => (false, false),
        }
    }
}

impl Simulation for Harness {
    fn memory(&self) -> &InMemory {
        &self.objects
    }

    async fn perform<T: std::hash::Hash>(
        &self,
        _: &str,
        call: impl FnOnce() -> Result<T, ObjectError>,
    ) -> Result<T, ObjectError> {
        match self.fault() {
            (true, _) => connection_cut(),
            (_, true) => call().and_then(|_| connection_cut()),
            _ => call(),
        }
    }
}

impl Web for Harness {
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, WebError> {
        let (early, late) = self.fault();
        let cut = || WebError::Unanswered("connection cut".to_owned());
        if early {
            return Err(cut());
        }
        self.reads.borrow_mut().push(request.url.clone());
        let answered = match request.url.strip_prefix(URL) {
            Some(path) => self.systems.answer(path).map(|body| (200, body)),
            None => Ok(self.firestore.answer(&request)),
        };
        let (status, body) = match answered {
            Ok(value) => value,
            Err(status) => (status, json!({"detail": "no"})),
        };
        match late {
            true => Err(cut()),
            false => Ok(HttpResponse {
                status,
                body: body.to_string().into_bytes(),
                ..HttpResponse::default()
            }),
        }
    }

    fn now(&self) -> u64 {
        1_800_000_000
    }

    async fn sleep(&self, _: u64) {}
}
