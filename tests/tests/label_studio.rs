//! `cargo xtask test --with label-studio`: the whole circle with a real Label Studio. Images become tasks;
//! annotations are created, changed, deleted, skipped, and tasks deleted; webhooks are registered, sent and
//! lost; the bucket says the same as Label Studio after each.
#![cfg(feature = "label-studio")]

use framemill_tests::servers::{LabelStudio, free_port};
use framemill_tests::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

const SECRET: &str = "a secret of the tests";
const BOXES: &str = r#"<View><Image name="image" value="$image"/><RectangleLabels name="label" toName="image"><Label value="car"/><Label value="bus"/></RectangleLabels></View>"#;

struct Circle {
    studio: LabelStudio,
    project: u64,
    folder: tempfile::TempDir,
}

impl Circle {
    fn start() -> Self {
        let studio = LabelStudio::start();
        let project = json!({"title": "boxes", "label_config": BOXES});
        let made = studio.call("POST", "/api/projects", Some(&project)).json();
        let circle = Self {
            project: made["id"].as_u64().unwrap(),
            studio,
            folder: tempfile::tempdir().unwrap(),
        };
        let toml = format!(
            "[labeling]\ntarget = 'label-studio'\ntarget_url = '{}'\nproject = '{}'\n[annotations]\nsync_every = '1h'\n",
            circle.studio.endpoint(),
            circle.project
        );
        fs::write(circle.folder.path().join("framemill.toml"), toml).unwrap();
        circle
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("bucket")
    }

    fn at<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .current_dir(self.folder.path())
            .arg("--data")
            .arg(self.data())
            .env("FRAMEMILL_LABELING_TOKEN", self.studio.token())
            .env("FRAMEMILL_ANNOTATIONS_WEBHOOK_SECRET", SECRET)
    }

    fn up(&self, port: u16) -> Child {
        let mut up = framemill();
        let listen = format!("127.0.0.1:{port}");
        up.args(["up", "--stable-for", "100ms", "--listen", &listen]);
        self.at(&mut up).spawn().unwrap()
    }

    fn annotations(&self, arguments: &[&str]) -> String {
        let mut command = framemill();
        let output = succeed(self.at(command.arg("annotations").args(arguments)));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// State and width of the first box of each frame, by index.
    fn known(&self) -> BTreeMap<u64, (String, Value)> {
        let read = |(name, bytes): (String, Vec<u8>)| {
            let is_current =
                name.starts_with("records/annotations/") && name.ends_with("/current.json");
            let current: Value = serde_json::from_slice(&bytes).ok().filter(|_| is_current)?;
            let (_, index) = current["frame"].as_str()?.rsplit_once('/')?;
            let state = current["state"].as_str()?.to_owned();
            Some((
                index.parse().ok()?,
                (state, current["shapes"][0]["width"].clone()),
            ))
        };
        files(&self.data()).into_iter().filter_map(read).collect()
    }

    fn wait_until(&self, frame: u64, state: &str, width: Option<f64>) {
        let expected = (state.to_owned(), width.map_or(Value::Null, Value::from));
        wait_for(&format!("frame {frame}: {state}"), || {
            self.known().get(&frame) == Some(&expected)
        });
    }

    /// The tasks by index of their frame.
    fn tasks(&self) -> BTreeMap<u64, u64> {
        let index = |task: &Value| {
            let frame = task["data"]["framemill_frame"].as_str().unwrap();
            frame.rsplit_once('/').unwrap().1.parse().unwrap()
        };
        let tasks = self.studio.tasks(self.project);
        tasks
            .iter()
            .map(|task| (index(task), task["id"].as_u64().unwrap()))
            .collect()
    }

    /// Calls the API, which must take it.
    fn call(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let answer = self.studio.call(method, path, body.as_ref());
        assert!(
            (200..300).contains(&answer.status),
            "{method} {path}: {}",
            String::from_utf8_lossy(&answer.body)
        );
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    /// Someone marks a box of so many percent; gives the annotation's id.
    fn mark(&self, task: u64, width: f64) -> u64 {
        let path = format!("/api/tasks/{task}/annotations/");
        let made = self.call("POST", &path, Some(json!({"result": result(width)})));
        made["id"].as_u64().unwrap()
    }
}

fn result(width: f64) -> Value {
    json!([{"id": "r1", "type": "rectanglelabels", "from_name": "label", "to_name": "image",
        "original_width": 320, "original_height": 180, "image_rotation": 0,
        "value": {"x": 10, "y": 10, "width": width, "height": 20, "rotation": 0,
            "rectanglelabels": ["car"]}}])
}

fn stop(mut up: Child) {
    signal(&up, "TERM");
    assert!(up.wait().unwrap().success());
}

#[test]
fn what_label_studio_knows_the_bucket_knows() {
    let circle = Circle::start();
    let port = free_port();
    let up = circle.up(port);
    upload(
        &circle.data(),
        &h264_clip("six-seconds.mp4", 6),
        "x.mp4",
        MODIFIED,
    );
    wait_for("six tasks", || circle.tasks().len() == 6);
    let tasks = circle.tasks();
    let url = format!("http://127.0.0.1:{port}/annotations/label-studio");
    assert!(
        circle
            .annotations(&["connect", &url])
            .contains("registered: ")
    );
    assert!(
        circle
            .annotations(&["connect", &url])
            .contains("was registered")
    );
    let webhooks = circle.call(
        "GET",
        &format!("/api/webhooks/?project={}", circle.project),
        None,
    );
    assert_eq!(webhooks.as_array().unwrap().len(), 1, "{webhooks}");

    // Created, changed, taken back, all by webhook: the image is 320 pixels wide.
    let annotation = circle.mark(tasks[&0], 10.0);
    circle.wait_until(0, "labeled", Some(32.0));
    let path = format!("/api/annotations/{annotation}/");
    circle.call("PATCH", &path, Some(json!({"result": result(20.0)})));
    circle.wait_until(0, "labeled", Some(64.0));
    circle.call("DELETE", &path, None);
    circle.wait_until(0, "deleted", None);

    let path = format!("/api/tasks/{}/annotations/", tasks[&30]);
    circle.call(
        "POST",
        &path,
        Some(json!({"result": [], "was_cancelled": true})),
    );
    circle.wait_until(30, "skipped", None);
    let path = format!("/api/tasks/{}/annotations/", tasks[&60]);
    circle.call("POST", &path, Some(json!({"result": []})));
    circle.wait_until(60, "empty", None);

    // Pages begin behind an id: what a sync asks with.
    let after = tasks.values().min().unwrap();
    let query = json!({"filters": {"conjunction": "and", "items": [{"filter": "filter:tasks:id",
        "operator": "greater", "type": "Number", "value": after}]}, "ordering": ["tasks:id"]});
    let query = query.to_string();
    let query = framemill_gcs_api::encoded(&query);
    let path = format!(
        "/api/tasks?project={}&page=1&page_size=2&fields=task_only&query={query}",
        circle.project
    );
    let page = circle.call("GET", &path, None);
    assert_eq!(page["total"], 5);
    let ids: Vec<u64> = page["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].as_u64().unwrap())
        .collect();
    assert_eq!(
        ids,
        tasks.values().copied().skip(1).take(2).collect::<Vec<_>>()
    );

    // Webhooks are lost from here on: a sync finds what they spoke of.
    let webhook = webhooks[0]["id"].as_u64().unwrap();
    circle.call("DELETE", &format!("/api/webhooks/{webhook}/"), None);
    circle.mark(tasks[&90], 30.0);
    circle.mark(tasks[&120], 40.0);
    circle.annotations(&["sync"]);
    circle.wait_until(90, "labeled", Some(96.0));
    circle.wait_until(120, "labeled", Some(128.0));

    // A task that is gone is in no list of what changed.
    circle.call("DELETE", &format!("/api/tasks/{}/", tasks[&120]), None);
    circle.annotations(&["sync"]);
    circle.wait_until(120, "labeled", Some(128.0));
    circle.annotations(&["sync", "--full"]);
    circle.wait_until(120, "deleted", None);
    assert_eq!(
        circle.known().len(),
        5,
        "nobody has said anything about the last frame"
    );
    stop(up);
    dataset(&circle.data());
}

/// What was answered is what a dataset has.
fn dataset(data: &Path) {
    let mut build = framemill();
    build
        .args(["dataset", "build", "cars", "--json", "--data"])
        .arg(data);
    let built: Value = serde_json::from_slice(&succeed(&mut build).stdout).unwrap();
    assert_eq!(built["counts"]["states"], json!({"labeled": 1, "empty": 1}));
}
