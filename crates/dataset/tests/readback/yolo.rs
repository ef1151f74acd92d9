//! YOLO, read by the rules of Ultralytics.

use crate::export;
use crate::python::{assert_near, numbers, read};
use crate::sample::detection::{LABELS, TIP, sample};
use crate::sample::{HEIGHT, Sample, WIDTH};
use framemill_dataset::export::{ExportError, Loss, find};
use serde_json::{Value, json};

/// What was found of a task: rows of train's labelled frames and of val's, ids first.
struct Found {
    plain: Vec<Vec<f64>>,
    outlines: Vec<Vec<f64>>,
    rotated: Vec<Vec<f64>>,
    losses: Vec<(Loss, u64)>,
}

fn found(id: &str) -> Found {
    let (sink, exported) = export(id, &sample());
    let found = read("yolo.py", sink.path());
    assert_eq!(found["names"], json!(LABELS));
    let splits = found["splits"].as_object().expect("splits");
    assert_eq!(splits.keys().collect::<Vec<_>>(), ["train", "val"]);
    let rows = |value: &Value| -> Vec<Vec<f64>> {
        value
            .as_array()
            .expect("rows")
            .iter()
            .map(numbers)
            .collect()
    };
    let of = |split: &str, begin: &str, index: &str| {
        let mut files = splits[split].as_object().expect("files").iter();
        let file = files.find(|(name, _)| name.starts_with(begin) && name.contains(index));
        rows(
            file.unwrap_or_else(|| panic!("{begin} is missing: {splits:?}"))
                .1,
        )
    };
    assert!(
        of("train", "Cam_1~Stra_e=mp4", "-000005-").is_empty(),
        "a negative"
    );
    let all = Found {
        plain: of("train", "Cam_1~Stra_e=mp4", "-000000-"),
        outlines: of("train", "b=mp4", "-000000."),
        rotated: of("val", "Cam_1~stra_e=mp4", "-000000-"),
        losses: exported.losses.into_iter().collect(),
    };
    let shapes = all.plain.len() + all.outlines.len() + all.rotated.len();
    assert_eq!(exported.shapes, shapes as u64);
    all
}

/// A row in pixels: the id, and x and y in turn.
fn in_pixels(row: &[f64]) -> Vec<f64> {
    let sides = [f64::from(WIDTH), f64::from(HEIGHT)];
    let (id, rest) = row.split_first().expect("an id");
    let scaled = rest
        .iter()
        .zip(sides.into_iter().cycle())
        .map(|(part, side)| part * side);
    std::iter::once(*id).chain(scaled).collect()
}

#[track_caller]
fn assert_rows(found: &[Vec<f64>], expected: &[&[f64]]) {
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (row, expected) in found.iter().zip(expected) {
        assert_near(&in_pixels(row), expected);
    }
}

/// How far the square reaches whose centre is outside.
const SEEN: f64 = TIP - 2.0;

#[test]
fn detection_has_upright_boxes() {
    let found = found("yolo");
    assert_rows(
        &found.plain,
        &[&[0.0, 6.5, 12.25, 10.0, 20.0], &[1.0, 4.0, 44.0, 8.0, 8.0]],
    );
    let part = 10.0 + TIP;
    assert_rows(
        &found.rotated,
        &[
            &[0.0, 32.0, 24.0, 2.0 * TIP, 2.0 * TIP],
            &[1.0, part / 2.0, 24.0, part, 2.0 * TIP],
            &[2.0, SEEN / 2.0, 24.0, SEEN, 2.0 * SEEN],
        ],
    );
    assert_rows(
        &found.outlines,
        &[
            &[3.0, 20.0, 25.0, 20.0, 30.0],
            &[4.0, 32.5, 24.0, 59.0, 48.0],
        ],
    );
    let losses = [
        (Loss::RotationLost, 3),
        (Loss::OutlineLost, 2),
        (Loss::Clipped, 3),
        (Loss::Outside, 1),
        (Loss::KindLost, 3),
        (Loss::Unanswered, 2),
    ];
    assert_eq!(found.losses, losses);
}

#[test]
fn oriented_boxes_keep_their_rotation() {
    let found = found("yolo-obb");
    let upright = |id: f64, x: f64, y: f64, right: f64, bottom: f64| {
        vec![id, x, y, right, y, right, bottom, x, bottom]
    };
    let on_tip = |id: f64, x: f64| {
        vec![
            id,
            x,
            24.0 - TIP,
            x + TIP,
            24.0,
            x,
            24.0 + TIP,
            x - TIP,
            24.0,
        ]
    };
    let rows = |all: &[Vec<f64>], expected: [Vec<f64>; 2]| {
        assert_rows(all, &expected.each_ref().map(Vec::as_slice));
    };
    rows(
        &found.plain,
        [
            upright(0.0, 1.5, 2.25, 11.5, 22.25),
            upright(1.0, 0.0, 40.0, 8.0, 48.0),
        ],
    );
    rows(&found.rotated[..2], [on_tip(0.0, 32.0), on_tip(1.0, 10.0)]);
    let without_rotation = upright(2.0, 0.0, 24.0 - SEEN, SEEN, 24.0 + SEEN);
    assert_rows(&found.rotated[2..], &[&without_rotation]);
    rows(
        &found.outlines,
        [
            upright(3.0, 10.0, 10.0, 30.0, 40.0),
            upright(4.0, 3.0, 0.0, 62.0, 48.0),
        ],
    );
    let losses = [
        (Loss::RotationLost, 1),
        (Loss::OutlineLost, 2),
        (Loss::Clipped, 2),
        (Loss::Outside, 1),
        (Loss::KindLost, 3),
        (Loss::Unanswered, 2),
    ];
    assert_eq!(found.losses, losses);
}

#[test]
fn segments_are_cut_to_the_image() {
    let found = found("yolo-segment");
    assert_rows(
        &found.plain,
        &[
            &[0.0, 1.5, 2.25, 11.5, 2.25, 11.5, 22.25, 1.5, 22.25],
            &[1.0, 0.0, 48.0, 0.0, 40.0, 8.0, 40.0, 8.0, 48.0],
        ],
    );
    let [whole, cut, tip] = found.rotated.as_slice() else {
        panic!("{:?}", found.rotated)
    };
    assert_near(
        &in_pixels(whole),
        &[
            0.0,
            32.0,
            24.0 - TIP,
            32.0 + TIP,
            24.0,
            32.0,
            24.0 + TIP,
            32.0 - TIP,
            24.0,
        ],
    );
    // Five corners: where the left tip was, the edge.
    assert_eq!((cut.len(), tip.len()), (1 + 2 * 5, 1 + 2 * 3));
    let corner = [
        3.0, 10.0, 10.0, 30.0, 10.0, 30.0, 20.0, 20.0, 20.0, 20.0, 40.0, 10.0, 40.0,
    ];
    let around_mask = [4.0, 3.0, 0.0, 62.0, 0.0, 62.0, 48.0, 3.0, 48.0];
    assert_rows(&found.outlines, &[&corner, &around_mask]);
    let losses = [
        (Loss::OutlineLost, 1),
        (Loss::Clipped, 3),
        (Loss::Outside, 1),
        (Loss::KindLost, 3),
        (Loss::Unanswered, 2),
    ];
    assert_eq!(found.losses, losses);
}

/// The sample, its frames of `train` in a split of this name.
fn in_split(name: &str) -> Sample {
    let mut sample = sample();
    sample.splits[0] = name.to_owned();
    let frames = sample.frames.iter_mut();
    for frame in frames.filter(|frame| frame.split == "train") {
        frame.split = name.to_owned();
    }
    sample
}

#[test]
fn a_split_must_not_be_called_what_means_something_else() {
    for name in ["names", "images"] {
        let mut sink = crate::folder_sink::FolderSink::new();
        let yolo = find("yolo").expect("a format");
        let refused = yolo.write(&in_split(name).dataset(), &mut sink);
        assert!(
            matches!(refused, Err(ExportError::Unfit { format: "yolo", .. })),
            "{refused:?}"
        );
        assert!(sink.files().is_empty());
    }
}

#[test]
fn splits_that_ultralytics_wants_are_named_where_they_have_no_frames() {
    let (_, exported) = export("yolo", &sample());
    assert_eq!(exported.notes, Vec::<String>::new());
    let (_, exported) = export("yolo", &in_split("learn"));
    let [note] = exported.notes.as_slice() else {
        panic!("{:?}", exported.notes)
    };
    assert!(note.contains("no frame is in a split `train`"), "{note}");
    let mut sample = sample();
    sample.frames.truncate(2);
    let (_, exported) = export("yolo", &sample);
    assert!(exported.notes[0].contains("`val` or `validation`"));
}
