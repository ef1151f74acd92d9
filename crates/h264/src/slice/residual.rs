//! Transform coefficients of a macroblock, clause 7.3.5.3.

use super::coefficients::NO_TOTAL;
use super::current::{BLOCKS, ROW, own};
use super::entropy::Entropy;
use super::state::Slice;
use crate::Error;
use crate::cabac::residual::CODED_BLOCK_FLAG;
use crate::cavlc::{self, Context};
use crate::macroblock::{DC_FLAGS, Kind};
use crate::picture::Chroma;
use crate::sample::Sample;
use crate::scan::{
    Block, CHROMA_DC_420, CHROMA_DC_422, FIELD_4X4, FIELD_8X8, UNSCALED, ZIGZAG_4X4, ZIGZAG_8X8,
};

/// ctxBlockCat of the blocks of a plane (table 9-42): DC, AC, 4×4, 8×8.
const CATEGORIES: [[usize; 4]; 3] = [[0, 1, 2, 5], [6, 7, 8, 9], [10, 11, 12, 13]];

impl<'a, S: Sample> Slice<'a, S> {
    /// Reads all coefficients of the macroblock.
    pub(super) fn read_residual(&mut self) -> Result<(), Error> {
        self.coefficients.has = [0; 3];
        self.coefficients.has_dc = [false; 3];
        self.read_luma(0)?;
        match self.chroma {
            Chroma::Monochrome => Ok(()),
            Chroma::Cs444 => {
                self.read_luma(1)?;
                self.read_luma(2)
            }
            Chroma::Cs420 | Chroma::Cs422 => self.read_chroma(),
        }
    }

    /// QP' of a plane.
    pub(super) fn qp_prime(&self, plane: usize) -> i32 {
        match plane {
            0 => self.qp + 6 * (i32::from(self.p.sps.bit_depth_luma) - 8),
            _ => self.p.scales.chroma_qp_prime(plane - 1, self.qp),
        }
    }

    /// TransformBypassModeFlag.
    pub(super) fn lossless(&self) -> bool {
        self.p.sps.lossless_qpprime && self.qp_prime(0) == 0
    }

    fn scan_4x4(&self) -> &'static [u8; 16] {
        if self.mb.interlaced {
            &FIELD_4X4
        } else {
            &ZIGZAG_4X4
        }
    }

    /// Scales of 4×4 blocks of a plane and their fraction; none in lossless macroblocks.
    fn scales_4x4(&self, plane: usize) -> (&'a [i32], u32) {
        if self.lossless() {
            return (&UNSCALED, 0);
        }
        let scales: &'a _ = self.p.scales;
        let list = plane + if self.mb.mb.kind.intra() { 0 } else { 3 };
        let qp = self.qp_prime(plane) as usize;
        (&scales.four[list][qp.min(crate::quantisation::QPS - 1)], 4)
    }

    fn scales_8x8(&self, plane: usize) -> (&'a [i32], u32) {
        if self.lossless() {
            return (&UNSCALED, 0);
        }
        let scales: &'a _ = self.p.scales;
        let list = plane * 2 + usize::from(!self.mb.mb.kind.intra());
        let qp = self.qp_prime(plane) as usize;
        match scales.eight.get(list) {
            Some(list) => (&list[qp.min(crate::quantisation::QPS - 1)], 6),
            None => (&UNSCALED, 0),
        }
    }

    /// `residual_luma()`; of Cb and Cr too in 4:4:4.
    fn read_luma(&mut self, plane: usize) -> Result<(), Error> {
        let [dc, ac, four, eight] = CATEGORIES[plane];
        let (pattern, kind) = (self.mb.mb.pattern, self.mb.mb.kind);
        let scan = self.scan_4x4();
        let apart = kind.is(Kind::INTRA_16X16);
        if apart {
            self.read_dc(plane, dc, 16, scan)?;
        }
        let (scale, shift) = self.scales_4x4(plane);
        for quarter in 0..4 {
            if pattern >> quarter & 1 == 0 {
                continue;
            }
            if kind.is(Kind::TRANSFORM_8X8) {
                self.read_8x8(plane, eight, quarter)?;
                continue;
            }
            let block = Block {
                category: if apart { ac } else { four },
                field: self.mb.interlaced,
                coefficients: if apart { 15 } else { 16 },
                scan: &scan[usize::from(apart)..],
                scale,
                shift,
            };
            for i in quarter * 4..quarter * 4 + 4 {
                let (x, y) = BLOCKS[i];
                self.read_4x4(plane, &block, i, (x, y))?;
            }
        }
        Ok(())
    }

    /// The 4×4 block `number` of a plane, at column and row (x, y).
    #[inline]
    fn read_4x4(
        &mut self,
        plane: usize,
        block: &Block<'_>,
        number: usize,
        (x, y): (usize, usize),
    ) -> Result<(), Error> {
        let place = own(x, y);
        let (a, b) = (
            self.mb.totals[plane].get(place - 1),
            self.mb.totals[plane].get(place - ROW),
        );
        let from = (number * 16) & 255;
        let Some(out) = self.coefficients.blocks[plane][from..].first_chunk_mut::<16>() else {
            return Ok(());
        };
        let total = match &mut self.entropy {
            Entropy::Cabac(cabac) => {
                let increment = usize::from(a != 0) + 2 * usize::from(b != 0);
                let flag = usize::from(CODED_BLOCK_FLAG[block.category % 14]) + increment;
                if !cabac.flag(flag) {
                    return Ok(());
                }
                cabac.residual::<S, 16>(block, out)?
            }
            Entropy::Cavlc(bits) => {
                let context = Context::Neighbours(blended(a, b));
                cavlc::residual::<S, 16>(bits, context, block, out)?
            }
        };
        if total > 0 {
            self.mb.totals[plane].set(place, total as u8);
            self.coefficients.has[plane] |= 1 << number;
        }
        Ok(())
    }

    /// DC coefficients of an Intra_16x16 macroblock.
    fn read_dc(
        &mut self,
        plane: usize,
        category: usize,
        coefficients: usize,
        scan: &[u8; 16],
    ) -> Result<(), Error> {
        let block = Block {
            category,
            field: self.mb.interlaced,
            coefficients,
            scan,
            scale: &UNSCALED,
            shift: 0,
        };
        let increment = self.dc_increment(plane);
        let place = own(0, 0);
        let (a, b) = (
            self.mb.totals[plane].get(place - 1),
            self.mb.totals[plane].get(place - ROW),
        );
        let out = &mut self.coefficients.dc[plane];
        let total = match &mut self.entropy {
            Entropy::Cabac(cabac) => {
                let flag = usize::from(CODED_BLOCK_FLAG[category]) + increment;
                match cabac.flag(flag) {
                    true => cabac.residual::<S, 16>(&block, out)?,
                    false => 0,
                }
            }
            Entropy::Cavlc(bits) => {
                let context = Context::Neighbours(blended(a, b));
                cavlc::residual::<S, 16>(bits, context, &block, out)?
            }
        };
        self.note_dc(plane, total);
        Ok(())
    }

    fn note_dc(&mut self, plane: usize, total: usize) {
        if total > 0 {
            self.coefficients.has_dc[plane] = true;
            self.mb.mb.pattern |= 1 << (DC_FLAGS + plane as u32);
        }
    }

    /// ctxIdxInc of `coded_block_flag` of a DC block (9.3.3.1.1.9).
    fn dc_increment(&self, plane: usize) -> usize {
        let none = self.mb.mb.kind.intra();
        let flag = |at: Option<usize>| match self.at(at) {
            None => usize::from(none),
            Some(mb) => usize::from(mb.pattern >> (DC_FLAGS + plane as u32) & 1),
        };
        flag(self.mb.left[0]) + 2 * flag(self.mb.top)
    }

    fn read_8x8(&mut self, plane: usize, category: usize, quarter: usize) -> Result<(), Error> {
        let scan = if self.mb.interlaced {
            &FIELD_8X8
        } else {
            &ZIGZAG_8X8
        };
        let (scale, shift) = self.scales_8x8(plane);
        let (x, y) = (quarter % 2 * 2, quarter / 2 * 2);
        if matches!(self.entropy, Entropy::Cavlc(_)) {
            return self.read_8x8_interleaved(plane, quarter, scan, scale, shift);
        }
        let block = Block {
            category,
            field: self.mb.interlaced,
            coefficients: 64,
            scan,
            scale,
            shift,
        };
        let increment = self.increment_8x8(plane, x, y);
        let from = (quarter * 64) & 255;
        let Entropy::Cabac(cabac) = &mut self.entropy else {
            return Ok(());
        };
        // Only where all three planes have such blocks is there a flag.
        let coded = self.chroma != Chroma::Cs444
            || cabac.flag(usize::from(CODED_BLOCK_FLAG[category]) + increment);
        if !coded {
            return Ok(());
        }
        if let Some(out) = self.coefficients.blocks[plane][from..].first_chunk_mut::<64>() {
            let total = cabac.residual::<S, 64>(&block, out)?;
            self.mb.totals[plane].fill(x, y, 2, 2, total.min(16) as u8);
            self.coefficients.has[plane] |= 15 << (quarter * 4);
        }
        Ok(())
    }

    /// ctxIdxInc of `coded_block_flag` of an 8×8 block: blocks of macroblocks without the 8×8 transform
    /// do not count (9.3.3.1.1.9).
    fn increment_8x8(&self, plane: usize, x: usize, y: usize) -> usize {
        let place = own(x, y);
        let flag = |place: usize, other: Option<usize>| match self.at(other) {
            Some(mb) if !mb.kind.is(Kind::TRANSFORM_8X8) => usize::from(match self.p.old_x264 {
                true => self.mb.mb.kind.intra(),
                false => mb.kind.is(Kind::PCM),
            }),
            _ => usize::from(self.mb.totals[plane].get(place) != 0),
        };
        let left = flag(place - 1, self.mb.left[y / 2].filter(|_| x == 0));
        let top = flag(place - ROW, self.mb.top.filter(|_| y == 0));
        left + 2 * top
    }

    /// In CAVLC an 8×8 block is coded as four blocks that take turns (clause 7.3.5.3.2).
    fn read_8x8_interleaved(
        &mut self,
        plane: usize,
        quarter: usize,
        scan: &[u8; 64],
        scale: &[i32],
        shift: u32,
    ) -> Result<(), Error> {
        for part in 0..4 {
            let turns: [u8; 16] = std::array::from_fn(|i| scan[i * 4 + part]);
            let block = Block {
                category: 5,
                field: self.mb.interlaced,
                coefficients: 16,
                scan: &turns,
                scale,
                shift,
            };
            let (x, y) = BLOCKS[quarter * 4 + part];
            let place = own(x, y);
            let totals = &self.mb.totals[plane];
            let context =
                Context::Neighbours(blended(totals.get(place - 1), totals.get(place - ROW)));
            let from = (quarter * 64) & 255;
            let Entropy::Cavlc(bits) = &mut self.entropy else {
                return Ok(());
            };
            let Some(out) = self.coefficients.blocks[plane][from..].first_chunk_mut::<64>() else {
                return Ok(());
            };
            let total = cavlc::residual::<S, 64>(bits, context, &block, out)?;
            if total > 0 {
                self.mb.totals[plane].set(place, total as u8);
                self.coefficients.has[plane] |= 15 << (quarter * 4);
            }
        }
        Ok(())
    }

    fn read_chroma(&mut self) -> Result<(), Error> {
        let pattern = self.mb.mb.pattern >> 4 & 3;
        if pattern == 0 {
            return Ok(());
        }
        let (width, height) = self.chroma_blocks();
        for plane in 1..3 {
            self.read_chroma_dc(plane, width * height)?;
        }
        if pattern & 2 == 0 {
            return Ok(());
        }
        let scan = self.scan_4x4();
        for plane in 1..3 {
            let (scale, shift) = self.scales_4x4(plane);
            let block = Block {
                category: 4,
                field: self.mb.interlaced,
                coefficients: 15,
                scan: &scan[1..],
                scale,
                shift,
            };
            for number in 0..width * height {
                self.read_4x4(plane, &block, number, (number % width, number / width))?;
            }
        }
        Ok(())
    }

    fn read_chroma_dc(&mut self, plane: usize, coefficients: usize) -> Result<(), Error> {
        let (scan, context) = match coefficients {
            4 => (&CHROMA_DC_420, Context::ChromaDc420),
            _ => (&CHROMA_DC_422, Context::ChromaDc422),
        };
        let block = Block {
            category: 3,
            field: self.mb.interlaced,
            coefficients,
            scan,
            scale: &UNSCALED,
            shift: 0,
        };
        let increment = self.dc_increment(plane);
        let out = &mut self.coefficients.dc[plane];
        let total = match &mut self.entropy {
            Entropy::Cabac(cabac) => match cabac.flag(usize::from(CODED_BLOCK_FLAG[3]) + increment)
            {
                true => cabac.residual::<S, 16>(&block, out)?,
                false => 0,
            },
            Entropy::Cavlc(bits) => cavlc::residual::<S, 16>(bits, context, &block, out)?,
        };
        self.note_dc(plane, total);
        Ok(())
    }

    /// Keeps the totals for neighbours, and for the filter which blocks have coefficients.
    pub(super) fn keep_totals(&mut self) {
        let planes = if self.chroma == Chroma::Monochrome {
            1
        } else {
            3
        };
        for plane in 0..planes {
            let cache = &self.mb.totals[plane];
            for y in 0..4 {
                for x in 0..4 {
                    self.mb.mb.totals[plane][y * 4 + x] = cache.get(own(x, y));
                }
            }
        }
        let large = self.mb.mb.kind.is(Kind::TRANSFORM_8X8);
        let mut nonzero = 0;
        for i in 0..16 {
            let (x, y) = match large {
                true => ((i % 4) & 2, (i / 4) & 2),
                false => (i % 4, i / 4),
            };
            let any = match large {
                true => [(0, 0), (1, 0), (0, 1), (1, 1)]
                    .iter()
                    .any(|(dx, dy)| self.mb.mb.totals[0][(y + dy) * 4 + x + dx] > 0),
                false => self.mb.mb.totals[0][i] > 0,
            };
            nonzero |= u16::from(any) << i;
        }
        self.mb.mb.nonzero = nonzero;
    }
}

/// nC from the totals at the left and above (clause 9.2.1).
#[inline(always)]
fn blended(a: u8, b: u8) -> u8 {
    match (a < NO_TOTAL, b < NO_TOTAL) {
        (true, true) => (a + b + 1) >> 1,
        (true, false) => a,
        (false, true) => b,
        (false, false) => 0,
    }
}
