//! Vertex AI's lines, by the rules of its documentation.

use crate::folder_sink::FolderSink;
use crate::sample::hub::{self, HARD, LABELS};
use crate::sample::{Sample, shape};
use crate::{export, refusal};
use framemill_annotations::{Geometry, LabelList, Rectangle};
use framemill_dataset::FrameState;
use framemill_dataset::export::Loss;
use serde_json::{Value, json};

fn lines(sink: &FolderSink, split: &str) -> Vec<Value> {
    let text = sink.text(&format!("vertex-{split}.jsonl"));
    assert!(text.ends_with('\n'));
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect()
}

fn upright(width: f64, height: f64) -> Geometry {
    Geometry::Box(Rectangle {
        x: 0.0,
        y: 0.0,
        width,
        height,
        rotation: 0.0,
    })
}

#[test]
fn lines_are_as_the_documentation_has_them() {
    let (sink, exported) = export("vertex", &hub::sample());
    let paths: Vec<_> = sink.files().into_keys().collect();
    assert_eq!(
        paths,
        [
            "vertex-test.jsonl",
            "vertex-train.jsonl",
            "vertex-val.jsonl"
        ]
    );
    let ml_use = |name: &str| json!({"aiplatform.googleapis.com/ml_use": name});

    // Frames that nobody answered are left out, negatives are not.
    let negative = json!({
        "imageGcsUri": format!("gs://bucket/images/{HARD}/000007.jpg"),
        "boundingBoxAnnotations": [],
        "dataItemResourceLabels": ml_use("test"),
    });
    assert_eq!(lines(&sink, "test"), [negative]);
    let train = lines(&sink, "train");
    assert_eq!(train.len(), 2);
    assert_eq!(train[0]["boundingBoxAnnotations"], json!([]));
    let part = |name: &str, [x, y, right, bottom]: [f64; 4]| json!({"displayName": name, "xMin": x / 64.0, "yMin": y / 48.0, "xMax": right / 64.0, "yMax": bottom / 48.0});
    let marked = json!({
        "imageGcsUri": "gs://bucket/images/b.mp4/000001.jpg",
        "boundingBoxAnnotations": [
            part(LABELS[0], [1.5, 2.25, 11.5, 22.25]),
            part(LABELS[1], [0.0, 40.0, 8.0, 48.0]),
            part(LABELS[2], [0.0, 10.0, 30.0, 30.0]),
            part(LABELS[0], [40.0, 5.0, 52.0, 15.0]),
        ],
        "dataItemResourceLabels": ml_use("training"),
    });
    assert_eq!(train[1], marked);
    let val = lines(&sink, "val");
    assert_eq!(val.len(), 1);
    assert_eq!(val[0]["dataItemResourceLabels"], ml_use("validation"));
    let boxes = val[0]["boundingBoxAnnotations"].as_array().expect("boxes");
    assert_eq!(boxes.len(), 2);
    for found in boxes {
        for side in ["xMin", "yMin", "xMax", "yMax"] {
            let at = found[side].as_f64().expect("a number");
            assert!((0.0..=1.0).contains(&at), "{found}");
        }
    }

    assert_eq!((exported.frames, exported.shapes), (4, 6));
    let losses: Vec<_> = exported.losses.into_iter().collect();
    let expected = [
        (Loss::RotationLost, 2),
        (Loss::OutlineLost, 2),
        (Loss::Clipped, 3),
        (Loss::Outside, 2),
        (Loss::KindLost, 3),
        (Loss::TooSmall, 1),
        (Loss::Unanswered, 2),
    ];
    assert_eq!(losses, expected);
}

#[test]
fn boxes_are_as_large_as_the_documentation_says() {
    for (image, sides, taken) in [
        ((1000, 900), (10.0, 9.0), true),
        ((1000, 900), (9.9, 9.0), false),
        ((1000, 900), (10.0, 8.9), false),
        ((64, 48), (8.0, 8.0), true),
        ((64, 48), (7.9, 8.0), false),
        // The smaller side is reduced to 1024, and with it the box to below 8.
        ((2048, 2048), (20.0, 20.5), false),
        ((2048, 2048), (20.5, 20.5), true),
        ((4096, 2048), (41.0, 20.5), true),
    ] {
        let mut sample = hub::of_frames(1);
        let frame = &mut sample.frames[0];
        (frame.image.width, frame.image.height) = image;
        frame.shapes = vec![shape(0, upright(sides.0, sides.1))];
        frame.state = FrameState::Labeled;
        let (_, exported) = export("vertex", &sample);
        let small = exported.losses.get(&Loss::TooSmall).copied();
        assert_eq!(
            (exported.frames, exported.shapes, small.is_none()),
            // Without its shape it would be a negative.
            (u64::from(taken), u64::from(taken), taken),
            "{image:?} {sides:?}"
        );
    }
}

#[test]
fn what_cannot_be_imported_is_named_before_anything_is_written() {
    let refused = |change: &dyn Fn(&mut Sample, &mut FolderSink), reason: &str| {
        let (mut sample, mut sink) = (hub::sample(), FolderSink::new());
        change(&mut sample, &mut sink);
        let said = refusal("vertex", &sample, &mut sink);
        assert!(said.contains(reason), "{said}");
    };
    refused(&|_, sink| sink.address = None, "has no gs:// address");
    refused(
        &|_, sink| sink.address = Some("s3://bucket/"),
        "`s3://bucket/images/",
    );
    refused(
        &|sample, _| {
            sample.splits.push("holdout".to_owned());
            sample.frames[4].split = "holdout".to_owned();
        },
        "a split is called `holdout`",
    );
    refused(
        &|sample, _| sample.frames[4].shapes = vec![shape(0, upright(9.0, 9.0)); 501],
        "has 501 boxes, and 500 are allowed",
    );
    refused(
        &|sample, _| sample.frames[4].image.bytes = 30_000_001,
        "30000000 are allowed",
    );
    refused(
        &|sample, _| sample.frames[4].image.name = "a.avif".to_owned(),
        "`a.avif` ends with none of",
    );
    let long = |length: usize| {
        let mut labels = LabelList::default();
        labels.add_all(["ä".repeat(length).as_str(), "b", "c"]);
        labels
    };
    refused(
        &|sample, _| sample.labels = long(129),
        "a name of 129 characters, and 128 are allowed",
    );
    let sample = Sample {
        labels: long(128),
        ..hub::sample()
    };
    assert_eq!(export("vertex", &sample).1.shapes, 6);
}
