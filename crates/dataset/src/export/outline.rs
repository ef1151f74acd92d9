//! Shapes as rectangles and polygons inside their image, for formats that have no others.

use super::clip::clipped;
use super::format::Loss;
use super::losses::Losses;
use crate::DatasetImage;
use framemill_annotations::{Geometry, Point, Rectangle, hull};

/// Pixels beyond an edge that are a rounding error: of turning, or of adding a width.
const ROUNDING: f64 = 1e-6;

/// The smallest upright rectangle around what is inside the image; `None` where the shape is left out.
pub(super) fn upright(
    geometry: &Geometry,
    image: &DatasetImage,
    losses: &mut Losses,
) -> Option<Rectangle> {
    let (found, loss) = match geometry {
        Geometry::Box(it) if it.rotation == 0.0 => (cut_upright(it, image, losses), None),
        Geometry::Box(it) => {
            let found = cut(&it.corners(), image, losses).and_then(|points| hull(&points));
            (found, is_slanted(it).then_some(Loss::RotationLost))
        }
        Geometry::Polygon { points } => {
            let found = cut(points, image, losses).and_then(|points| hull(&points));
            (found, Some(Loss::OutlineLost))
        }
        Geometry::Mask(mask) => {
            let found = mask.hull().and_then(|it| cut_upright(&it, image, losses));
            (found, Some(Loss::OutlineLost))
        }
        Geometry::Polyline { .. } | Geometry::Point(_) | Geometry::Classification => {
            losses.count(Loss::KindLost);
            return None;
        }
    };
    match (found, loss) {
        (None, _) => losses.count(Loss::Outside),
        (Some(_), Some(loss)) => losses.count(loss),
        (Some(_), None) => {}
    }
    found
}

/// The polygon around what is inside the image: of a mask the upright rectangle. `None` where the shape
/// is left out.
pub(super) fn polygon(
    geometry: &Geometry,
    image: &DatasetImage,
    losses: &mut Losses,
) -> Option<Vec<Point>> {
    let points = match geometry {
        Geometry::Box(it) => cut(&it.corners(), image, losses),
        Geometry::Polygon { points } => cut(points, image, losses),
        other => {
            return upright(other, image, losses).map(|it| corners_inside(&it, image).to_vec());
        }
    };
    if points.is_none() {
        losses.count(Loss::Outside);
    }
    points
}

/// The corners of a rectangle inside the image, without the rounding errors of adding its width.
pub(super) fn corners_inside(rectangle: &Rectangle, image: &DatasetImage) -> [Point; 4] {
    rectangle.corners().map(|corner| Point {
        x: corner.x.clamp(0.0, f64::from(image.width)),
        y: corner.y.clamp(0.0, f64::from(image.height)),
    })
}

/// Whether a box stands otherwise than its hull.
pub(super) fn is_slanted(rectangle: &Rectangle) -> bool {
    rectangle.rotation % 90.0 != 0.0
}

/// The part of a polygon inside the image.
fn cut(points: &[Point], image: &DatasetImage, losses: &mut Losses) -> Option<Vec<Point>> {
    let kept = clipped(points, image.width, image.height)?;
    if hull(points).is_some_and(|around| protrudes(&around, image)) {
        losses.count(Loss::Clipped);
    }
    Some(kept)
}

/// The part of an upright rectangle inside the image.
fn cut_upright(
    rectangle: &Rectangle,
    image: &DatasetImage,
    losses: &mut Losses,
) -> Option<Rectangle> {
    let kept = rectangle.clipped(image.width, image.height)?;
    if protrudes(rectangle, image) {
        losses.count(Loss::Clipped);
    }
    Some(kept)
}

/// Whether more of it than a rounding error is outside the image.
fn protrudes(around: &Rectangle, image: &DatasetImage) -> bool {
    around.x < -ROUNDING
        || around.y < -ROUNDING
        || around.x + around.width > f64::from(image.width) + ROUNDING
        || around.y + around.height > f64::from(image.height) + ROUNDING
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sized_image;
    use framemill_annotations::Mask;

    fn image() -> DatasetImage {
        sized_image(100, 80)
    }

    fn rectangle(x: f64, y: f64, width: f64, height: f64, rotation: f64) -> Geometry {
        Geometry::Box(Rectangle {
            x,
            y,
            width,
            height,
            rotation,
        })
    }

    #[test]
    fn a_loss_is_counted_where_something_is_lost() {
        let of = |geometry: &Geometry| {
            let mut losses = Losses::default();
            upright(geometry, &image(), &mut losses);
            losses.into_counts().into_iter().collect::<Vec<_>>()
        };
        assert_eq!(of(&rectangle(0.0, 0.0, 100.0, 80.0, 0.0)), []);
        // Turned by a right angle it is upright, and its rounding errors are no loss.
        assert_eq!(of(&rectangle(10.0, -10.0, 80.0, 100.0, 90.0)), []);
        assert_eq!(
            of(&rectangle(90.0, 10.0, 20.0, 10.0, 0.0)),
            [(Loss::Clipped, 1)]
        );
        assert_eq!(
            of(&rectangle(90.0, 10.0, 20.0, 10.0, 30.0)),
            [(Loss::RotationLost, 1), (Loss::Clipped, 1)]
        );
        assert_eq!(
            of(&rectangle(200.0, 10.0, 20.0, 10.0, 30.0)),
            [(Loss::Outside, 1)]
        );
        let mask = Mask::of_rows(100, 80, |x, y| x > 97 && y < 2);
        assert_eq!(of(&Geometry::Mask(mask)), [(Loss::OutlineLost, 1)]);
        assert_eq!(of(&Geometry::Classification), [(Loss::KindLost, 1)]);
    }

    #[test]
    fn a_turned_box_is_as_large_as_its_visible_part() {
        // A square on its tip, all but its right tip outside: its upper and lower tips are not seen, and
        // must not make it taller.
        let square = Rectangle {
            x: -30.0,
            y: 20.0,
            width: 40.0,
            height: 40.0,
            rotation: 45.0,
        };
        let seen = upright(&Geometry::Box(square), &image(), &mut Losses::default());
        let seen = seen.expect("its right tip is inside");
        let tip = 20.0 * 2_f64.sqrt() - 10.0;
        assert!((seen.width - tip).abs() < 1e-9 && (seen.height - 2.0 * tip).abs() < 1e-9);
    }

    #[test]
    fn polygons_and_boxes_keep_their_corners() {
        let of = |geometry: &Geometry| polygon(geometry, &image(), &mut Losses::default());
        let slanted = rectangle(40.0, 30.0, 20.0, 10.0, 30.0);
        let Geometry::Box(it) = &slanted else {
            unreachable!()
        };
        assert_eq!(of(&slanted), Some(it.corners().to_vec()));
        assert_eq!(of(&Geometry::Point(Point { x: 1.0, y: 1.0 })), None);
        let mask = Mask::of_rows(100, 80, |x, y| x == 5 && y < 2);
        let corners = [(5.0, 0.0), (6.0, 0.0), (6.0, 2.0), (5.0, 2.0)].map(|(x, y)| Point { x, y });
        assert_eq!(of(&Geometry::Mask(mask)), Some(corners.to_vec()));
    }
}
