//! From prediction and coefficients to samples, clause 8.5, and intra prediction, clause 8.3.

use super::current::BLOCKS;
use super::state::Slice;
use crate::kernels::{self, ChromaEdges, Direction};
use crate::macroblock::Kind;
use crate::picture::Chroma;
use crate::sample::Sample;

impl<'a, S: Sample> Slice<'a, S> {
    /// Place of the macroblock's first sample in a plane, and from one of its lines to the next.
    #[inline(always)]
    pub(super) fn position(&self, plane: usize) -> (usize, usize) {
        let (stride, _) = self.target.format.plane(plane);
        let (width, height) = match plane {
            0 => (16, 16),
            _ => self.target.format.chroma.block(),
        };
        let x = self.mb.x * width;
        if self.mb.interlaced {
            let (pair, parity) = (self.mb.row >> 1, self.mb.row & 1);
            return ((pair * 2 * height + parity) * stride + x, stride * 2);
        }
        (self.mb.row * height * stride + x, stride)
    }

    /// In lossless macroblocks the residual adds up across blocks (clause 8.5.15 for 16×16 and chroma):
    /// each goes on from the samples beside it.
    fn carry_on(&mut self, plane: usize, at: usize, stride: usize, direction: Option<Direction>) {
        let mode = match direction {
            None => return,
            Some(Direction::Vertical) => 0,
            Some(Direction::Horizontal) => 1,
        };
        let around = kernels::Neighbours {
            left: true,
            top: true,
            top_right: false,
            top_left: true,
        };
        let max = self.target.format.max();
        kernels::intra4x4(
            &mut *self.target.planes[plane],
            at,
            stride,
            mode,
            around,
            max,
        );
    }

    /// Planes that are coded as luma is.
    fn luma_planes(&self) -> usize {
        if self.chroma == Chroma::Cs444 { 3 } else { 1 }
    }

    pub(super) fn reconstruct_intra_nxn(&mut self) {
        let large = self.mb.mb.kind.is(Kind::TRANSFORM_8X8);
        let max = self.target.format.max();
        for plane in 0..self.luma_planes() {
            let (at, stride) = self.position(plane);
            for block in (0..16).step_by(if large { 4 } else { 1 }) {
                let (x, y) = BLOCKS[block];
                let at = at + y * 4 * stride + x * 4;
                let mode = self.mb.mb.intra_modes[y * 4 + x];
                let around = self.around(x, y, if large { 2 } else { 1 });
                let samples = &mut *self.target.planes[plane];
                if large {
                    kernels::intra8x8(samples, at, stride, mode, around, max);
                } else {
                    kernels::intra4x4(samples, at, stride, mode, around, max);
                }
                self.add_block(plane, block, at, stride, accumulated(mode, 0, 1));
            }
        }
        self.reconstruct_intra_chroma();
    }

    pub(super) fn reconstruct_intra_16x16(&mut self, mode: u8) {
        let max = self.target.format.max();
        let around = kernels::Neighbours {
            left: self.mb.left_samples[0] && self.mb.left_samples[1],
            top: self.mb.top_samples,
            top_right: false,
            top_left: self.mb.top_left_samples,
        };
        for plane in 0..self.luma_planes() {
            let (at, stride) = self.position(plane);
            kernels::intra16x16(
                &mut *self.target.planes[plane],
                at,
                stride,
                mode,
                around,
                max,
            );
            self.spread_luma_dc(plane);
            let direction = accumulated(mode, 0, 1).filter(|_| self.lossless());
            for (block, (x, y)) in BLOCKS.iter().enumerate() {
                let at = at + y * 4 * stride + x * 4;
                self.carry_on(plane, at, stride, direction);
                self.add_block(plane, block, at, stride, direction);
            }
        }
        self.reconstruct_intra_chroma();
    }

    /// Inverse transform of the luma DC coefficients (clause 8.5.10), each into its block.
    fn spread_luma_dc(&mut self, plane: usize) {
        if !std::mem::take(&mut self.coefficients.has_dc[plane]) {
            return;
        }
        let qp = self.qp_prime(plane);
        let lossless = self.lossless();
        let scale = self.p.scales.dc(plane, qp);
        let all = &mut *self.coefficients;
        let mut dc = std::mem::take(&mut all.dc[plane]);
        if !lossless {
            kernels::luma_dc::<S>(&mut dc, scale, qp);
        }
        for (block, (x, y)) in BLOCKS.iter().enumerate() {
            let value = dc[y * 4 + x];
            all.blocks[plane][block * 16] = value;
            all.has[plane] |= u16::from(value != S::Coefficient::default()) << block;
        }
    }

    fn reconstruct_intra_chroma(&mut self) {
        if !matches!(self.chroma, Chroma::Cs420 | Chroma::Cs422) {
            return;
        }
        let mode = self.mb.mb.chroma_mode;
        let max = self.target.format.max();
        let (_, height) = self.chroma.block();
        for plane in 1..3 {
            let (at, stride) = self.position(plane);
            let samples = &mut *self.target.planes[plane];
            let edges = ChromaEdges {
                height,
                left: self.mb.left_samples,
                top: self.mb.top_samples,
            };
            kernels::intra_chroma(samples, at, stride, mode, edges, max);
        }
        self.add_chroma(accumulated(mode, 2, 1));
    }

    /// Adds the residual of an inter macroblock.
    pub(super) fn add_residual(&mut self) {
        if self.mb.mb.pattern == 0 {
            return;
        }
        let large = self.mb.mb.kind.is(Kind::TRANSFORM_8X8);
        for plane in 0..self.luma_planes() {
            if self.coefficients.has[plane] == 0 {
                continue;
            }
            let (at, stride) = self.position(plane);
            for block in (0..16).step_by(if large { 4 } else { 1 }) {
                let (x, y) = BLOCKS[block];
                self.add_block(plane, block, at + y * 4 * stride + x * 4, stride, None);
            }
        }
        if matches!(self.chroma, Chroma::Cs420 | Chroma::Cs422) {
            self.add_chroma(None);
        }
    }

    /// Adds the residual of a block: of 8×8 samples, where the macroblock has that transform.
    #[inline(always)]
    fn add_block(
        &mut self,
        plane: usize,
        block: usize,
        at: usize,
        stride: usize,
        direction: Option<Direction>,
    ) {
        let bit = 1 << block;
        if self.coefficients.has[plane] & bit == 0 {
            return;
        }
        self.coefficients.has[plane] &= !bit;
        let max = self.target.format.max();
        let lossless = self.lossless();
        let large = plane_is_large(self.mb.mb.kind, self.chroma, plane);
        let samples = &mut *self.target.planes[plane];
        let blocks = &mut self.coefficients.blocks[plane][(block * 16) & 255..];
        if large {
            let Some(block) = blocks.first_chunk_mut::<64>() else {
                return;
            };
            if lossless {
                kernels::bypass_add::<S, 8>(samples, at, stride, block, direction, max);
            } else {
                kernels::idct8x8_add(samples, at, stride, block, max);
            }
            return;
        }
        let Some(block) = blocks.first_chunk_mut::<16>() else {
            return;
        };
        if lossless {
            kernels::bypass_add::<S, 4>(samples, at, stride, block, direction, max);
        } else if block[1..].iter().all(|c| *c == S::Coefficient::default()) {
            kernels::idct4x4_dc_add(samples, at, stride, block, max);
        } else {
            kernels::idct4x4_add(samples, at, stride, block, max);
        }
    }

    /// Adds the residual of subsampled chroma (clause 8.5.4).
    fn add_chroma(&mut self, direction: Option<Direction>) {
        if self.mb.mb.pattern >> 4 & 3 == 0 {
            return;
        }
        let direction = direction.filter(|_| self.lossless());
        let (width, height) = self.chroma_blocks();
        for plane in 1..3 {
            self.spread_chroma_dc(plane);
            let (at, stride) = self.position(plane);
            for block in 0..width * height {
                let at = at + block / width * 4 * stride + block % width * 4;
                self.carry_on(plane, at, stride, direction);
                self.add_block(plane, block, at, stride, direction);
            }
        }
    }

    /// Inverse transform of the chroma DC coefficients (clauses 8.5.11.1, 8.5.11.2).
    fn spread_chroma_dc(&mut self, plane: usize) {
        if !std::mem::take(&mut self.coefficients.has_dc[plane]) {
            return;
        }
        let qp = self.qp_prime(plane);
        let list = plane + if self.mb.mb.kind.intra() { 0 } else { 3 };
        let lossless = self.lossless();
        let scales = self.p.scales;
        let all = &mut *self.coefficients;
        let mut dc = std::mem::take(&mut all.dc[plane]);
        let count = if self.chroma == Chroma::Cs420 { 4 } else { 8 };
        if !lossless {
            if let (4, Some(dc)) = (count, dc.first_chunk_mut::<4>()) {
                kernels::chroma_dc_420::<S>(dc, scales.dc(list, qp), qp);
            } else if let Some(dc) = dc.first_chunk_mut::<8>() {
                kernels::chroma_dc_422::<S>(dc, scales.dc(list, qp + 3), qp + 3);
            }
        }
        for (block, &value) in dc.iter().enumerate().take(count) {
            all.blocks[plane][block * 16] = value;
            all.has[plane] |= u16::from(value != S::Coefficient::default()) << block;
        }
    }
}

/// Whether a plane's blocks are of 8×8 coefficients.
#[inline(always)]
fn plane_is_large(kind: Kind, chroma: Chroma, plane: usize) -> bool {
    kind.is(Kind::TRANSFORM_8X8) && (plane == 0 || chroma == Chroma::Cs444)
}

/// In lossless macroblocks the residual adds up along vertical and horizontal prediction (clause
/// 8.5.15).
fn accumulated(mode: u8, vertical: u8, horizontal: u8) -> Option<Direction> {
    if mode == vertical {
        Some(Direction::Vertical)
    } else if mode == horizontal {
        Some(Direction::Horizontal)
    } else {
        None
    }
}
