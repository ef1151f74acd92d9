//! Polygons: `label x1 y1 x2 y2 …`
//! (<https://docs.ultralytics.com/datasets/segment/#ultralytics-yolo-format>).

use super::layout::{Yolo, normalised};
use crate::DatasetImage;
use crate::export::losses::Losses;
use crate::export::outline::polygon;
use framemill_annotations::Geometry;

/// The format. Boxes go out as their corners: a file must not have lines of both kinds.
pub(in crate::export) const SEGMENT: Yolo = Yolo {
    id: "yolo-segment",
    about: "YOLO instance segmentation: polygons, and boxes as their corners; read by Ultralytics",
    numbers,
};

fn numbers(geometry: &Geometry, image: &DatasetImage, losses: &mut Losses) -> Option<Vec<f64>> {
    Some(normalised(&polygon(geometry, image, losses)?, image))
}
