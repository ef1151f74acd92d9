//! Supplemental enhancement information, clause 7.3.2.3.1.

use super::nal::{nal_type, nal_unit_type};
use crate::bitstream::bits::rbsp;

/// Whether a supplemental enhancement NAL unit holds a recovery point (payload type 6,
/// clause D.1.8) at this very picture: `recovery_frame_cnt` 0. Streams that refresh step by step
/// name later ones, and are not exact until then.
pub fn is_recovery_point(nal: &[u8]) -> bool {
    let body = nal.get(1..).unwrap_or_default();
    nal_unit_type(nal) == Some(nal_type::SEI)
        && sei_payload(&rbsp(body), 6, |payload| {
            payload.first().is_some_and(|b| b & 0x80 != 0)
        })
}

/// Whether an SEI RBSP holds a message of this payload type (H.264 7.3.2.3.1, H.265 7.3.5) of
/// which `is` holds.
fn sei_payload(mut rest: &[u8], wanted: u32, is: impl Fn(&[u8]) -> bool) -> bool {
    fn number(rest: &mut &[u8]) -> Option<u32> {
        let mut sum = 0_u32;
        loop {
            let (&byte, tail) = rest.split_first()?;
            *rest = tail;
            sum = sum.checked_add(u32::from(byte))?;
            if byte != 255 {
                return Some(sum);
            }
        }
    }
    while rest.len() > 2 {
        let (Some(kind), Some(size)) = (number(&mut rest), number(&mut rest)) else {
            return false;
        };
        if kind == wanted {
            return is(rest);
        }
        let Some(tail) = rest.get(size as usize..) else {
            return false;
        };
        rest = tail;
    }
    false
}
