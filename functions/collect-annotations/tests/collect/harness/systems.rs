//! The labeling systems, after their documentation.

use super::{FRAME_0, time};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};

/// The system that is asked.
pub struct Systems {
    target: String,
    /// Label Studio's tasks, with seconds of their last change.
    pub tasks: RefCell<BTreeMap<u64, (i64, Value)>>,
    /// What every question is answered with.
    pub status: Cell<Option<u16>>,
    /// What questions about this page, and those after it, are answered with.
    pub broken_page: Cell<Option<(usize, u16)>>,
    /// Whether listings are empty, as for a token that may see nothing.
    pub lists_nothing: Cell<bool>,
    /// Whether the one task of CVAT and of Scale is deleted.
    pub deleted: Cell<bool>,
    /// What questions about the project are answered with.
    pub project: Cell<u16>,
}

impl Systems {
    pub fn new(target: &str) -> Self {
        Self {
            target: target.to_owned(),
            tasks: RefCell::default(),
            status: Cell::new(None),
            broken_page: Cell::new(None),
            lists_nothing: Cell::new(false),
            deleted: Cell::new(false),
            project: Cell::new(200),
        }
    }

    /// What a question is answered with, or its status.
    pub fn answer(&self, path: &str) -> Result<Value, u16> {
        if let Some(status) = self.status.get() {
            return Err(status);
        }
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let query: HashMap<&str, String> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name, decoded(value)))
            .collect();
        if path.contains("/projects/") {
            let status = self.project.get();
            return (status == 200).then(|| json!({"id": 4})).ok_or(status);
        }
        match self.target.as_str() {
            "label-studio" => self.label_studio(path, &query),
            "cvat" => self.cvat(path),
            "scale" => self.scale(path),
            _ => Err(404),
        }
    }

    fn label_studio(&self, path: &str, query: &HashMap<&str, String>) -> Result<Value, u16> {
        let tasks = self.tasks.borrow();
        if path != "/api/tasks" {
            let id = path.strip_prefix("/api/tasks/").unwrap();
            let id = id.trim_end_matches('/').parse().unwrap();
            return Ok(tasks.get(&id).ok_or(404_u16)?.1.clone());
        }
        assert_eq!((&*query["project"], &*query["fields"]), ("4", "task_only"));
        let number = |name: &str| query[name].parse::<usize>().unwrap();
        let (page, size) = (number("page"), number("page_size"));
        if let Some((broken, status)) = self.broken_page.get()
            && page >= broken
        {
            return Err(status);
        }
        let filters: Value = serde_json::from_str(&query["query"]).unwrap();
        let filter = &filters["filters"]["items"][0];
        assert!(filter.is_null() || filter["filter"] == "filter:tasks:updated_at");
        let since = filter["value"].as_str().unwrap_or_default();
        let newer = tasks.iter().filter(|(_, (at, _))| *time(*at) > *since);
        let found: Vec<Value> = newer
            .filter(|_| !self.lists_nothing.get())
            .map(|(id, _)| json!({ "id": id }))
            .collect();
        let of_page = found.iter().skip((page - 1) * size).take(size);
        let of_page: Vec<&Value> = of_page.collect();
        if of_page.is_empty() && page > 1 {
            return Err(404);
        }
        Ok(json!({"total": found.len(), "tasks": of_page}))
    }

    fn cvat(&self, path: &str) -> Result<Value, u16> {
        let frame = |index: u64| json!({"name": format!("images/cam 1/x.mp4/{index:06}.jpg"), "width": 640, "height": 480});
        let deleted = self.deleted.get();
        Ok(match path {
            "/api/tasks" if deleted => json!({"results": [{"id": 77}], "next": null}),
            "/api/tasks" => json!({"results": [{"id": 3}, {"id": 77}], "next": null}),
            _ if deleted => return Err(404),
            "/api/tasks/3" => json!({"id": 3}),
            "/api/tasks/3/data/meta" => {
                json!({"frames": [frame(0), frame(30)], "deleted_frames": [], "start_frame": 0,
                    "stop_frame": 1, "size": 2})
            }
            "/api/labels" => json!({"results": [{"id": 11, "name": "car"}]}),
            "/api/jobs" => json!({"results": [{"id": 5, "state": "in progress", "start_frame": 0,
                "stop_frame": 1, "type": "annotation", "stage": "annotation",
                "created_date": time(1), "updated_date": time(10)}]}),
            "/api/jobs/5/annotations" => json!({"tags": [], "tracks": [], "shapes": [{"id": 1,
                "type": "rectangle", "frame": 0, "label_id": 11,
                "points": [16.0, 20.0, 64.0, 80.0],
                "rotation": 0.0, "outside": false, "occluded": false}]}),
            _ => return Err(404),
        })
    }

    fn scale(&self, path: &str) -> Result<Value, u16> {
        let status = match self.deleted.get() {
            true => "canceled",
            false => "completed",
        };
        let task = json!({"task_id": "t1", "status": status, "created_at": time(1),
            "completed_at": time(10), "updated_at": time(10),
            "metadata": {"framemill_frame": "gs://b/videos/cam 1/x.mp4#5/0",
                "framemill_object": FRAME_0},
            "response": {"annotations": [{"type": "box", "label": "car", "left": 16, "top": 20,
                "width": 48, "height": 60}]}});
        Ok(match path {
            "/v1/task/t1" => task,
            "/v1/tasks" => json!({"docs": [task], "next_token": null}),
            _ => return Err(404),
        })
    }
}

fn decoded(text: &str) -> String {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    decoded.unwrap().into_owned()
}
