//! Edges in MBAFF frames, where frame and field macroblocks meet.

use super::edges::{Edges, Filter, SliceFilter};
use super::strength::Strengths;
use crate::kernels;
use crate::macroblock::Kind;
use crate::picture::Chroma;
use crate::sample::Sample;

impl<S: Sample> Filter<'_, S> {
    fn is_field(&self, index: usize) -> bool {
        self.mbs
            .get(index)
            .is_some_and(|mb| mb.kind.is(Kind::FIELD))
    }

    /// A macroblock of an MBAFF frame.
    pub(super) fn macroblock_in_mbaff(&mut self, x: usize, row: usize) {
        let width = self.format.width_mbs;
        let index = row * width + x;
        let Some(slice) = self.parameters(index) else {
            return;
        };
        let (pair, bottom) = ((row & !1) * width + x, row & 1);
        let field = self.is_field(index);
        let left_pair = pair.checked_sub(1).filter(|_| x > 0);
        let left_pair = self.across(index, left_pair, slice.disabled);
        let mixed = left_pair.is_some_and(|left| self.is_field(left) != field);
        let left = left_pair
            .filter(|_| !mixed)
            .map(|left| left + bottom * width);
        let above_pair = pair.checked_sub(2 * width);
        let above_pair = self.across(index, above_pair, slice.disabled);
        let above_is_field = above_pair.is_some_and(|above| self.is_field(above));
        let top = match (field, bottom) {
            (false, 1) => Some(pair),
            (true, 0) if above_is_field => above_pair,
            _ => above_pair.map(|above| above + width),
        };
        let both_fields = !field && bottom == 0 && above_is_field;
        let top_of_its_kind = top.filter(|_| !both_fields);
        let mut strengths = Strengths::new(self.mbs, self.motion, index, left, top_of_its_kind);
        if let Some(top) = top_of_its_kind.filter(|&top| self.is_field(top) != field) {
            strengths.top[0] = self.mixed_top(index, top, 3);
        }
        if let (true, Some(left_pair)) = (mixed, left_pair) {
            self.mixed_left(slice, index, left_pair);
        }
        self.edges(slice, index, left, Edges::Left, &strengths.left);
        if let (true, Some(above)) = (both_fields, above_pair) {
            self.top_in_fields(slice, index, above);
        }
        self.edges(slice, index, top_of_its_kind, Edges::Top, &strengths.top);
    }

    /// bS at a top edge between frame and field macroblocks: mixedModeEdgeFlag 1.
    fn mixed_top(&self, index: usize, other: usize, intra: u8) -> [u8; 4] {
        let (Some(here), Some(there)) = (self.mbs.get(index), self.mbs.get(other)) else {
            return [0; 4];
        };
        if here.kind.intra() || there.kind.intra() {
            return [intra; 4];
        }
        std::array::from_fn(|i| {
            let coded = (here.nonzero >> i | there.nonzero >> (12 + i)) & 1;
            1 + coded as u8
        })
    }

    /// The top edge of a frame macroblock below a pair of fields: the lines of each field are filtered
    /// with the field macroblock above.
    fn top_in_fields(&mut self, slice: SliceFilter, index: usize, above_pair: usize) {
        let width = self.format.width_mbs;
        let max = self.format.max();
        for parity in 0..2 {
            let above = above_pair + parity * width;
            let strengths = self.mixed_top(index, above, 3);
            for plane in 0..3 {
                let luma = plane == 0 || self.format.chroma == Chroma::Cs444;
                if plane > 0 && self.format.chroma == Chroma::Monochrome {
                    continue;
                }
                let Some(t) = self.thresholds(slice, index, above, plane) else {
                    continue;
                };
                let (at, stride) = self.position(index, plane);
                let tc0 = strengths.map(|strength| t.tc0(strength));
                let samples = &mut *self.planes[plane];
                let at = at + parity * stride;
                if luma {
                    kernels::luma_top(samples, at, stride * 2, t.limits(max), tc0);
                } else {
                    kernels::chroma_top(samples, at, stride * 2, t.limits(max), tc0);
                }
            }
        }
    }

    /// The left edge between frame and field macroblocks, line by line.
    fn mixed_left(&mut self, slice: SliceFilter, index: usize, left_pair: usize) {
        let field = self.is_field(index);
        let row = index / self.format.width_mbs;
        for plane in 0..3 {
            let luma = plane == 0 || self.format.chroma == Chroma::Cs444;
            let (block_width, lines) = match plane {
                0 => (16, 16),
                _ => self.format.chroma.block(),
            };
            if block_width == 0 {
                continue;
            }
            let max = self.format.max();
            let (at, stride) = self.position(index, plane);
            for line in 0..lines {
                // The luma line whose strength counts.
                let luma_line = match (lines, field) {
                    (16, _) => line,
                    (_, true) => line * 2,
                    (_, false) => line / 2 * 4 + line % 2,
                };
                let (other, block) = self.beside(row & 1, field, luma_line, left_pair);
                let strength = self.mixed_left_strength(index, luma_line / 4, other, block);
                let Some(t) = self.thresholds(slice, index, other, plane) else {
                    continue;
                };
                let samples = &mut *self.planes[plane];
                let at = at + line * stride;
                let tc0 = (strength != 4).then(|| t.tc0(strength));
                if luma {
                    kernels::luma_line(samples, at, t.limits(max), tc0);
                } else {
                    kernels::chroma_line(samples, at, t.limits(max), tc0);
                }
            }
        }
    }

    /// The macroblock of the left pair beside a line of the current one, and the row of its block.
    fn beside(&self, bottom: usize, field: bool, line: usize, left_pair: usize) -> (usize, usize) {
        let width = self.format.width_mbs;
        if field {
            let line = line * 2 + bottom;
            return (left_pair + line / 16 * width, line % 16 / 4);
        }
        let line = bottom * 16 + line;
        (left_pair + line % 2 * width, line / 8)
    }

    fn mixed_left_strength(&self, index: usize, row: usize, other: usize, other_row: usize) -> u8 {
        let (Some(here), Some(there)) = (self.mbs.get(index), self.mbs.get(other)) else {
            return 0;
        };
        if here.kind.intra() || there.kind.intra() {
            return 4;
        }
        let coded = (here.nonzero >> (row * 4) | there.nonzero >> (other_row * 4 + 3)) & 1;
        1 + coded as u8
    }
}
