//! What is marked: the kinds of shapes.

use crate::Mask;
use crate::rectangle::{Point, Rectangle, hull};
use serde::{Deserialize, Serialize};

/// What is marked in an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Geometry {
    /// A rectangle.
    Box(Rectangle),
    /// An area within a closed line.
    Polygon {
        /// Its corners; the last is joined with the first.
        points: Vec<Point>,
    },
    /// An open line.
    Polyline {
        /// Its corners.
        points: Vec<Point>,
    },
    /// A place.
    Point(Point),
    /// An area of pixels.
    Mask(Mask),
    /// The image as a whole.
    Classification,
}

impl Geometry {
    /// The smallest upright rectangle around it; `None` of the image as a whole, and where there is
    /// nothing.
    pub fn hull(&self) -> Option<Rectangle> {
        match self {
            Self::Box(rectangle) => Some(rectangle.hull()),
            Self::Polygon { points } | Self::Polyline { points } => hull(points),
            Self::Point(point) => hull(&[*point]),
            Self::Mask(mask) => mask.hull(),
            Self::Classification => None,
        }
    }

    /// Why it is no shape: numbers that are none, and areas without an area.
    pub fn fault(&self) -> Option<&'static str> {
        let finite = |points: &[Point]| points.iter().all(|point| point.is_finite());
        match self {
            Self::Box(it) => {
                let numbers = [it.x, it.y, it.width, it.height, it.rotation];
                if !numbers.iter().all(|number| number.is_finite()) {
                    return Some("a number of a box is not finite");
                }
                (it.width <= 0.0 || it.height <= 0.0).then_some("a box has no area")
            }
            Self::Polygon { points } if points.len() < 3 => {
                Some("a polygon has fewer than 3 points")
            }
            Self::Polyline { points } if points.len() < 2 => {
                Some("a polyline has fewer than 2 points")
            }
            Self::Polygon { points } | Self::Polyline { points } => {
                (!finite(points)).then_some("a point is not finite")
            }
            Self::Point(point) => (!point.is_finite()).then_some("a point is not finite"),
            Self::Mask(mask) => mask.fault(),
            Self::Classification => None,
        }
    }
}
