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
    /// The task that is deleted once the next page is given.
    pub deleted_behind_a_page: Cell<Option<u64>>,
    /// Whether listings are empty, as for a token that may see nothing.
    pub lists_nothing: Cell<bool>,
    /// Whether the one task of CVAT and of Scale is deleted.
    pub deleted: Cell<bool>,
    /// What questions about the project are answered with.
    pub project: Cell<u16>,
    /// The project that CVAT's task is in; ours is 4.
    pub cvat_project: Cell<u64>,
}

impl Systems {
    pub fn new(target: &str) -> Self {
        Self {
            target: target.to_owned(),
            tasks: RefCell::default(),
            status: Cell::new(None),
            broken_page: Cell::new(None),
            deleted_behind_a_page: Cell::new(None),
            lists_nothing: Cell::new(false),
            deleted: Cell::new(false),
            project: Cell::new(200),
            cvat_project: Cell::new(4),
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
        let size = number("page_size");
        assert_eq!(number("page"), 1, "pages begin behind an id");
        let filters: Value = serde_json::from_str(&query["query"]).unwrap();
        let (mut since, mut after) = (String::new(), 0);
        for filter in filters["filters"]["items"].as_array().unwrap() {
            match filter["filter"].as_str().unwrap() {
                "filter:tasks:updated_at" => since = filter["value"].as_str().unwrap().to_owned(),
                "filter:tasks:id" => after = filter["value"].as_u64().unwrap(),
                other => panic!("{other}"),
            }
        }
        let before = tasks.keys().filter(|id| **id <= after).count();
        if let Some((broken, status)) = self.broken_page.get()
            && before / size + 1 >= broken
        {
            return Err(status);
        }
        let wanted = |id: u64, at: i64| id > after && *time(at) > *since;
        let found: Vec<Value> = tasks
            .iter()
            .filter(|(id, (at, _))| wanted(**id, *at) && !self.lists_nothing.get())
            .map(|(id, _)| json!({ "id": id }))
            .collect();
        let of_page: Vec<&Value> = found.iter().take(size).collect();
        let answer = json!({"total": found.len(), "tasks": of_page});
        drop(tasks);
        if let Some(id) = self.deleted_behind_a_page.take() {
            self.tasks.borrow_mut().remove(&id);
        }
        Ok(answer)
    }

    fn cvat(&self, path: &str) -> Result<Value, u16> {
        let frame = |index: u64| json!({"name": format!("images/cam 1/x.mp4/{index:06}.jpg"), "width": 640, "height": 480});
        let deleted = self.deleted.get();
        Ok(match path {
            "/api/tasks" if deleted => json!({"results": [{"id": 77}], "next": null}),
            "/api/tasks" => json!({"results": [{"id": 3}, {"id": 77}], "next": null}),
            _ if deleted => return Err(404),
            "/api/tasks/3" => json!({"id": 3, "project_id": self.cvat_project.get()}),
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
