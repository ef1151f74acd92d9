//! A labeling server after Label Studio's API, with people who answer at once: they are the test.

use crate::listener::Listener;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

/// Tasks by number.
type Tasks = BTreeMap<u64, Value>;
/// Answers of a server, or its status.
type Answer = Result<Json<Value>, StatusCode>;

struct Shared {
    token: String,
    tasks: Mutex<Tasks>,
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
            clock: Mutex::default(),
        });
        let router = Router::new()
            .route("/api/projects/1", get(project))
            .route("/api/projects/1/import", post(import))
            .route("/api/tasks", get(list))
            .route("/api/tasks/{id}/", get(task))
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

    /// Someone marks a box of this label, in percent, in place of all that was marked.
    pub fn mark(&self, task: u64, label: &str, [x, y, width, height]: [f64; 4]) {
        let now = self.shared.now();
        let region = json!({"id": "r", "type": "rectanglelabels", "from_name": "label",
            "to_name": "image", "original_width": 320, "original_height": 180, "image_rotation": 0,
            "value": {"x": x, "y": y, "width": width, "height": height, "rotation": 0,
                "rectanglelabels": [label]}});
        let annotation = json!({"id": task * 10, "completed_by": 1, "was_cancelled": false,
            "ground_truth": false, "created_at": now, "updated_at": now, "result": [region]});
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
    }
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
