//! Loads into bqemulator, which reads the files of a folder as those of `gs://`.

use crate::common::fixture::{answer, marked};
use crate::common::{Memory, layout, put_annotation, put_manifest};
use framemill_objects::{FileLayout, LocalStore, Store};
use framemill_warehouse::TABLES;
use framemill_warehouse::bigquery::{Dataset, LoadJob};
use framemill_warehouse_host::{BigQuery, Refreshed, Warehouse};
use serde_json::{Value, json};
use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Installs DuckDB's spatial extension from the package that has it, which the emulator would else fetch
/// from the network, and starts it.
const START: &str = "
import pathlib, duckdb, duckdb_extension_spatial as spatial
folder = pathlib.Path(spatial.__file__).parent
duckdb.execute(\"install '%s'\" % next(folder.rglob('spatial.duckdb_extension')))
from bqemulator.cli import main
main()
";
/// How long it may take to be ready, on a machine that is busy with other tests.
const READY_WITHIN: Duration = Duration::from_secs(180);

/// A running emulator. Dropping it ends it.
struct Emulator {
    child: Child,
    url: String,
}

impl Emulator {
    /// With the buckets below `root`.
    async fn start(root: &Path) -> Self {
        framemill_support::net::install_tls();
        let program = std::env::var_os("FRAMEMILL_TEST_BQEMULATOR").expect(
            "FRAMEMILL_TEST_BQEMULATOR is not set: `cargo xtask test` installs bqemulator and sets it; by hand: \
             python3 -m venv venv && venv/bin/pip install bqemulator==1.4.0 duckdb==1.5.5 duckdb-extension-spatial==1.5.5 numpy pytz, then set it to venv/bin/bqemulator",
        );
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let log = File::create(root.join("emulator.log")).unwrap();
        // Its Python, which lies beside it.
        let child = Command::new(Path::new(&program).with_file_name("python"))
            .args([
                "-c",
                START,
                "start",
                "--rest-port",
                &port.to_string(),
                "--grpc-port",
                "0",
            ])
            .env("BQEMU_GCS_LOCAL_ROOT", root)
            .env("HOME", root)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut emulator = Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
        };
        emulator.wait(root).await;
        emulator
    }

    async fn wait(&mut self, root: &Path) {
        let start = Instant::now();
        let log = || std::fs::read_to_string(root.join("emulator.log")).unwrap();
        loop {
            let url = format!("{}/bigquery/v2/projects/p/datasets", self.url);
            let answer = reqwest::get(url).await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "the emulator ended:\n{}", log());
            assert!(
                start.elapsed() < READY_WITHIN,
                "the emulator is not ready:\n{}",
                log()
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}/bigquery/v2/projects/p/{path}", self.url);
        let answer = reqwest::Client::new()
            .post(url)
            .json(body)
            .send()
            .await
            .unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{body}");
        body
    }

    /// Rows of an answer, as text.
    async fn query(&self, sql: &str) -> Vec<Vec<Value>> {
        let body = json!({"query": sql, "useLegacySql": false});
        let answer = self.post("queries", &body).await;
        assert!(answer["errors"].is_null(), "{answer}");
        let rows = answer["rows"].as_array().cloned().unwrap_or_default();
        let cells = |row: &Value| {
            row["f"]
                .as_array()
                .unwrap()
                .iter()
                .map(|cell| cell["v"].clone())
                .collect()
        };
        rows.iter().map(cells).collect()
    }

    async fn load(&self, refreshed: &Refreshed) -> Vec<Option<u64>> {
        let client = BigQuery::open(Some(&self.url)).unwrap();
        let dataset = Dataset::parse("p.d").unwrap();
        let mut rows = Vec::new();
        for (table, report) in TABLES.into_iter().zip(&refreshed.tables) {
            let job = LoadJob::new(table, &dataset, None, report.files.clone());
            rows.push(client.load(&job).await.unwrap().rows);
        }
        rows
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn copy(memory: &Memory, bucket: &Path) {
    for (name, bytes) in memory.below("") {
        let path = bucket.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

#[tokio::test]
async fn tables_are_what_the_files_are() {
    let root = tempfile::tempdir().unwrap();
    let bucket = root.path().join("b");
    let memory = Memory::default();
    for video in ["cam1/a.mp4", "cam1/b.mp4", "cam2/c.mp4"] {
        put_manifest(&memory, video, &[0, 30]);
    }
    let answers = vec![answer(
        "1",
        "ann",
        1,
        &[marked("car", 1.0), marked("bus", 50.0)],
    )];
    put_annotation(&memory, "t", "cam1/a.mp4", 30, answers);
    copy(&memory, &bucket);
    let store: Arc<dyn Store> = Arc::new(LocalStore::new(FileLayout::folder(&bucket)));
    let warehouse = Warehouse {
        store,
        bucket: "b".to_owned(),
        layout: layout(),
        path: "warehouse/".to_owned(),
    };
    let emulator = Emulator::start(root.path()).await;
    let dataset = json!({"datasetReference": {"projectId": "p", "datasetId": "d"}});
    emulator.post("datasets", &dataset).await;

    emulator
        .load(&warehouse.refresh(&|_| {}).await.unwrap())
        .await;
    let cameras = "select camera, count(*) from p.d.frames where label_state is null group by camera order by camera";
    assert_eq!(
        emulator.query(cameras).await,
        [[json!("cam1"), json!("3")], [json!("cam2"), json!("2")]]
    );
    let labels = "select label, frame_index, x from p.d.annotations where counts order by label";
    let found = emulator.query(labels).await;
    assert_eq!(found.len(), 2);
    assert_eq!((&found[0][0], &found[0][1]), (&json!("bus"), &json!("30")));
    let when = "select unix_micros(updated_at) from p.d.annotations limit 1";
    let micros = crate::common::fixture::time(1).as_microsecond().to_string();
    assert_eq!(emulator.query(when).await, [[json!(micros)]]);

    // A load replaces the whole table.
    put_manifest(&memory, "cam1/b.mp4", &[0]);
    copy(&memory, &bucket);
    emulator
        .load(&warehouse.refresh(&|_| {}).await.unwrap())
        .await;
    assert_eq!(
        emulator.query("select count(*) from p.d.frames").await,
        [[json!("5")]]
    );
    assert_eq!(
        emulator.query("select count(*) from p.d.videos").await,
        [[json!("3")]]
    );
}
