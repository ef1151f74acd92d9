//! Refreshes of a bucket in memory.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

#[path = "../common/mod.rs"]
mod common;
mod model;

use common::fixture::{answer, marked};
use common::{
    Memory, current, layout, put_annotation, put_manifest, put_receipt, rebuild, refresh, tables,
    warehouse,
};
use framemill_contract::VideoName;
use framemill_warehouse::Shard;
use framemill_warehouse_host::WarehouseError;
use std::sync::Arc;

fn rows(refreshed: &framemill_warehouse_host::Refreshed) -> Vec<u64> {
    refreshed.tables.iter().map(|table| table.rows).collect()
}

#[tokio::test]
async fn only_shards_with_changes_are_read() {
    let store = Arc::new(Memory::default());
    let videos: Vec<String> = (0..300)
        .map(|number| format!("cam{}/{number}.mp4", number % 7))
        .collect();
    for video in &videos {
        put_manifest(&store, video, &[0, 30]);
    }
    let first = refresh(&store).await;
    assert_eq!((first.read, rows(&first)), (300, vec![300, 600, 0]));
    assert_eq!((first.written, first.removed), (first.shards, 0));
    let before = tables(&store);

    let same = refresh(&store).await;
    assert_eq!(
        (same.read, same.written, rows(&same)),
        (0, 0, vec![300, 600, 0])
    );

    put_annotation(
        &store,
        "t",
        &videos[0],
        30,
        vec![answer("1", "ann", 1, &[marked("car", 1.0)])],
    );
    let one = refresh(&store).await;
    let in_shard = videos
        .iter()
        .filter(|it| Shard::of(it) == Shard::of(&videos[0]))
        .count() as u64;
    assert_eq!(
        (one.read, one.written, rows(&one)),
        (in_shard + 1, 1, vec![300, 600, 1])
    );
    let changed = tables(&store)
        .into_iter()
        .filter(|(name, bytes)| before[name] != bytes);
    let shard = Shard::of(&videos[0]);
    let names: Vec<String> = changed.map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["annotations", "frames"].map(|table| format!("warehouse/{table}/{shard}.parquet"))
    );
}

#[tokio::test]
async fn an_empty_bucket_has_tables_without_rows() {
    let store = Arc::new(Memory::default());
    let empty = refresh(&store).await;
    assert_eq!((empty.shards, rows(&empty)), (1, vec![0, 0, 0]));
    assert_eq!(tables(&store).len(), 3);
}

#[tokio::test]
async fn files_of_a_shard_without_content_are_deleted() {
    let store = Arc::new(Memory::default());
    let video = (0..)
        .map(|number| format!("{number}.mp4"))
        .find(|it| Shard::of(it) != Shard::FIRST)
        .unwrap();
    put_manifest(&store, &video, &[0]);
    refresh(&store).await;
    assert_eq!(tables(&store).len(), 6);
    store.delete(&layout().manifest(&VideoName::parse(&video)));
    let after = refresh(&store).await;
    assert_eq!((after.removed, rows(&after)), (1, vec![0, 0, 0]));
    assert_eq!(tables(&store).len(), 3);
}

#[tokio::test]
async fn what_is_damaged_is_named_and_the_rest_goes_on() {
    let store = Arc::new(Memory::default());
    let video = "cam/a.mp4";
    put_manifest(&store, video, &[0, 1, 2]);
    put_annotation(&store, "t", video, 0, vec![answer("1", "ann", 1, &[])]);
    store.put(
        &current("t", video, 1),
        "{\"schema\": \"framemill.annotation/9\"}",
    );
    store.put(&current("t", video, 2), "no json");
    // Of another target than its name says.
    let other = store
        .below(&current("t", video, 0))
        .into_values()
        .next()
        .unwrap();
    store.put(&current("s", video, 0), other);
    store.put("manifests/b.mp4.json", "{}");
    let refreshed = refresh(&store).await;
    assert_eq!(rows(&refreshed), [1, 3, 1]);
    let named: Vec<&str> = refreshed
        .problems
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(
        named,
        [
            "manifests/b.mp4.json",
            &current("s", video, 0),
            &current("t", video, 1),
            &current("t", video, 2)
        ]
    );
    assert!(
        refreshed.problems[2]
            .reason
            .contains("framemill.annotation/9")
    );
    // They are said again, though nothing is read again.
    let again = refresh(&store).await;
    assert_eq!((again.read, &again.problems), (0, &refreshed.problems));
    // And no more once they are put right.
    put_manifest(&store, "b.mp4", &[]);
    assert_eq!(refresh(&store).await.problems.len(), 3);
}

#[tokio::test]
async fn files_of_others_and_lost_ones_are_made_again() {
    let store = Arc::new(Memory::default());
    put_manifest(&store, "a.mp4", &[0]);
    put_receipt(&store, "t", "a.mp4");
    refresh(&store).await;
    let good = tables(&store);
    let file = format!("warehouse/frames/{}.parquet", Shard::of("a.mp4"));
    store.put(&file, "somebody's");
    assert_eq!(refresh(&store).await.written, 1);
    assert_eq!(tables(&store), good);
    store.delete(&file);
    assert_eq!(refresh(&store).await.written, 1);
    store.put("warehouse/state.json", "damaged");
    refresh(&store).await;
    assert_eq!(tables(&store), good);
    store.delete("warehouse/state.json");
    refresh(&store).await;
    assert_eq!(tables(&store), good);
    assert_eq!(refresh(&store).await.written, 0);
}

#[tokio::test]
async fn two_processes_do_not_overwrite_each_other() {
    let store = Arc::new(Memory::default());
    put_manifest(&store, "a.mp4", &[0]);
    let file = format!("warehouse/videos/{}.parquet", Shard::of("a.mp4"));
    let other = (Arc::clone(&store), file.clone());
    store.before_write(move || {
        // The other one is faster with all of its files.
        let (store, file) = other;
        for shard in Shard::all() {
            let name = format!("warehouse/videos/{shard}.parquet");
            if name == file || shard == Shard::FIRST {
                store.put(&name, "newer");
            }
        }
    });
    let refused = warehouse(&store).refresh(&|_| {}).await.unwrap_err();
    assert!(
        matches!(refused, WarehouseError::Conflict { .. }),
        "{refused}"
    );
    assert!(tables(&store).values().all(|bytes| bytes == "newer"));
    // Nobody else is at it: the next one puts it right.
    let refreshed = refresh(&store).await;
    assert_eq!(rows(&refreshed), [1, 1, 0]);
}

#[tokio::test]
async fn what_was_done_before_a_failure_is_not_done_again() {
    let store = Arc::new(Memory::default());
    for number in 0..200 {
        put_manifest(&store, &format!("{number}.mp4"), &[0]);
    }
    store.fail_after(Some(100));
    let failed = warehouse(&store).refresh(&|_| {}).await.unwrap_err();
    assert!(matches!(failed, WarehouseError::Store(_)), "{failed}");
    store.fail_after(None);
    let rest = refresh(&store).await;
    assert!(rest.written < rest.shards && rest.read < 200, "{rest:?}");
    let files = tables(&store);
    rebuild(&store).await;
    assert_eq!(tables(&store), files);
}

#[tokio::test]
async fn a_folder_is_a_bucket_too() {
    use framemill_objects::{FileLayout, LocalStore, Store};
    let folder = tempfile::tempdir().unwrap();
    let memory = Memory::default();
    put_manifest(&memory, "cam/a.mp4", &[0, 1]);
    put_annotation(
        &memory,
        "t",
        "cam/a.mp4",
        1,
        vec![answer("1", "ann", 1, &[marked("car", 1.0)])],
    );
    for (name, bytes) in memory.below("") {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let store: Arc<dyn Store> = Arc::new(LocalStore::new(FileLayout::folder(folder.path())));
    let warehouse = framemill_warehouse_host::Warehouse {
        store,
        ..warehouse(&Arc::new(Memory::default()))
    };
    let first = warehouse.refresh(&|_| {}).await.unwrap();
    assert_eq!(rows(&first), [1, 2, 1]);
    let second = warehouse.refresh(&|_| {}).await.unwrap();
    assert_eq!((second.written, rows(&second)), (0, vec![1, 2, 1]));
}
