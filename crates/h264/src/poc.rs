//! Picture order counts, clause 8.2.1.

use crate::Error;
use crate::slice_header::{Marking, Mmco, SliceHeader, Structure};
use crate::sps::{PocType, Sps};

/// What is kept from picture to picture.
#[derive(Clone, Debug, Default)]
pub(crate) struct PocState {
    /// prevPicOrderCntMsb and prevPicOrderCntLsb.
    msb: i32,
    lsb: i32,
    /// prevFrameNumOffset and prevFrameNum.
    offset: i32,
    frame_num: u32,
    /// Those of the picture being decoded.
    current_msb: i32,
    current_offset: i32,
}

/// Whether the picture unmarks all references.
pub(crate) fn has_unmark_all(header: &SliceHeader) -> bool {
    matches!(&header.marking, Marking::Adaptive(all) if all.contains(&Mmco::UnmarkAll))
}

fn out_of_range() -> Error {
    Error::damaged("picture order count out of range")
}

impl PocState {
    /// TopFieldOrderCnt and BottomFieldOrderCnt; that of the other field is left at its largest.
    ///
    /// # Errors
    /// Counts out of range.
    pub fn decode(&mut self, sps: &Sps, header: &SliceHeader) -> Result<[i32; 2], Error> {
        let pocs = match &sps.poc {
            PocType::Lsb { log2_max } => self.type_0(*log2_max, header),
            PocType::Cycle {
                offset_for_non_ref_pic,
                offset_for_top_to_bottom,
                offsets,
                ..
            } => {
                let (non_ref, bottom) = (*offset_for_non_ref_pic, *offset_for_top_to_bottom);
                self.type_1(sps, header, non_ref, bottom, offsets)
            }
            PocType::DecodingOrder => self.type_2(sps, header),
        };
        let [top, bottom] = pocs.ok_or_else(out_of_range)?;
        Ok(match header.structure {
            Structure::Frame => [top, bottom],
            Structure::Top => [top, i32::MAX],
            Structure::Bottom => [i32::MAX, bottom],
        })
    }

    /// Clause 8.2.1.1.
    fn type_0(&mut self, log2_max: u32, header: &SliceHeader) -> Option<[i32; 2]> {
        let (prev_msb, prev_lsb) = if header.idr {
            (0, 0)
        } else {
            (self.msb, self.lsb)
        };
        let max = 1 << log2_max;
        let lsb = header.poc_lsb as i32;
        let msb = if lsb < prev_lsb && prev_lsb - lsb >= max / 2 {
            prev_msb.checked_add(max)?
        } else if lsb > prev_lsb && lsb - prev_lsb > max / 2 {
            prev_msb.checked_sub(max)?
        } else {
            prev_msb
        };
        self.current_msb = msb;
        let top = msb.checked_add(lsb)?;
        Some([top, top.checked_add(header.delta_poc_bottom)?])
    }

    /// FrameNumOffset (8-6, 8-11).
    fn frame_num_offset(&mut self, sps: &Sps, header: &SliceHeader) -> Option<i32> {
        let offset = if header.idr {
            0
        } else if self.frame_num > header.frame_num {
            self.offset.checked_add(1 << sps.log2_max_frame_num)?
        } else {
            self.offset
        };
        self.current_offset = offset;
        Some(offset)
    }

    /// Clause 8.2.1.2.
    fn type_1(
        &mut self,
        sps: &Sps,
        header: &SliceHeader,
        non_ref: i32,
        bottom_offset: i32,
        offsets: &[i32],
    ) -> Option<[i32; 2]> {
        let offset = self.frame_num_offset(sps, header)?;
        let count = offsets.len() as i32;
        let mut number = match count {
            0 => 0,
            _ => offset.checked_add(header.frame_num as i32)?,
        };
        if header.nal_ref_idc == 0 && number > 0 {
            number -= 1;
        }
        let mut expected: i64 = 0;
        if number > 0 {
            let (cycles, within) = ((number - 1) / count, (number - 1) % count);
            let cycle: i64 = offsets.iter().copied().map(i64::from).sum();
            let rest = offsets
                .iter()
                .take(within as usize + 1)
                .copied()
                .map(i64::from);
            expected = cycle.checked_mul(i64::from(cycles))? + rest.sum::<i64>();
        }
        if header.nal_ref_idc == 0 {
            expected += i64::from(non_ref);
        }
        let add = |a: i64, b: i32| i32::try_from(a.checked_add(i64::from(b))?).ok();
        let top = add(expected, header.delta_poc[0])?;
        let bottom = match header.structure {
            Structure::Bottom => add(expected + i64::from(bottom_offset), header.delta_poc[0])?,
            _ => add(
                i64::from(top) + i64::from(bottom_offset),
                header.delta_poc[1],
            )?,
        };
        Some([top, bottom])
    }

    /// Clause 8.2.1.3.
    fn type_2(&mut self, sps: &Sps, header: &SliceHeader) -> Option<[i32; 2]> {
        let offset = self.frame_num_offset(sps, header)?;
        if header.idr {
            return Some([0, 0]);
        }
        let twice = offset
            .checked_add(header.frame_num as i32)?
            .checked_mul(2)?;
        let count = twice - i32::from(header.nal_ref_idc == 0);
        Some([count, count])
    }

    /// Keeps what the next picture needs, once this one is decoded.
    pub fn after(&mut self, header: &SliceHeader, pocs: [i32; 2]) {
        if has_unmark_all(header) {
            let [top, bottom] = pocs;
            self.msb = 0;
            // tempPicOrderCnt is taken off.
            self.lsb = match header.structure {
                Structure::Bottom => 0,
                Structure::Top => 0,
                Structure::Frame => top.saturating_sub(top.min(bottom)),
            };
            self.offset = 0;
            self.frame_num = 0;
            return;
        }
        if header.nal_ref_idc != 0 {
            self.msb = self.current_msb;
            self.lsb = header.poc_lsb as i32;
        }
        self.offset = self.current_offset;
        self.frame_num = header.frame_num;
    }
}
