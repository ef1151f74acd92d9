//! Neighbouring macroblocks and blocks, clause 6.4.9 to 6.4.12, and what the current macroblock takes
//! from them.

use super::current::{NOT_AVAILABLE, NOT_USED, at};
use super::entropy::Entropy;
use super::state::Slice;
use crate::macroblock::{Kind, Mb};
use crate::picture::Mv;
use crate::sample::Sample;

impl<'a, S: Sample> Slice<'a, S> {
    /// A macroblock by its index.
    #[inline(always)]
    pub(super) fn at(&self, index: Option<usize>) -> Option<&Mb> {
        self.target.mbs.get(index?)
    }

    /// The index, where it is a macroblock of this slice.
    #[inline(always)]
    fn available(&self, index: Option<usize>) -> Option<usize> {
        let index = index?;
        (self.target.mbs.get(index)?.slice == self.p.number).then_some(index)
    }

    /// `mb_field_decoding_flag` of a pair that has none: as the left pair, or the one above, of this
    /// slice (clause 7.4.4).
    pub(super) fn inferred_field(&self, x: usize, row: usize) -> bool {
        let [left, top, ..] = self.pairs(x, row);
        let pair = left.or(top);
        self.at(pair).is_some_and(|mb| mb.kind.is(Kind::FIELD))
    }

    /// Top macroblocks of the pairs left, above, above right, above left (clause 6.4.10).
    pub(super) fn pairs(&self, x: usize, row: usize) -> [Option<usize>; 4] {
        let width = self.target.format.width_mbs;
        let own = (row & !1) * width + x;
        let above = own.checked_sub(2 * width);
        let pair = |at: Option<usize>| self.available(at);
        [
            pair(own.checked_sub(1).filter(|_| x > 0)),
            pair(above),
            pair(above.filter(|_| x + 1 < width).map(|at| at + 1)),
            pair(above.filter(|_| x > 0).and_then(|at| at.checked_sub(1))),
        ]
    }

    /// Begins a macroblock: its place and its neighbours.
    pub(super) fn start(&mut self, x: usize, row: usize) {
        let width = self.target.format.width_mbs;
        self.mb.x = x;
        self.mb.row = row;
        self.mb.index = row * width + x;
        self.mb.mb.kind = Kind::default();
        self.mb.mb.pattern = 0;
        self.mb.mb.nonzero = 0;
        self.mb.mb.chroma_mode = 0;
        self.mb.mb.direct = 0;
        self.mb.left_rows = [0, 1, 2, 3];
        self.mb.left_mixed = false;
        self.mb.top_left_row = 3;
        if self.mbaff {
            self.mb.interlaced = self.field_pair;
            self.neighbours_in_mbaff(x, row);
            return;
        }
        self.mb.interlaced = self.field.is_some();
        let step = width << usize::from(self.field.is_some());
        let index = self.mb.index;
        let above = index.checked_sub(step);
        let left = self.available(index.checked_sub(1).filter(|_| x > 0));
        self.mb.left = [left, left];
        self.mb.top = self.available(above);
        self.mb.top_right = self.available(above.filter(|_| x + 1 < width).map(|at| at + 1));
        self.mb.top_left = self.available(above.filter(|_| x > 0).and_then(|at| at.checked_sub(1)));
    }

    /// Table 6-4.
    fn neighbours_in_mbaff(&mut self, x: usize, row: usize) {
        let width = self.target.format.width_mbs;
        let [left, top, top_right, top_left] = self.pairs(x, row);
        let (bottom, field) = (row & 1, self.field_pair);
        let is_field = |at: usize| {
            self.target
                .mbs
                .get(at)
                .is_some_and(|mb| mb.kind.is(Kind::FIELD))
        };
        // The macroblock of a pair above whose last row is above this macroblock's first.
        let above = |pair: Option<usize>| {
            let pair = pair?;
            let upper = field && bottom == 0 && is_field(pair);
            Some(if upper { pair } else { pair + width })
        };
        let mut mb_top = above(top);
        let mut mb_top_right = above(top_right);
        let mut mb_top_left = above(top_left);
        let mut top_left_row = 3;
        let mut left_rows = [0, 1, 2, 3];
        let mixed = left.is_some_and(|pair| is_field(pair) != field);
        let mut mb_left = left.map(|pair| pair + bottom * width);
        let mut mb_left_low = mb_left;
        if mixed {
            mb_left = left;
            if field {
                mb_left_low = left.map(|pair| pair + width);
                left_rows = [0, 2, 0, 2];
            } else {
                mb_left_low = left;
                left_rows = if bottom == 0 {
                    [0, 0, 1, 1]
                } else {
                    [2, 2, 3, 3]
                };
            }
        }
        if !field && bottom == 1 {
            mb_top = Some(row * width + x - width);
            mb_top_right = None;
            // Line 15 of the left pair.
            mb_top_left = if mixed {
                left.map(|pair| pair + width)
            } else {
                left
            };
            if mixed {
                top_left_row = 1;
            }
        }
        self.mb.left_rows = left_rows;
        self.mb.left_mixed = mixed;
        self.mb.left = [mb_left, mb_left_low];
        self.mb.top = mb_top;
        self.mb.top_right = mb_top_right;
        self.mb.top_left = mb_top_left;
        self.mb.top_left_row = top_left_row;
    }

    /// Which samples around an intra macroblock may be predicted from.
    pub(super) fn find_samples(&mut self) {
        let constrained = self.p.pps.constrained_intra_pred;
        let usable = |at: Option<usize>| {
            self.at(at)
                .is_some_and(|mb| !constrained || mb.kind.intra())
        };
        let halves = self.mb.left.map(usable);
        let left = match (self.mb.left_mixed, self.mb.interlaced) {
            // Lines of both field macroblocks take turns beside a frame macroblock.
            (true, false) => {
                let width = self.target.format.width_mbs;
                let lower = self.mb.left[0].map(|upper| upper + width);
                [halves[0] && usable(lower); 2]
            }
            _ => halves,
        };
        let top = usable(self.mb.top);
        let top_right = usable(self.mb.top_right);
        let top_left = usable(self.mb.top_left);
        self.mb.left_samples = left;
        self.mb.top_samples = top;
        self.mb.top_right_samples = top_right;
        self.mb.top_left_samples = top_left;
    }

    /// Takes in total_coeff of the blocks around.
    pub(super) fn load_totals(&mut self) {
        let none = match self.entropy {
            Entropy::Cabac(_) => u8::from(self.mb.mb.kind.intra()),
            Entropy::Cavlc(_) => super::coefficients::NO_TOTAL,
        };
        let (chroma_width, chroma_height) = self.chroma_blocks();
        let mbs = &*self.target.mbs;
        let planes = if chroma_width == 0 { 1 } else { 3 };
        for plane in 0..planes {
            let (width, height) = match plane {
                0 => (4, 4),
                _ => (chroma_width, chroma_height),
            };
            let cache = &mut self.mb.totals[plane];
            let top = self
                .mb
                .top
                .and_then(|at| mbs.get(at))
                .map(|mb| &mb.totals[plane]);
            for x in 0..width {
                let total = top.map_or(none, |totals| totals[((height - 1) * 4 + x) & 15]);
                cache.set(at(x + 1, 0), total);
            }
            for y in 0..height {
                // Two rows of chroma blocks stand for four of luma.
                let (luma, shift) = if height == 2 { (y * 2, 1) } else { (y, 0) };
                let left = self.mb.left[luma / 2].and_then(|at| mbs.get(at));
                let row = usize::from(self.mb.left_rows[luma & 3] >> shift);
                let total = left.map_or(none, |mb| mb.totals[plane][(row * 4 + width - 1) & 15]);
                cache.set(at(0, y + 1), total);
            }
            cache.fill(0, 0, width, height, 0);
        }
    }

    /// Columns and rows of 4×4 blocks in a chroma plane.
    pub(super) fn chroma_blocks(&self) -> (usize, usize) {
        let (width, height) = self.chroma.block();
        (width / 4, height / 4)
    }

    /// Takes in the intra prediction modes of the blocks around (clause 8.3.1.1).
    pub(super) fn load_modes(&mut self) {
        let constrained = self.p.pps.constrained_intra_pred;
        let mbs = &*self.target.mbs;
        let mode = |mb: Option<&Mb>, block: usize| match mb {
            None => -1,
            Some(mb) if mb.kind.is(Kind::INTRA_NXN) => mb.intra_modes[block & 15] as i8,
            Some(mb) if mb.kind.is(Kind::INTER) && constrained => -1,
            Some(_) => 2,
        };
        let top = self.mb.top.and_then(|at| mbs.get(at));
        for x in 0..4 {
            self.mb.modes.set(at(x + 1, 0), mode(top, 12 + x));
        }
        for y in 0..4 {
            let left = self.mb.left[y / 2].and_then(|at| mbs.get(at));
            let row = usize::from(self.mb.left_rows[y]);
            self.mb.modes.set(at(0, y + 1), mode(left, row * 4 + 3));
        }
    }

    /// Takes in the motion around the macroblock, of the lists that the slice has.
    pub(super) fn load_motion(&mut self, lists: usize) {
        for list in 0..lists {
            for x in 0..4 {
                self.load_block(list, at(x + 1, 0), self.mb.top, 12 + x);
            }
            self.load_block(list, at(5, 0), self.mb.top_right, 12);
            let corner = usize::from(self.mb.top_left_row) * 4 + 3;
            self.load_block(list, at(0, 0), self.mb.top_left, corner);
            for y in 0..4 {
                let row = usize::from(self.mb.left_rows[y]);
                self.load_block(list, at(0, y + 1), self.mb.left[y / 2], row * 4 + 3);
            }
        }
    }

    #[inline(always)]
    fn load_block(&mut self, list: usize, place: usize, index: Option<usize>, block: usize) {
        let (ref_idx, mv) = self.motion_of(list, index, block);
        self.mb.ref_idx[list].set(place, ref_idx);
        self.mb.mv[list].set(place, mv);
    }

    /// Reference index and motion vector of a block of another macroblock, in the units of this one
    /// (clause 8.4.1.3.1).
    #[inline(always)]
    pub(super) fn motion_of(&self, list: usize, index: Option<usize>, block: usize) -> (i8, Mv) {
        let Some(index) = index else {
            return (NOT_AVAILABLE, Mv::default());
        };
        let eighth = block / 8 * 2 + block % 4 / 2;
        let motion = &*self.target.motion;
        let ref_idx = motion.ref_idx[list].get(index * 4 + eighth).copied();
        let Some(ref_idx @ 0..) = ref_idx else {
            return (NOT_USED, Mv::default());
        };
        let mv = motion.mv[list]
            .get(index * 16 + block)
            .copied()
            .unwrap_or_default();
        if !self.mbaff {
            return (ref_idx, mv);
        }
        let field = self
            .target
            .mbs
            .get(index)
            .is_some_and(|mb| mb.kind.is(Kind::FIELD));
        match (self.mb.interlaced, field) {
            (true, false) => (ref_idx.saturating_mul(2), Mv::new(mv.x, mv.y / 2)),
            (false, true) => (ref_idx >> 1, Mv::new(mv.x, mv.y.wrapping_mul(2))),
            _ => (ref_idx, mv),
        }
    }

    /// Takes in motion vector differences and direct prediction around the macroblock, which choose
    /// contexts in CABAC.
    pub(super) fn load_differences(&mut self, lists: usize) {
        for list in 0..lists {
            for x in 0..4 {
                let mvd = self.difference_of(list, self.mb.top, 12 + x);
                self.mb.mvd[list].set(at(x + 1, 0), mvd);
            }
            for y in 0..4 {
                let row = usize::from(self.mb.left_rows[y]);
                let mvd = self.difference_of(list, self.mb.left[y / 2], row * 4 + 3);
                self.mb.mvd[list].set(at(0, y + 1), mvd);
            }
            self.mb.mvd[list].fill(0, 0, 4, 4, [0; 2]);
        }
        let direct =
            |at: Option<usize>, eighth: usize| self.at(at).map_or(0, |mb| mb.direct >> eighth & 1);
        let top: [u8; 4] = std::array::from_fn(|x| direct(self.mb.top, 2 + x / 2));
        let left: [u8; 4] = std::array::from_fn(|y| {
            let row = usize::from(self.mb.left_rows[y]);
            direct(self.mb.left[y / 2], row / 2 * 2 + 1)
        });
        for i in 0..4 {
            self.mb.direct.set(at(i + 1, 0), top[i]);
            self.mb.direct.set(at(0, i + 1), left[i]);
        }
        self.mb.direct.fill(0, 0, 4, 4, 0);
    }

    fn difference_of(&self, list: usize, index: Option<usize>, block: usize) -> [u8; 2] {
        let Some(mb) = self.at(index) else {
            return [0; 2];
        };
        let [x, y] = mb.mvd[list][block & 15];
        match (self.mb.interlaced, mb.kind.is(Kind::FIELD)) {
            (true, false) if self.mbaff => [x, y / 2],
            (false, true) if self.mbaff => [x, y.saturating_mul(2)],
            _ => [x, y],
        }
    }
}
