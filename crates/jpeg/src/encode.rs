//! From planes to a file.

use crate::quantise::Quantiser;
use crate::symbols::Symbols;
use crate::{tables, transform, write};
use thiserror::Error;

/// A plane of 8 bit samples: a view into a larger buffer.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    /// Samples from the first one on.
    pub samples: &'a [u8],
    /// From one row to the next.
    pub stride: usize,
    /// Samples in a row, at least 1.
    pub width: u32,
    /// Rows, at least 1.
    pub height: u32,
}

/// Why an image cannot be encoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// Larger than the format allows, or empty.
    #[error("a JPEG cannot have {width} x {height} pixels, only 1 to 65535 a side")]
    Size {
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// Chroma planes that are not half as wide and high as luma, rounded up, or samples that are missing.
    #[error("plane {index} of {width} x {height} samples does not fit the image")]
    Plane {
        /// 0 Y, 1 Cb, 2 Cr.
        index: usize,
        /// Samples in a row.
        width: u32,
        /// Rows.
        height: u32,
    },
}

/// Encodes Y, Cb and Cr, as JFIF has them: full range, BT.601; chroma planes have half the width and
/// height, rounded up, and lie in the middle of the luma samples that they belong to. `quality` is from
/// 1 to 100, as that of the Independent JPEG Group's library.
///
/// # Errors
/// [`Error`].
pub fn encode(planes: [Plane<'_>; 3], quality: u8) -> Result<Vec<u8>, Error> {
    let (width, height) = check(&planes)?;
    let steps = tables::steps(quality);
    let quantisers = steps.each_ref().map(Quantiser::new);
    let units = (
        usize::from(width).div_ceil(16),
        usize::from(height).div_ceil(16),
    );
    let mut symbols = Symbols::new(units.0 * units.1 * 6);
    let [luma, cb, cr] = &planes;
    for y in 0..units.1 {
        for x in 0..units.0 {
            let mut block = |component: usize, plane: &Plane<'_>, x: usize, y: usize| {
                let coefficients = transform::forward(&plane.block(x * 8, y * 8));
                let quantised = quantisers[usize::from(component > 0)].quantise(coefficients);
                symbols.block(component, &quantised);
            };
            for (right, below) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                block(0, luma, x * 2 + right, y * 2 + below);
            }
            block(1, cb, x, y);
            block(2, cr, x, y);
        }
    }
    Ok(write::file(width, height, &steps, &symbols))
}

fn check(planes: &[Plane<'_>; 3]) -> Result<(u16, u16), Error> {
    let [luma, ..] = planes;
    let (width, height) = (luma.width, luma.height);
    let side = |side: u32| u16::try_from(side).ok().filter(|side| *side > 0);
    let (Some(short_width), Some(short_height)) = (side(width), side(height)) else {
        return Err(Error::Size { width, height });
    };
    let chroma = (width.div_ceil(2), height.div_ceil(2));
    for (index, (plane, size)) in planes
        .iter()
        .zip([(width, height), chroma, chroma])
        .enumerate()
    {
        if (plane.width, plane.height) != size || !plane.is_whole() {
            return Err(Error::Plane {
                index,
                width: plane.width,
                height: plane.height,
            });
        }
    }
    Ok((short_width, short_height))
}

impl Plane<'_> {
    /// All samples are there.
    fn is_whole(&self) -> bool {
        let rows = (self.height as usize).saturating_sub(1);
        let last = rows
            .checked_mul(self.stride)
            .and_then(|at| at.checked_add(self.width as usize));
        self.stride >= self.width as usize && last.is_some_and(|last| last <= self.samples.len())
    }

    /// The block at (x, y); beyond the edges their samples are repeated.
    #[inline(always)]
    fn block(&self, x: usize, y: usize) -> [[u8; 8]; 8] {
        let mut block = [[0; 8]; 8];
        if x + 8 <= self.width as usize && y + 8 <= self.height as usize {
            for (line, row) in block.iter_mut().enumerate() {
                let at = (y + line) * self.stride + x;
                if let Some(samples) = self.samples.get(at..).and_then(|rest| rest.first_chunk()) {
                    *row = *samples;
                }
            }
            return block;
        }
        self.edge_block(x, y)
    }

    #[cold]
    fn edge_block(&self, x: usize, y: usize) -> [[u8; 8]; 8] {
        let last = (self.width as usize - 1, self.height as usize - 1);
        let sample = |x: usize, y: usize| {
            let at = y.min(last.1) * self.stride + x.min(last.0);
            self.samples.get(at).copied().unwrap_or(0)
        };
        std::array::from_fn(|line| std::array::from_fn(|column| sample(x + column, y + line)))
    }
}
