//! Small datasets to export.

pub mod detection;
pub mod hub;

use framemill_annotations::{Geometry, LabelList, Point, Rectangle};
use framemill_dataset::export::ExportDataset;
use framemill_dataset::{DatasetFrame, DatasetImage, DatasetShape, FrameState};
use jpeg_encoder::{ColorType, Encoder};
use sha2::{Digest, Sha256};

/// Hash of all of them.
pub const HASH: &str = "0123456789abcdef0123456789abcdef";
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

/// The parts of a dataset.
pub struct Sample {
    pub labels: LabelList,
    pub splits: Vec<String>,
    pub frames: Vec<DatasetFrame>,
}

impl Sample {
    /// With these labels and splits, and no frames.
    fn new(names: &[&str], splits: &[&str]) -> Self {
        let mut labels = LabelList::default();
        for name in names {
            labels.id(name);
        }
        Self {
            labels,
            splits: splits.iter().map(|&it| it.to_owned()).collect(),
            frames: Vec::new(),
        }
    }

    pub fn dataset(&self) -> ExportDataset<'_> {
        ExportDataset {
            name: "streets",
            hash: HASH,
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
        seconds: index as f64 / 25.0,
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
