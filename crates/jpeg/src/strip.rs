//! A row of MCUs of one component, as the DCT takes it.

use crate::plane::PlaneView;
use wide::i16x8;

/// Samples less 128, in whole blocks: beyond the edge those of the edge are repeated.
pub(crate) struct Strip {
    samples: Vec<i16>,
    /// Samples in a row.
    width: usize,
    /// Rows of blocks that the plane has here.
    rows: usize,
    /// Rows of blocks that an MCU has.
    down: usize,
}

impl Strip {
    /// For planes of this width, and `down` blocks in the height of an MCU.
    pub fn new(width: usize, down: usize) -> Self {
        let width = width.next_multiple_of(8);
        Self {
            samples: vec![0; width * 8 * down],
            width,
            rows: 0,
            down,
        }
    }

    /// Takes the samples of a row of MCUs.
    pub fn load(&mut self, plane: &PlaneView, mcu_row: usize) {
        let top = mcu_row * 8 * self.down;
        let height = plane.height().saturating_sub(top).min(8 * self.down);
        self.rows = height.div_ceil(8);
        for (y, out) in self.samples.chunks_exact_mut(self.width).enumerate() {
            let row = plane.row(top + y);
            let (inner, beyond) = out.split_at_mut(row.len());
            for (to, from) in inner.iter_mut().zip(row) {
                *to = i16::from(*from) - 128;
            }
            let last = inner.last().copied().unwrap_or_default();
            beyond.iter_mut().for_each(|to| *to = last);
        }
    }

    /// The block in a row and a column of blocks; `None` beyond the plane.
    #[inline(always)]
    pub fn block(&self, row: usize, column: usize) -> Option<[i16x8; 8]> {
        let start = row * 8 * self.width + 8 * column;
        let inside = row < self.rows && 8 * column < self.width;
        let rest = self.samples.get(start..).filter(|_| inside)?;
        // One check here instead of one for each row.
        let rest = rest.get(..7 * self.width + 8)?;
        let load = |y: usize| {
            let samples = rest.get(y * self.width..)?.first_chunk::<8>()?;
            // Not i16x8::new, after which compilers load sample by sample.
            Some(i16x8::from_slice_unaligned(samples))
        };
        let (a, b, c, d) = (load(0)?, load(1)?, load(2)?, load(3)?);
        Some([a, b, c, d, load(4)?, load(5)?, load(6)?, load(7)?])
    }
}
