//! NAL units of an access unit about to be decoded.

use super::picture::damaged;
use crate::DecodeError;
use crate::bitstream::nal;

/// Units of `bytes`: behind length prefixes of that many bytes, or behind start codes.
///
/// # Errors
/// [`DecodeError::Damaged`] where a length points past the end: half a slice must not be
/// decoded as if it were whole.
pub(super) fn units<'a>(
    codec: &'static str,
    bytes: &'a [u8],
    length_size: Option<u8>,
) -> Result<Vec<&'a [u8]>, DecodeError> {
    let Some(length_size) = length_size else {
        return Ok(nal::annexb(bytes).collect());
    };
    let prefix = usize::from(length_size.clamp(1, 4));
    let units: Vec<_> = nal::length_prefixed(bytes, length_size).collect();
    if let Some(missing) = missing(bytes, prefix) {
        return Err(damaged(
            codec,
            format!("NAL unit ends {missing} bytes after its access unit"),
        ));
    }
    Ok(units)
}

/// How many bytes the last unit is short of its length.
fn missing(bytes: &[u8], prefix: usize) -> Option<usize> {
    let mut rest = bytes;
    while let Some((head, tail)) = rest.split_at_checked(prefix) {
        let length = head
            .iter()
            .fold(0_usize, |sum, &byte| (sum << 8) | usize::from(byte));
        match tail.get(length..) {
            Some(tail) => rest = tail,
            None => return Some(length.saturating_sub(tail.len())),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_past_the_end_is_damage() {
        let whole = [0, 0, 0, 2, 9, 8, 0, 0, 0, 1, 7];
        assert_eq!(
            units("h264", &whole, Some(4)).unwrap(),
            [&[9, 8][..], &[7][..]]
        );
        let error = units("h264", &whole[..5], Some(4)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "damaged h264 data: NAL unit ends 1 bytes after its access unit"
        );
    }
}
