//! Shapes as objects of detection: a box each, and an outline where there is one. For formats whose
//! records have columns of their own for both.

use super::clip::{area, clipped};
use super::format::{ExportError, Loss};
use super::losses::Losses;
use super::outline::{is_slanted, polygon, upright};
use crate::{DatasetFrame, DatasetImage, DatasetShape};
use framemill_annotations::{Geometry, LabelList, Rectangle, hull};
use serde::Serialize;

/// Something marked in an image. All lengths in pixels of the image, always with a decimal point.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Object<'a> {
    /// Name of its label.
    pub(super) label: &'a str,
    /// Id of its label, from 0.
    pub(super) label_id: u32,
    /// What was marked: `box`, `polygon` or `mask`.
    pub(super) kind: &'static str,
    /// Left edge, top edge, width, height: of COCO's convention, cut to the image. Where `rotation` is
    /// not 0, the edges before it is turned, and not cut.
    pub(super) bbox: [f64; 4],
    /// Degrees clockwise about the centre of `bbox`.
    pub(super) rotation: f64,
    /// Square pixels.
    pub(super) area: f64,
    /// Polygons of x and y in turn, as in COCO, cut to the image; none of a box and a mask.
    pub(super) segmentation: Vec<Vec<f64>>,
    /// Something stands before it.
    pub(super) occluded: bool,
}

/// The objects of a frame. What has no box is counted as lost; of a mask remains its box.
///
/// # Errors
/// [`ExportError::Unfit`] where a shape's label is not in the list.
pub(super) fn objects<'a>(
    format: &'static str,
    frame: &DatasetFrame,
    labels: &'a LabelList,
    losses: &mut Losses,
) -> Result<Vec<Object<'a>>, ExportError> {
    let mut objects = Vec::with_capacity(frame.shapes.len());
    for shape in &frame.shapes {
        let label = label_name(format, labels, shape.label)?;
        objects.extend(object(shape, label, &frame.image, losses));
    }
    Ok(objects)
}

/// The name of a label.
///
/// # Errors
/// [`ExportError::Unfit`] where it is not in the list.
pub(super) fn label_name<'a>(
    format: &'static str,
    labels: &'a LabelList,
    id: u32,
) -> Result<&'a str, ExportError> {
    let place = usize::try_from(id).unwrap_or(usize::MAX);
    let label = labels.labels.get(place);
    label
        .map(|label| label.name.as_str())
        .ok_or_else(|| ExportError::Unfit {
            format,
            reason: format!(
                "a shape has label {id}, of {} in the label list: build the dataset anew",
                labels.labels.len()
            ),
        })
}

fn object<'a>(
    shape: &DatasetShape,
    label: &'a str,
    image: &DatasetImage,
    losses: &mut Losses,
) -> Option<Object<'a>> {
    let plain = |kind, it: Rectangle, area| Object {
        label,
        label_id: shape.label,
        kind,
        bbox: [it.x, it.y, it.width, it.height],
        rotation: it.rotation,
        area,
        segmentation: Vec::new(),
        occluded: shape.occluded,
    };
    match &shape.geometry {
        Geometry::Box(it) if is_slanted(it) => {
            if clipped(&it.corners(), image.width, image.height).is_none() {
                losses.count(Loss::Outside);
                return None;
            }
            Some(plain("box", *it, it.width * it.height))
        }
        Geometry::Polygon { .. } => {
            let points = polygon(&shape.geometry, image, losses)?;
            let flat = points.iter().flat_map(|point| [point.x, point.y]).collect();
            Some(Object {
                segmentation: vec![flat],
                ..plain("polygon", hull(&points)?, area(&points))
            })
        }
        Geometry::Mask(mask) => {
            let it = upright(&shape.geometry, image, losses)?;
            Some(plain("mask", it, mask.area() as f64))
        }
        other => {
            let it = upright(other, image, losses)?;
            Some(plain("box", it, it.width * it.height))
        }
    }
}
