//! Masks as large as their image.

use framemill_annotations::Mask;
use std::borrow::Cow;
use std::ops::Range;

/// The mask in a frame of this size, from the top left corner: what is beyond it is cut off. As it is
/// where it has the size, as a mask should. `None` where the frame has more pixels than run lengths
/// can count.
///
/// What goes out always covers the frame exactly: pycocotools writes past its memory where it does not.
pub(super) fn fitted(mask: &Mask, width: u32, height: u32) -> Option<Cow<'_, Mask>> {
    let pixels = width.checked_mul(height)?;
    let sum: u64 = mask.counts.iter().map(|&run| u64::from(run)).sum();
    if (mask.width, mask.height) == (width, height) && sum == u64::from(pixels) {
        return Some(Cow::Borrowed(mask));
    }
    let mut runs = Runs::default();
    for (x, rows) in columns(mask) {
        let column = u32::try_from(x).ok().filter(|&x| x < width);
        let Some(above) = column.map(|x| x * height) else {
            break;
        };
        let row = |y: u64| u32::try_from(y).unwrap_or(height).min(height);
        runs.inside(above + row(rows.start)..above + row(rows.end));
    }
    Some(Cow::Owned(Mask {
        width,
        height,
        counts: runs.up_to(pixels),
    }))
}

/// What is inside, column by column: the column, and rows of it.
fn columns(mask: &Mask) -> impl Iterator<Item = (u64, Range<u64>)> + '_ {
    let height = u64::from(mask.height.max(1));
    let mut at = 0_u64;
    let runs = mask.counts.iter().enumerate().map(move |(place, &run)| {
        let first = at;
        at += u64::from(run);
        (place % 2 == 1, first..at)
    });
    runs.filter(|(is_inside, run)| *is_inside && !run.is_empty())
        .flat_map(move |(_, run)| {
            (run.start / height..=(run.end - 1) / height).map(move |x| {
                let above = x * height;
                let rows = run.start.max(above) - above..run.end.min(above + height) - above;
                (x, rows)
            })
        })
}

/// Run lengths that are being gathered, beginning with outside.
#[derive(Default)]
struct Runs {
    counts: Vec<u32>,
    end: u32,
}

impl Runs {
    /// Pixels inside, behind all before.
    fn inside(&mut self, pixels: Range<u32>) {
        if pixels.is_empty() {
            return;
        }
        let inside = pixels.end - pixels.start;
        match self.counts.last_mut() {
            Some(last) if pixels.start == self.end => *last += inside,
            _ => self.counts.extend([pixels.start - self.end, inside]),
        }
        self.end = pixels.end;
    }

    /// The lengths, up to this many pixels.
    fn up_to(mut self, pixels: u32) -> Vec<u32> {
        if self.end < pixels || self.counts.is_empty() {
            self.counts.push(pixels - self.end);
        }
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_fitted_mask_has_the_pixels_that_are_there(
            pixels in proptest::collection::vec(any::<bool>(), 7 * 5), width in 0..10_u32, height in 0..10_u32,
        ) {
            let inside = |x: u32, y: u32| x < 7 && y < 5 && pixels[(y * 7 + x) as usize];
            let mask = Mask::of_rows(7, 5, inside);
            let expected = Mask::of_rows(width, height, inside);
            let found = fitted(&mask, width, height).map(Cow::into_owned);
            // A run of 0 at the end is as good as none.
            prop_assert_eq!(found.as_ref().map(Mask::area), Some(expected.area()));
            prop_assert_eq!(found, Some(trimmed(expected)));
        }

        #[test]
        fn lengths_always_cover_the_image(
            counts in proptest::collection::vec(0..100_u32, 0..9), width in 0..10_u32, height in 0..10_u32,
        ) {
            let mask = Mask { width: 9, height: 9, counts };
            let found = fitted(&mask, width, height).expect("a small frame");
            prop_assert_eq!(found.counts.iter().sum::<u32>(), width * height);
        }
    }

    fn trimmed(mut mask: Mask) -> Mask {
        if mask.counts.len() > 1 && mask.counts.last() == Some(&0) {
            mask.counts.pop();
        }
        mask
    }

    #[test]
    fn a_frame_of_more_pixels_than_can_be_counted_has_none() {
        let mask = Mask::of_rows(2, 2, |_, _| true);
        assert_eq!(fitted(&mask, u32::MAX, 2), None);
    }
}
