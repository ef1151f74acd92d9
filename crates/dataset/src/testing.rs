//! Frames and annotations for tests.

use crate::{BuildReport, BuildRule, Candidate, DatasetImage, Snapshot, SnapshotBuilder};
use framemill_annotations::{
    AnnotatedImage, Answer, FrameAnnotation, Geometry, LabelList, Rectangle, Shape, State, Task,
};

/// A checksum that says which image it is of.
fn sha256(image: u64) -> String {
    format!("{image:064x}")
}

/// A frame whose image is that of this number.
pub(crate) fn candidate(video: &str, index: u64, image: u64) -> Candidate {
    Candidate {
        video: video.to_owned(),
        index,
        seconds: index as f64 / 4.0,
        image: DatasetImage {
            name: format!("images/{video}/{index:06}.jpg"),
            sha256: sha256(image),
            bytes: 1_000,
            width: 640,
            height: 480,
            // Spread, so that no two are near-duplicates.
            phash: format!("{:016x}", image.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        },
        sharpness: 12.3,
        annotations: Vec::new(),
    }
}

/// An image of which nothing but the size matters.
pub(crate) fn sized_image(width: u32, height: u32) -> DatasetImage {
    DatasetImage {
        name: "images/a.mp4/000000.jpg".to_owned(),
        sha256: String::new(),
        bytes: 0,
        width,
        height,
        phash: String::new(),
    }
}

/// A frame with an answer about it.
pub(crate) fn answered(video: &str, index: u64, shapes: &[Shape]) -> Candidate {
    let image = index + 1;
    Candidate {
        annotations: vec![annotation("label-studio", image, 100, shapes)],
        ..candidate(video, index, image)
    }
}

/// A box at 1, 2 with this side.
pub(crate) fn square(label: &str, side: f64) -> Shape {
    Shape {
        label: label.to_owned(),
        label_id: None,
        geometry: Geometry::Box(Rectangle {
            x: 1.0,
            y: 2.0,
            width: side,
            height: side,
            rotation: 0.0,
        }),
        id: None,
        occluded: false,
    }
}

/// What a target has about an image: one answer of `ann`.
pub(crate) fn annotation(target: &str, image: u64, at: i64, shapes: &[Shape]) -> FrameAnnotation {
    let time = serde_json::from_value(serde_json::json!(format!(
        "2026-01-01T00:{:02}:{:02}Z",
        at / 60,
        at % 60
    )));
    let task = Task {
        id: "1".to_owned(),
        updated_at: time.unwrap(),
    };
    let answer = Answer {
        id: "7".to_owned(),
        annotator: Some("ann".to_owned()),
        ground_truth: false,
        skipped: false,
        created_at: task.updated_at,
        updated_at: task.updated_at,
        shapes: shapes.to_vec(),
        faults: Vec::new(),
    };
    let image = AnnotatedImage {
        name: "images/a.mp4/000000.jpg".to_owned(),
        sha256: sha256(image),
        width: 640,
        height: 480,
    };
    FrameAnnotation::new(
        target,
        "gs://b/videos/a.mp4#1/0",
        image,
        &task,
        vec![answer],
    )
}

/// The same answer, but in another state.
pub(crate) fn in_state(state: State, candidate: Candidate) -> Candidate {
    let mut candidate = candidate;
    for annotation in &mut candidate.annotations {
        annotation.state = state;
    }
    candidate
}

/// A snapshot of these frames, with all their labels.
pub(crate) fn built(rule: BuildRule, candidates: Vec<Candidate>) -> (Snapshot, BuildReport) {
    let mut labels = LabelList::default();
    let mut builder = SnapshotBuilder::new("cars", rule).unwrap();
    for candidate in candidates {
        builder.add(candidate).unwrap();
    }
    labels.add_all(builder.label_names());
    builder.finish(&labels).unwrap()
}

/// Frames of some videos, in all states.
pub(crate) fn mixed() -> Vec<Candidate> {
    let mut candidates = vec![
        answered("a.mp4", 0, &[square("car", 10.0), square("van", 20.5)]),
        answered("a.mp4", 1, &[]),
        in_state(State::Skipped, answered("b.mp4", 2, &[])),
        candidate("b.mp4", 3, 4),
        answered("8.mp4", 4, &[square("car", 30.0)]),
        answered("c.mp4", 5, &[square("bus", 7.25)]),
        // An answer about another image, and one with a mark that cannot be used.
        answered("c.mp4", 6, &[square("car", 0.0)]),
        answered("d.mp4@7", 7, &[square("car", 3.0)]),
    ];
    if let Some(last) = candidates.last_mut() {
        last.annotations = vec![annotation("cvat", 99, 5, &[square("car", 3.0)])];
    }
    candidates
}
