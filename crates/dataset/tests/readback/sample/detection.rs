//! One of each for formats of detection: negatives, rotated, cut and missing shapes, names that are hard to
//! write, and frames that nobody answered.

use super::{HEIGHT, Sample, WIDTH, frame, points, rectangle, shape};
use framemill_annotations::{Geometry, Mask, Point};
use framemill_dataset::{DatasetShape, FrameState};

/// Labels, by id.
pub const LABELS: [&str; 5] = [
    "car",
    "Fußgänger: \"kind\" # 'no' \\ {x}",
    "no",
    "Fahrrad 🚲\u{2028}\u{feff}\u{85}\t\n zwei",
    "1e3",
];
/// Half of the diagonal of the square on its tip, whose sides are 20.
pub const TIP: f64 = 14.142_135_623_730_951;

/// Whether a pixel is in the sample's mask: two areas, one over whole columns.
pub fn is_in_mask(x: u32, y: u32) -> bool {
    (x == 3 && (5..9).contains(&y)) || (60..62).contains(&x)
}

pub fn sample() -> Sample {
    let frames = vec![
        frame("Cam 1/Straße.mp4", 0, "train", FrameState::Labeled, plain()),
        frame("Cam 1/Straße.mp4", 5, "train", FrameState::Empty, vec![]),
        frame("Cam 1/straße.mp4", 0, "val", FrameState::Labeled, rotated()),
        frame("b.mp4", 0, "train", FrameState::Labeled, outlines()),
        frame("b.mp4", 1, "train", FrameState::Unlabeled, vec![]),
        frame("b.mp4", 2, "val", FrameState::Skipped, vec![]),
    ];
    Sample {
        frames,
        ..Sample::new(&LABELS, &["train", "val", "test"])
    }
}

/// Upright boxes: inside, and with its lower left part outside.
fn plain() -> Vec<DatasetShape> {
    vec![
        shape(0, rectangle([1.5, 2.25, 10.0, 20.0], 0.0)),
        DatasetShape {
            occluded: true,
            ..shape(1, rectangle([-4.0, 40.0, 12.0, 16.0], 0.0))
        },
    ]
}

/// Rotated boxes: inside, with a tip outside, with its centre outside, and with all outside.
fn rotated() -> Vec<DatasetShape> {
    vec![
        shape(0, rectangle([22.0, 14.0, 20.0, 20.0], 45.0)),
        shape(1, rectangle([0.0, 14.0, 20.0, 20.0], 45.0)),
        shape(2, rectangle([-12.0, 14.0, 20.0, 20.0], 45.0)),
        shape(3, rectangle([-40.0, 14.0, 20.0, 20.0], 45.0)),
    ]
}

/// Polygons and masks, and what many formats do not have.
fn outlines() -> Vec<DatasetShape> {
    let corner = [
        (10.0, 10.0),
        (30.0, 10.0),
        (30.0, 20.0),
        (20.0, 20.0),
        (20.0, 40.0),
        (10.0, 40.0),
    ];
    let line = points(&[(1.0, 1.0), (9.0, 9.0)]);
    vec![
        shape(
            3,
            Geometry::Polygon {
                points: points(&corner),
            },
        ),
        shape(4, Geometry::Mask(Mask::of_rows(WIDTH, HEIGHT, is_in_mask))),
        shape(0, Geometry::Polyline { points: line }),
        shape(0, Geometry::Point(Point { x: 4.0, y: 5.0 })),
        shape(2, Geometry::Classification),
    ]
}
