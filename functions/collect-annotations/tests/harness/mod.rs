//! A bucket in memory and the labeling systems after their documentation, with a fault at any call.

use framemill_component_sdk::http::{HttpRequest, HttpResponse, Web, WebError};
use framemill_component_sdk::store::ObjectError;
use framemill_component_sdk::testing::{InMemory, Simulation, connection_cut};
use framemill_contract::{Event, EventKind, LabelConfig, ObjectRef, Outcome};
use futures::executor::block_on;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// The images of both frames.
pub const FRAME_0: &str = "gs://b/images/cam 1/x.mp4/000000.jpg";
pub const FRAME_1: &str = "gs://b/images/cam 1/x.mp4/000030.jpg";
/// Name of the webhook that asks for all.
pub const SYNC: &str = "sync";
const URL: &str = "http://labels.test";

pub struct Harness {
    pub objects: InMemory,
    config: LabelConfig,
    /// Label Studio's tasks, with seconds of their last change.
    tasks: RefCell<BTreeMap<u64, (i64, Value)>>,
    /// What was asked for.
    pub reads: RefCell<Vec<String>>,
    pub calls: Cell<usize>,
    /// The call that fails, and whether it takes effect.
    pub fault: Cell<Option<(usize, bool)>>,
    /// What every question is answered with.
    pub status: Cell<Option<u16>>,
}

fn time(seconds: i64) -> String {
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

fn manifest() -> Value {
    let frame = |index: u64| {
        json!({"index": index, "pts": index, "seconds": index, "name": format!("{index:06}.jpg"),
            "width": 640, "height": 480, "bytes": 1, "sha256": "00".repeat(32), "phash": "",
            "sharpness": 1.0})
    };
    json!({
        "schema": framemill_contract::MANIFEST_SCHEMA,
        "source": {"bucket": "b", "name": "videos/cam 1/x.mp4", "generation": 5, "size": 9},
        "image_folder": "cam 1/x.mp4",
        "frames": [frame(0), frame(30)],
    })
}

impl Harness {
    pub fn new(target: &str) -> Self {
        let lookup = |key: &str| {
            let value = match key {
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
            config: LabelConfig::from_lookup(lookup).unwrap(),
            tasks: RefCell::default(),
            reads: RefCell::default(),
            calls: Cell::new(0),
            fault: Cell::new(None),
            status: Cell::new(None),
        };
        let name = "manifests/cam 1/x.mp4.json";
        harness
            .objects
            .put(name, manifest().to_string().as_bytes(), 0);
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
        self.tasks.borrow_mut().insert(id, (at, task));
    }

    fn target(&self) -> String {
        self.config.target_id().unwrap()
    }

    fn name_of(&self, webhook: &str) -> String {
        self.config
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
        let name = self.name_of(name);
        let generation = self.objects.generation(&name);
        let object = ObjectRef {
            bucket: "b".to_owned(),
            name,
            generation: (generation > 0).then_some(generation),
        };
        let kind = EventKind::Finalized;
        let event = Event { kind, object };
        let outcome = block_on(collect_annotations::handle(
            self,
            self,
            &self.config,
            &event,
        ));
        Some(outcome.outcome)
    }

    fn folder(&self, frame: u64) -> String {
        let target = self.target();
        format!("records/annotations/{target}/cam 1/x.mp4/{frame:06}/")
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

    fn answer(&self, url: &str) -> Result<Value, u16> {
        let path = url.strip_prefix(URL).unwrap();
        if let Some(status) = self.status.get() {
            return Err(status);
        }
        match self.config.target.as_ref().unwrap().name() {
            "label-studio" => self.label_studio(path),
            "cvat" => cvat(path),
            _ => scale(path),
        }
    }

    fn label_studio(&self, path: &str) -> Result<Value, u16> {
        let tasks = self.tasks.borrow();
        if let Some(query) = path.strip_prefix("/api/tasks?project=4&page=1&") {
            let query = query.split("query=").nth(1).unwrap();
            let query = percent_encoding::percent_decode_str(query)
                .decode_utf8()
                .unwrap();
            let query: Value = serde_json::from_str(&query).unwrap();
            let filter = &query["filters"]["items"][0];
            assert!(filter.is_null() || filter["filter"] == "filter:tasks:updated_at");
            let since = filter["value"].as_str().unwrap_or_default().to_owned();
            let newer = tasks.iter().filter(|(_, (at, _))| time(*at) > since);
            let found: Vec<Value> = newer.map(|(id, _)| json!({ "id": id })).collect();
            return Ok(json!({"total": found.len(), "tasks": found}));
        }
        let id = path
            .strip_prefix("/api/tasks/")
            .unwrap()
            .trim_end_matches('/');
        let task = tasks.get(&id.parse().unwrap()).ok_or(404_u16)?;
        Ok(task.1.clone())
    }
}

fn cvat(path: &str) -> Result<Value, u16> {
    let frame = |index: u64| json!({"name": format!("images/cam 1/x.mp4/{index:06}.jpg"), "width": 640, "height": 480});
    Ok(match path.split('?').next().unwrap() {
        "/api/tasks" => json!({"results": [{"id": 3}, {"id": 77}], "next": null}),
        "/api/tasks/3/data/meta" => {
            json!({"frames": [frame(0), frame(30)], "deleted_frames": [], "start_frame": 0,
                "stop_frame": 1, "size": 2})
        }
        "/api/labels" => json!({"results": [{"id": 11, "name": "car"}]}),
        "/api/jobs" => json!({"results": [{"id": 5, "state": "in progress", "start_frame": 0,
            "stop_frame": 1, "type": "annotation", "stage": "annotation",
            "created_date": time(1), "updated_date": time(10)}]}),
        "/api/jobs/5/annotations" => json!({"tags": [], "tracks": [], "shapes": [{"id": 1,
            "type": "rectangle", "frame": 0, "label_id": 11, "points": [16.0, 20.0, 64.0, 80.0],
            "rotation": 0.0, "outside": false, "occluded": false}]}),
        _ => return Err(404),
    })
}

fn scale(path: &str) -> Result<Value, u16> {
    let task = json!({"task_id": "t1", "status": "completed", "created_at": time(1),
        "completed_at": time(10), "updated_at": time(10),
        "metadata": {"framemill_frame": "gs://b/videos/cam 1/x.mp4#5/0", "framemill_object": FRAME_0},
        "response": {"annotations": [{"type": "box", "label": "car", "left": 16, "top": 20,
            "width": 48, "height": 60}]}});
    Ok(match path.split('?').next().unwrap() {
        "/v1/task/t1" => task,
        "/v1/tasks" => json!({"docs": [task], "next_token": null}),
        _ => return Err(404),
    })
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
        if self.fault() != (false, false) {
            return Err(WebError::Unanswered("connection cut".to_owned()));
        }
        self.reads.borrow_mut().push(request.url.clone());
        let (status, body) = match self.answer(&request.url) {
            Ok(value) => (200, value),
            Err(status) => (status, json!({"detail": "no"})),
        };
        Ok(HttpResponse {
            status,
            body: body.to_string().into_bytes(),
            ..HttpResponse::default()
        })
    }

    fn now(&self) -> u64 {
        1_800_000_000
    }

    async fn sleep(&self, _: u64) {}
}
