//! RFC 6386 clause 12: prediction from what is above and to the left in the same frame, before the
//! loop filter.

use crate::modes::{BlockMode, SubMode};
use crate::picture::{Picture, Plane};

/// What is above a frame.
const ABOVE: u8 = 127;
/// What is to the left of a frame.
const LEFT: u8 = 129;
/// How many pixels after the end of a row predict subblocks.
const AFTER: usize = 4;

/// The last row of pixels of the macroblocks above, before the loop filter: of each plane one pixel
/// to the left of the frame, the row, and what counts as being to the right of it.
#[derive(Clone, Debug)]
pub(crate) struct LastRow {
    planes: [Vec<u8>; 3],
}

impl LastRow {
    /// What is above the frame.
    pub fn new(picture: &Picture) -> Self {
        let row = |plane: &Plane| vec![ABOVE; 1 + plane.width + AFTER];
        Self {
            planes: picture.planes.each_ref().map(row),
        }
    }

    /// Row `y` of macroblocks is whole, and not yet filtered.
    pub fn keep(&mut self, picture: &Picture, y: usize) {
        for (row, (plane, side)) in self
            .planes
            .iter_mut()
            .zip(picture.planes.iter().zip([16, 8, 8]))
        {
            let start = (y * side + side - 1) * plane.width;
            let (middle, after) = row[1..].split_at_mut(plane.width);
            middle.copy_from_slice(&plane.samples[start..start + plane.width]);
            after.fill(middle[plane.width - 1]);
            row[0] = LEFT;
        }
    }
}

/// What is around a block of `N` by `N` pixels.
pub(crate) struct Around<'a, const N: usize> {
    /// The pixel above and to the left, then those above, then those above and to the right.
    above: &'a [u8],
    left: [u8; N],
    /// Whether the frame has something above, to the left.
    available: (bool, bool),
}

impl<'a, const N: usize> Around<'a, N> {
    /// Of the block in column `x` and row `y` of blocks of plane `plane`.
    pub fn new(last: &'a LastRow, picture: &Picture, plane: usize, x: usize, y: usize) -> Self {
        let row = &last.planes[plane];
        let plane = &picture.planes[plane];
        let mut left = [LEFT; N];
        if x > 0 {
            let mut place = y * N * plane.width + x * N - 1;
            for pixel in &mut left {
                *pixel = plane.samples[place];
                place += plane.width;
            }
        }
        Self {
            above: &row[x * N..],
            left,
            available: (y > 0, x > 0),
        }
    }

    /// Clause 12.2, and the first modes of clause 12.3.
    pub fn predict(&self, mode: BlockMode, into: &mut [[u8; N]; N]) {
        let above = &self.above[1..=N];
        match mode {
            BlockMode::Dc => *into = [[self.average(above); N]; N],
            BlockMode::Vertical => into.iter_mut().for_each(|row| row.copy_from_slice(above)),
            BlockMode::Horizontal => *into = self.left.map(|left| [left; N]),
            BlockMode::TrueMotion => {
                let corner = i16::from(self.above[0]);
                for (row, left) in into.iter_mut().zip(self.left) {
                    let change = i16::from(left) - corner;
                    for (pixel, above) in row.iter_mut().zip(above) {
                        *pixel = (i16::from(*above) + change).clamp(0, 255) as u8;
                    }
                }
            }
        }
    }

    /// The average of what the frame has.
    fn average(&self, above: &[u8]) -> u8 {
        let sum = |pixels: &[u8]| pixels.iter().map(|pixel| u32::from(*pixel)).sum::<u32>();
        let (sum, count) = match self.available {
            (false, false) => return 128,
            (true, false) => (sum(above), N as u32),
            (false, true) => (sum(&self.left), N as u32),
            (true, true) => (sum(above) + sum(&self.left), 2 * N as u32),
        };
        ((sum + count / 2) / count) as u8
    }
}

impl Around<'_, 16> {
    /// Clause 12.3: what is around luma subblock `at`, where the ones before it are done.
    pub fn subblock(&self, pixels: &[[u8; 16]; 16], at: usize) -> SubAround {
        let (x, y) = (at % 4 * 4, at / 4 * 4);
        let mut edge = [0; 13];
        for (row, pixel) in edge[..4].iter_mut().rev().enumerate() {
            *pixel = match x {
                0 => self.left[y + row],
                _ => pixels[y + row][x - 1],
            };
        }
        edge[4] = match (x, y) {
            (_, 0) => self.above[x],
            (0, _) => self.left[y - 1],
            _ => pixels[y - 1][x - 1],
        };
        let above = &mut edge[5..];
        match (x, y) {
            (_, 0) => above.copy_from_slice(&self.above[1 + x..9 + x]),
            // What is to the right is not done yet: what is above the macroblock stands for it.
            (12, _) => {
                above[..4].copy_from_slice(&pixels[y - 1][12..]);
                above[4..].copy_from_slice(&self.above[17..21]);
            }
            _ => above.copy_from_slice(&pixels[y - 1][x..x + 8]),
        }
        SubAround { edge }
    }
}

/// The pixels around a subblock, from the lowest of those to the left up to the corner, then to the
/// last of those above and to the right.
pub(crate) struct SubAround {
    edge: [u8; 13],
}

impl SubAround {
    /// Clause 12.3: the subblock, row by row.
    pub fn predict(&self, mode: SubMode) -> [[u8; 4]; 4] {
        let (two, three) = (self.twos(), self.threes());
        match mode {
            SubMode::Dc => [[self.average(); 4]; 4],
            SubMode::TrueMotion => self.true_motion(),
            SubMode::Vertical => [[three[5], three[6], three[7], three[8]]; 4],
            SubMode::Horizontal => [3, 2, 1, 0].map(|at| [three[at]; 4]),
            SubMode::LeftDown => [6, 7, 8, 9].map(|at| [0, 1, 2, 3].map(|more| three[at + more])),
            SubMode::RightDown => [4, 3, 2, 1].map(|at| [0, 1, 2, 3].map(|more| three[at + more])),
            SubMode::VerticalRight => [
                [two[4], two[5], two[6], two[7]],
                [three[4], three[5], three[6], three[7]],
                [three[3], two[4], two[5], two[6]],
                [three[2], three[4], three[5], three[6]],
            ],
            SubMode::VerticalLeft => [
                [two[5], two[6], two[7], two[8]],
                [three[6], three[7], three[8], three[9]],
                [two[6], two[7], two[8], three[10]],
                [three[7], three[8], three[9], three[11]],
            ],
            SubMode::HorizontalDown => [
                [two[3], three[4], three[5], three[6]],
                [two[2], three[3], two[3], three[4]],
                [two[1], three[2], two[2], three[3]],
                [two[0], three[1], two[1], three[2]],
            ],
            SubMode::HorizontalUp => [
                [two[2], three[2], two[1], three[1]],
                [two[1], three[1], two[0], three[0]],
                [two[0], three[0], self.edge[0], self.edge[0]],
                [self.edge[0]; 4],
            ],
        }
    }

    /// Averages of each pixel and the next.
    fn twos(&self) -> [u8; 12] {
        let edge = self.edge.map(u16::from);
        std::array::from_fn(|at| ((edge[at] + edge[at + 1] + 1) >> 1) as u8)
    }

    /// Averages of each pixel, counted twice, and those beside it, of which the ends have one, also
    /// counted twice.
    fn threes(&self) -> [u8; 13] {
        let edge = self.edge.map(u16::from);
        std::array::from_fn(|at| {
            let (before, after) = (edge[at.saturating_sub(1)], edge[(at + 1).min(12)]);
            ((before + 2 * edge[at] + after + 2) >> 2) as u8
        })
    }

    fn average(&self) -> u8 {
        let (left, above) = (&self.edge[..4], &self.edge[5..9]);
        let sum: u16 = left
            .iter()
            .chain(above)
            .map(|pixel| u16::from(*pixel))
            .sum();
        ((sum + 4) >> 3) as u8
    }

    fn true_motion(&self) -> [[u8; 4]; 4] {
        let edge = self.edge.map(i16::from);
        [3, 2, 1, 0].map(|left| {
            [5, 6, 7, 8].map(|above| (edge[left] + edge[above] - edge[4]).clamp(0, 255) as u8)
        })
    }
}
