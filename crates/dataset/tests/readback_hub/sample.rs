//! A small dataset with one of each: negatives, rotated, cut and missing shapes, names that are hard to
//! write, frames that nobody answered, a split of negatives alone and one without frames.

use framemill_annotations::{Geometry, LabelList, Mask, Point, Rectangle};
use framemill_dataset::export::ExportDataset;
use framemill_dataset::{DatasetFrame, DatasetImage, DatasetShape, FrameState};
use jpeg_encoder::{ColorType, Encoder};
use sha2::{Digest, Sha256};

/// Labels, by id. One is like a number, one is of no shape.
pub const LABELS: [&str; 4] = [
    "007",
    "Fußgänger \"kind\"/'b'.v2 🚲",
    "car",
    "unused\tlabel",
];
/// A path with what is hard to write in it.
pub const HARD: &str = "Cam \"a\"/Straße.v1/x.y.mp4";
pub const WIDTH: u32 = 64;
pub const HEIGHT: u32 = 48;

/// The bytes of an image: a JPEG of one colour, which follows from its name.
pub fn bytes_of(image: &str) -> Vec<u8> {
    let colour = Sha256::digest(image);
    let pixels = colour[..3].repeat((WIDTH * HEIGHT) as usize);
    let mut jpeg = Vec::new();
    Encoder::new(&mut jpeg, 90)
        .encode(&pixels, WIDTH as u16, HEIGHT as u16, ColorType::Rgb)
        .expect("a small image");
    jpeg
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
            frame(HARD, 0, "val", FrameState::Labeled, rotated()),
            frame(HARD, 5, "val", FrameState::Skipped, vec![]),
            frame(HARD, 7, "test", FrameState::Empty, vec![]),
            frame("b.mp4", 0, "train", FrameState::Empty, vec![]),
            frame("b.mp4", 1, "train", FrameState::Labeled, shapes()),
            frame("b.mp4", 2, "train", FrameState::Unlabeled, vec![]),
        ];
        Self {
            labels,
            splits: ["train", "val", "test", "none"].map(str::to_owned).to_vec(),
            frames,
        }
    }

    /// The same frames, and nobody has marked anything.
    pub fn without_labels() -> Self {
        let mut sample = Self::new();
        sample.labels = LabelList::default();
        for frame in &mut sample.frames {
            frame.shapes.clear();
            frame.state = FrameState::Empty;
        }
        sample
    }

    /// No frames.
    pub fn without_frames() -> Self {
        let mut sample = Self::new();
        sample.frames.clear();
        sample
    }

    /// So many frames, one after the other, in one split.
    pub fn of_frames(count: u64) -> Self {
        let frames =
            (0..count).map(|index| frame("b.mp4", index, "train", FrameState::Empty, vec![]));
        Self {
            frames: frames.collect(),
            ..Self::new()
        }
    }

    pub fn dataset(&self) -> ExportDataset<'_> {
        ExportDataset {
            name: "streets",
            hash: "0123456789abcdef0123456789abcdef",
            splits: &self.splits,
            labels: &self.labels,
            frames: &self.frames,
        }
    }

    pub fn frames_of(&self, split: &str) -> Vec<&DatasetFrame> {
        let frames = self.frames.iter();
        frames.filter(|frame| frame.split == split).collect()
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

pub fn shape(label: u32, geometry: Geometry) -> DatasetShape {
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
    let name = format!("images/{video}/{index:06}.jpg");
    let bytes = bytes_of(&name);
    DatasetFrame {
        video: video.to_owned(),
        index,
        seconds: index as f64,
        image: DatasetImage {
            name,
            sha256: hex::encode(Sha256::digest(&bytes)),
            bytes: bytes.len() as u64,
            width: WIDTH,
            height: HEIGHT,
            phash: "0".repeat(16),
        },
        group: video.to_owned(),
        split: split.to_owned(),
        state,
        target: None,
        revision: None,
        shapes,
    }
}
