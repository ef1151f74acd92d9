//! Boundary strengths, clause 8.7.2.1.

use crate::macroblock::{Kind, Mb};
use crate::picture::{Motion, Mv, NO_REFERENCE};

/// bS of the four vertical and the four horizontal edges of a macroblock, by edge and block along it.
pub(super) struct Strengths {
    pub left: [[u8; 4]; 4],
    pub top: [[u8; 4]; 4],
}

impl Strengths {
    /// For macroblock `index` with those left and above it, all frame or all field macroblocks.
    pub fn new(
        mbs: &[Mb],
        motion: &Motion,
        index: usize,
        left: Option<usize>,
        top: Option<usize>,
    ) -> Self {
        let mut all = Self {
            left: [[0; 4]; 4],
            top: [[0; 4]; 4],
        };
        let Some(mb) = mbs.get(index) else {
            return all;
        };
        if mb.kind.intra() {
            all.left = [[3; 4]; 4];
            all.top = [[3; 4]; 4];
            all.left[0] = [4; 4];
            // Lines of a field lie further apart.
            all.top[0] = [if mb.kind.is(Kind::FIELD) { 3 } else { 4 }; 4];
            return all;
        }
        all.inside(mb, motion, index);
        let edge = Edge { motion, index };
        if let Some((other, mbs)) = left.and_then(|left| Some((left, mbs.get(left)?))) {
            all.left[0] = edge.left(mb, other, mbs);
        }
        if let Some((other, mbs)) = top.and_then(|top| Some((top, mbs.get(top)?))) {
            all.top[0] = edge.top(mb, other, mbs);
        }
        all
    }

    /// Inner edges of an inter macroblock.
    fn inside(&mut self, mb: &Mb, motion: &Motion, index: usize) {
        let one = mb.kind.is(Kind::ONE_PARTITION);
        if one && mb.nonzero == 0 {
            return;
        }
        let edge = Edge { motion, index };
        let limit = vertical_limit(mb);
        // Where all partitions are 8×8 or larger, vectors differ at the middle edge only.
        let large = mb.kind.is(Kind::LARGE_PARTITIONS);
        for i in 1..4 {
            let compared = !one && (!large || i == 2);
            for j in 0..4 {
                let (here, before) = (j * 4 + i, j * 4 + i - 1);
                let coded = (mb.nonzero >> here | mb.nonzero >> before) & 1 == 1;
                self.left[i][j] = match coded {
                    true => 2,
                    false => u8::from(compared && edge.differ(index, before, here, limit)),
                };
                let (here, before) = (i * 4 + j, i * 4 + j - 4);
                let coded = (mb.nonzero >> here | mb.nonzero >> before) & 1 == 1;
                self.top[i][j] = match coded {
                    true => 2,
                    false => u8::from(compared && edge.differ(index, before, here, limit)),
                };
            }
        }
    }
}

/// Largest vertical difference of vectors plus 1 that leaves an edge unfiltered: a quarter of a frame
/// sample's 4, 2 in fields.
pub(super) fn vertical_limit(mb: &Mb) -> i32 {
    if mb.kind.is(Kind::FIELD) { 2 } else { 4 }
}

/// Compares macroblock `index` with others.
pub(super) struct Edge<'a> {
    pub motion: &'a Motion,
    pub index: usize,
}

impl Edge<'_> {
    /// The left edge of an inter macroblock.
    pub fn left(&self, mb: &Mb, other: usize, beside: &Mb) -> [u8; 4] {
        self.strengths(mb, other, beside, 4, |i| (i * 4 + 3, i * 4))
    }

    /// The top edge of an inter macroblock.
    pub fn top(&self, mb: &Mb, other: usize, above: &Mb) -> [u8; 4] {
        let intra = if mb.kind.is(Kind::FIELD) { 3 } else { 4 };
        self.strengths(mb, other, above, intra, |i| (12 + i, i))
    }

    fn strengths(
        &self,
        mb: &Mb,
        other: usize,
        there: &Mb,
        intra: u8,
        blocks: impl Fn(usize) -> (usize, usize),
    ) -> [u8; 4] {
        if there.kind.intra() {
            return [intra; 4];
        }
        let limit = vertical_limit(mb);
        std::array::from_fn(|i| {
            let (before, here) = blocks(i);
            let coded = (mb.nonzero >> here | there.nonzero >> before) & 1 == 1;
            match coded {
                true => 2,
                false => u8::from(self.differ(other, before, here, limit)),
            }
        })
    }

    /// Whether block `before` of macroblock `other` and block `here` refer to other pictures, or their
    /// vectors differ by a whole sample or more.
    pub fn differ(&self, other: usize, before: usize, here: usize, limit: i32) -> bool {
        let there = self.block(other, before);
        let here = self.block(self.index, here);
        let (p, q) = (there.refs, here.refs);
        let straight = p == q;
        let crossed = p == [q[1], q[0]];
        if !straight && !crossed {
            return true;
        }
        let far = |list: usize, a: Mv, b: Mv| {
            p[list] != NO_REFERENCE
                && ((i32::from(a.x) - i32::from(b.x)).abs() >= 4
                    || (i32::from(a.y) - i32::from(b.y)).abs() >= limit)
        };
        let straight_far =
            || far(0, there.mvs[0], here.mvs[0]) || far(1, there.mvs[1], here.mvs[1]);
        let crossed_far = || far(0, there.mvs[0], here.mvs[1]) || far(1, there.mvs[1], here.mvs[0]);
        match (straight, crossed) {
            (true, false) => straight_far(),
            (false, _) => crossed_far(),
            (true, true) => straight_far() && crossed_far(),
        }
    }

    #[inline(always)]
    fn block(&self, mb: usize, block: usize) -> BlockMotion {
        let eighth = mb * 4 + block / 8 * 2 + block % 4 / 2;
        let of = |list: usize| {
            let id = self.motion.ref_id[list].get(eighth).copied();
            let mv = self.motion.mv[list].get(mb * 16 + block).copied();
            (id.unwrap_or(NO_REFERENCE), mv.unwrap_or_default())
        };
        let (first, second) = (of(0), of(1));
        BlockMotion {
            refs: [first.0, second.0],
            mvs: [first.1, second.1],
        }
    }
}

struct BlockMotion {
    refs: [i32; 2],
    mvs: [Mv; 2],
}
