//! Shapes in pixels of the image, as floats: `x` to the right, `y` down, from its top left corner.

use serde::{Deserialize, Serialize};

/// A place in the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Point {
    /// Right of the left edge.
    pub x: f64,
    /// Below the top edge.
    pub y: f64,
}

impl Point {
    /// Whether both are numbers: neither NaN nor infinite.
    pub fn is_finite(self) -> bool {
        self.x.is_finite() && self.y.is_finite()
    }

    /// Turned clockwise about the origin.
    fn turned(self, degrees: f64) -> Self {
        // Not f64::sin_cos, whose last bit is another on another machine.
        let (sin, cos) = libm::sincos(degrees.to_radians());
        Self {
            x: self.x * cos - self.y * sin,
            y: self.x * sin + self.y * cos,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            x: self.x + other.x,
            y: self.y + other.y,
        }
    }
}

/// A rectangle, turned about its centre.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Rectangle {
    /// Left edge before it is turned.
    pub x: f64,
    /// Top edge before it is turned.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// Degrees clockwise about the centre, from 0 to below 360.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rotation: f64,
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

impl Rectangle {
    /// Turned clockwise about its top left corner, as Label Studio does it. Without rotation its edges
    /// stay the same numbers.
    pub fn about_corner(x: f64, y: f64, width: f64, height: f64, rotation: f64) -> Self {
        let rotation = rotation.rem_euclid(360.0);
        if rotation == 0.0 {
            return Self {
                x,
                y,
                width,
                height,
                rotation,
            };
        }
        let half = Point {
            x: width / 2.0,
            y: height / 2.0,
        };
        let centre = Point { x, y }.plus(half.turned(rotation));
        Self {
            x: centre.x - half.x,
            y: centre.y - half.y,
            width,
            height,
            rotation,
        }
    }

    /// The corners, clockwise from what was the top left one.
    pub fn corners(&self) -> [Point; 4] {
        let (right, bottom) = (self.x + self.width, self.y + self.height);
        let plain = [
            (self.x, self.y),
            (right, self.y),
            (right, bottom),
            (self.x, bottom),
        ]
        .map(|(x, y)| Point { x, y });
        if self.rotation == 0.0 {
            return plain;
        }
        let centre = Point {
            x: self.x + self.width / 2.0,
            y: self.y + self.height / 2.0,
        };
        plain.map(|corner| {
            let from_centre = Point {
                x: corner.x - centre.x,
                y: corner.y - centre.y,
            };
            centre.plus(from_centre.turned(self.rotation))
        })
    }

    /// The smallest upright rectangle around it.
    pub fn hull(&self) -> Self {
        if self.rotation == 0.0 {
            return *self;
        }
        hull(&self.corners()).unwrap_or(*self)
    }

    /// The part inside an image; `None` where nothing is inside. Of upright rectangles only.
    pub fn clipped(&self, width: u32, height: u32) -> Option<Self> {
        let (left, top) = (self.x.max(0.0), self.y.max(0.0));
        let right = (self.x + self.width).min(f64::from(width));
        let bottom = (self.y + self.height).min(f64::from(height));
        let inside = right > left && bottom > top;
        if !inside {
            return None;
        }
        let all = (left, top) == (self.x, self.y)
            && right == self.x + self.width
            && bottom == self.y + self.height;
        // What lies inside keeps its numbers: (x + width) - x need not be width.
        Some(if all {
            *self
        } else {
            Self {
                x: left,
                y: top,
                width: right - left,
                height: bottom - top,
                rotation: 0.0,
            }
        })
    }
}

/// The smallest upright rectangle around points; `None` without any.
pub fn hull(points: &[Point]) -> Option<Rectangle> {
    let first = *points.first()?;
    let mut least = first;
    let mut most = first;
    for point in points {
        least.x = least.x.min(point.x);
        least.y = least.y.min(point.y);
        most.x = most.x.max(point.x);
        most.y = most.y.max(point.y);
    }
    Some(Rectangle {
        x: least.x,
        y: least.y,
        width: most.x - least.x,
        height: most.y - least.y,
        rotation: 0.0,
    })
}

/// Corners of the polygon that stands for an ellipse.
const ELLIPSE_CORNERS: u32 = 64;

/// A polygon in place of an ellipse with these radii, turned clockwise about its centre.
pub(crate) fn ellipse(centre: Point, (a, b): (f64, f64), rotation: f64) -> Vec<Point> {
    let corner = |i: u32| {
        let angle = 360.0 * f64::from(i) / f64::from(ELLIPSE_CORNERS);
        let on_circle = Point { x: 1.0, y: 0.0 }.turned(angle);
        let upright = Point {
            x: a * on_circle.x,
            y: b * on_circle.y,
        };
        centre.plus(upright.turned(rotation))
    };
    (0..ELLIPSE_CORNERS).map(corner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(a: Point, b: Point) -> bool {
        (a.x - b.x).abs() < 1e-6 && (a.y - b.y).abs() < 1e-6
    }

    #[test]
    fn a_turn_about_the_corner_leaves_the_corner_where_it_is() {
        let turned = Rectangle::about_corner(100.0, 50.0, 40.0, 20.0, 90.0);
        let [corner, right, ..] = turned.corners();
        assert!(near(corner, Point { x: 100.0, y: 50.0 }), "{corner:?}");
        // Clockwise, with y down: what pointed right points down.
        assert!(near(right, Point { x: 100.0, y: 90.0 }), "{right:?}");
        let hull = turned.hull();
        assert!(near(
            Point {
                x: hull.x,
                y: hull.y
            },
            Point { x: 80.0, y: 50.0 }
        ));
        assert!((hull.width - 20.0).abs() < 1e-9 && (hull.height - 40.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_outside_is_cut_off() {
        let rectangle = |x, y, width, height| Rectangle {
            x,
            y,
            width,
            height,
            rotation: 0.0,
        };
        let clipped = rectangle(-10.0, 90.0, 30.0, 20.0).clipped(100, 100);
        assert_eq!(clipped, Some(rectangle(0.0, 90.0, 20.0, 10.0)));
        assert_eq!(rectangle(100.0, 0.0, 5.0, 5.0).clipped(100, 100), None);
        let inside = rectangle(0.1, 0.2, 0.7, 0.3);
        assert_eq!(inside.clipped(100, 100), Some(inside));
    }

    proptest! {
        #[test]
        fn corners_keep_their_distances(
            x in -1e4..1e4, y in -1e4..1e4, width in 0.1..1e4, height in 0.1..1e4,
            rotation in -720.0..720.0,
        ) {
            let [a, b, c, d] = Rectangle::about_corner(x, y, width, height, rotation).corners();
            let distance = |a: Point, b: Point| (a.x - b.x).hypot(a.y - b.y);
            let corner = Point { x, y };
            prop_assert!(near(a, corner));
            prop_assert!((distance(a, b) - width).abs() < 1e-6);
            prop_assert!((distance(b, c) - height).abs() < 1e-6);
            prop_assert!((distance(c, d) - width).abs() < 1e-6);
        }
    }
}
