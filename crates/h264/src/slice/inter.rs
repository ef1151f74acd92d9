//! Syntax of inter macroblocks: reference indices and motion vector differences (clauses 7.3.5.1,
//! 7.3.5.2).

use super::current::{NOT_USED, ROW, own};
use super::entropy::Entropy;
use super::kinds::{Partitions, SUB_IN_B, UsedLists};
use super::state::Slice;
use crate::Error;
use crate::macroblock::Kind;
use crate::picture::Mv;
use crate::sample::Sample;
use crate::slice_header::SliceKind;

/// A rectangle of 4×4 blocks: column, row, width, height.
type Rectangle = (usize, usize, usize, usize);

impl<'a, S: Sample> Slice<'a, S> {
    /// Reads the motion of a macroblock; whether a partition is smaller than 8×8, so that there is no
    /// 8×8 transform.
    pub(super) fn read_motion(&mut self, partitions: Partitions) -> Result<bool, Error> {
        let lists = if self.kind == SliceKind::B { 2 } else { 1 };
        self.load_motion(lists);
        if matches!(self.entropy, Entropy::Cabac(_)) {
            self.load_differences(lists);
        }
        for list in 0..lists {
            self.mb.ref_idx[list].fill(0, 0, 4, 4, NOT_USED);
            self.mb.mv[list].fill(0, 0, 4, 4, Mv::default());
        }
        self.mb.shapes = [0; 4];
        let small = match partitions {
            Partitions::Direct => {
                self.mb.mb.kind.0 |= Kind::DIRECT;
                self.direct_whole();
                false
            }
            Partitions::Whole(used) => {
                self.mb.mb.kind.0 |= Kind::ONE_PARTITION;
                self.read_parts(&[((0, 0, 4, 4), used)], None)?;
                false
            }
            Partitions::Rows([first, second]) => {
                let parts = [((0, 0, 4, 2), first), ((0, 2, 4, 2), second)];
                self.read_parts(&parts, Some(false))?;
                false
            }
            Partitions::Columns([first, second]) => {
                let parts = [((0, 0, 2, 4), first), ((2, 0, 2, 4), second)];
                self.read_parts(&parts, Some(true))?;
                false
            }
            Partitions::Quarters => self.read_quarters(true)?,
            Partitions::QuartersOfFirst => self.read_quarters(false)?,
        };
        self.keep_differences(lists);
        Ok(small)
    }

    /// One partition, or two beside or below each other.
    fn read_parts(
        &mut self,
        parts: &[(Rectangle, UsedLists)],
        columns: Option<bool>,
    ) -> Result<(), Error> {
        for list in 0..2 {
            for &((x, y, width, height), used) in parts {
                if used >> list & 1 == 1 {
                    let ref_idx = self.read_ref_idx(list, x, y)?;
                    self.mb.ref_idx[list].fill(x, y, width, height, ref_idx);
                }
            }
        }
        for list in 0..2 {
            for &(rectangle, used) in parts {
                if used >> list & 1 == 0 {
                    continue;
                }
                let (x, y, width, _) = rectangle;
                let ref_idx = self.mb.ref_idx[list].get(own(x, y));
                let predicted = match columns {
                    None => self.predicted(list, x, y, width, ref_idx),
                    Some(columns) => self.predicted_directional(list, (x, y), columns, ref_idx),
                };
                self.read_mv(list, rectangle, predicted)?;
            }
        }
        Ok(())
    }

    /// Four sub-macroblocks.
    fn read_quarters(&mut self, with_references: bool) -> Result<bool, Error> {
        let mut used = [0; 4];
        let mut direct = 0;
        for quarter in 0..4 {
            let (shape, lists) = self.read_sub_type()?;
            self.mb.shapes[quarter] = shape;
            used[quarter] = lists;
            direct |= u8::from(lists == 0) << quarter;
        }
        if direct != 0 {
            self.direct(direct);
            self.mb.mb.direct = direct;
            for quarter in (0..4).filter(|quarter| direct >> quarter & 1 == 1) {
                self.mb
                    .direct
                    .fill(quarter % 2 * 2, quarter / 2 * 2, 2, 2, 1);
            }
        }
        for list in 0..2 {
            for (quarter, lists) in used.iter().enumerate() {
                if lists >> list & 1 == 1 {
                    let (x, y) = (quarter % 2 * 2, quarter / 2 * 2);
                    let ref_idx = match with_references {
                        true => self.read_ref_idx(list, x, y)?,
                        false => 0,
                    };
                    self.mb.ref_idx[list].fill(x, y, 2, 2, ref_idx);
                }
            }
        }
        for list in 0..2 {
            for quarter in 0..4 {
                if used[quarter] >> list & 1 == 1 {
                    self.read_quarter(list, quarter)?;
                }
            }
        }
        let small = (0..4).any(|quarter| self.mb.shapes[quarter] != 0);
        Ok(small)
    }

    /// Vectors of a sub-macroblock.
    fn read_quarter(&mut self, list: usize, quarter: usize) -> Result<(), Error> {
        let (x, y) = (quarter % 2 * 2, quarter / 2 * 2);
        let (width, height) = match self.mb.shapes[quarter] {
            0 => (2, 2),
            1 => (2, 1),
            2 => (1, 2),
            _ => (1, 1),
        };
        let ref_idx = self.mb.ref_idx[list].get(own(x, y));
        for dy in (0..2).step_by(height) {
            for dx in (0..2).step_by(width) {
                let predicted = self.predicted(list, x + dx, y + dy, width, ref_idx);
                self.read_mv(list, (x + dx, y + dy, width, height), predicted)?;
            }
        }
        Ok(())
    }

    /// Shape and lists; lists 0: direct.
    fn read_sub_type(&mut self) -> Result<(u8, UsedLists), Error> {
        if self.kind == SliceKind::B {
            let code = match &mut self.entropy {
                Entropy::Cavlc(bits) => bits.ue_to(12, "sub_mb_type")?,
                Entropy::Cabac(cabac) => cabac.sub_type_in_b(),
            };
            return SUB_IN_B
                .get(code as usize)
                .copied()
                .ok_or_else(|| Error::damaged(format!("sub_mb_type is {code}")));
        }
        let code = match &mut self.entropy {
            Entropy::Cavlc(bits) => bits.ue_to(3, "sub_mb_type")?,
            Entropy::Cabac(cabac) => cabac.sub_type_in_p(),
        };
        Ok((code as u8, 1))
    }

    fn read_ref_idx(&mut self, list: usize, x: usize, y: usize) -> Result<i8, Error> {
        let count = self.lists.of(self.mode(), list).len() as u32;
        if count == 1 {
            return Ok(0);
        }
        let place = own(x, y);
        let larger = |place: usize| {
            usize::from(self.mb.ref_idx[list].get(place) > 0 && self.mb.direct.get(place) == 0)
        };
        let increment = larger(place - 1) + 2 * larger(place - ROW);
        let index = match &mut self.entropy {
            Entropy::Cabac(cabac) => cabac.reference_index(increment)?,
            Entropy::Cavlc(bits) if count == 2 => u32::from(!bits.flag()),
            Entropy::Cavlc(bits) => bits.ue()?,
        };
        if index >= count {
            return Err(Error::damaged(format!(
                "reference index is {index}, list {list} has {count}"
            )));
        }
        Ok(index as i8)
    }

    /// Reads a difference and sets the vector.
    fn read_mv(
        &mut self,
        list: usize,
        (x, y, width, height): Rectangle,
        predicted: Mv,
    ) -> Result<(), Error> {
        let place = own(x, y);
        let (dx, dy) = match &mut self.entropy {
            Entropy::Cavlc(bits) => (bits.se()?, bits.se()?),
            Entropy::Cabac(cabac) => {
                let mvd = &mut self.mb.mvd[list];
                let (a, b) = (mvd.get(place - 1), mvd.get(place - ROW));
                let around = |i: usize| u32::from(a[i]) + u32::from(b[i]);
                let dx = cabac.mvd(40, around(0))?;
                let dy = cabac.mvd(47, around(1))?;
                let magnitude = |v: i32| v.unsigned_abs().min(255) as u8;
                mvd.fill(x, y, width, height, [magnitude(dx), magnitude(dy)]);
                (dx, dy)
            }
        };
        let mv = Mv::new(
            predicted.x.wrapping_add(dx as i16),
            predicted.y.wrapping_add(dy as i16),
        );
        self.mb.mv[list].fill(x, y, width, height, mv);
        Ok(())
    }

    /// Keeps the differences for the contexts of later macroblocks.
    fn keep_differences(&mut self, lists: usize) {
        if matches!(self.entropy, Entropy::Cavlc(_)) {
            return;
        }
        for list in 0..lists {
            for i in 0..16 {
                self.mb.mb.mvd[list][i] = self.mb.mvd[list].get(own(i % 4, i / 4));
            }
        }
    }
}
