//! One of each for formats with columns for what is known: negatives, rotated, cut and missing shapes, names
//! that are hard to write, frames that nobody answered, a split of negatives alone and one without frames.

use super::{HEIGHT, Sample, WIDTH, frame, points, rectangle, shape};
use framemill_annotations::{Geometry, LabelList, Mask, Point};
use framemill_dataset::{DatasetShape, FrameState};

/// Labels, by id. One is like a number, one is of no shape.
pub const LABELS: [&str; 4] = [
    "007",
    "Fußgänger \"kind\"/'b'.v2 🚲",
    "car",
    "unused\tlabel",
];
/// A path with what is hard to write in it.
pub const HARD: &str = "Cam \"a\"/Straße.v1/x.y.mp4";

pub fn sample() -> Sample {
    let frames = vec![
        frame(HARD, 0, "val", FrameState::Labeled, rotated()),
        frame(HARD, 5, "val", FrameState::Skipped, vec![]),
        frame(HARD, 7, "test", FrameState::Empty, vec![]),
        frame("b.mp4", 0, "train", FrameState::Empty, vec![]),
        frame("b.mp4", 1, "train", FrameState::Labeled, shapes()),
        frame("b.mp4", 2, "train", FrameState::Unlabeled, vec![]),
    ];
    Sample {
        frames,
        ..Sample::new(&LABELS, &["train", "val", "test", "none"])
    }
}

/// The same frames, and nobody has marked anything.
pub fn without_labels() -> Sample {
    let mut sample = sample();
    sample.labels = LabelList::default();
    for frame in &mut sample.frames {
        frame.shapes.clear();
        frame.state = FrameState::Empty;
    }
    sample
}

/// No frames.
pub fn without_frames() -> Sample {
    Sample {
        frames: Vec::new(),
        ..sample()
    }
}

/// So many frames, one after the other, in one split.
pub fn of_frames(count: u64) -> Sample {
    let frames = (0..count).map(|index| frame("b.mp4", index, "train", FrameState::Empty, vec![]));
    Sample {
        frames: frames.collect(),
        ..sample()
    }
}

/// Rotated boxes: inside, with a tip outside, and with all outside; and a very small box.
fn rotated() -> Vec<DatasetShape> {
    vec![
        shape(0, rectangle([22.0, 14.0, 20.0, 20.0], 45.0)),
        shape(1, rectangle([0.0, 14.0, 20.0, 20.0], 45.0)),
        shape(1, rectangle([-40.0, 14.0, 20.0, 20.0], 45.0)),
        shape(2, rectangle([1.0, 2.0, 3.0, 4.0], 0.0)),
    ]
}

/// Upright boxes inside, partly and wholly outside; a polygon with its left part outside; a mask; and
/// what has no box.
fn shapes() -> Vec<DatasetShape> {
    let polygon = points(&[(-10.0, 10.0), (30.0, 10.0), (30.0, 30.0), (-10.0, 30.0)]);
    let line = points(&[(1.0, 1.0), (9.0, 9.0)]);
    let mask = Mask::of_rows(WIDTH, HEIGHT, |x, y| {
        (40..52).contains(&x) && (5..15).contains(&y)
    });
    vec![
        shape(0, rectangle([1.5, 2.25, 10.0, 20.0], 0.0)),
        DatasetShape {
            occluded: true,
            ..shape(1, rectangle([-4.0, 40.0, 12.0, 16.0], 0.0))
        },
        shape(1, rectangle([100.0, 40.0, 12.0, 16.0], 0.0)),
        shape(2, Geometry::Polygon { points: polygon }),
        shape(0, Geometry::Mask(mask)),
        shape(0, Geometry::Polyline { points: line }),
        shape(0, Geometry::Point(Point { x: 4.0, y: 5.0 })),
        shape(2, Geometry::Classification),
    ]
}
