//! Vertex AI: lines to import into a dataset of image object detection
//! (<https://cloud.google.com/vertex-ai/docs/image-data/object-detection/prepare-data>).
//!
//! ```text
//! vertex-<split>.jsonl
//! ```
//!
//! The images stay in their bucket. An image without a box is one without objects.

use super::answered::answered;
use super::dataset::ExportDataset;
use super::format::{Export, ExportError, Exported, Loss, Sink};
use super::losses::Losses;
use super::objects::label_name;
use super::outline::upright;
use crate::{DatasetFrame, DatasetImage, FrameState};
use framemill_annotations::{LabelList, Rectangle};
use serde::Serialize;
use std::io::{BufWriter, Write};

/// Its id.
const ID: &str = "vertex";
/// Boxes of an image at most ("Bounding boxes per distinct image").
const MOST_BOXES: usize = 500;
/// Bytes of an image at most ("Training image file size").
const MOST_BYTES: u64 = 30_000_000;
/// Side of a box at least, in pixels ("Bound box minimum size").
const LEAST_SIDE: f64 = 8.0;
/// Side of a box at least, as a part of the image's side ("Bounding box edge length").
const LEAST_PART: f64 = 0.01;
/// What the smaller side of a larger image is reduced to, before boxes are measured ("Internal image
/// preprocessing").
const REDUCED_SIDE: f64 = 1024.0;
/// Characters of a label's name at most (`displayName` of the API's `AnnotationSpec`).
const MOST_NAME: usize = 128;
/// Endings of images that can be imported (`image_bounding_box_io_format_1.0.0.yaml`).
const ENDINGS: [&str; 9] = [
    "jpg", "jpeg", "png", "gif", "bmp", "ico", "webp", "tif", "tiff",
];

/// The format.
pub(super) struct Vertex;

impl Export for Vertex {
    fn id(&self) -> &'static str {
        ID
    }

    fn about(&self) -> &'static str {
        "Vertex AI: JSON lines to import for image object detection; the images stay in their bucket"
    }

    fn write(
        &self,
        dataset: &ExportDataset<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Exported, ExportError> {
        // All is checked before anything is written: a part that can be imported would look whole.
        let mut losses = Losses::default();
        let splits = answered(dataset, &mut losses, |frame, losses| {
            let line = Line::new(frame, dataset.labels, sink, losses)?;
            Ok(line.bounding_box_annotations.len())
        })?;
        let frames = splits.iter().flat_map(|(_, frames)| frames);
        for (_, negative) in frames.filter(|(_, frame)| frame.state == FrameState::Empty) {
            Line::new(negative, dataset.labels, sink, &mut Losses::default())?;
        }
        sink.expect(0);
        let mut exported = Exported {
            losses: losses.into_counts(),
            ..Exported::default()
        };
        for (split, frames) in splits {
            let mut file = BufWriter::new(sink.file(&format!("vertex-{split}.jsonl"))?);
            for (_, frame) in frames {
                // What its shapes lose is counted already.
                let line = Line::new(frame, dataset.labels, sink, &mut Losses::default())?;
                serde_json::to_writer(&mut file, &line).map_err(std::io::Error::from)?;
                file.write_all(b"\n")?;
                exported.frames += 1;
                exported.shapes += line.bounding_box_annotations.len() as u64;
            }
            let file = file.into_inner().map_err(|error| error.into_error())?;
            file.finish()?;
        }
        Ok(exported)
    }
}

/// An image, and what is in it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    image_gcs_uri: String,
    bounding_box_annotations: Vec<Annotation<'a>>,
    data_item_resource_labels: ResourceLabels,
}

/// A box, from 0 to 1 of the image's sides.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Annotation<'a> {
    display_name: &'a str,
    x_min: f64,
    y_min: f64,
    x_max: f64,
    y_max: f64,
}

#[derive(Serialize)]
struct ResourceLabels {
    #[serde(rename = "aiplatform.googleapis.com/ml_use")]
    ml_use: &'static str,
}

impl<'a> Line<'a> {
    fn new(
        frame: &DatasetFrame,
        labels: &'a LabelList,
        sink: &dyn Sink,
        losses: &mut Losses,
    ) -> Result<Self, ExportError> {
        let ml_use = ml_use(&frame.split)?;
        let image_gcs_uri = uri(&frame.image, sink)?;
        let mut annotations = Vec::new();
        for shape in &frame.shapes {
            let Some(found) = upright(&shape.geometry, &frame.image, losses) else {
                continue;
            };
            if is_too_small(&found, &frame.image) {
                losses.count(Loss::TooSmall);
                continue;
            }
            let display_name = display_name(labels, shape.label)?;
            annotations.push(annotation(display_name, &found, &frame.image));
        }
        if annotations.len() > MOST_BOXES {
            return Err(unfit(format!(
                "image `{}` has {} boxes, and {MOST_BOXES} are allowed: leave the frame out of the dataset",
                frame.image.name,
                annotations.len()
            )));
        }
        Ok(Self {
            image_gcs_uri,
            bounding_box_annotations: annotations,
            data_item_resource_labels: ResourceLabels { ml_use },
        })
    }
}

/// What a split is for, in Vertex AI's words.
fn ml_use(split: &str) -> Result<&'static str, ExportError> {
    match split {
        "train" | "training" => Ok("training"),
        "val" | "validation" => Ok("validation"),
        "test" => Ok("test"),
        other => Err(unfit(format!(
            "a split is called `{other}`, and Vertex AI has train, val and test alone: give the split one of these names"
        ))),
    }
}

/// Where the image is, where that can be imported.
fn uri(image: &DatasetImage, sink: &dyn Sink) -> Result<String, ExportError> {
    let name = &image.name;
    let ending = name.rsplit('.').next().unwrap_or_default();
    if !ENDINGS.iter().any(|it| it.eq_ignore_ascii_case(ending)) {
        return Err(unfit(format!(
            "image `{name}` ends with none of {}: extract frames as JPEG",
            ENDINGS.join(", ")
        )));
    }
    if image.bytes > MOST_BYTES {
        return Err(unfit(format!(
            "image `{name}` has {} bytes, and {MOST_BYTES} are allowed: extract frames with a smaller max_side",
            image.bytes
        )));
    }
    match sink.image_uri(image) {
        Some(uri) if uri.starts_with("gs://") => Ok(uri),
        Some(uri) => Err(unfit(format!(
            "image `{uri}` is not in Google Cloud Storage, where Vertex AI reads: copy the store to a gs:// bucket and export from there"
        ))),
        None => Err(unfit(format!(
            "image `{name}` has no gs:// address, by which Vertex AI reads it: export from a gs:// store"
        ))),
    }
}

fn display_name(labels: &LabelList, id: u32) -> Result<&str, ExportError> {
    let name = label_name(ID, labels, id)?;
    let characters = name.chars().count();
    if characters > MOST_NAME {
        return Err(unfit(format!(
            "label {id} has a name of {characters} characters, and {MOST_NAME} are allowed: rename the label"
        )));
    }
    Ok(name)
}

/// Whether Vertex AI would leave it out.
fn is_too_small(found: &Rectangle, image: &DatasetImage) -> bool {
    let (width, height) = (f64::from(image.width), f64::from(image.height));
    let reduced = (REDUCED_SIDE / width.min(height)).min(1.0);
    let too_small =
        |side: f64, image: f64| side * reduced < LEAST_SIDE || side < image * LEAST_PART;
    too_small(found.width, width) || too_small(found.height, height)
}

fn annotation<'a>(
    display_name: &'a str,
    found: &Rectangle,
    image: &DatasetImage,
) -> Annotation<'a> {
    let part = |at: f64, side: u32| (at / f64::from(side)).clamp(0.0, 1.0);
    Annotation {
        display_name,
        x_min: part(found.x, image.width),
        y_min: part(found.y, image.height),
        x_max: part(found.x + found.width, image.width),
        y_max: part(found.y + found.height, image.height),
    }
}

fn unfit(reason: String) -> ExportError {
    ExportError::Unfit { format: ID, reason }
}
