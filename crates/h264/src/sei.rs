//! Supplemental enhancement information, clause 7.3.2.3.1: the two messages that decoding needs.

use crate::bits::BitReader;

/// What the messages of a NAL unit say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sei {
    /// `recovery_frame_cnt` of a recovery point (clause D.1.8).
    pub recovery: Option<u32>,
    /// Build number of the x264 that made the stream, from its unregistered user data.
    pub x264_build: Option<u32>,
}

/// `payloadType` of a recovery point.
const RECOVERY_POINT: usize = 6;
/// `payloadType` of `user_data_unregistered()`.
const USER_DATA: usize = 5;

impl Sei {
    /// Reads an RBSP; what is cut off is left out.
    pub fn parse(rbsp: &[u8]) -> Self {
        let mut sei = Self::default();
        let mut rest = rbsp;
        // At the end there is the stop bit.
        while rest.len() >= 2 {
            let Some((kind, payload)) = message(&mut rest) else {
                break;
            };
            match kind {
                RECOVERY_POINT => {
                    let mut bits = BitReader::new(payload);
                    sei.recovery = bits.ue_to(65535, "recovery_frame_cnt").ok();
                }
                USER_DATA => sei.x264_build = x264_build(payload).or(sei.x264_build),
                _ => {}
            }
        }
        sei
    }
}

/// Type and payload of the next message.
fn message<'a>(rest: &mut &'a [u8]) -> Option<(usize, &'a [u8])> {
    let (kind, size) = (number(rest)?, number(rest)?);
    let (payload, tail) = rest.split_at_checked(size)?;
    *rest = tail;
    Some((kind, payload))
}

/// Bytes of 255 and one that is less, added up.
fn number(rest: &mut &[u8]) -> Option<usize> {
    let mut sum = 0_usize;
    loop {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        sum = sum.checked_add(usize::from(byte))?;
        if byte != 255 {
            return Some(sum);
        }
    }
}

/// From text behind a UUID of 16 bytes: `x264 - core 164 r3095 …`.
fn x264_build(payload: &[u8]) -> Option<u32> {
    let text = payload.get(16..)?.strip_prefix(b"x264 - core ")?;
    let digits = text.iter().take(6).take_while(|byte| byte.is_ascii_digit());
    digits.fold(None, |sum, byte| {
        Some(sum.unwrap_or(0) * 10 + u32::from(byte - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_and_ends_are_endured() {
        let text = b"0123456789abcdefx264 - core 148 r2643";
        let mut rbsp = vec![5, text.len() as u8];
        rbsp.extend(text);
        // recovery_frame_cnt 1: 010.
        rbsp.extend([6, 1, 0b0100_0000, 0x80]);
        let sei = Sei::parse(&rbsp);
        assert_eq!((sei.recovery, sei.x264_build), (Some(1), Some(148)));
        for end in 0..rbsp.len() {
            Sei::parse(&rbsp[..end]);
        }
        assert_eq!(Sei::parse(&[255; 9]), Sei::default());
    }
}
