//! Hugging Face's formats, read by datasets.

use crate::folder_sink::FolderSink;
use crate::python::read;
use crate::sample::hub::{self, HARD, LABELS};
use crate::{export, refusal};
use framemill_dataset::DatasetImage;
use framemill_dataset::export::{Sink, SinkFile, find};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Checks what datasets read of the sample.
fn check(found: &Value, id: &str) {
    let sample = hub::sample();
    let splits = found.as_object().expect("splits");
    assert_eq!(
        splits.keys().collect::<Vec<_>>(),
        ["test", "train", "val"],
        "{id}"
    );
    for (name, split) in splits {
        assert_eq!(split["names"], json!(LABELS), "{id}: {name}");
        assert_eq!(
            split["features"], splits["train"]["features"],
            "{id}: {name}"
        );
        let rows = split["rows"].as_array().expect("rows");
        let frames = sample.frames_of(name);
        assert_eq!(rows.len(), frames.len(), "{id}: {name}");
        for (row, frame) in rows.iter().zip(frames) {
            assert_eq!(row["video"], frame.video);
            assert_eq!(row["frame_index"], frame.index);
            assert_eq!(row["seconds"].to_string(), format!("{:?}", frame.seconds));
            assert_eq!((&row["width"], &row["height"]), (&json!(64), &json!(48)));
            assert_eq!(row["state"], json!(frame.state));
            assert_eq!(row["sha256"], frame.image.sha256);
            assert_eq!(
                row["image"]["sha256"], frame.image.sha256,
                "{id}: not its bytes"
            );
            assert_eq!(row["image"]["size"], json!([64, 48]));
            assert_eq!(row["image"]["format"], "JPEG");
        }
    }
    let objects = |split: &str, row: usize| found[split]["rows"][row]["objects"].clone();
    let none = json!({
        "bbox": [], "category": [], "area": [], "rotation": [], "kind": [], "segmentation": [], "occluded": [],
    });
    assert_eq!(objects("train", 0), none, "{id}: a negative");
    assert_eq!(objects("test", 0), none, "{id}: a negative");
    let marked = json!({
        "bbox": [[1.5, 2.25, 10.0, 20.0], [0.0, 40.0, 8.0, 8.0], [0.0, 10.0, 30.0, 20.0], [40.0, 5.0, 12.0, 10.0]],
        "category": [0, 1, 2, 0],
        "area": [200.0, 64.0, 600.0, 120.0],
        "rotation": [0.0, 0.0, 0.0, 0.0],
        "kind": ["box", "box", "polygon", "mask"],
        "segmentation": [[], [], [[0.0, 10.0, 30.0, 10.0, 30.0, 30.0, 0.0, 30.0]], []],
        "occluded": [false, true, false, false],
    });
    assert_eq!(objects("train", 1), marked, "{id}");
    let turned = json!({
        "bbox": [[22.0, 14.0, 20.0, 20.0], [0.0, 14.0, 20.0, 20.0], [1.0, 2.0, 3.0, 4.0]],
        "category": [0, 1, 2],
        "area": [400.0, 400.0, 12.0],
        "rotation": [45.0, 45.0, 0.0],
        "kind": ["box", "box", "box"],
        "segmentation": [[], [], []],
        "occluded": [false, false, false],
    });
    assert_eq!(objects("val", 0), turned, "{id}");
}

#[test]
fn datasets_loads_the_folder_by_its_card() {
    let (sink, _) = export("huggingface", &hub::sample());
    check(
        &read("hugging_face.py", sink.path())["by_card"],
        "huggingface",
    );
    let paths: Vec<_> = sink.files().into_keys().collect();
    assert!(
        paths.contains(&"train/b=mp4-000000.jpg".to_owned()),
        "{paths:?}"
    );
    assert!(
        !paths.iter().any(|path| path.starts_with("none")),
        "{paths:?}"
    );
}

#[test]
fn datasets_loads_parquet_with_and_without_the_card() {
    let (sink, _) = export("huggingface-parquet", &hub::sample());
    let found = read("hugging_face.py", sink.path());
    check(&found["by_card"], "by its card");
    check(&found["by_files"], "by its files");
    assert_eq!(found["streamed"], json!({"train": 3, "val": 2, "test": 1}));
    let path = &found["by_card"]["val"]["rows"][0]["image"]["path"];
    let path = path.as_str().expect("a name");
    assert!(
        path.starts_with("Cam__a_~Stra_e=v1~x=y=mp4-000000-x"),
        "{path} of {HARD}"
    );
}

#[test]
fn negatives_alone_and_no_labels_are_read() {
    for id in ["huggingface", "huggingface-parquet"] {
        let (sink, exported) = export(id, &hub::without_labels());
        assert_eq!((exported.frames, exported.shapes), (6, 0));
        let found = read("hugging_face.py", sink.path());
        let train = &found["by_card"]["train"];
        assert_eq!(train["names"], Value::Null);
        assert_eq!(train["rows"].as_array().map(Vec::len), Some(3));
        assert_eq!(train["rows"][0]["objects"]["bbox"], json!([]));
    }
}

#[test]
fn splits_that_datasets_refuses_are_named() {
    for id in ["huggingface", "huggingface-parquet"] {
        for name in ["a-b", "all", "", "../x"] {
            let mut sample = hub::sample();
            sample.splits.push(name.to_owned());
            sample.frames[0].split = name.to_owned();
            let reason = refusal(id, &sample, &mut FolderSink::new());
            assert!(
                reason.starts_with(&format!("a split is called `{name}`")),
                "{reason}"
            );
        }
    }
}

#[test]
fn large_splits_are_several_files() {
    let mut sample = hub::of_frames(5);
    for frame in &mut sample.frames {
        frame.image.bytes = 200_000_000;
    }
    let (sink, exported) = export("huggingface-parquet", &sample);
    assert_eq!(exported.frames, 5);
    let paths: Vec<_> = sink.files().into_keys().collect();
    let expected = [
        "README.md",
        "data/train-00000-of-00003.parquet",
        "data/train-00001-of-00003.parquet",
        "data/train-00002-of-00003.parquet",
    ];
    assert_eq!(paths, expected);
    let found = read("hugging_face.py", sink.path());
    let rows = found["by_card"]["train"]["rows"].as_array().expect("rows");
    let indices: Vec<_> = rows.iter().map(|row| row["frame_index"].clone()).collect();
    assert_eq!(json!(indices), json!([0, 1, 2, 3, 4]));
}

/// Checks that images are written soon after they were read, and keeps nothing.
#[derive(Clone, Default)]
struct Sieve {
    read: Arc<AtomicU64>,
    read_when_written: Arc<AtomicU64>,
    most_held: Arc<AtomicU64>,
}

impl Sink for Sieve {
    fn file(&mut self, _: &str) -> io::Result<Box<dyn SinkFile>> {
        Ok(Box::new(self.clone()))
    }

    fn expect(&mut self, _: u64) {}

    fn image(&mut self, _: &DatasetImage, _: &str) -> io::Result<()> {
        unreachable!("images go into files")
    }

    fn image_bytes(&mut self, _: &DatasetImage) -> io::Result<Vec<u8>> {
        let read = self.read.fetch_add(1, Ordering::Relaxed) + 1;
        let held = read - self.read_when_written.load(Ordering::Relaxed);
        self.most_held.fetch_max(held, Ordering::Relaxed);
        Ok(vec![7; 100_000])
    }

    fn image_uri(&self, _: &DatasetImage) -> Option<String> {
        None
    }
}

impl Write for Sieve {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let read = self.read.load(Ordering::Relaxed);
        self.read_when_written.store(read, Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SinkFile for Sieve {
    fn finish(self: Box<Self>) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn memory_does_not_grow_with_the_images() {
    for (id, bytes, most) in [
        ("huggingface-parquet", 1_000, 64),
        ("huggingface-parquet", 8 << 20, 4),
        ("huggingface-parquet", 1 << 40, 1),
        ("webdataset", 1_000, 1),
    ] {
        let mut sample = hub::of_frames(300);
        for frame in &mut sample.frames {
            frame.image.bytes = bytes;
        }
        let mut sieve = Sieve::default();
        let format = find(id).expect("a format");
        let exported = format
            .write(&sample.dataset(), &mut sieve)
            .expect("it fits");
        assert_eq!(exported.frames, 300);
        assert_eq!(
            sieve.most_held.load(Ordering::Relaxed),
            most,
            "{id} of {bytes} bytes"
        );
    }
}
