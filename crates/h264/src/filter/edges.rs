//! Deblocking filter, clause 8.7: which edges, how strong; the samples are filtered in
//! [`crate::kernels`].

use super::strength::Strengths;
use crate::kernels;
use crate::macroblock::{Kind, Mb};
use crate::picture::{Chroma, Format, Motion};
use crate::sample::Sample;

/// What a slice says of the filter.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SliceFilter {
    /// `disable_deblocking_filter_idc`.
    pub disabled: u8,
    /// FilterOffsetA.
    pub alpha_offset: i32,
    /// FilterOffsetB.
    pub beta_offset: i32,
}

/// A picture to be filtered.
pub(crate) struct Filter<'a, S> {
    pub format: Format,
    pub planes: [&'a mut [S]; 3],
    pub motion: &'a Motion,
    pub mbs: &'a [Mb],
    /// By slice number - 1.
    pub slices: &'a [SliceFilter],
    /// One field only: 0 top, 1 bottom.
    pub field: Option<usize>,
    pub mbaff: bool,
}

/// α′ (table 8-16) by indexA.
const ALPHA: [u8; 52] = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 4, 5, 6, 7, 8, 9, 10, 12, 13, 15, 17, 20,
    22, 25, 28, 32, 36, 40, 45, 50, 56, 63, 71, 80, 90, 101, 113, 127, 144, 162, 182, 203, 226,
    255, 255,
];

/// β′ (table 8-16) by indexB.
const BETA: [u8; 52] = [
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 6, 6, 7, 7, 8, 8,
    9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 17, 18, 18,
];

/// tC0′ (table 8-17) by indexA and bS; -1 where nothing is filtered.
#[rustfmt::skip]
const TC0: [[i8; 4]; 52] = [
    [-1, 0, 0, 0], [-1, 0, 0, 0], [-1, 0, 0, 0], [-1, 0, 0, 0], [-1, 0, 0, 0], [-1, 0, 0, 0],
    [-1, 0, 0, 0], [-1, 0, 0, 0], [-1, 0, 0, 0], [-1, 0, 0, 0], [-1, 0, 0, 0], [-1, 0, 0, 0],
    [-1, 0, 0, 0], [-1, 0, 0, 0], [-1, 0, 0, 0], [-1, 0, 0, 0], [-1, 0, 0, 0], [-1, 0, 0, 1],
    [-1, 0, 0, 1], [-1, 0, 0, 1], [-1, 0, 0, 1], [-1, 0, 1, 1], [-1, 0, 1, 1], [-1, 1, 1, 1],
    [-1, 1, 1, 1], [-1, 1, 1, 1], [-1, 1, 1, 1], [-1, 1, 1, 2], [-1, 1, 1, 2], [-1, 1, 1, 2],
    [-1, 1, 1, 2], [-1, 1, 2, 3], [-1, 1, 2, 3], [-1, 2, 2, 3], [-1, 2, 2, 4], [-1, 2, 3, 4],
    [-1, 2, 3, 4], [-1, 3, 3, 5], [-1, 3, 4, 6], [-1, 3, 4, 6], [-1, 4, 5, 7], [-1, 4, 5, 8],
    [-1, 4, 6, 9], [-1, 5, 7, 10], [-1, 6, 8, 11], [-1, 6, 8, 13], [-1, 7, 10, 14], [-1, 8, 11, 16],
    [-1, 9, 12, 18], [-1, 10, 13, 20], [-1, 11, 15, 23], [-1, 13, 17, 25],
];

/// Thresholds of an edge (8-454 to 8-461).
#[derive(Clone, Copy)]
pub(super) struct Thresholds {
    pub(super) alpha: i32,
    pub(super) beta: i32,
    index: usize,
    /// Bits of a sample above 8.
    shift: u32,
}

impl Thresholds {
    pub(super) fn limits(&self, max: i32) -> kernels::Limits {
        kernels::Limits {
            alpha: self.alpha,
            beta: self.beta,
            max,
        }
    }

    pub(super) fn tc0(&self, strength: u8) -> i16 {
        i16::from(TC0[self.index.min(51)][usize::from(strength & 3)]) << self.shift
    }
}

/// An edge of a macroblock.
#[derive(Clone, Copy)]
struct EdgeOf {
    slice: SliceFilter,
    index: usize,
    /// [`Filter::position`] of luma and of chroma.
    positions: [(usize, usize); 2],
    /// The macroblock across it: itself, where it is an inner edge.
    other: usize,
    edges: Edges,
    /// 0 to 3.
    number: usize,
}

/// A direction of edges.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Edges {
    /// Vertical edges: samples side by side are filtered.
    Left,
    /// Horizontal edges.
    Top,
}

impl<S: Sample> Filter<'_, S> {
    /// Filters the picture, macroblock after macroblock.
    pub fn run(mut self) {
        let (width, height) = (self.format.width_mbs, self.format.height_mbs);
        if self.slices.iter().all(|slice| slice.disabled == 1) {
            return;
        }
        if self.mbaff {
            for pair in 0..height / 2 {
                for x in 0..width {
                    self.macroblock_in_mbaff(x, pair * 2);
                    self.macroblock_in_mbaff(x, pair * 2 + 1);
                }
            }
            return;
        }
        let (first, step) = match self.field {
            None => (0, 1),
            Some(parity) => (parity, 2),
        };
        for row in (first..height).step_by(step) {
            for x in 0..width {
                self.macroblock(x, row, step);
            }
        }
    }

    /// The filter parameters of a macroblock, if it is decoded and filtered.
    pub(super) fn parameters(&self, index: usize) -> Option<SliceFilter> {
        let slice = self.mbs.get(index)?.slice.checked_sub(1)?;
        let found = *self.slices.get(slice as usize)?;
        (found.disabled != 1).then_some(found)
    }

    /// A neighbour across whose edge macroblock `index` is filtered (clause 8.7: filterLeftMbEdgeFlag,
    /// filterTopMbEdgeFlag).
    pub(super) fn across(&self, index: usize, other: Option<usize>, disabled: u8) -> Option<usize> {
        let other = other?;
        let (here, there) = (self.mbs.get(index)?, self.mbs.get(other)?);
        let same_slice = here.slice == there.slice;
        (there.slice != 0 && (disabled == 0 || same_slice)).then_some(other)
    }

    /// A macroblock of a frame without MBAFF, or of a field; `step` is 2 there.
    fn macroblock(&mut self, x: usize, row: usize, step: usize) {
        let width = self.format.width_mbs;
        let index = row * width + x;
        let Some(slice) = self.parameters(index) else {
            return;
        };
        let left = index.checked_sub(1).filter(|_| x > 0);
        let left = self.across(index, left, slice.disabled);
        let top = self.across(index, index.checked_sub(width * step), slice.disabled);
        let strengths = Strengths::new(self.mbs, self.motion, index, left, top);
        self.edges(slice, index, left, Edges::Left, &strengths.left);
        self.edges(slice, index, top, Edges::Top, &strengths.top);
    }

    /// Filters the four edges of a direction; `other` is across the first.
    pub(super) fn edges(
        &mut self,
        slice: SliceFilter,
        index: usize,
        other: Option<usize>,
        edges: Edges,
        strengths: &[[u8; 4]; 4],
    ) {
        let first = usize::from(other.is_none());
        let Some(mb) = self.mbs.get(index) else {
            return;
        };
        let large = mb.kind.is(Kind::TRANSFORM_8X8);
        let positions = [0, 1].map(|plane| self.position(index, plane));
        for (number, strengths) in strengths.iter().enumerate().skip(first) {
            if *strengths == [0; 4] {
                continue;
            }
            let edge = EdgeOf {
                slice,
                index,
                positions,
                other: other.filter(|_| number == 0).unwrap_or(index),
                edges,
                number,
            };
            let whole = !large || number.is_multiple_of(2);
            if whole {
                self.luma_edge(edge, strengths, 0);
            }
            self.chroma_edges(edge, strengths, whole);
        }
    }

    fn chroma_edges(&mut self, edge: EdgeOf, strengths: &[u8; 4], whole: bool) {
        match (self.format.chroma, edge.edges) {
            (Chroma::Monochrome, _) => {}
            (Chroma::Cs444, _) if whole => {
                self.luma_edge(edge, strengths, 1);
                self.luma_edge(edge, strengths, 2);
            }
            (Chroma::Cs444, _) => {}
            (Chroma::Cs422, Edges::Top) => self.chroma_edge(edge, edge.number * 4, strengths),
            _ if edge.number.is_multiple_of(2) => {
                self.chroma_edge(edge, edge.number * 2, strengths);
            }
            _ => {}
        }
    }

    /// Place and line distance of a macroblock of a plane.
    pub(super) fn position(&self, index: usize, plane: usize) -> (usize, usize) {
        let (stride, _) = self.format.plane(plane);
        let (width, height) = match plane {
            0 => (16, 16),
            _ => self.format.chroma.block(),
        };
        let (x, row) = (index % self.format.width_mbs, index / self.format.width_mbs);
        let interlaced = self
            .mbs
            .get(index)
            .is_some_and(|mb| mb.kind.is(Kind::FIELD));
        if interlaced {
            return (
                (row / 2 * 2 * height + row % 2) * stride + x * width,
                stride * 2,
            );
        }
        (row * height * stride + x * width, stride)
    }

    /// QP of a macroblock in a plane, for the thresholds.
    fn qp(&self, index: usize, plane: usize) -> i32 {
        self.mbs.get(index).map_or(0, |mb| {
            i32::from(match plane {
                0 => mb.qp,
                _ => mb.chroma_qp[(plane - 1) & 1],
            })
        })
    }

    /// Thresholds between two macroblocks; `None` where nothing is filtered.
    pub(super) fn thresholds(
        &self,
        slice: SliceFilter,
        index: usize,
        other: usize,
        plane: usize,
    ) -> Option<Thresholds> {
        let qp = (self.qp(index, plane) + self.qp(other, plane) + 1) >> 1;
        let index = (qp + slice.alpha_offset).clamp(0, 51) as usize;
        let beta = (qp + slice.beta_offset).clamp(0, 51) as usize;
        let shift = u32::from(self.format.bit_depth) - 8;
        let found = Thresholds {
            alpha: i32::from(ALPHA[index]) << shift,
            beta: i32::from(BETA[beta]) << shift,
            index,
            shift,
        };
        (found.alpha > 0 && found.beta > 0).then_some(found)
    }

    fn luma_edge(&mut self, edge: EdgeOf, strengths: &[u8; 4], plane: usize) {
        let Some(t) = self.thresholds(edge.slice, edge.index, edge.other, plane) else {
            return;
        };
        let max = self.format.max();
        let (at, stride) = edge.positions[usize::from(plane > 0)];
        let samples = &mut *self.planes[plane];
        let limits = t.limits(max);
        let tc0 = strengths.map(|strength| t.tc0(strength));
        match (edge.edges, strengths[0] == 4) {
            (Edges::Left, true) => {
                kernels::luma_left_intra(samples, at + edge.number * 4, stride, limits);
            }
            (Edges::Left, false) => {
                kernels::luma_left(samples, at + edge.number * 4, stride, limits, tc0);
            }
            (Edges::Top, true) => {
                kernels::luma_top_intra(samples, at + edge.number * 4 * stride, stride, limits);
            }
            (Edges::Top, false) => {
                kernels::luma_top(samples, at + edge.number * 4 * stride, stride, limits, tc0);
            }
        }
    }

    /// An edge of both subsampled chroma planes, `offset` samples into the macroblock.
    fn chroma_edge(&mut self, edge: EdgeOf, offset: usize, strengths: &[u8; 4]) {
        let max = self.format.max();
        let (_, height) = self.format.chroma.block();
        for plane in 1..3 {
            let Some(t) = self.thresholds(edge.slice, edge.index, edge.other, plane) else {
                continue;
            };
            let (at, stride) = edge.positions[1];
            let samples = &mut *self.planes[plane];
            let limits = t.limits(max);
            let tc0 = strengths.map(|strength| t.tc0(strength));
            match (edge.edges, strengths[0] == 4) {
                (Edges::Left, true) => {
                    kernels::chroma_left_intra(samples, at + offset, stride, height, limits)
                }
                (Edges::Left, false) => {
                    kernels::chroma_left(samples, at + offset, stride, height, limits, tc0)
                }
                (Edges::Top, true) => {
                    let at = at + offset * stride;
                    kernels::chroma_top_intra(samples, at, stride, limits);
                }
                (Edges::Top, false) => {
                    let at = at + offset * stride;
                    kernels::chroma_top(samples, at, stride, limits, tc0);
                }
            }
        }
    }
}
