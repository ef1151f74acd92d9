//! Boxes: `label cx cy width height`
//! (<https://docs.ultralytics.com/datasets/detect/#ultralytics-yolo-format>).

use super::layout::Yolo;
use crate::DatasetImage;
use crate::export::losses::Losses;
use crate::export::outline::upright;
use framemill_annotations::Geometry;

/// The format.
pub(in crate::export) const DETECT: Yolo = Yolo {
    id: "yolo",
    about: "YOLO detection: upright boxes; read by Ultralytics, Darknet and what takes after them",
    numbers,
};

fn numbers(geometry: &Geometry, image: &DatasetImage, losses: &mut Losses) -> Option<Vec<f64>> {
    let seen = upright(geometry, image, losses)?;
    let (width, height) = (f64::from(image.width), f64::from(image.height));
    Some(vec![
        (seen.x + seen.width / 2.0) / width,
        (seen.y + seen.height / 2.0) / height,
        seen.width / width,
        seen.height / height,
    ])
}
