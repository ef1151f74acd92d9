//! NAL units in a byte stream (Annex B) and behind length prefixes (ISO 14496-15).

/// Bytes of `00 00 01`.
const START_CODE: usize = 3;

/// Position of the next `00 00 01` at or after `from`.
pub fn find_start_code(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let window = bytes.get(at..at.checked_add(START_CODE)?)?;
        match window {
            [0, 0, 1] => return Some(at),
            [_, _, third] if *third > 1 => at += 3,
            _ => at += 1,
        }
    }
}

/// NAL units of a byte stream (H.264 and H.265 Annex B), without start codes and without the
/// zero bytes that trail them. What is before the first start code is left out.
pub fn annexb(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = find_start_code(bytes, 0);
    std::iter::from_fn(move || {
        loop {
            let begin = start?.checked_add(START_CODE)?;
            start = find_start_code(bytes, begin);
            let unit = trim_zeros(bytes.get(begin..start.unwrap_or(bytes.len()))?);
            if !unit.is_empty() {
                return Some(unit);
            }
        }
    })
}

fn trim_zeros(mut unit: &[u8]) -> &[u8] {
    while let [head @ .., 0] = unit {
        unit = head;
    }
    unit
}

/// NAL units behind big-endian length prefixes of `length_size` (1 to 4) bytes. A unit that
/// ends after `bytes` is given as far as it goes, so that a cut-off access unit can be looked at.
pub fn length_prefixed(bytes: &[u8], length_size: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        loop {
            let (prefix, tail) = rest.split_at_checked(usize::from(length_size.clamp(1, 4)))?;
            let length = prefix
                .iter()
                .fold(0_usize, |sum, &byte| (sum << 8) | usize::from(byte));
            let (unit, tail) = tail.split_at(length.min(tail.len()));
            rest = tail;
            if !unit.is_empty() {
                return Some(unit);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annexb_units_of_three_and_four_byte_start_codes() {
        let bytes = [9, 0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 0, 0, 0, 1, 0x65, 7];
        let units: Vec<_> = annexb(&bytes).collect();
        assert_eq!(units, [&[0x67, 1][..], &[0x68], &[0x65, 7]]);
    }

    #[test]
    fn length_prefixed_units_stop_at_the_end() {
        let bytes = [0, 2, 1, 2, 0, 0, 0, 9, 5];
        let units: Vec<_> = length_prefixed(&bytes, 2).collect();
        assert_eq!(units, [&[1, 2][..], &[5]]);
    }
}
