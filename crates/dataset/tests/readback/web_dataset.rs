//! WebDataset, read by webdataset.

use crate::export;
use crate::python::read;
use crate::sample::hub::{self, LABELS};
use serde_json::json;

#[test]
fn webdataset_reads_samples_with_image_and_json() {
    let sample = hub::sample();
    let (sink, _) = export("webdataset", &sample);
    let found = read("web_dataset.py", sink.path());
    let shards = found.as_object().expect("shards");
    let names: Vec<_> = shards.keys().collect();
    assert_eq!(
        names,
        ["test-000000.tar", "train-000000.tar", "val-000000.tar"]
    );
    for split in ["train", "val", "test"] {
        let samples = shards[&format!("{split}-000000.tar")]
            .as_array()
            .expect("samples");
        let frames = sample.frames_of(split);
        assert_eq!(samples.len(), frames.len());
        for (found, frame) in samples.iter().zip(frames) {
            assert_eq!(found["members"], json!(["jpg", "json"]), "a dot in a key");
            assert_eq!(found["size"], json!([64, 48]));
            let known = &found["json"];
            assert_eq!(known["video"], frame.video);
            assert_eq!(known["frame_index"], frame.index);
            assert_eq!(known["state"], json!(frame.state));
            assert_eq!(known["split"], split);
            assert_eq!(known["sha256"], frame.image.sha256);
        }
    }
    let train = &shards["train-000000.tar"];
    assert_eq!(train[0]["key"], "b=mp4-000000");
    assert_eq!(train[0]["json"]["objects"], json!([]));
    let cut = json!({
        "label": LABELS[1], "label_id": 1, "kind": "box", "bbox": [0.0, 40.0, 8.0, 8.0], "rotation": 0.0,
        "area": 64.0, "segmentation": [], "occluded": true,
    });
    assert_eq!(train[1]["json"]["objects"][1], cut);
    let turned = &shards["val-000000.tar"][0]["json"]["objects"][0];
    assert_eq!(turned["label"], "007");
    assert_eq!(
        (&turned["bbox"], &turned["rotation"]),
        (&json!([22.0, 14.0, 20.0, 20.0]), &json!(45.0))
    );
}

#[test]
fn long_names_come_out_whole() {
    let mut sample = hub::of_frames(1);
    sample.frames[0].video = "ä".repeat(400);
    let (sink, _) = export("webdataset", &sample);
    let found = read("web_dataset.py", sink.path());
    let found = &found["train-000000.tar"][0];
    assert!(found["key"].as_str().expect("a key").len() > 100, "{found}");
    assert_eq!(found["members"], json!(["jpg", "json"]));
}

#[test]
fn large_splits_are_several_shards() {
    let mut sample = hub::of_frames(5);
    for frame in &mut sample.frames {
        frame.image.bytes = 400_000_000;
    }
    let (sink, _) = export("webdataset", &sample);
    let found = read("web_dataset.py", sink.path());
    let counts: Vec<_> = found.as_object().expect("shards").values().collect();
    let counts: Vec<_> = counts
        .iter()
        .map(|it| it.as_array().map(Vec::len))
        .collect();
    assert_eq!(counts, [Some(2), Some(2), Some(1)]);

    let sample = hub::of_frames(10_001);
    let (sink, exported) = export("webdataset", &sample);
    assert_eq!(exported.frames, 10_001);
    let paths: Vec<_> = sink.files().into_keys().collect();
    assert_eq!(paths, ["train-000000.tar", "train-000001.tar"]);
}
