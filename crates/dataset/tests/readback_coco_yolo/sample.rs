//! A small dataset with one of each: negatives, rotated, cut and missing shapes, names that are hard to
//! write, and frames that nobody answered.

use framemill_annotations::{Geometry, LabelList, Mask, Point, Rectangle};
use framemill_dataset::export::ExportDataset;
use framemill_dataset::{DatasetFrame, DatasetImage, DatasetShape, FrameState};
use sha2::{Digest, Sha256};

/// Labels, by id.
pub const LABELS: [&str; 5] = [
    "car",
    "Fußgänger: \"kind\" # 'no' \\ {x}",
    "no",
    "Fahrrad 🚲\u{2028}\u{feff}\u{85}\t\n zwei",
    "1e3",
];
pub const WIDTH: u32 = 64;
pub const HEIGHT: u32 = 48;
/// Half of the diagonal of the square on its tip, whose sides are 20.
pub const TIP: f64 = 14.142_135_623_730_951;

/// The bytes of an image.
pub fn bytes_of(image: &str) -> Vec<u8> {
    format!("the image called {image}").into_bytes()
}

/// Whether a pixel is in the sample's mask: two areas, one over whole columns.
pub fn is_in_mask(x: u32, y: u32) -> bool {
    (x == 3 && (5..9).contains(&y)) || (60..62).contains(&x)
}

/// The dataset's parts.
pub struct Sample {
    pub labels: LabelList,
    pub splits: Vec<String>,
    pub frames: Vec<DatasetFrame>,
}

impl Sample {
    pub fn new() -> Self {
        let mut labels = LabelList::default();
        for label in LABELS {
            labels.id(label);
        }
        let frames = vec![
            frame("Cam 1/Straße.mp4", 0, "train", FrameState::Labeled, plain()),
            frame("Cam 1/Straße.mp4", 5, "train", FrameState::Empty, vec![]),
            frame("Cam 1/straße.mp4", 0, "val", FrameState::Labeled, rotated()),
            frame("b.mp4", 0, "train", FrameState::Labeled, outlines()),
            frame("b.mp4", 1, "train", FrameState::Unlabeled, vec![]),
            frame("b.mp4", 2, "val", FrameState::Skipped, vec![]),
        ];
        Self {
            labels,
            splits: ["train", "val", "test"].map(str::to_owned).to_vec(),
            frames,
        }
    }

    pub fn dataset(&self) -> ExportDataset<'_> {
        ExportDataset {
            name: "streets",
            hash: "0123456789abcdef",
            splits: &self.splits,
            labels: &self.labels,
            frames: &self.frames,
        }
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

fn points(all: &[(f64, f64)]) -> Vec<Point> {
    all.iter().map(|&(x, y)| Point { x, y }).collect()
}

fn rectangle([x, y, width, height]: [f64; 4], rotation: f64) -> Geometry {
    Geometry::Box(Rectangle {
        x,
        y,
        width,
        height,
        rotation,
    })
}

fn shape(label: u32, geometry: Geometry) -> DatasetShape {
    DatasetShape {
        label,
        geometry,
        occluded: false,
    }
}

fn frame(
    video: &str,
    index: u64,
    split: &str,
    state: FrameState,
    shapes: Vec<DatasetShape>,
) -> DatasetFrame {
    let name = format!("frames/{video}/{index:06}.jpg");
    let bytes = bytes_of(&name);
    DatasetFrame {
        video: video.to_owned(),
        index,
        seconds: index as f64 / 25.0,
        image: DatasetImage {
            sha256: hex::encode(Sha256::digest(&bytes)),
            bytes: bytes.len() as u64,
            width: WIDTH,
            height: HEIGHT,
            phash: "0".repeat(16),
            name,
        },
        group: video.to_owned(),
        split: split.to_owned(),
        state,
        target: None,
        revision: None,
        shapes,
    }
}
