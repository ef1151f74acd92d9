//! Inter prediction, clause 8.4.2: blocks of reference pictures, interpolated, averaged, weighted.

use super::current::own;
use super::reference::{Ref, Weighting};
use super::scratch::EDGE;
use super::state::Slice;
use crate::kernels;
use crate::macroblock::Kind;
use crate::picture::{Chroma, Mv};
use crate::sample::Sample;

/// A rectangle of samples of a plane of the macroblock.
#[derive(Clone, Copy)]
struct Area {
    plane: usize,
    /// In samples, from the macroblock's first.
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

impl Area {
    /// In a plane where the macroblock begins at `at`.
    fn block(&self, at: usize, stride: usize) -> kernels::Block {
        kernels::Block {
            at: at + self.y * stride + self.x,
            stride,
            width: self.width,
            height: self.height,
        }
    }

    /// In a buffer of its own, 16 samples wide.
    fn apart(&self) -> kernels::Block {
        kernels::Block {
            at: 0,
            stride: 16,
            width: self.width,
            height: self.height,
        }
    }
}

/// A rectangle of 4×4 blocks of the macroblock. Passed by reference: of more than four arguments Cranelift
/// passes some on the stack, which costs more there than in memory.
struct Blocks {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

impl Blocks {
    fn new(x: usize, y: usize, width: usize, height: usize) -> Self {
        Self {
            x,
            y,
            width,
            height,
        }
    }
}

/// A weight and an offset.
type Weight = (i32, i32);

impl<'a, S: Sample> Slice<'a, S> {
    /// Predicts the macroblock from its motion.
    pub(super) fn predict_inter(&mut self) {
        if self.mb.mb.kind.is(Kind::ONE_PARTITION) {
            self.predict_blocks(&Blocks::new(0, 0, 4, 4));
            return;
        }
        for quarter in 0..4 {
            let (x, y) = (quarter % 2 * 2, quarter / 2 * 2);
            match self.mb.shapes[quarter] {
                0 => self.predict_blocks(&Blocks::new(x, y, 2, 2)),
                1 => {
                    self.predict_blocks(&Blocks::new(x, y, 2, 1));
                    self.predict_blocks(&Blocks::new(x, y + 1, 2, 1));
                }
                2 => {
                    self.predict_blocks(&Blocks::new(x, y, 1, 2));
                    self.predict_blocks(&Blocks::new(x + 1, y, 1, 2));
                }
                _ => {
                    for i in 0..4 {
                        self.predict_blocks(&Blocks::new(x + i % 2, y + i / 2, 1, 1));
                    }
                }
            }
        }
    }

    /// Predicts blocks of one motion.
    fn predict_blocks(&mut self, blocks: &Blocks) {
        let &Blocks {
            x,
            y,
            width,
            height,
        } = blocks;
        let place = own(x, y);
        let b_slice = self.kind == crate::slice_header::SliceKind::B;
        let refs = [
            self.mb.ref_idx[0].get(place),
            if b_slice {
                self.mb.ref_idx[1].get(place)
            } else {
                -1
            },
        ];
        let mvs = [self.mb.mv[0].get(place), self.mb.mv[1].get(place)];
        for (list, &index) in refs.iter().enumerate() {
            if index >= 0 {
                self.check_reference(list, index);
            }
        }
        let planes = if self.chroma == Chroma::Monochrome {
            1
        } else {
            3
        };
        let (chroma_width, chroma_height) = self.chroma.block();
        for plane in 0..planes {
            let (unit_x, unit_y) = match plane {
                0 => (4, 4),
                _ => (chroma_width / 4, chroma_height / 4),
            };
            let area = Area {
                plane,
                x: x * unit_x,
                y: y * unit_y,
                width: width * unit_x,
                height: height * unit_y,
            };
            self.predict_area(area, refs, mvs);
        }
    }

    fn predict_area(&mut self, area: Area, refs: [i8; 2], mvs: [Mv; 2]) {
        let (at, stride) = self.position(area.plane);
        let block = area.block(at, stride);
        let max = self.target.format.max();
        let reference = |list: usize| {
            let index = usize::try_from(refs[list]).ok()?;
            self.reference(list, index)
        };
        match (reference(0), reference(1)) {
            (Some(first), Some(second)) => {
                self.predict_from(area, first, mvs[0], None);
                self.predict_from(area, second, mvs[1], Some(()));
                let weights = self.weights(area.plane, refs);
                let samples = &mut *self.target.planes[area.plane];
                let other = &self.scratch.second;
                match weights {
                    None => kernels::average(samples, block, other),
                    Some((shift, first, second)) => {
                        let offset = (first.1 + second.1 + 1) >> 1;
                        kernels::weight_two(
                            samples,
                            block,
                            other,
                            shift,
                            [first.0, second.0],
                            offset,
                            max,
                        );
                    }
                }
            }
            (Some(only), None) => {
                self.predict_from(area, only, mvs[0], None);
                self.weight_single(area, 0, refs[0]);
            }
            (None, Some(only)) => {
                self.predict_from(area, only, mvs[1], None);
                self.weight_single(area, 1, refs[1]);
            }
            (None, None) => {}
        }
    }

    fn weight_single(&mut self, area: Area, list: usize, index: i8) {
        let Some((shift, (weight, offset))) = self.explicit(area.plane, list, index) else {
            return;
        };
        let (at, stride) = self.position(area.plane);
        let max = self.target.format.max();
        let samples = &mut *self.target.planes[area.plane];
        kernels::weight_one(
            samples,
            area.block(at, stride),
            shift,
            (weight, offset),
            max,
        );
    }

    /// Explicit weight of a reference; `None` where it changes nothing.
    fn explicit(&self, plane: usize, list: usize, index: i8) -> Option<(u32, Weight)> {
        let Weighting::Explicit = self.weighting else {
            return None;
        };
        let (shift, weight) = self.entry(plane, list, index)?;
        (weight != (1 << shift, 0)).then_some((shift, weight))
    }

    /// Denominator, weight and offset of a reference in the slice header.
    fn entry(&self, plane: usize, list: usize, index: i8) -> Option<(u32, Weight)> {
        let weights = self.p.header.weights.as_ref()?;
        let in_fields = self.mbaff && self.mb.interlaced;
        let index = usize::try_from(index).ok()? >> usize::from(in_fields);
        let entry = weights.entries[list].get(index)?;
        let scale = self.target.format.bit_depth - 8;
        let (shift, (weight, offset)) = match plane {
            0 => (weights.luma_log2, entry.luma),
            _ => (weights.chroma_log2, entry.chroma[plane - 1]),
        };
        Some((u32::from(shift), (weight, offset << scale)))
    }

    /// Weights of two predictions; `None`: their average.
    fn weights(&self, plane: usize, refs: [i8; 2]) -> Option<(u32, Weight, Weight)> {
        match &self.weighting {
            Weighting::Default => None,
            Weighting::Explicit => {
                let (shift, first) = self.entry(plane, 0, refs[0])?;
                let (_, second) = self.entry(plane, 1, refs[1])?;
                let plain = (1 << shift, 0);
                (first != plain || second != plain).then_some((shift, first, second))
            }
            Weighting::Implicit(all) => {
                let [first, second] = refs.map(|index| usize::try_from(index).unwrap_or(0));
                let weight = *all.get(self.mode().index())?.get(first)?.get(second)?;
                (weight != 32).then_some((5, (64 - weight, 0), (weight, 0)))
            }
        }
    }

    /// Predicts from one reference, into the picture or into the second buffer.
    fn predict_from(&mut self, area: Area, reference: &Ref<S>, mv: Mv, second: Option<()>) {
        let Some(picture) = reference.picture.as_deref() else {
            return;
        };
        let (frame_stride, frame_height) = picture.format.plane(area.plane);
        let source = picture.planes[area.plane].as_slice();
        let field = reference.parity != 3;
        let view = View {
            samples: source,
            start: if reference.parity == 2 {
                frame_stride
            } else {
                0
            },
            stride: frame_stride << usize::from(field),
            width: frame_stride,
            height: frame_height >> usize::from(field),
        };
        let (at, stride) = self.position(area.plane);
        let luma = area.plane == 0 || self.chroma == Chroma::Cs444;
        let (block_width, block_height) = match area.plane {
            0 => (16, 16),
            _ => self.chroma.block(),
        };
        let mb_row = if self.mb.interlaced {
            self.mb.row >> 1
        } else {
            self.mb.row
        };
        let left = (self.mb.x * block_width + area.x) as i32;
        let top = (mb_row * block_height + area.y) as i32;
        let mut y = i32::from(mv.y);
        if !luma && self.chroma == Chroma::Cs420 && field {
            // Table 8-9: fields of different parity lie a quarter of a chroma sample apart.
            let own_parity = self.mb.row & 1;
            y += match (reference.parity, own_parity) {
                (2, 0) => -2,
                (1, 1) => 2,
                _ => 0,
            };
        }
        let vector = match (luma, self.chroma) {
            (true, _) => Vector::new(i32::from(mv.x), y, 2, 2),
            (_, Chroma::Cs422) => Vector::new(i32::from(mv.x), y, 3, 2),
            _ => Vector::new(i32::from(mv.x), y, 3, 3),
        };
        let margins = if luma { (2, 3) } else { (0, 1) };
        let (x, y) = (left + vector.x, top + vector.y);
        let max = self.target.format.max();
        let scratch = &mut *self.scratch;
        let (source, from, from_stride) = match view.place(x, y, area.width, area.height, margins) {
            Some(from) => (view.samples, from, view.stride),
            None => {
                let from = view.copy(x, y, area.width, area.height, margins, &mut scratch.edge);
                (&scratch.edge[..], from, EDGE)
            }
        };
        let (out, block) = match second {
            None => (&mut *self.target.planes[area.plane], area.block(at, stride)),
            Some(()) => (&mut scratch.second[..], area.apart()),
        };
        let source = (source, from, from_stride);
        if luma {
            kernels::luma(source, out, block, (vector.dx, vector.dy), max);
        } else {
            // Quarters of 4:2:2's vertical samples are two eighths.
            let dy = if self.chroma == Chroma::Cs422 {
                vector.dy * 2
            } else {
                vector.dy
            };
            kernels::chroma(source, out, block, (vector.dx, dy));
        }
    }
}

/// A vector in whole samples and their fractions.
struct Vector {
    x: i32,
    y: i32,
    dx: u8,
    dy: u8,
}

impl Vector {
    fn new(x: i32, y: i32, bits_x: u32, bits_y: u32) -> Self {
        Self {
            x: x >> bits_x,
            y: y >> bits_y,
            dx: (x & ((1 << bits_x) - 1)) as u8,
            dy: (y & ((1 << bits_y) - 1)) as u8,
        }
    }
}

/// A plane of a frame, or of one of its fields.
struct View<'a, S> {
    samples: &'a [S],
    start: usize,
    stride: usize,
    width: usize,
    height: usize,
}

impl<S: Sample> View<'_, S> {
    /// Where a block begins, if it lies inside with its margins (before, behind).
    #[inline(always)]
    fn place(
        &self,
        x: i32,
        y: i32,
        width: usize,
        height: usize,
        (before, behind): (i32, i32),
    ) -> Option<usize> {
        let inside = x >= before
            && y >= before
            && x + width as i32 + behind <= self.width as i32
            && y + height as i32 + behind <= self.height as i32;
        inside.then(|| self.start + y as usize * self.stride + x as usize)
    }

    /// Copies a block with its margins, repeating the samples at the edges (8-228, 8-229); where it
    /// begins in `to`.
    #[cold]
    #[inline(never)]
    fn copy(
        &self,
        x: i32,
        y: i32,
        width: usize,
        height: usize,
        (before, behind): (i32, i32),
        to: &mut [S; EDGE * EDGE],
    ) -> usize {
        let margin = (before + behind) as usize;
        let (last_x, last_y) = (self.width as i32 - 1, self.height as i32 - 1);
        for (row, line) in to.chunks_exact_mut(EDGE).enumerate().take(height + margin) {
            let from = (y - before + row as i32).clamp(0, last_y) as usize;
            let start = self.start + from * self.stride;
            let Some(samples) = self.samples.get(start..start + self.width) else {
                continue;
            };
            for (column, sample) in line.iter_mut().enumerate().take(width + margin) {
                let from = (x - before + column as i32).clamp(0, last_x) as usize;
                *sample = samples.get(from).copied().unwrap_or_default();
            }
        }
        before as usize * EDGE + before as usize
    }
}
