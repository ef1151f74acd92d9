//! Flags that stand between macroblocks, in CABAC.

use super::entropy::Entropy;
use super::state::Slice;
use crate::macroblock::Kind;
use crate::sample::Sample;
use crate::slice_header::SliceKind;

impl<'a, S: Sample> Slice<'a, S> {
    /// `mb_skip_flag` with its context (9.3.3.1.1.1).
    pub(super) fn cabac_skip_flag(&mut self, x: usize, row: usize) -> bool {
        if self.mbaff && !row.is_multiple_of(2) {
            // Asked ahead: the top one is skipped, and its neighbour below has to know.
            let above = (row - 1) * self.target.format.width_mbs + x;
            let number = self.p.number;
            if let Some(mb) = self.target.mbs.get_mut(above).filter(|mb| mb.slice == 0) {
                mb.slice = number;
                mb.kind = Kind(Kind::SKIP | Kind::INTER);
                self.start(x, row);
                let flag = self.read_skip_flag();
                if let Some(mb) = self.target.mbs.get_mut(above) {
                    mb.slice = 0;
                }
                return flag;
            }
        }
        self.start(x, row);
        self.read_skip_flag()
    }

    fn read_skip_flag(&mut self) -> bool {
        let coded = |at: Option<usize>| self.at(at).is_some_and(|mb| !mb.kind.is(Kind::SKIP));
        let increment = usize::from(coded(self.mb.left[0])) + usize::from(coded(self.mb.top));
        let b_slice = self.kind == SliceKind::B;
        match &mut self.entropy {
            Entropy::Cabac(cabac) => cabac.skip(b_slice, increment),
            Entropy::Cavlc(_) => false,
        }
    }

    /// `mb_field_decoding_flag` with its context (9.3.3.1.1.2).
    pub(super) fn cabac_field_flag(&mut self, x: usize, row: usize) -> bool {
        let [left, top, ..] = self.pairs(x, row);
        let field = |at: Option<usize>| self.at(at).is_some_and(|mb| mb.kind.is(Kind::FIELD));
        let increment = usize::from(field(left)) + usize::from(field(top));
        match &mut self.entropy {
            Entropy::Cabac(cabac) => cabac.field(increment),
            Entropy::Cavlc(_) => false,
        }
    }
}
