//! NAL units, clause 7.3.1.

use crate::Error;

/// `nal_unit_type`, table 7-1.
pub(crate) mod kind {
    pub const SLICE: u8 = 1;
    pub const PARTITION_A: u8 = 2;
    pub const IDR: u8 = 5;
    pub const SEI: u8 = 6;
    pub const SPS: u8 = 7;
    pub const PPS: u8 = 8;
}

/// The header of a NAL unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NalHeader {
    /// `nal_ref_idc`.
    pub ref_idc: u8,
    /// `nal_unit_type`.
    pub kind: u8,
}

impl NalHeader {
    /// Reads the first byte of a NAL unit; `None` of an empty one.
    ///
    /// # Errors
    /// `forbidden_zero_bit` is set.
    pub fn parse(unit: &[u8]) -> Result<Option<Self>, Error> {
        let Some(&first) = unit.first() else {
            return Ok(None);
        };
        if first & 0x80 != 0 {
            return Err(Error::damaged("forbidden_zero_bit of a NAL unit is 1"));
        }
        Ok(Some(Self {
            ref_idc: first >> 5 & 3,
            kind: first & 31,
        }))
    }
}

/// The RBSP of a NAL unit, behind its header: without `emulation_prevention_three_byte`s (clause
/// 7.4.1.1) and without `cabac_zero_word`s at its end.
pub(crate) fn rbsp(unit: &[u8], to: &mut Vec<u8>) {
    to.clear();
    let mut rest = unit.get(1..).unwrap_or_default();
    while let Some(at) = find_escape(rest) {
        let (head, tail) = rest.split_at(at + 2);
        to.extend_from_slice(head);
        rest = tail.get(1..).unwrap_or_default();
    }
    to.extend_from_slice(rest);
}

/// Where 0, 0, 3 begins.
fn find_escape(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(three) = position_of_3(bytes, from) {
        if bytes.get(three - 2..three) == Some(&[0, 0]) {
            return Some(three - 2);
        }
        from = three - 1;
    }
    None
}

/// The next 3 with two bytes before it, from `from` + 2 on. Bytes of coded video are rarely 3, so looking
/// for them is quicker than looking at all pairs of zeros.
fn position_of_3(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from + 2..)?;
    let (chunks, _) = rest.as_chunks::<16>();
    for (number, chunk) in chunks.iter().enumerate() {
        let any = chunk.iter().fold(0, |any, &byte| any | u8::from(byte == 3));
        if any != 0 {
            let within = chunk.iter().position(|&byte| byte == 3)?;
            return Some(from + 2 + number * 16 + within);
        }
    }
    let done = chunks.len() * 16;
    let within = rest.get(done..)?.iter().position(|&byte| byte == 3)?;
    Some(from + 2 + done + within)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn simple(unit: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut zeros = 0;
        for &byte in unit.iter().skip(1) {
            if zeros >= 2 && byte == 3 {
                zeros = 0;
                continue;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            out.push(byte);
        }
        out
    }

    proptest! {
        #[test]
        fn escapes_are_taken_out_as_byte_by_byte(
            unit in proptest::collection::vec(prop_oneof![4 => Just(0_u8), 2 => Just(3), 1 => any::<u8>()], 0..200),
        ) {
            let mut out = Vec::new();
            rbsp(&unit, &mut out);
            prop_assert_eq!(out, simple(&unit));
        }
    }
}
