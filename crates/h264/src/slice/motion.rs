//! Prediction of motion vectors, clause 8.4.1.

use super::current::{Cache, NOT_AVAILABLE, ROW, own};
use super::state::Slice;
use crate::macroblock::Kind;
use crate::picture::{Mv, NO_REFERENCE};
use crate::sample::Sample;
use crate::slice_header::SliceKind;

/// luma4x4BlkIdx of the block at raster place `y * 4 + x`: the order of decoding.
const ORDER: [u8; 16] = [0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15];

/// A neighbouring partition: reference index and vector.
type Neighbour = (i8, Mv);

impl<'a, S: Sample> Slice<'a, S> {
    fn cached(&self, list: usize, place: usize) -> Neighbour {
        (
            self.mb.ref_idx[list].get(place),
            self.mb.mv[list].get(place),
        )
    }

    /// The partition above right of a block of `width` at (x, y), or where that is not available the
    /// one above left (clause 8.4.1.3.2).
    fn diagonal(&self, list: usize, x: usize, y: usize, width: usize) -> Neighbour {
        let right = x + width;
        let decoded = match (right, y) {
            (_, 0) => true,
            (4.., _) => false,
            _ => ORDER[(y - 1) * 4 + right] < ORDER[y * 4 + x],
        };
        if decoded {
            let found = self.cached(list, own(right, y) - ROW);
            if found.0 != NOT_AVAILABLE {
                return found;
            }
        }
        if x == 0 && y > 0 && self.mb.left_mixed {
            return self.left_above(list, y);
        }
        self.cached(list, own(x, y) - ROW - 1)
    }

    /// The block at the left of the line above row `y` of blocks, where the left pair is of the other
    /// kind (table 6-4: frame and field lines).
    fn left_above(&self, list: usize, y: usize) -> Neighbour {
        let width = self.target.format.width_mbs;
        let pair = (self.mb.row & !1) * width + self.mb.x - 1;
        let bottom = self.mb.row & 1;
        let line = y * 4 - 1;
        let (mb, line) = if self.mb.interlaced {
            let line = line * 2 + bottom;
            (pair + line / 16 * width, line % 16)
        } else {
            let line = line + bottom * 16;
            (pair + line % 2 * width, line / 2)
        };
        self.motion_of(list, Some(mb), line / 4 * 4 + 3)
    }

    /// The predicted vector of a partition (clause 8.4.1.3).
    pub(super) fn predicted(
        &self,
        list: usize,
        x: usize,
        y: usize,
        width: usize,
        ref_idx: i8,
    ) -> Mv {
        let a = self.cached(list, own(x, y) - 1);
        let b = self.cached(list, own(x, y) - ROW);
        let c = self.diagonal(list, x, y, width);
        median_of(a, b, c, ref_idx)
    }

    /// The same of the partitions of 16×8 and 8×16 (clause 8.4.1.3, directional).
    pub(super) fn predicted_directional(
        &self,
        list: usize,
        (x, y): (usize, usize),
        columns: bool,
        ref_idx: i8,
    ) -> Mv {
        let width = if columns { 2 } else { 4 };
        let preferred = match (columns, x, y) {
            (false, _, 0) => self.cached(list, own(x, y) - ROW),
            (true, 2, _) => self.diagonal(list, x, y, width),
            _ => self.cached(list, own(x, y) - 1),
        };
        if preferred.0 == ref_idx {
            return preferred.1;
        }
        self.predicted(list, x, y, width, ref_idx)
    }

    /// Motion of a skipped macroblock (clauses 8.4.1.1, 8.4.1.2).
    pub(super) fn skip_motion(&mut self) {
        if self.kind == SliceKind::B {
            self.mb.mb.kind.0 |= Kind::DIRECT;
            self.load_motion(2);
            self.direct_whole();
            return;
        }
        self.load_motion(1);
        let a = self.cached(0, own(0, 0) - 1);
        let b = self.cached(0, own(0, 0) - ROW);
        let still = |(ref_idx, mv): Neighbour| {
            ref_idx == NOT_AVAILABLE || (ref_idx == 0 && mv == Mv::default())
        };
        let mv = if still(a) || still(b) {
            Mv::default()
        } else {
            self.predicted(0, 0, 0, 4, 0)
        };
        self.mb.mb.kind.0 |= Kind::ONE_PARTITION;
        self.set_motion(0, (0, 0, 4, 4), 0, mv);
    }

    /// Sets motion of a rectangle of blocks.
    #[inline(always)]
    pub(super) fn set_motion(
        &mut self,
        list: usize,
        (x, y, width, height): (usize, usize, usize, usize),
        ref_idx: i8,
        mv: Mv,
    ) {
        self.mb.ref_idx[list].fill(x, y, width, height, ref_idx);
        self.mb.mv[list].fill(x, y, width, height, mv);
    }

    /// Writes the macroblock's motion to the picture.
    pub(super) fn keep_motion(&mut self) {
        let index = self.mb.index;
        let lists = if self.kind == SliceKind::B { 2 } else { 1 };
        for list in 0..2 {
            let eighths = index * 4..index * 4 + 4;
            let used = list < lists;
            let refs = &self.mb.ref_idx[list];
            let ref_idx: [i8; 4] = match used {
                true => [(0, 0), (2, 0), (0, 2), (2, 2)].map(|(x, y)| refs.get(own(x, y))),
                false => [-1; 4],
            };
            let ids = ref_idx.map(|index| self.reference_id(list, index));
            let motion = &mut *self.target.motion;
            if let Some(all) = motion.ref_idx[list].get_mut(eighths.clone()) {
                all.copy_from_slice(&ref_idx);
            }
            if let Some(all) = motion.ref_id[list].get_mut(eighths) {
                all.copy_from_slice(&ids);
            }
            if !used {
                continue;
            }
            let blocks = index * 16..index * 16 + 16;
            if let Some(all) = motion.mv[list].get_mut(blocks) {
                rows(&self.mb.mv[list], all);
            }
        }
    }

    /// Which picture a reference index means.
    pub(super) fn reference_id(&self, list: usize, index: i8) -> i32 {
        match usize::try_from(index) {
            Ok(index) => self
                .reference(list, index)
                .map_or(NO_REFERENCE, |found| found.id),
            Err(_) => NO_REFERENCE,
        }
    }
}

/// The macroblock's own rows of a cache.
fn rows<T: Copy>(cache: &Cache<T>, to: &mut [T]) {
    for (y, row) in to.chunks_exact_mut(4).enumerate() {
        let from = own(0, y);
        if let Some(values) = cache.0.get(from..from + 4) {
            row.copy_from_slice(values);
        }
    }
}

/// Median prediction (clause 8.4.1.3.1).
fn median_of(a: Neighbour, b: Neighbour, c: Neighbour, ref_idx: i8) -> Mv {
    if b.0 == NOT_AVAILABLE && c.0 == NOT_AVAILABLE && a.0 != NOT_AVAILABLE {
        return a.1;
    }
    let matches = |n: Neighbour| n.0 == ref_idx;
    match (matches(a), matches(b), matches(c)) {
        (true, false, false) => a.1,
        (false, true, false) => b.1,
        (false, false, true) => c.1,
        _ => Mv::new(median(a.1.x, b.1.x, c.1.x), median(a.1.y, b.1.y, c.1.y)),
    }
}

fn median(a: i16, b: i16, c: i16) -> i16 {
    a.max(b).min(a.min(b).max(c))
}
