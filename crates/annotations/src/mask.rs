//! Masks as run lengths, in the order of COCO: down each column, columns from left to right.

use crate::rectangle::Rectangle;
use serde::{Deserialize, Serialize};

/// Pixels at most: a mask of 8k by 8k.
pub(crate) const MOST_PIXELS: u64 = 1 << 26;

/// An area of pixels of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Mask {
    /// Width of the image.
    pub width: u32,
    /// Height of the image.
    pub height: u32,
    /// How many pixels in turn are outside and inside, beginning with outside: COCO's uncompressed
    /// run lengths.
    pub counts: Vec<u32>,
}

impl Mask {
    /// From rows of pixels, true inside, each as long as the image is wide.
    pub fn of_rows(width: u32, height: u32, inside: impl Fn(u32, u32) -> bool) -> Self {
        let mut counts = Vec::new();
        let mut run = 0_u32;
        let mut last = false;
        for x in 0..width {
            for y in 0..height {
                if inside(x, y) != last {
                    counts.push(run);
                    run = 0;
                    last = !last;
                }
                run += 1;
            }
        }
        counts.push(run);
        Self {
            width,
            height,
            counts,
        }
    }

    /// Runs of pixels inside: the first one's place, down the columns, and how many.
    fn runs(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let mut at = 0_u64;
        self.counts.iter().enumerate().filter_map(move |(i, &run)| {
            let first = at;
            at += u64::from(run);
            (i % 2 == 1 && run > 0).then_some((first, u64::from(run)))
        })
    }

    /// How many pixels are inside.
    pub fn area(&self) -> u64 {
        self.runs().map(|(_, run)| run).sum()
    }

    /// The smallest upright rectangle around what is inside; `None` where nothing is.
    pub fn hull(&self) -> Option<Rectangle> {
        let height = u64::from(self.height.max(1));
        let mut found: Option<[u64; 4]> = None;
        for (first, run) in self.runs() {
            let last = first + run - 1;
            let (left, right) = (first / height, last / height);
            // From the last row of a column a run goes on in the first one of the next.
            let (top, bottom) = match left == right {
                true => (first % height, last % height),
                false => (0, height - 1),
            };
            found = Some(match found {
                None => [left, top, right, bottom],
                Some([a, b, c, d]) => [a.min(left), b.min(top), c.max(right), d.max(bottom)],
            });
        }
        let [left, top, right, bottom] = found?.map(|edge| edge as f64);
        Some(Rectangle {
            x: left,
            y: top,
            width: right - left + 1.0,
            height: bottom - top + 1.0,
            rotation: 0.0,
        })
    }

    /// Why it is no mask.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let pixels = u64::from(self.width) * u64::from(self.height);
        if pixels > MOST_PIXELS {
            return Some("a mask has over 67108864 pixels");
        }
        let sum: u64 = self.counts.iter().map(|&run| u64::from(run)).sum();
        if sum != pixels {
            return Some("the run lengths of a mask are not its pixels");
        }
        (self.area() == 0).then_some("a mask has no area")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn area_and_hull_are_those_of_the_pixels(
            pixels in proptest::collection::vec(any::<bool>(), 7 * 5),
            most in 0..35_usize,
        ) {
            let inside = |x: u32, y: u32| pixels[(y * 7 + x) as usize] && ((y * 7 + x) as usize) < most;
            let mask = Mask::of_rows(7, 5, inside);
            let places: Vec<(u32, u32)> =
                (0..7).flat_map(|x| (0..5).map(move |y| (x, y))).filter(|&(x, y)| inside(x, y)).collect();
            prop_assert_eq!(mask.area(), places.len() as u64);
            prop_assert_eq!(mask.counts.iter().sum::<u32>(), 35);
            let edges = |hull: Rectangle| [hull.x, hull.y, hull.x + hull.width - 1.0, hull.y + hull.height - 1.0];
            let expected = (!places.is_empty()).then(|| {
                let (xs, ys) = (places.iter().map(|it| it.0), places.iter().map(|it| it.1));
                [xs.clone().min(), ys.clone().min(), xs.max(), ys.max()].map(|it| f64::from(it.unwrap_or(0)))
            });
            prop_assert_eq!(mask.hull().map(edges), expected);
            prop_assert_eq!(mask.fault().is_some(), places.is_empty());
        }
    }
}
