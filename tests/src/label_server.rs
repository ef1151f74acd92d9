//! A labeling server after Label Studio's API, with people who answer at once: they are the test.

use crate::listener::Listener;
use crate::servers::try_send;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};
use ureq::http::Request;

/// Tasks by number.
type Tasks = BTreeMap<u64, Value>;
/// Answers of a server, or its status.
type Answer = Result<Json<Value>, StatusCode>;

struct Shared {
    token: String,
    tasks: Mutex<Tasks>,
    /// Where it sends webhooks, by number.
    webhooks: Mutex<BTreeMap<u64, Value>>,
    /// Time goes on by a second with each change: the order of changes is certain.
    clock: Mutex<u64>,
}

impl Shared {
    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap()
    }

    fn now(&self) -> String {
        let mut clock = self.clock.lock().unwrap();
        *clock += 1;
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
        humantime::format_rfc3339_micros(start + Duration::from_secs(*clock)).to_string()
    }

    fn check(&self, headers: &HeaderMap) -> Result<(), StatusCode> {
        let given = headers.get("authorization").and_then(|it| it.to_str().ok());
        match given == Some(&format!("Token {}", self.token)) {
            true => Ok(()),
            false => Err(StatusCode::UNAUTHORIZED),
        }
    }
}

/// Listens on 127.0.0.1 as long as it lives.
pub struct LabelServer {
    listener: Listener,
    shared: Arc<Shared>,
}

impl LabelServer {
    /// Starts one that wants this token, with project 1 and no tasks.
    pub fn start(token: &str) -> Self {
        let shared = Arc::new(Shared {
            token: token.to_owned(),
            tasks: Mutex::default(),
            webhooks: Mutex::default(),
            clock: Mutex::default(),
        });
        let router = Router::new()
            .route("/api/projects/1", get(project))
            .route("/api/projects/1/import", post(import))
            .route("/api/tasks", get(list))
            .route("/api/tasks/{id}/", get(task))
            .route("/api/webhooks/", get(webhooks).post(register))
            .route("/api/webhooks/{id}/", patch(change_webhook))
            .with_state(Arc::clone(&shared));
        Self {
            listener: Listener::start(router),
            shared,
        }
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> String {
        self.listener.origin()
    }

    /// The tasks' numbers by the frame that they are about.
    pub fn tasks(&self) -> BTreeMap<String, u64> {
        let tasks = self.shared.tasks();
        let frame = |task: &Value| task["data"]["framemill_frame"].as_str().unwrap().to_owned();
        tasks.iter().map(|(id, task)| (frame(task), *id)).collect()
    }

    /// The images of the tasks, `gs://bucket/name`, by the tasks' numbers.
    pub fn images(&self) -> BTreeMap<u64, String> {
        let tasks = self.shared.tasks();
        let image = |task: &Value| task["data"]["image"].as_str().unwrap().to_owned();
        tasks.iter().map(|(id, task)| (*id, image(task))).collect()
    }

    /// The webhooks that are registered.
    pub fn webhooks(&self) -> Vec<Value> {
        let webhooks = self.shared.webhooks.lock().unwrap();
        webhooks.values().cloned().collect()
    }

    /// Someone marks a box of this label, in percent, in place of all that was marked.
    pub fn mark(&self, task: u64, label: &str, edges: [f64; 4]) {
        self.mark_all(task, (320, 180), &[(label, edges)]);
    }

    /// Someone marks these boxes in an image of this size; none says that there is nothing.
    pub fn mark_all(&self, task: u64, image: (u32, u32), boxes: &[(&str, [f64; 4])]) {
        let now = self.shared.now();
        let region = |(number, (label, [x, y, width, height])): (usize, &(&str, [f64; 4]))| {
            json!({"id": format!("r{number}"), "type": "rectanglelabels", "from_name": "label",
                "to_name": "image", "original_width": image.0,
                "original_height": image.1, "image_rotation": 0, "value": {"x": x, "y": y, "width": width, "height": height,
                "rotation": 0, "rectanglelabels": [label]}})
        };
        let regions: Vec<Value> = boxes.iter().enumerate().map(region).collect();
        let annotation = json!({"id": task * 10, "completed_by": 1, "was_cancelled": false,
            "ground_truth": false, "created_at": now, "updated_at": now, "result": regions});
        self.change(task, json!([annotation]), now);
    }

    /// Someone passes the task on.
    pub fn skip(&self, task: u64) {
        let now = self.shared.now();
        let annotation = json!({"id": task * 10 + 1, "completed_by": 2, "was_cancelled": true,
            "ground_truth": false, "created_at": now, "updated_at": now, "result": []});
        self.change(task, json!([annotation]), now);
    }

    /// Someone takes all answers back.
    pub fn clear(&self, task: u64) {
        let now = self.shared.now();
        self.change(task, json!([]), now);
    }

    /// Someone deletes the task.
    pub fn delete(&self, task: u64) {
        assert!(self.shared.tasks().remove(&task).is_some(), "{task}");
    }

    fn change(&self, id: u64, annotations: Value, now: String) {
        let mut tasks = self.shared.tasks();
        let task = tasks.get_mut(&id).unwrap();
        task["annotations"] = annotations;
        task["updated_at"] = now.into();
        let told = json!({"action": "ANNOTATION_UPDATED", "task": task,
            "annotation": task["annotations"][0]});
        drop(tasks);
        self.tell(&told);
    }

    /// Sends a webhook wherever one is registered, once, as Label Studio does: what is not taken is lost.
    fn tell(&self, webhook: &Value) {
        for registered in self.webhooks() {
            let mut request = Request::post(registered["url"].as_str().unwrap());
            for (name, value) in registered["headers"].as_object().into_iter().flatten() {
                request = request.header(name, value.as_str().unwrap());
            }
            let request = request.header("content-type", "application/json");
            let _lost = try_send(request.body(webhook.to_string().into_bytes()).unwrap());
        }
    }
}

async fn webhooks(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Answer {
    shared.check(&headers)?;
    let all = shared.webhooks.lock().unwrap();
    Ok(Json(all.values().cloned().collect()))
}

async fn register(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(mut webhook): Json<Value>,
) -> Answer {
    shared.check(&headers)?;
    let mut all = shared.webhooks.lock().unwrap();
    let id = all.len() as u64 + 1;
    webhook["id"] = id.into();
    all.insert(id, webhook.clone());
    Ok(Json(webhook))
}

async fn change_webhook(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Path(id): Path<u64>,
    Json(mut webhook): Json<Value>,
) -> Answer {
    shared.check(&headers)?;
    let mut all = shared.webhooks.lock().unwrap();
    webhook["id"] = id.into();
    let there = all.get_mut(&id).ok_or(StatusCode::NOT_FOUND)?;
    *there = webhook.clone();
    Ok(Json(webhook))
}

async fn project(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Answer {
    shared.check(&headers)?;
    Ok(Json(
        json!({"id": 1, "parsed_label_config": {"label": {"type": "RectangleLabels",
        "to_name": ["image"], "inputs": [{"type": "Image", "value": "$image"}]}}}),
    ))
}

async fn import(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(new): Json<Vec<Value>>,
) -> Answer {
    shared.check(&headers)?;
    let mut ids = Vec::new();
    for task in new {
        let now = shared.now();
        let mut tasks = shared.tasks();
        let id = tasks.len() as u64 + 1;
        let task = json!({"id": id, "data": task["data"], "annotations": [], "created_at": now,
            "updated_at": now});
        tasks.insert(id, task);
        ids.push(id);
    }
    Ok(Json(json!({"task_count": ids.len(), "task_ids": ids})))
}

/// The filters that framemill asks with: a video, or what is newer than a time.
async fn list(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Answer {
    shared.check(&headers)?;
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
    let (page, size) = (
        number("page").unwrap_or(1),
        number("page_size").unwrap_or(30),
    );
    let filters: Value = serde_json::from_str(&query["query"]).unwrap_or_default();
    let wanted = |task: &&Value| {
        let items = filters["filters"]["items"].as_array();
        items.into_iter().flatten().all(|item| {
            let value = item["value"].as_str().unwrap_or_default();
            match item["filter"].as_str().unwrap_or_default() {
                "filter:tasks:data.framemill_video" => task["data"]["framemill_video"] == value,
                "filter:tasks:updated_at" => {
                    let time = |text: &str| humantime::parse_rfc3339(text).unwrap();
                    time(task["updated_at"].as_str().unwrap()) > time(value)
                }
                "filter:tasks:id" => task["id"].as_u64() > item["value"].as_u64(),
                other => panic!("{other}"),
            }
        })
    };
    let tasks = shared.tasks();
    let found: Vec<&Value> = tasks.values().filter(wanted).collect();
    let of_page: Vec<&Value> = found
        .iter()
        .copied()
        .skip((page - 1) * size)
        .take(size)
        .collect();
    Ok(Json(json!({"total": found.len(), "tasks": of_page})))
}

async fn task(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Path(id): Path<u64>,
) -> Answer {
    shared.check(&headers)?;
    let found = shared.tasks().get(&id).cloned();
    found.map(Json).ok_or(StatusCode::NOT_FOUND)
}
