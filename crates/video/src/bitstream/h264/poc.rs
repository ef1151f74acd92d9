//! Picture order count, clause 8.2.1.

use super::slice::SliceHeader;
use super::sps::Sps;
use crate::bitstream::poc::unwrap_msb;

/// Picture order count, clause 8.2.1, from picture to picture in decoding order.
///
/// `memory_management_control_operation` 5, which resets the count without an IDR picture, lies
/// behind syntax that is not parsed here; encoders in use do not write it.
#[derive(Clone, Copy, Debug, Default)]
pub struct PocCounter {
    prev_msb: i64,
    prev_lsb: i64,
    prev_frame_num: u32,
    prev_offset: i64,
}

impl PocCounter {
    /// The count of the picture that `slice` belongs to: for frames the lower one of both
    /// fields. Call once for each picture.
    pub fn next(&mut self, sps: &Sps, slice: &SliceHeader) -> i64 {
        match sps.poc_type {
            0 => self.type0(sps, slice),
            1 => self.type1(sps, slice),
            _ => self.type2(sps, slice),
        }
    }

    fn type0(&mut self, sps: &Sps, slice: &SliceHeader) -> i64 {
        if slice.idr {
            (self.prev_msb, self.prev_lsb) = (0, 0);
        }
        let max = 1_i64 << sps.log2_max_poc_lsb;
        let lsb = i64::from(slice.poc_lsb);
        let msb = unwrap_msb(lsb, self.prev_lsb, self.prev_msb, max);
        let count = msb.saturating_add(lsb);
        if slice.ref_idc != 0 {
            (self.prev_msb, self.prev_lsb) = (msb, lsb);
        }
        if slice.field {
            count
        } else {
            count.min(count.saturating_add(i64::from(slice.delta_poc_bottom)))
        }
    }

    fn frame_num_offset(&mut self, sps: &Sps, slice: &SliceHeader) -> i64 {
        let offset = if slice.idr {
            0
        } else if self.prev_frame_num > slice.frame_num {
            self.prev_offset
                .saturating_add(1_i64 << sps.log2_max_frame_num)
        } else {
            self.prev_offset
        };
        self.prev_frame_num = slice.frame_num;
        self.prev_offset = offset;
        offset
    }

    fn type1(&mut self, sps: &Sps, slice: &SliceHeader) -> i64 {
        let offset = self.frame_num_offset(sps, slice);
        let cycle: i64 = sps.offset_for_ref_frame.iter().map(|&o| i64::from(o)).sum();
        let length = i64::try_from(sps.offset_for_ref_frame.len()).unwrap_or(0);
        let mut number = if length == 0 {
            0
        } else {
            offset.saturating_add(i64::from(slice.frame_num))
        };
        if slice.ref_idc == 0 && number > 0 {
            number -= 1;
        }
        let mut expected = 0_i64;
        if number > 0 {
            let (cycles, within) = ((number - 1) / length, (number - 1) % length);
            expected = cycles.saturating_mul(cycle);
            for &step in sps.offset_for_ref_frame.iter().take(within as usize + 1) {
                expected = expected.saturating_add(i64::from(step));
            }
        }
        if slice.ref_idc == 0 {
            expected = expected.saturating_add(i64::from(sps.offset_for_non_ref_pic));
        }
        let top = expected.saturating_add(i64::from(slice.delta_poc[0]));
        let bottom = top
            .saturating_add(i64::from(sps.offset_for_top_to_bottom))
            .saturating_add(i64::from(slice.delta_poc[1]));
        match (slice.field, slice.bottom) {
            (true, true) => bottom,
            (true, false) => top,
            _ => top.min(bottom),
        }
    }

    fn type2(&mut self, sps: &Sps, slice: &SliceHeader) -> i64 {
        let offset = self.frame_num_offset(sps, slice);
        if slice.idr {
            return 0;
        }
        let number = offset.saturating_add(i64::from(slice.frame_num));
        let count = number.saturating_mul(2);
        if slice.ref_idc == 0 { count - 1 } else { count }
    }
}
