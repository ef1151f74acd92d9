//! YOLO, read by Ultralytics' own dataset class.

use crate::export;
use crate::folder_sink::FolderSink;
use crate::python::{numbers, read_with_ultralytics};
use crate::sample::detection::{LABELS, sample};
use serde_json::{Value, json};

const TASKS: [(&str, &str); 3] = [
    ("yolo", "detect"),
    ("yolo-obb", "obb"),
    ("yolo-segment", "segment"),
];

/// The rows of a file of labels, as they were written.
fn rows(sink: &FolderSink, split: &str, image: &str) -> Vec<Vec<f64>> {
    let stem = image.strip_suffix(".jpg").expect("a JPEG");
    let text = sink.text(&format!("labels/{split}/{stem}.txt"));
    let number = |word: &str| word.parse().expect("a number");
    let row = |line: &str| line.split(' ').map(number).collect();
    text.lines().map(row).collect()
}

/// Centre and size of the box of a row: its own, or that around its corners.
fn around(row: &[f64]) -> Vec<f64> {
    if row.len() == 4 {
        return row.to_vec();
    }
    let side = |first: usize| {
        let all = || row.iter().skip(first).step_by(2).copied();
        let least = all().fold(f64::INFINITY, f64::min);
        let most = all().fold(f64::NEG_INFINITY, f64::max);
        ((least + most) / 2.0, most - least)
    };
    let ((x, width), (y, height)) = (side(0), side(1));
    vec![x, y, width, height]
}

/// Ultralytics has 32 bits a number.
#[track_caller]
fn assert_near(found: &Value, expected: &[f64]) {
    let found = numbers(found);
    let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-6;
    let same = found.len() == expected.len() && found.iter().zip(expected).all(near);
    assert!(same, "{found:?} is not {expected:?}");
}

#[test]
fn ultralytics_reads_all_images_and_shapes() {
    for (id, task) in TASKS {
        let (sink, exported) = export(id, &sample());
        let found = read_with_ultralytics(sink.path(), task);
        assert_eq!(found["names"], json!(LABELS), "{id}: {found}");
        let (mut frames, mut shapes) = (0, 0);
        for (split, empty) in [("train", 1), ("val", 0)] {
            let of_split = &found["splits"][split];
            assert_eq!(
                (
                    &of_split["missing"],
                    &of_split["corrupt"],
                    &of_split["empty"]
                ),
                (&json!(0), &json!(0), &json!(empty)),
                "{id}: {split}"
            );
            for (image, label) in of_split["images"].as_object().expect("images") {
                let rows = rows(&sink, split, image);
                let ids: Vec<_> = rows.iter().map(|row| row[0] as u64).collect();
                assert_eq!(label["classes"], json!(ids), "{id}: {image}");
                let numbers = match task {
                    "detect" => &label["boxes"],
                    _ => &label["outlines"],
                };
                for (place, row) in rows.iter().enumerate() {
                    assert_near(&numbers[place], &row[1..]);
                    assert_near(&label["boxes"][place], &around(&row[1..]));
                }
                frames += 1;
                shapes += rows.len() as u64;
            }
        }
        assert_eq!((frames, shapes), (exported.frames, exported.shapes), "{id}");
    }
}

/// What an export is said not to be read for.
#[test]
fn ultralytics_refuses_a_dataset_without_train_or_val() {
    for split in ["train", "val"] {
        let mut sample = sample();
        sample.frames.retain(|frame| frame.split != split);
        let (sink, exported) = export("yolo", &sample);
        assert_eq!(exported.notes.len(), 1, "{:?}", exported.notes);
        let found = read_with_ultralytics(sink.path(), "detect");
        let refused = found["refused"].as_str();
        // The rest of its message names both, whichever is missing.
        let missing = format!("'{split}:' key missing");
        assert!(refused.is_some_and(|it| it.contains(&missing)), "{found}");
    }
}

/// What the same note says would do instead of `val`.
#[test]
fn ultralytics_reads_validation_as_val() {
    let mut sample = sample();
    let renamed = |split: &mut String| {
        if split == "val" {
            *split = "validation".to_owned();
        }
    };
    sample.splits.iter_mut().for_each(renamed);
    let frames = sample.frames.iter_mut();
    frames.for_each(|frame| renamed(&mut frame.split));
    let (sink, exported) = export("yolo", &sample);
    assert_eq!(exported.notes, Vec::<String>::new());
    let found = read_with_ultralytics(sink.path(), "detect");
    let images = found["splits"]["val"]["images"].as_object();
    assert_eq!(images.map(serde_json::Map::len), Some(1), "{found}");
}
