//! The macroblock layer, clause 7.3.5: type, prediction, pattern, QP, coefficients.

use super::entropy::Entropy;
use super::kinds::{self, LUMA_PATTERNS, PATTERNS, Partitions, Type};
use super::state::Slice;
use crate::Error;
use crate::macroblock::{DC_FLAGS, Kind};
use crate::picture::Chroma;
use crate::sample::Sample;
use crate::slice_header::SliceKind;

impl<'a, S: Sample> Slice<'a, S> {
    /// Parses and reconstructs a macroblock that is not skipped.
    pub(super) fn layer(&mut self) -> Result<(), Error> {
        match self.read_type()? {
            Type::Pcm => self.pcm(),
            Type::IntraNxN => self.intra_nxn(),
            Type::Intra16x16(mode, chroma, ac) => self.intra_16x16(mode, chroma, ac),
            Type::Inter(partitions) => self.inter(partitions),
        }
    }

    fn read_type(&mut self) -> Result<Type, Error> {
        let kind = self.kind;
        let not = |bits: u16, at: Option<usize>| self.at(at).is_some_and(|mb| !mb.kind.is(bits));
        let both = |bits: u16| {
            usize::from(not(bits, self.mb.left[0])) + usize::from(not(bits, self.mb.top))
        };
        let increment = match kind {
            SliceKind::I => both(Kind::INTRA_NXN),
            SliceKind::B => both(Kind::DIRECT),
            SliceKind::P => 0,
        };
        let code = match (&mut self.entropy, kind) {
            (Entropy::Cavlc(bits), _) => bits.ue()?,
            (Entropy::Cabac(cabac), SliceKind::I) => cabac.type_in_i(increment),
            (Entropy::Cabac(cabac), SliceKind::P) => cabac.type_in_p(),
            (Entropy::Cabac(cabac), SliceKind::B) => cabac.type_in_b(increment),
        };
        let found = match kind {
            SliceKind::I => kinds::intra(code),
            SliceKind::P => kinds::in_p(code),
            SliceKind::B => kinds::in_b(code),
        };
        found.ok_or_else(|| Error::damaged(format!("mb_type is {code}")))
    }

    fn intra_nxn(&mut self) -> Result<(), Error> {
        self.mb.mb.kind = Kind(Kind::INTRA_NXN);
        if self.p.pps.transform_8x8 && self.read_transform_8x8() {
            self.mb.mb.kind.0 |= Kind::TRANSFORM_8X8;
        }
        self.no_motion();
        self.find_samples();
        self.read_modes()?;
        self.read_chroma_mode()?;
        let pattern = self.read_pattern(false)?;
        self.mb.mb.pattern = pattern;
        self.load_totals();
        if pattern > 0 {
            self.read_qp_delta()?;
            self.read_residual()?;
        } else {
            self.qp_changed = false;
        }
        self.note_qp();
        self.reconstruct_intra_nxn();
        self.keep_totals();
        Ok(())
    }

    fn intra_16x16(&mut self, mode: u8, chroma: u16, ac: bool) -> Result<(), Error> {
        self.mb.mb.kind = Kind(Kind::INTRA_16X16);
        self.no_motion();
        self.find_samples();
        self.check_16x16(mode)?;
        self.read_chroma_mode()?;
        self.mb.mb.pattern = chroma << 4 | if ac { 15 } else { 0 };
        self.load_totals();
        self.read_qp_delta()?;
        self.read_residual()?;
        self.note_qp();
        self.reconstruct_intra_16x16(mode);
        self.keep_totals();
        Ok(())
    }

    fn inter(&mut self, partitions: Partitions) -> Result<(), Error> {
        self.mb.mb.kind = Kind(Kind::INTER);
        self.mb.mb.intra_modes = [2; 16];
        let small = self.read_motion(partitions)?;
        let pattern = self.read_pattern(true)?;
        self.mb.mb.pattern = pattern;
        let direct_allows = partitions != Partitions::Direct || self.p.sps.direct_8x8_inference;
        if pattern & 15 != 0
            && self.p.pps.transform_8x8
            && !small
            && direct_allows
            && self.read_transform_8x8()
        {
            self.mb.mb.kind.0 |= Kind::TRANSFORM_8X8;
        }
        self.load_totals();
        if pattern > 0 {
            self.read_qp_delta()?;
            self.read_residual()?;
        } else {
            self.qp_changed = false;
        }
        self.note_qp();
        if self.mb.shapes == [0; 4] {
            self.mb.mb.kind.0 |= Kind::LARGE_PARTITIONS;
        }
        self.keep_motion();
        self.predict_inter();
        self.add_residual();
        self.keep_totals();
        Ok(())
    }

    /// P_Skip or B_Skip.
    pub(super) fn skip(&mut self) {
        self.mb.mb.kind = Kind(Kind::INTER | Kind::SKIP);
        self.mb.mb.intra_modes = [2; 16];
        self.mb.mb.totals = [[0; 16]; 3];
        self.mb.mb.mvd = Default::default();
        self.qp_changed = false;
        self.mb.shapes = [0; 4];
        self.skip_motion();
        if self.mb.shapes == [0; 4] {
            self.mb.mb.kind.0 |= Kind::LARGE_PARTITIONS;
        }
        self.note_qp();
        self.keep_motion();
        self.predict_inter();
    }

    fn pcm(&mut self) -> Result<(), Error> {
        self.mb.mb.kind = Kind(Kind::PCM);
        self.no_motion();
        self.read_pcm()?;
        let mb = &mut self.mb.mb;
        mb.totals = [[16; 16]; 3];
        mb.intra_modes = [2; 16];
        mb.nonzero = u16::MAX;
        mb.pattern = 0x2f | 7 << DC_FLAGS;
        self.qp_changed = false;
        // Its quantiser is 0 for the filter; the next macroblock's is predicted from the one before.
        let qp = std::mem::replace(&mut self.qp, 0);
        self.note_qp();
        self.qp = qp;
        Ok(())
    }

    fn read_transform_8x8(&mut self) -> bool {
        let flag = |at: Option<usize>| {
            usize::from(
                self.at(at)
                    .is_some_and(|mb| mb.kind.is(Kind::TRANSFORM_8X8)),
            )
        };
        let increment = flag(self.mb.left[0]) + flag(self.mb.top);
        match &mut self.entropy {
            Entropy::Cavlc(bits) => bits.flag(),
            Entropy::Cabac(cabac) => cabac.transform_8x8(increment),
        }
    }

    fn read_pattern(&mut self, inter: bool) -> Result<u16, Error> {
        let subsampled = matches!(self.chroma, Chroma::Cs420 | Chroma::Cs422);
        let (left, top) = (self.left_pattern(), self.pattern_of(self.mb.top));
        match &mut self.entropy {
            Entropy::Cavlc(bits) => {
                let limit = if subsampled { 47 } else { 15 };
                let code = bits.ue_to(limit, "coded_block_pattern")? as usize;
                let table = usize::from(inter);
                let pattern = match subsampled {
                    true => PATTERNS[table][code],
                    false => LUMA_PATTERNS[table][code],
                };
                Ok(u16::from(pattern))
            }
            Entropy::Cabac(cabac) => {
                let luma = cabac.luma_pattern(left, top);
                let chroma = match subsampled {
                    true => cabac.chroma_pattern(left >> 4 & 3, top >> 4 & 3),
                    false => 0,
                };
                Ok((luma | chroma << 4) as u16)
            }
        }
    }

    fn pattern_of(&self, at: Option<usize>) -> u32 {
        self.at(at).map_or(15, |mb| u32::from(mb.pattern))
    }

    /// The pattern at the left: its luma bits 1 and 3 are those beside this macroblock's.
    fn left_pattern(&self) -> u32 {
        let upper = self.pattern_of(self.mb.left[0]);
        let lower = self.pattern_of(self.mb.left[1]);
        let bit = |pattern: u32, row: u8| pattern >> (u32::from(row / 2) * 2 + 1) & 1;
        let luma = bit(upper, self.mb.left_rows[0]) << 1 | bit(lower, self.mb.left_rows[2]) << 3;
        upper & !15 | luma
    }

    fn read_qp_delta(&mut self) -> Result<(), Error> {
        let offset = 6 * (i32::from(self.p.sps.bit_depth_luma) - 8);
        let limit = 26 + offset / 2;
        let after_change = self.qp_changed;
        let delta = match &mut self.entropy {
            Entropy::Cavlc(bits) => bits.se()?,
            Entropy::Cabac(cabac) => cabac.qp_delta(after_change, limit)?,
        };
        if delta < -limit || delta >= limit {
            return Err(Error::damaged(format!("mb_qp_delta is {delta}")));
        }
        self.qp_changed = delta != 0;
        // (7-37)
        self.qp = (self.qp + delta + 52 + 2 * offset) % (52 + offset) - offset;
        Ok(())
    }

    fn note_qp(&mut self) {
        self.mb.mb.qp = self.qp as i8;
        self.mb.mb.chroma_qp = [0, 1].map(|plane| self.p.scales.chroma_qp(plane, self.qp) as i8);
    }

    /// No motion: an intra macroblock.
    fn no_motion(&mut self) {
        self.mb.mb.mvd = Default::default();
        let eighths = self.mb.index * 4..self.mb.index * 4 + 4;
        let motion = &mut *self.target.motion;
        for list in 0..2 {
            if let Some(all) = motion.ref_idx[list].get_mut(eighths.clone()) {
                all.fill(-1);
            }
            if let Some(all) = motion.ref_id[list].get_mut(eighths.clone()) {
                all.fill(crate::picture::NO_REFERENCE);
            }
        }
    }
}
