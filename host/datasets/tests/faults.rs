//! A build and an export that fail at any single call, before or after it takes effect, and are tried again
//! end in the same bytes as those that never failed.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use async_trait::async_trait;
use framemill_contract::{Config, Layout};
use framemill_dataset::BuildRule;
use framemill_dataset_host::{DatasetName, ExportRequest, ExportTo, build, export};
use framemill_objects::{
    Access, ByteStream, FileLayout, LocalStore, NewObject, ObjectMeta, Precondition, RangeSpec,
    Reading, Store, StoreError,
};
use framemill_support::finding::Finding;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A store of which one call fails, before or after it takes effect.
struct Faulty {
    store: LocalStore,
    calls: AtomicU64,
    fails: Option<(u64, bool)>,
}

impl Faulty {
    fn new(folder: &Path, fails: Option<(u64, bool)>) -> Arc<Self> {
        Arc::new(Self {
            store: LocalStore::new(FileLayout::folder(folder)),
            calls: AtomicU64::new(0),
            fails,
        })
    }

    async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let cut = || StoreError::Io {
            what: "calling",
            name: "it".to_owned(),
            source: std::io::Error::other("connection cut"),
        };
        match self.fails {
            Some((at, false)) if at == number => Err(cut()),
            Some((at, true)) if at == number => {
                call.await?;
                Err(cut())
            }
            _ => call.await,
        }
    }
}

#[async_trait]
impl Store for Faulty {
    async fn head(&self, name: &str) -> Result<ObjectMeta, StoreError> {
        self.call(self.store.head(name)).await
    }

    async fn read(
        &self,
        name: &str,
        generation: Option<i64>,
        range: RangeSpec,
    ) -> Result<Reading, StoreError> {
        self.call(self.store.read(name, generation, range)).await
    }

    async fn write(
        &self,
        name: &str,
        precondition: Precondition,
        object: NewObject,
        bytes: ByteStream,
    ) -> Result<ObjectMeta, StoreError> {
        let write = self.store.write(name, precondition, object, bytes);
        self.call(write).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ObjectMeta>, StoreError> {
        self.call(self.store.list(prefix, after, limit)).await
    }

    async fn delete(&self, name: &str, precondition: Precondition) -> Result<(), StoreError> {
        self.call(self.store.delete(name, precondition)).await
    }

    async fn check(&self, access: &Access) -> Vec<Finding> {
        self.store.check(access).await
    }
}

fn layout() -> Layout {
    Config::from_lookup(|_| None).unwrap().layout
}

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Two videos with two frames each, of which one is labeled.
fn bucket(folder: &Path) {
    for video in ["cam1/x.mp4", "cam2/x.mp4"] {
        let frames: Vec<Value> = (0..2)
            .map(|index| {
                let bytes = format!("image {index} of {video}");
                put(
                    folder,
                    &format!("images/{video}/{index:06}.jpg"),
                    bytes.as_bytes(),
                );
                json!({"index": index, "pts": index, "seconds": index as f64,
                    "name": format!("{index:06}.jpg"), "width": 320, "height": 180,
                    "bytes": bytes.len(), "sha256": hex::encode(Sha256::digest(&bytes)),
                    "phash": format!("{:016x}", u64::MAX / (index + 1)), "sharpness": 10.0})
            })
            .collect();
        let answer = json!({"id": "1", "created_at": "2026-11-01T10:00:00Z",
            "updated_at": "2026-11-01T10:00:00Z", "shapes": [{"label": "car", "type": "box",
            "x": 1.5, "y": 2, "width": 30, "height": 40}]});
        let annotation = json!({"schema": "framemill.annotation/1", "target": "cvat-1",
            "frame": format!("gs://b/videos/{video}#1/0"),
            "image": {"name": format!("images/{video}/000000.jpg"),
                "sha256": frames[0]["sha256"], "width": 320, "height": 180},
            "state": "labeled", "shapes": answer["shapes"], "counts": "1", "answers": [answer],
            "task": "1", "updated_at": "2026-11-01T10:00:00Z"});
        put(
            folder,
            &format!("records/annotations/cvat-1/{video}/000000/current.json"),
            annotation.to_string().as_bytes(),
        );
        put(
            folder,
            &format!("manifests/{video}.json"),
            manifest(video, frames).to_string().as_bytes(),
        );
    }
}

fn manifest(video: &str, frames: Vec<Value>) -> Value {
    json!({
        "schema": "framemill.manifest/2",
        "source": {"bucket": "b", "name": format!("videos/{video}"), "generation": 1, "size": 1},
        "video": {"container": "mp4", "codec": "h264", "profile": "High", "width": 320,
            "height": 180, "rotation": 0, "timescale": 30, "duration_pts": 60, "frame_count": 60,
            "color": {"matrix": "bt709", "range": "limited", "primaries": null, "transfer": null,
                "matrix_assumed": false, "tone_mapped": false}},
        "selection": {"select": {"every": "1s"}, "snap": "exact",
            "images": {"format": "jpeg", "max_side": null, "quality": 95, "unspecified_matrix": "auto"},
            "filters": {"dedupe": "off", "drop_blank": false, "min_sharpness": null},
            "naming": "index", "config_hash": "0"},
        "image_folder": video,
        "frames": frames,
        "dropped": [],
        "warnings": [],
        "stats": {"frames_selected": 2, "bytes_read": 1, "access_units_total": 60,
            "access_units_decoded": 2, "peak_memory_bytes": 0},
        "tool": {"version": "0.1.0", "component_sha256": "0"},
    })
}

async fn build_once(store: &Arc<Faulty>) -> Result<String, String> {
    let name = DatasetName::parse("cars").unwrap();
    let built = build(
        store.as_ref(),
        &layout(),
        &name,
        BuildRule::default(),
        &|_| {},
    )
    .await;
    built
        .map(|built| built.snapshot.hash().to_owned())
        .map_err(|error| error.to_string())
}

async fn export_once(store: &Arc<Faulty>, hash: &str) -> Result<(), String> {
    let request = ExportRequest {
        store: Arc::clone(store) as Arc<dyn Store>,
        uri: None,
        name: DatasetName::parse("cars").unwrap(),
        hash: hash.to_owned(),
        format: "yolo".to_owned(),
        to: ExportTo::Bucket,
    };
    let exported = export(request, |_| {}).await;
    exported.map(drop).map_err(|error| error.to_string())
}

fn written(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.join("datasets")];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let name = path.strip_prefix(folder).unwrap().to_string_lossy();
                    found.insert(name.into_owned(), fs::read(&path).unwrap());
                }
            }
        }
    }
    found
}

#[tokio::test]
async fn a_fault_at_any_call_leaves_nothing_that_another_try_does_not_mend() {
    let folder = tempfile::tempdir().unwrap();
    bucket(folder.path());
    let whole = Faulty::new(folder.path(), None);
    let hash = build_once(&whole).await.unwrap();
    let calls_to_build = whole.calls.load(Ordering::Relaxed);
    export_once(&whole, &hash).await.unwrap();
    let calls = whole.calls.load(Ordering::Relaxed);
    let expected = written(folder.path());
    assert!(
        calls_to_build > 10 && calls > calls_to_build + 10,
        "{calls_to_build} {calls}"
    );
    assert_eq!(
        expected
            .keys()
            .filter(|name| name.ends_with(".jpg"))
            .count(),
        2
    );

    for at in 0..calls {
        for after in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            bucket(folder.path());
            let faulty = Faulty::new(folder.path(), Some((at, after)));
            let first = build_once(&faulty).await;
            // What is not there is an answer, too: behind it the call takes no effect that could be lost.
            let fails = at < calls_to_build;
            assert!(
                first.is_err() == fails || (fails && after),
                "{at} {after}: {first:?}"
            );
            if first.is_ok() {
                // Reads that were ahead may meet the fault of a call that nobody waits for.
                let _ = export_once(&faulty, &hash).await;
            }
            let sound = Faulty::new(folder.path(), None);
            assert_eq!(build_once(&sound).await.as_ref(), Ok(&hash), "{at} {after}");
            export_once(&sound, &hash).await.unwrap();
            assert_eq!(written(folder.path()), expected, "{at} {after}");
        }
    }
}

#[tokio::test]
async fn two_that_add_labels_at_the_same_time_give_no_id_twice() {
    let folder = tempfile::tempdir().unwrap();
    bucket(folder.path());
    let store = Faulty::new(folder.path(), None);
    let both = futures::future::join_all((0..8).map(|_| build_once(&store))).await;
    assert!(both.windows(2).all(|pair| pair[0] == pair[1]), "{both:?}");
    assert!(both[0].is_ok(), "{both:?}");
}
