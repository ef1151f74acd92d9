//! Croissant, validated and read by mlcroissant.

use crate::export;
use crate::python::{read, try_read};
use crate::sample::hub::{self, LABELS};
use framemill_dataset::FrameState;
use serde_json::{Value, json};

fn records<'a>(found: &'a Value, name: &str) -> &'a [Value] {
    assert_eq!(found["status"], 0, "{}", found["said"]);
    let records = found["records"][name].as_array();
    records.unwrap_or_else(|| panic!("no {name}: {found}"))
}

#[test]
fn mlcroissant_validates_and_reads_frames_images_and_annotations() {
    let sample = hub::sample();
    let (sink, _) = export("croissant", &sample);
    let found = read("croissant.py", sink.path());
    let frames = records(&found, "frames");
    assert_eq!(frames.len(), 6);
    for (found, frame) in frames.iter().zip(&sample.frames) {
        assert_eq!(found["video"], frame.video);
        assert_eq!(found["frame_index"], frame.index);
        assert_eq!(found["seconds"], json!(frame.seconds));
        assert_eq!(
            (&found["width"], &found["height"]),
            (&json!(64), &json!(48))
        );
        assert_eq!(found["split"], frame.split);
        assert_eq!(found["state"], json!(frame.state));
        assert_eq!(found["sha256"], frame.image.sha256);
    }
    let images = records(&found, "images");
    assert_eq!(images.len(), 6);
    let mut names: Vec<_> = frames
        .iter()
        .map(|it| it["file_name"].to_string())
        .collect();
    let mut found_names: Vec<_> = images
        .iter()
        .map(|it| it["file_name"].to_string())
        .collect();
    names.sort();
    found_names.sort();
    assert_eq!(found_names, names);
    assert!(
        images
            .iter()
            .all(|it| it["image"]["size"] == json!([64, 48])),
        "{images:?}"
    );

    let annotations = records(&found, "annotations");
    assert_eq!(annotations.len(), 7);
    let turned = &annotations[0];
    assert_eq!(turned["file_name"], frames[0]["file_name"]);
    // Not the number 7.
    assert_eq!(
        (&turned["label"], &turned["label_id"]),
        (&json!("007"), &json!(0))
    );
    assert_eq!(
        (&turned["bbox"], &turned["rotation"]),
        (&json!([22.0, 14.0, 20.0, 20.0]), &json!(45.0))
    );
    let polygon = &annotations[5];
    assert_eq!(
        (&polygon["kind"], &polygon["label"]),
        (&json!("polygon"), &json!(LABELS[2]))
    );
    assert_eq!(
        polygon["segmentation"],
        json!([0.0, 10.0, 30.0, 10.0, 30.0, 30.0, 0.0, 30.0])
    );
    assert_eq!(annotations[4]["occluded"], true);
}

#[test]
fn the_checksum_of_a_table_is_checked() {
    let (sink, _) = export("croissant", &hub::sample());
    let path = sink.path().join("frames.parquet");
    let mut bytes = std::fs::read(&path).expect("a table");
    let last = bytes.len() - 9;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).expect("a table");
    let refused = try_read("croissant.py", sink.path()).expect_err("the table is damaged");
    assert!(
        refused.contains("frames.parquet is not identical"),
        "{refused}"
    );
}

#[test]
fn no_frames_and_no_labels_are_valid() {
    let (sink, _) = export("croissant", &hub::without_labels());
    let found = read("croissant.py", sink.path());
    assert_eq!(records(&found, "annotations"), &[] as &[Value]);
    let states = records(&found, "frames")
        .iter()
        .map(|it| it["state"].clone());
    assert_eq!(
        states.collect::<Vec<_>>(),
        vec![json!(FrameState::Empty); 6]
    );
}
