//! Oriented boxes: `label x1 y1 x2 y2 x3 y3 x4 y4`
//! (<https://docs.ultralytics.com/datasets/obb/#yolo-obb-format>).

use super::layout::{Yolo, normalised};
use crate::DatasetImage;
use crate::export::clip::clipped;
use crate::export::losses::Losses;
use crate::export::outline::{corners_inside, is_slanted, upright};
use framemill_annotations::{Geometry, Rectangle};

/// The format.
pub(in crate::export) const OBB: Yolo = Yolo {
    id: "yolo-obb",
    about: "YOLO oriented boxes: boxes with their rotation; read by Ultralytics",
    numbers,
};

/// The corners. A slanted box that is partly outside goes out whole, as in Ultralytics' own DOTA
/// datasets: no slanted rectangle is its visible part, which has an upright edge.
fn numbers(geometry: &Geometry, image: &DatasetImage, losses: &mut Losses) -> Option<Vec<f64>> {
    let corners = match geometry {
        Geometry::Box(it) if is_slanted(it) && is_readable(it, image) => it.corners(),
        _ => corners_inside(&upright(geometry, image, losses)?, image),
    };
    Some(normalised(&corners, image))
}

/// Whether Ultralytics takes the box as it is, and something of it is seen: its check
/// (`verify_image_label` in `ultralytics/data/utils.py`) is about the rectangle around it, whose centre
/// must be in the image and which must be no larger.
fn is_readable(rectangle: &Rectangle, image: &DatasetImage) -> bool {
    let (width, height) = (f64::from(image.width), f64::from(image.height));
    let hull = rectangle.hull();
    let centre = (hull.x + hull.width / 2.0, hull.y + hull.height / 2.0);
    (0.0..=width).contains(&centre.0)
        && (0.0..=height).contains(&centre.1)
        && hull.width <= width
        && hull.height <= height
        && clipped(&rectangle.corners(), image.width, image.height).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::format::Loss;
    use crate::testing::sized_image;
    use proptest::prelude::*;

    fn image() -> DatasetImage {
        sized_image(100, 80)
    }

    fn exported(rectangle: Rectangle) -> (Option<Vec<f64>>, Vec<Loss>) {
        let mut losses = Losses::default();
        let numbers = numbers(&Geometry::Box(rectangle), &image(), &mut losses);
        (numbers, losses.into_counts().into_keys().collect())
    }

    #[test]
    fn a_slanted_box_keeps_its_rotation_where_readers_take_it() {
        let slanted = |x| Rectangle {
            x,
            y: 20.0,
            width: 40.0,
            height: 20.0,
            rotation: 30.0,
        };
        let (numbers, losses) = exported(slanted(-10.0));
        let expected = normalised(&slanted(-10.0).corners(), &image());
        assert!(expected.iter().any(|it| *it < 0.0));
        assert_eq!((numbers, losses), (Some(expected), vec![]));
        // Its centre is outside.
        let (numbers, losses) = exported(slanted(-25.0));
        assert!(numbers.is_some());
        assert_eq!(losses, [Loss::RotationLost, Loss::Clipped]);
        assert_eq!(exported(slanted(-90.0)), (None, vec![Loss::Outside]));
    }

    proptest! {
        #[test]
        fn what_goes_out_passes_the_readers_check(
            x in -60.0..110.0, y in -60.0..90.0, width in 0.1..190.0, height in 0.1..190.0,
            rotation in prop_oneof![Just(0.0), Just(90.0), 0.0..360.0],
        ) {
            let (numbers, losses) = exported(Rectangle { x, y, width, height, rotation });
            let Some(numbers) = numbers else {
                prop_assert_eq!(losses, [Loss::Outside]);
                return Ok(());
            };
            for axis in [0, 1] {
                let all = || numbers.iter().copied().skip(axis).step_by(2);
                let (least, most) = (all().fold(f64::MAX, f64::min), all().fold(f64::MIN, f64::max));
                prop_assert!((0.0..=1.0).contains(&((least + most) / 2.0)));
                prop_assert!((0.0..=1.0 + 1e-12).contains(&(most - least)));
            }
        }
    }
}
