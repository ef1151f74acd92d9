//! Polygons cut to their image.

use framemill_annotations::Point;

/// Coordinates at most: far outside every image, and a difference of two is still a number.
const FARTHEST: f64 = 1e12;

/// A side of the image: what lies on it, and which part is inside.
#[derive(Clone, Copy)]
enum Edge {
    Left,
    Top,
    Right(f64),
    Bottom(f64),
}

impl Edge {
    fn is_inside(self, point: Point) -> bool {
        match self {
            Self::Left => point.x >= 0.0,
            Self::Top => point.y >= 0.0,
            Self::Right(x) => point.x <= x,
            Self::Bottom(y) => point.y <= y,
        }
    }

    /// Where a line between two points on different sides meets it. The coordinate of the edge is the
    /// edge's, exactly.
    fn crossing(self, from: Point, to: Point) -> Point {
        let along = |at: f64, a: f64, b: f64, c: f64, d: f64| c + (d - c) * ((at - a) / (b - a));
        let at_x = |x| Point {
            x,
            y: along(x, from.x, to.x, from.y, to.y),
        };
        let at_y = |y| Point {
            x: along(y, from.y, to.y, from.x, to.x),
            y,
        };
        match self {
            Self::Left => at_x(0.0),
            Self::Right(x) => at_x(x),
            Self::Top => at_y(0.0),
            Self::Bottom(y) => at_y(y),
        }
    }

    /// The polygon's part on its inner side.
    fn cut(self, polygon: &[Point]) -> Vec<Point> {
        let Some(&last) = polygon.last() else {
            return Vec::new();
        };
        let mut from = last;
        let mut kept = Vec::with_capacity(polygon.len() + 4);
        for &to in polygon {
            if self.is_inside(from) != self.is_inside(to) {
                kept.push(self.crossing(from, to));
            }
            if self.is_inside(to) {
                kept.push(to);
            }
            from = to;
        }
        kept
    }
}

/// The part of a polygon inside an image, by Sutherland and Hodgman's algorithm; `None` where no area
/// is inside. Corners inside stay the same numbers. Parts that are apart in the image are joined along
/// its edge, by lines without area.
pub(super) fn clipped(polygon: &[Point], width: u32, height: u32) -> Option<Vec<Point>> {
    if !polygon.iter().all(|point| point.is_finite()) {
        return None;
    }
    let (width, height) = (f64::from(width), f64::from(height));
    let near = |point: &Point| Point {
        x: point.x.clamp(-FARTHEST, FARTHEST),
        y: point.y.clamp(-FARTHEST, FARTHEST),
    };
    let edges = [
        Edge::Left,
        Edge::Top,
        Edge::Right(width),
        Edge::Bottom(height),
    ];
    let mut kept = edges
        .iter()
        .fold(polygon.iter().map(near).collect(), |rest: Vec<_>, edge| {
            edge.cut(&rest)
        });
    for point in &mut kept {
        // A crossing with one edge may be a rounding error beyond another.
        point.x = point.x.clamp(0.0, width);
        point.y = point.y.clamp(0.0, height);
    }
    kept.dedup();
    if kept.len() > 1 && kept.first() == kept.last() {
        kept.pop();
    }
    (kept.len() > 2 && area(&kept) > 0.0).then_some(kept)
}

/// The area of a polygon, by the shoelace formula, in square pixels.
pub(super) fn area(polygon: &[Point]) -> f64 {
    let Some((first, rest)) = polygon.split_first() else {
        return 0.0;
    };
    // About the first corner: far from the origin the products would lose digits.
    let seen = |point: &Point| (point.x - first.x, point.y - first.y);
    let doubled: f64 = rest
        .iter()
        .zip(rest.iter().skip(1))
        .map(|(a, b)| (seen(a), seen(b)))
        .map(|((ax, ay), (bx, by))| ax * by - bx * ay)
        .sum();
    doubled.abs() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use framemill_annotations::Rectangle;
    use proptest::prelude::*;

    fn points(all: &[(f64, f64)]) -> Vec<Point> {
        all.iter().map(|&(x, y)| Point { x, y }).collect()
    }

    #[test]
    fn a_triangle_loses_its_tip() {
        let triangle = points(&[(-10.0, 10.0), (10.0, 0.0), (10.0, 20.0)]);
        let kept = clipped(&triangle, 100, 100).expect("a part is inside");
        assert_eq!(
            kept,
            points(&[(0.0, 15.0), (0.0, 5.0), (10.0, 0.0), (10.0, 20.0)])
        );
        assert_eq!(area(&kept), 150.0);
        assert_eq!(area(&triangle), 200.0);
    }

    #[test]
    fn what_is_inside_stays_and_what_has_no_area_goes() {
        let inside = points(&[(0.1, 0.2), (3.0, 0.7), (1.0, 9.3)]);
        assert_eq!(clipped(&inside, 10, 10), Some(inside));
        let outside = points(&[(-5.0, 0.0), (-1.0, 0.0), (-1.0, 9.0)]);
        assert_eq!(clipped(&outside, 10, 10), None);
        let touching = points(&[(-5.0, 0.0), (0.0, 0.0), (0.0, 9.0)]);
        assert_eq!(clipped(&touching, 10, 10), None);
        let line = points(&[(1.0, 1.0), (5.0, 5.0), (3.0, 3.0)]);
        assert_eq!(clipped(&line, 10, 10), None);
        assert_eq!(clipped(&[], 10, 10), None);
        let no_number = points(&[(1.0, 1.0), (5.0, f64::NAN), (3.0, 4.0)]);
        assert_eq!(clipped(&no_number, 10, 10), None);
        assert_eq!(
            clipped(&points(&[(0.0, 0.0), (9.0, 0.0), (9.0, 9.0)]), 0, 0),
            None
        );
    }

    #[test]
    fn numbers_without_measure_are_cut_too() {
        let all = points(&[
            (-1e308, -1e308),
            (1e308, -1e308),
            (1e308, 1e308),
            (-1e308, 1e308),
        ]);
        let kept = clipped(&all, 64, 48).expect("it covers the image");
        assert_eq!(area(&kept), 64.0 * 48.0);
    }

    proptest! {
        #[test]
        fn a_part_is_inside_and_no_larger(
            corners in proptest::collection::vec((-50.0..150.0, -50.0..150.0), 3..9),
        ) {
            let polygon = points(&corners);
            if let Some(kept) = clipped(&polygon, 100, 80) {
                prop_assert!(kept.iter().all(|it| (0.0..=100.0).contains(&it.x) && (0.0..=80.0).contains(&it.y)));
                prop_assert_eq!(clipped(&kept, 100, 80), Some(kept.clone()));
                prop_assert!(area(&kept) <= 8000.0 * corners.len() as f64);
            }
        }

        #[test]
        fn a_turned_box_loses_what_is_outside(
            x in -60.0..110.0, y in -60.0..90.0, width in 1.0..90.0, height in 1.0..90.0, rotation in 0.0..360.0,
        ) {
            let corners = Rectangle { x, y, width, height, rotation }.corners();
            let kept = clipped(&corners, 100, 80).map_or(0.0, |kept| area(&kept));
            prop_assert!(kept <= width * height + 1e-6);
            // Cut at a line in two, the halves are the whole.
            let left = clipped(&corners, 40, 80).map_or(0.0, |kept| area(&kept));
            let moved: Vec<Point> = corners.iter().map(|it| Point { x: it.x - 40.0, y: it.y }).collect();
            let right = clipped(&moved, 60, 80).map_or(0.0, |kept| area(&kept));
            prop_assert!((left + right - kept).abs() < 1e-6, "{} + {} is not {}", left, right, kept);
        }
    }
}
