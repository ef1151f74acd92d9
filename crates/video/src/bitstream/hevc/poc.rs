//! Picture order count, clause 8.3.1.

use super::nal::{is_random_access, is_sub_layer_non_reference, nal_type};
use super::slice::SliceHeader;
use super::sps::Sps;
use crate::bitstream::poc::unwrap_msb;

/// Picture order count, clause 8.3.1, from picture to picture in decoding order.
#[derive(Clone, Copy, Debug, Default)]
pub struct PocCounter {
    prev_msb: i64,
    prev_lsb: i64,
    seen: bool,
}

/// Order of one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureOrder {
    /// `PicOrderCntVal`.
    pub count: i64,
    /// The count starts anew here: all earlier pictures come before (IDR, BLA, first picture).
    pub restart: bool,
}

impl PocCounter {
    /// The order of the picture that `slice` (its first, independent one) belongs to. Call once
    /// for each picture.
    pub fn next(&mut self, sps: &Sps, slice: &SliceHeader) -> PictureOrder {
        let kind = slice.nal_unit_type;
        let restart = (nal_type::BLA_W_LP..=nal_type::IDR_N_LP).contains(&kind)
            || (is_random_access(kind) && !self.seen);
        self.seen = true;
        let lsb = i64::from(slice.poc_lsb.unwrap_or(0));
        let max = 1_i64 << sps.log2_max_poc_lsb;
        let msb = if restart {
            0
        } else {
            unwrap_msb(lsb, self.prev_lsb, self.prev_msb, max)
        };
        let leading = (nal_type::RADL_N..=nal_type::RASL_R).contains(&kind);
        if slice.temporal_id == 0 && !leading && !is_sub_layer_non_reference(kind) {
            (self.prev_msb, self.prev_lsb) = (msb, lsb);
        }
        PictureOrder {
            count: msb.saturating_add(lsb),
            restart,
        }
    }
}
