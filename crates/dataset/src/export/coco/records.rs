//! Records of a file of annotations.

use crate::DatasetFrame;
use crate::export::dataset::ExportDataset;
use crate::export::flat_name::flat_name;
use framemill_annotations::Label;
use serde::Serialize;

/// What the file is of. Without a time: the same dataset gives the same bytes.
#[derive(Serialize)]
pub(super) struct Info<'a> {
    description: &'a str,
    version: &'a str,
}

impl<'a> Info<'a> {
    /// Of a dataset: its name, and its hash as the version.
    pub(super) fn of(dataset: &ExportDataset<'a>) -> Self {
        Self {
            description: dataset.name,
            version: dataset.hash,
        }
    }
}

/// A label.
#[derive(Serialize)]
pub(super) struct Category<'a> {
    id: u64,
    name: &'a str,
    supercategory: &'a str,
}

impl<'a> Category<'a> {
    /// Of a label.
    pub(super) fn of(label: &'a Label) -> Self {
        Self {
            id: category_id(label.id),
            name: &label.name,
            supercategory: "",
        }
    }
}

/// The category of a label: from 1, since 0 is the background in many trainers.
pub(super) fn category_id(label: u32) -> u64 {
    u64::from(label) + 1
}

/// The image of a frame.
#[derive(Serialize)]
pub(super) struct Image<'a> {
    id: u64,
    file_name: String,
    width: u32,
    height: u32,
    framemill: Origin<'a>,
}

/// Where an image is from. COCO's tools pass over members that they do not know.
#[derive(Serialize)]
struct Origin<'a> {
    video: &'a str,
    index: u64,
    seconds: f64,
    sha256: &'a str,
}

impl<'a> Image<'a> {
    /// Of a frame and its place in the dataset.
    pub(super) fn of(place: usize, frame: &'a DatasetFrame) -> Self {
        Self {
            id: image_id(place),
            file_name: flat_name(frame),
            width: frame.image.width,
            height: frame.image.height,
            framemill: Origin {
                video: &frame.video,
                index: frame.index,
                seconds: frame.seconds,
                sha256: &frame.image.sha256,
            },
        }
    }
}

/// The image of the frame in this place of the dataset: the same in all splits, from 1.
pub(super) fn image_id(place: usize) -> u64 {
    place as u64 + 1
}

/// A shape.
#[derive(Debug, Serialize)]
pub(super) struct Annotation {
    /// From 1.
    pub id: u64,
    /// [`image_id`].
    pub image_id: u64,
    /// [`category_id`].
    pub category_id: u64,
    /// Left, top, width and height, in pixels.
    pub bbox: [f64; 4],
    /// In square pixels.
    pub area: f64,
    /// What it covers.
    pub segmentation: Segmentation,
    /// 0: each is one thing.
    pub iscrowd: u8,
    /// What CVAT and Datumaro write there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Attributes>,
}

/// What else is known of a shape.
#[derive(Debug, Serialize)]
pub(super) struct Attributes {
    /// Something stands before it.
    pub occluded: bool,
}

/// What a shape covers.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Segmentation {
    /// One polygon: x and y in turn.
    Polygon([Vec<f64>; 1]),
    /// Uncompressed run lengths, down the columns, beginning with outside.
    RunLengths {
        /// Height and width.
        size: [u32; 2],
        /// The lengths.
        counts: Vec<u32>,
    },
}
