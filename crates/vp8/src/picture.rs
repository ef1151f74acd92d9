//! RFC 6386 clause 5: frame buffers.

use crate::error::Damage;
use crate::frame_tag::Size;

/// One plane of whole macroblocks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plane {
    pub samples: Vec<u8>,
    pub width: usize,
    pub height: usize,
}

impl Plane {
    fn new(width: usize, height: usize) -> Self {
        Self {
            samples: vec![0; width * height],
            width,
            height,
        }
    }

    /// Puts a block at column `x` and row `y`.
    pub fn put<const N: usize>(&mut self, x: usize, y: usize, block: &[[u8; N]; N]) {
        let rows = self.samples.chunks_exact_mut(self.width).skip(y);
        for (into, row) in rows.zip(block) {
            into[x..x + N].copy_from_slice(row);
        }
    }
}

/// A decoded picture: Y, U and V planes, chroma at half the width and height.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub size: Size,
    pub planes: [Plane; 3],
    pub damage: Option<Damage>,
}

impl Picture {
    /// Some picture of this size.
    pub fn new(size: Size) -> Self {
        let (columns, rows) = macroblocks(size);
        let plane = |side: usize| Plane::new(columns * side, rows * side);
        Self {
            size,
            planes: [plane(16), plane(8), plane(8)],
            damage: None,
        }
    }
}

/// Columns and rows of macroblocks of a picture.
pub(crate) fn macroblocks(size: Size) -> (usize, usize) {
    let count = |side: u16| usize::from(side).div_ceil(16);
    (count(size.width), count(size.height))
}

/// The pixels of a macroblock, row by row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pixels {
    pub y: [[u8; 16]; 16],
    /// U, V.
    pub chroma: [[[u8; 8]; 8]; 2],
}
