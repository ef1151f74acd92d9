//! The macroblock being decoded, and caches of its blocks with those around them.

use crate::macroblock::Mb;
use crate::picture::Mv;

/// Width of a cache row: a block of the left neighbour, four of the macroblock, the top right one.
pub(super) const ROW: usize = 8;
/// Blocks of a cache.
pub(super) const CACHE: usize = 5 * ROW;

/// Place of 4×4 block (x, y) in a cache; x from -1 to 4, y from -1 to 3, both plus 1.
#[inline(always)]
pub(super) const fn at(x_plus_1: usize, y_plus_1: usize) -> usize {
    y_plus_1 * ROW + x_plus_1
}

/// Place of block (x, y) of the macroblock itself.
#[inline(always)]
pub(super) const fn own(x: usize, y: usize) -> usize {
    (y + 1) * ROW + x + 1
}

/// A reference index in a cache: the block is not available.
pub(super) const NOT_AVAILABLE: i8 = -2;
/// A reference index in a cache: the block does not use the list.
pub(super) const NOT_USED: i8 = -1;

/// The macroblock being decoded, and caches of its blocks with those around them.
#[derive(Default)]
pub(super) struct Current {
    /// Column, and row as [`crate::picture::Motion`] counts them.
    pub x: usize,
    pub row: usize,
    pub index: usize,
    /// A field macroblock, of a field or of a pair.
    pub interlaced: bool,
    /// Left of the upper and of the lower half of the blocks.
    pub left: [Option<usize>; 2],
    /// Row of the 4×4 block at the left of each row.
    pub left_rows: [u8; 4],
    /// The left pair is of fields where this one is of frames, or the other way round.
    pub left_mixed: bool,
    pub top: Option<usize>,
    pub top_right: Option<usize>,
    pub top_left: Option<usize>,
    pub top_left_row: u8,
    /// What is kept of it.
    pub mb: Mb,
    /// total_coeff of Y, Cb, Cr.
    pub totals: [Cache<u8>; 3],
    /// Intra prediction modes; -1: not available (DC is inferred).
    pub modes: Cache<i8>,
    /// By list.
    pub ref_idx: [Cache<i8>; 2],
    pub mv: [Cache<Mv>; 2],
    pub mvd: [Cache<[u8; 2]>; 2],
    /// 1 where a block is predicted in direct mode: `ref_idx` counts as 0 for contexts then.
    pub direct: Cache<u8>,
    /// Shapes of the sub-macroblocks: 0 8×8, 1 8×4, 2 4×8, 3 4×4.
    pub shapes: [u8; 4],
    /// Samples at the left may be predicted from, for the upper and the lower half.
    pub left_samples: [bool; 2],
    pub top_samples: bool,
    pub top_right_samples: bool,
    pub top_left_samples: bool,
}

/// See [`at`].
pub(super) struct Cache<T>(pub [T; CACHE]);

impl<T: Copy + Default> Default for Cache<T> {
    fn default() -> Self {
        Self([T::default(); CACHE])
    }
}

impl<T: Copy> Cache<T> {
    /// The value at a place.
    #[inline(always)]
    pub fn get(&self, place: usize) -> T {
        self.0[place.min(CACHE - 1)]
    }

    /// Sets the value at a place.
    #[inline(always)]
    pub fn set(&mut self, place: usize, value: T) {
        self.0[place.min(CACHE - 1)] = value;
    }

    /// Sets the values of some places.
    #[inline(always)]
    fn put<const N: usize>(&mut self, place: usize, values: [T; N]) {
        if let Some(to) = self
            .0
            .get_mut(place..)
            .and_then(|rest| rest.first_chunk_mut())
        {
            *to = values;
        }
    }

    /// Sets a rectangle of the macroblock's own blocks.
    #[inline(always)]
    pub fn fill(&mut self, x: usize, y: usize, width: usize, height: usize, value: T) {
        // Of known width: a fill of a few bytes is not worth a call.
        for row in y..y + height {
            match width {
                4 => self.put(own(x, row), [value; 4]),
                2 => self.put(own(x, row), [value; 2]),
                _ => self.set(own(x, row), value),
            }
        }
    }
}

/// Column and row of luma4x4BlkIdx (clause 6.4.3).
pub(super) const BLOCKS: [(usize, usize); 16] = [
    (0, 0),
    (1, 0),
    (0, 1),
    (1, 1),
    (2, 0),
    (3, 0),
    (2, 1),
    (3, 1),
    (0, 2),
    (1, 2),
    (0, 3),
    (1, 3),
    (2, 2),
    (3, 2),
    (2, 3),
    (3, 3),
];
