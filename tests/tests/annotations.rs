//! Annotations come back: the real host and components, a folder, and a labeling server after Label
//! Studio's API.

use framemill_tests::label_server::LabelServer;
use framemill_tests::servers::{Firestore, free_port, send};
use framemill_tests::*;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use ureq::http::Request;

const TOKEN: &str = "a token of the tests";
const SECRET: &str = "a secret of the tests";

/// A running framemill over a folder.
struct Up {
    child: Child,
    origin: String,
    data: PathBuf,
}

impl Up {
    fn start(folder: &Path, server: &LabelServer, sync_every: &str) -> Self {
        Self::start_with(folder, server, sync_every, "")
    }

    /// With more of `[annotations]`.
    fn start_with(folder: &Path, server: &LabelServer, sync_every: &str, more: &str) -> Self {
        let (port, data) = (free_port(), folder.join("bucket"));
        fs::create_dir_all(data.join("videos")).unwrap();
        let toml = folder.join("framemill.toml");
        let text = format!(
            "[labeling]\ntarget = 'label-studio'\ntarget_url = '{}'\nproject = '1'\n[warehouse]\nrefresh_every = '1s'\n[annotations]\nsync_every = '{sync_every}'\n{more}",
            server.origin()
        );
        fs::write(&toml, text).unwrap();
        let child = framemill()
            .args(["up", "--data"])
            .arg(&data)
            .arg("--config")
            .arg(&toml)
            .args([
                "--listen",
                &format!("127.0.0.1:{port}"),
                "--stable-for",
                "100ms",
            ])
            .env("FRAMEMILL_LABELING_TOKEN", TOKEN)
            .env("FRAMEMILL_ANNOTATIONS_WEBHOOK_SECRET", SECRET)
            .spawn()
            .unwrap();
        Self {
            child,
            origin: format!("http://127.0.0.1:{port}"),
            data,
        }
    }

    /// Status of a webhook with this secret.
    fn webhook(&self, target: &str, secret: Option<&str>, body: &[u8]) -> u16 {
        let mut request = Request::post(format!("{}/annotations/{target}", self.origin));
        if let Some(secret) = secret {
            request = request.header("x-framemill-secret", secret);
        }
        send(request.body(body.to_vec()).unwrap()).status
    }

    /// Files below the bucket whose names start and end so.
    fn named(&self, start: &str, end: &str) -> Vec<String> {
        let names = tree(&self.data).into_keys();
        names
            .filter(|name| name.starts_with(start) && name.ends_with(end))
            .collect()
    }

    /// What is known of each frame of `x.mp4`, by its number: its state, and its box.
    fn known(&self) -> Vec<(u64, String, Value)> {
        let read = |name: &String| {
            let current: Value =
                serde_json::from_slice(&fs::read(self.data.join(name)).ok()?).ok()?;
            let (_, index) = current["frame"].as_str()?.rsplit_once('/')?;
            let shape = &current["shapes"][0];
            let edges = json!([
                shape["label"],
                shape["x"],
                shape["y"],
                shape["width"],
                shape["height"]
            ]);
            let state = current["state"].as_str()?.to_owned();
            Some((index.parse().ok()?, state, edges))
        };
        let names = self.named("records/annotations/", "/current.json");
        names.iter().filter_map(read).collect()
    }

    fn stop(mut self) {
        signal(&self.child, "TERM");
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn what_people_answer_ends_in_the_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let server = LabelServer::start(TOKEN);
    // No sync comes within the first half of the test but that at the start.
    let up = Up::start(folder.path(), &server, "1h");
    let video = h264_clip("four-seconds.mp4", 4);
    upload(&up.data, &video, "x.mp4", MODIFIED);
    wait_for("four tasks", || server.tasks().len() == 4);
    let ids: Vec<u64> = server.tasks().into_values().collect();

    // A box by webhook; what it says itself does not count.
    server.mark(ids[0], "car", [25.0, 50.0, 10.0, 20.0]);
    let told = json!({"action": "ANNOTATION_CREATED", "task": {"id": ids[0]},
        "annotation": {"id": 1, "result": []}});
    let told = told.to_string().into_bytes();
    for (target, secret, status) in [
        ("label-studio", None, 401),
        ("label-studio", Some("guessed"), 401),
        ("cvat", Some(SECRET), 404),
    ] {
        assert_eq!(
            up.webhook(target, secret, &told),
            status,
            "{target} {secret:?}"
        );
    }
    let large = vec![b' '; (10 << 20) + 1];
    assert_eq!(up.webhook("label-studio", Some(SECRET), &large), 413);
    let webhooks = || up.named("records/webhooks/", ".json").len();
    assert_eq!(
        webhooks(),
        1,
        "the sync alone: nothing of what was refused is kept"
    );
    for _ in 0..20 {
        assert_eq!(up.webhook("label-studio", Some(SECRET), &told), 204);
    }
    let labeled = (
        0,
        "labeled".to_owned(),
        json!(["car", 80.0, 90.0, 32.0, 36.0]),
    );
    wait_for("the box", || up.known() == [labeled.clone()]);
    assert_eq!(webhooks(), 2, "the same webhook is kept once");

    // No task is named: all that changed is read, what no webhook spoke of too.
    server.skip(ids[1]);
    server.clear(ids[0]);
    let deleted = br#"{"action": "ANNOTATIONS_DELETED", "annotations": [{"id": 10}]}"#;
    assert_eq!(up.webhook("label-studio", Some(SECRET), deleted), 204);
    let nothing = json!([null, null, null, null, null]);
    wait_for("skip and deletion", || {
        let states: Vec<_> = up.known().into_iter().map(|(_, state, _)| state).collect();
        states == ["deleted", "skipped"]
    });
    assert_eq!(up.known()[1].2, nothing);

    // What is no webhook is named, and is in nobody's way.
    assert_eq!(up.webhook("label-studio", Some(SECRET), b"no JSON"), 204);
    wait_for("the failure record", || {
        up.named("records/failures/collect-annotations/", ".json")
            .len()
            == 1
    });
    up.stop();

    // A webhook that was lost while nobody listened: the sync at the start finds its task.
    server.mark(ids[3], "bus", [0.0, 0.0, 50.0, 100.0]);
    let up = Up::start(folder.path(), &server, "1h");
    let found = (
        90,
        "labeled".to_owned(),
        json!(["bus", 0.0, 0.0, 160.0, 180.0]),
    );
    wait_for("the lost answer", || up.known().contains(&found));
    // And it is asked again every so often.
    up.stop();
    let up = Up::start(folder.path(), &server, "10s");
    wait_for("readiness", || up.known().len() == 3);
    server.mark(ids[2], "car", [0.0, 0.0, 10.0, 10.0]);
    wait_for("the next sync", || up.known().len() == 4);
    assert!(up.named("records/annotations/", "/synced.json").len() == 1);
    up.stop();

    // A task that is deleted is in no list of what changed: a full sync finds it, beside a service that
    // runs.
    server.delete(ids[3]);
    let up = Up::start(folder.path(), &server, "1h");
    let deleted = (90, "deleted".to_owned(), nothing);
    assert!(sync(folder.path(), &[]).contains(" tasks read: "));
    assert!(!up.known().contains(&deleted));
    sync(folder.path(), &["--full"]);
    assert!(up.known().contains(&deleted));
    assert_eq!(up.known().len(), 4);
    wait_for("tables", || {
        !up.named("warehouse/annotations/", ".parquet").is_empty()
    });
    up.stop();
    the_tables_are_those_of_a_rebuild(&folder.path().join("bucket"));
}

/// What the command prints that reads the target's answers here and now.
fn sync(folder: &Path, flags: &[&str]) -> String {
    let mut sync = framemill();
    sync.args(["annotations", "sync"]).args(flags);
    sync.arg("--data").arg(folder.join("bucket"));
    sync.arg("--config").arg(folder.join("framemill.toml"));
    let output = succeed(sync.env("FRAMEMILL_LABELING_TOKEN", TOKEN));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What the service made of each change, brought up to date, is what is made of all at once.
fn the_tables_are_those_of_a_rebuild(data: &Path) {
    let tables = |action: &str| {
        let mut command = framemill();
        succeed(command.args(["warehouse", action, "--data"]).arg(data));
        let mut files = files(data);
        files.retain(|name, _| name.starts_with("warehouse/") && name.ends_with(".parquet"));
        files
    };
    let refreshed = tables("refresh");
    assert!(
        refreshed
            .keys()
            .any(|name| name.starts_with("warehouse/frames/"))
    );
    fs::remove_dir_all(data.join("warehouse")).unwrap();
    assert_eq!(tables("rebuild"), refreshed);
}

#[test]
fn what_is_current_is_in_firestore_too() {
    let folder = tempfile::tempdir().unwrap();
    let server = LabelServer::start(TOKEN);
    let firestore = Firestore::start();
    let mirror = format!(
        "firestore = '{}'\nfirestore_url = '{}'\n",
        Firestore::database(),
        firestore.endpoint()
    );
    let up = Up::start_with(folder.path(), &server, "10s", &mirror);
    let video = h264_clip("four-seconds.mp4", 4);
    upload(&up.data, &video, "x.mp4", MODIFIED);
    wait_for("four tasks", || server.tasks().len() == 4);
    let ids: Vec<u64> = server.tasks().into_values().collect();
    server.mark(ids[0], "car", [25.0, 50.0, 10.0, 20.0]);
    server.skip(ids[1]);
    let states = || {
        let documents = firestore.documents("frames");
        let state = |fields: &Value| fields["state"]["stringValue"].as_str().unwrap().to_owned();
        let mut states: Vec<String> = documents.iter().map(state).collect();
        states.sort();
        states
    };
    wait_for("two documents", || states() == ["labeled", "skipped"]);
    server.clear(ids[0]);
    wait_for("the deletion", || states() == ["deleted", "skipped"]);
    up.stop();
}
