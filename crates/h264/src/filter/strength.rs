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
        let Some(here) = Blocks::of(motion, index) else {
            return all;
        };
        all.inside(mb, &here);
        let beside = |other: Option<usize>| {
            let other = other?;
            Some((mbs.get(other)?, Blocks::of(motion, other)?))
        };
        if let Some((there, blocks)) = beside(left) {
            all.left[0] = strengths(mb, &here, there, &blocks, 4, |i| (i * 4 + 3, i * 4));
        }
        if let Some((there, blocks)) = beside(top) {
            let intra = if mb.kind.is(Kind::FIELD) { 3 } else { 4 };
            all.top[0] = strengths(mb, &here, there, &blocks, intra, |i| (12 + i, i));
        }
        all
    }

    /// Inner edges of an inter macroblock.
    fn inside(&mut self, mb: &Mb, blocks: &Blocks<'_>) {
        let one = mb.kind.is(Kind::ONE_PARTITION);
        if one && mb.nonzero == 0 {
            return;
        }
        let limit = vertical_limit(mb);
        // Where all partitions are 8×8 or larger, vectors differ at the middle edge only.
        let large = mb.kind.is(Kind::LARGE_PARTITIONS);
        for i in 1..4 {
            let compared = !one && (!large || i == 2);
            for j in 0..4 {
                let strength = |here: usize, before: usize| {
                    let coded = (mb.nonzero >> here | mb.nonzero >> before) & 1 == 1;
                    strength_of(coded, || {
                        compared && differ(&blocks.at(before), &blocks.at(here), limit)
                    })
                };
                self.left[i][j] = strength(j * 4 + i, j * 4 + i - 1);
                self.top[i][j] = strength(i * 4 + j, i * 4 + j - 4);
            }
        }
    }
}

/// Largest vertical difference of vectors plus 1 that leaves an edge unfiltered: a quarter of a frame
/// sample's 4, 2 in fields.
fn vertical_limit(mb: &Mb) -> i32 {
    if mb.kind.is(Kind::FIELD) { 2 } else { 4 }
}

/// An outer edge of an inter macroblock, `pairs` of whose blocks (there, here) meet.
#[inline(always)]
fn strengths(
    mb: &Mb,
    here: &Blocks<'_>,
    there: &Mb,
    beside: &Blocks<'_>,
    intra: u8,
    pairs: impl Fn(usize) -> (usize, usize),
) -> [u8; 4] {
    if there.kind.intra() {
        return [intra; 4];
    }
    let limit = vertical_limit(mb);
    std::array::from_fn(|i| {
        let (before, block) = pairs(i);
        let coded = (mb.nonzero >> block | there.nonzero >> before) & 1 == 1;
        strength_of(coded, || differ(&beside.at(before), &here.at(block), limit))
    })
}

/// Between blocks of inter macroblocks: 2 where one of them has coefficients, 1 where they differ.
#[inline(always)]
fn strength_of(coded: bool, differ: impl FnOnce() -> bool) -> u8 {
    if coded { 2 } else { u8::from(differ()) }
}

/// Whether blocks refer to other pictures, or their vectors differ by a whole sample or more.
#[inline(always)]
fn differ(there: &BlockMotion, here: &BlockMotion, limit: i32) -> bool {
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
    let straight_far = || far(0, there.mvs[0], here.mvs[0]) || far(1, there.mvs[1], here.mvs[1]);
    let crossed_far = || far(0, there.mvs[0], here.mvs[1]) || far(1, there.mvs[1], here.mvs[0]);
    match (straight, crossed) {
        (true, false) => straight_far(),
        (false, _) => crossed_far(),
        (true, true) => straight_far() && crossed_far(),
    }
}

/// The motion of a macroblock's blocks.
struct Blocks<'a> {
    refs: [&'a [i32; 4]; 2],
    mvs: [&'a [Mv; 16]; 2],
}

impl<'a> Blocks<'a> {
    fn of(motion: &'a Motion, index: usize) -> Option<Self> {
        let refs = |list: usize| motion.ref_id[list].get(index * 4..)?.first_chunk();
        let mvs = |list: usize| motion.mv[list].get(index * 16..)?.first_chunk();
        Some(Self {
            refs: [refs(0)?, refs(1)?],
            mvs: [mvs(0)?, mvs(1)?],
        })
    }

    /// Of a 4×4 block, in raster order.
    #[inline(always)]
    fn at(&self, block: usize) -> BlockMotion {
        let eighth = (block / 8 * 2 + block % 4 / 2) & 3;
        BlockMotion {
            refs: self.refs.map(|refs| refs[eighth]),
            mvs: self.mvs.map(|mvs| mvs[block & 15]),
        }
    }
}

struct BlockMotion {
    refs: [i32; 2],
    mvs: [Mv; 2],
}
