//! Shapes of a frame as annotations.

use super::records::{Annotation, Attributes, Segmentation, category_id, image_id};
use super::run_lengths::fitted;
use crate::export::clip::area;
use crate::export::format::Loss;
use crate::export::losses::Losses;
use crate::export::outline::{corners_inside, polygon, upright};
use crate::{DatasetFrame, DatasetImage};
use framemill_annotations::{Geometry, Mask, Point, Rectangle, hull};

/// What a shape is in COCO.
struct Covered {
    bbox: Rectangle,
    area: f64,
    segmentation: Segmentation,
}

/// The annotations of the frame in this place of the dataset, without ids.
pub(super) fn annotations(
    place: usize,
    frame: &DatasetFrame,
    losses: &mut Losses,
) -> Vec<Annotation> {
    let shapes = frame.shapes.iter();
    shapes
        .filter_map(|shape| {
            let covered = covered(&shape.geometry, &frame.image, losses)?;
            let Rectangle {
                x,
                y,
                width,
                height,
                ..
            } = covered.bbox;
            Some(Annotation {
                id: 0,
                image_id: image_id(place),
                category_id: category_id(shape.label),
                bbox: [x, y, width, height],
                area: covered.area,
                segmentation: covered.segmentation,
                iscrowd: 0,
                attributes: shape.occluded.then_some(Attributes { occluded: true }),
            })
        })
        .collect()
}

/// The part of a shape inside its image. A rotated box goes out as its corners, so nothing of it is
/// lost; an upright one too, as pycocotools makes a segmentation of a box.
fn covered(geometry: &Geometry, image: &DatasetImage, losses: &mut Losses) -> Option<Covered> {
    match geometry {
        Geometry::Box(it) if it.rotation == 0.0 => {
            let bbox = upright(geometry, image, losses)?;
            Some(Covered {
                bbox,
                area: bbox.width * bbox.height,
                segmentation: flat(&corners_inside(&bbox, image)),
            })
        }
        Geometry::Box(_) | Geometry::Polygon { .. } => {
            let points = polygon(geometry, image, losses)?;
            Some(Covered {
                bbox: hull(&points)?,
                area: area(&points),
                segmentation: flat(&points),
            })
        }
        Geometry::Mask(mask) => run_lengths(mask, image, losses),
        // Keypoints of COCO are a skeleton with a number of points for each category, and it has no
        // lines.
        Geometry::Polyline { .. } | Geometry::Point(_) | Geometry::Classification => {
            losses.count(Loss::KindLost);
            None
        }
    }
}

fn run_lengths(mask: &Mask, image: &DatasetImage, losses: &mut Losses) -> Option<Covered> {
    let kept = fitted(mask, image.width, image.height);
    let Some((kept, bbox)) = kept.and_then(|kept| kept.hull().map(|bbox| (kept, bbox))) else {
        losses.count(Loss::Outside);
        return None;
    };
    if kept.area() < mask.area() {
        losses.count(Loss::Clipped);
    }
    Some(Covered {
        bbox,
        area: kept.area() as f64,
        segmentation: Segmentation::RunLengths {
            size: [image.height, image.width],
            counts: kept.into_owned().counts,
        },
    })
}

fn flat(points: &[Point]) -> Segmentation {
    Segmentation::Polygon([points.iter().flat_map(|it| [it.x, it.y]).collect()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DatasetShape, FrameState};

    fn frame(shapes: Vec<Geometry>) -> DatasetFrame {
        let shape = |geometry| DatasetShape {
            label: 2,
            geometry,
            occluded: true,
        };
        DatasetFrame {
            video: "a.mp4".to_owned(),
            index: 3,
            seconds: 0.1,
            image: DatasetImage {
                name: "frames/a.mp4/000003.jpg".to_owned(),
                sha256: "00".to_owned(),
                bytes: 1,
                width: 10,
                height: 8,
                phash: "0".repeat(16),
            },
            group: "a.mp4".to_owned(),
            split: "train".to_owned(),
            state: FrameState::Labeled,
            target: None,
            revision: None,
            shapes: shapes.into_iter().map(shape).collect(),
        }
    }

    #[test]
    fn a_box_is_cut_and_keeps_its_corners() {
        let rectangle = Rectangle {
            x: 6.0,
            y: 2.0,
            width: 6.0,
            height: 3.0,
            rotation: 0.0,
        };
        let mut losses = Losses::default();
        let found = annotations(4, &frame(vec![Geometry::Box(rectangle)]), &mut losses);
        let json = serde_json::to_string(&found).expect("plain data");
        assert_eq!(
            json,
            r#"[{"id":0,"image_id":5,"category_id":3,"bbox":[6.0,2.0,4.0,3.0],"area":12.0,"segmentation":[[6.0,2.0,10.0,2.0,10.0,5.0,6.0,5.0]],"iscrowd":0,"attributes":{"occluded":true}}]"#
        );
        assert_eq!(
            losses.into_counts().into_iter().collect::<Vec<_>>(),
            [(Loss::Clipped, 1)]
        );
    }

    #[test]
    fn a_mask_larger_than_its_image_is_cut() {
        let mask = Mask::of_rows(12, 8, |x, y| x >= 9 && y == 7);
        let beyond = Mask::of_rows(12, 8, |x, _| x == 11);
        let shapes = vec![
            Geometry::Mask(mask),
            Geometry::Mask(beyond),
            Geometry::Classification,
        ];
        let mut losses = Losses::default();
        let found = annotations(0, &frame(shapes), &mut losses);
        let [only] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!((only.bbox, only.area), ([9.0, 7.0, 1.0, 1.0], 1.0));
        let expected = Segmentation::RunLengths {
            size: [8, 10],
            counts: vec![79, 1],
        };
        assert_eq!(only.segmentation, expected);
        let losses: Vec<_> = losses.into_counts().into_iter().collect();
        assert_eq!(
            losses,
            [(Loss::Clipped, 1), (Loss::Outside, 1), (Loss::KindLost, 1)]
        );
    }
}
