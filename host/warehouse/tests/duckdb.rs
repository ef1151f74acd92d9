//! The questions of docs/warehouse.md, asked with DuckDB.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail the test"
)]

mod common;

use common::fixture::{answer, marked};
use common::{Memory, layout, put_annotation, put_manifest};
use framemill_annotations::Answer;
use framemill_objects::{FileLayout, LocalStore, Store};
use framemill_warehouse_host::Warehouse;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// Runs each argument, and prints the rows of each but the first.
const PROGRAM: &str = "
import sys, json, duckdb
db = duckdb.connect()
db.execute(sys.argv[1])
for question in sys.argv[2:]:
    print(json.dumps(db.execute(question).fetchall(), default=str))
";

const DAY: i64 = 86_400;

/// The SQL of the page, in order.
fn questions() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/warehouse.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = page.split("```sql\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

async fn fill(bucket: &Path) {
    let memory = Memory::default();
    put_manifest(&memory, "cam1/a.mp4", &[0, 30, 60]);
    put_manifest(&memory, "cam1/b.mp4", &[0, 30]);
    put_manifest(&memory, "cam2/c.mp4", &[0]);
    put_manifest(&memory, "d.mp4", &[0]);
    let (car, bus) = (marked("car", 1.0), marked("bus", 2.0));
    // They disagree; the newer answer counts.
    let both = vec![
        answer("1", "ann", 1, std::slice::from_ref(&car)),
        answer("2", "bob", DAY, &[car.clone(), bus]),
    ];
    put_annotation(&memory, "t", "cam1/a.mp4", 0, both);
    // They agree, and somebody passed it on.
    let passed = Answer {
        skipped: true,
        ..answer("9", "eve", 3, &[])
    };
    let agreed = vec![
        answer("3", "ann", 2, std::slice::from_ref(&car)),
        answer("4", "bob", 3, std::slice::from_ref(&car)),
        passed.clone(),
    ];
    put_annotation(&memory, "t", "cam1/a.mp4", 30, agreed);
    // One sees nothing.
    let nothing = vec![answer("5", "ann", 4, &[car]), answer("6", "bob", 5, &[])];
    put_annotation(&memory, "t", "cam1/b.mp4", 0, nothing);
    put_annotation(&memory, "t", "d.mp4", 0, vec![passed]);
    for (name, bytes) in memory.below("") {
        let path = bucket.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let store: Arc<dyn Store> = Arc::new(LocalStore::new(FileLayout::folder(bucket)));
    let warehouse = Warehouse {
        store,
        bucket: "local".to_owned(),
        layout: layout(),
        path: "warehouse/".to_owned(),
    };
    warehouse.refresh(&|_| {}).await.unwrap();
}

#[tokio::test]
async fn the_questions_of_the_page_have_answers() {
    let bucket = tempfile::tempdir().unwrap();
    fill(bucket.path()).await;
    let python = std::env::var_os("FRAMEMILL_TEST_DUCKDB_PYTHON").expect(
        "FRAMEMILL_TEST_DUCKDB_PYTHON is not set: `cargo xtask test` installs DuckDB and sets it; by hand: \
         python3 -m venv venv && venv/bin/pip install duckdb==1.5.5 pytz, then set it to venv/bin/python",
    );
    let questions = questions();
    assert_eq!(questions.len(), 4, "views, then three questions");
    // Of another time zone: days are those of UTC.
    let output = Command::new(python)
        .args(["-c", PROGRAM])
        .args(&questions)
        .current_dir(bucket.path())
        .env("TZ", "Pacific/Auckland")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = answers
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        answers,
        [
            json!([["cam1", 2], ["", 1], ["cam2", 1]]),
            json!([
                ["2027-01-15", "car", 1],
                ["2027-01-16", "bus", 1],
                ["2027-01-16", "car", 1]
            ]),
            json!([
                ["cam1/a.mp4", 0, "ann", "car", "bob", "bus, car"],
                ["cam1/b.mp4", 0, "ann", "car", "bob", "nothing"],
            ]),
        ]
    );
}
