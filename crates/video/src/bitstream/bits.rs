//! Bits, most significant first, and exp-Golomb codes.

use std::borrow::Cow;

/// Reads bits from bytes, most significant first. All readers give `None` past the end.
#[derive(Clone, Debug)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> BitReader<'a> {
    /// From the first bit of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Bits left.
    pub fn left(&self) -> usize {
        self.bytes
            .len()
            .saturating_mul(8)
            .saturating_sub(self.position)
    }

    /// The next bit.
    pub fn flag(&mut self) -> Option<bool> {
        let byte = *self.bytes.get(self.position >> 3)?;
        let bit = (byte >> (7 - (self.position & 7))) & 1;
        self.position += 1;
        Some(bit == 1)
    }

    /// `count` bits (at most 32) as an unsigned number.
    pub fn bits(&mut self, count: u32) -> Option<u32> {
        if count > 32 || (count as usize) > self.left() {
            return None;
        }
        let mut value = 0_u64;
        for _ in 0..count {
            value = (value << 1) | u64::from(self.flag()?);
        }
        u32::try_from(value).ok()
    }

    /// Eight bits.
    pub fn byte(&mut self) -> Option<u8> {
        u8::try_from(self.bits(8)?).ok()
    }

    /// Skips `count` bits.
    pub fn skip(&mut self, count: usize) -> Option<()> {
        if count > self.left() {
            return None;
        }
        self.position = self.position.checked_add(count)?;
        Some(())
    }

    /// Unsigned exp-Golomb code, `ue(v)` (H.264 clause 9.1); at most 32 leading zeros.
    pub fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let rest = self.bits(zeros)?;
        let base = (1_u64 << zeros) - 1;
        u32::try_from(base + u64::from(rest)).ok()
    }

    /// Unsigned exp-Golomb code; `None` above `limit`.
    pub fn ue_up_to(&mut self, limit: u8) -> Option<u8> {
        let value = u8::try_from(self.ue()?).ok()?;
        (value <= limit).then_some(value)
    }

    /// Signed exp-Golomb code, `se(v)` (H.264 clause 9.1.1).
    pub fn se(&mut self) -> Option<i32> {
        let code = i64::from(self.ue()?);
        let magnitude = (code + 1) / 2;
        i32::try_from(if code % 2 == 1 { magnitude } else { -magnitude }).ok()
    }
}

/// Takes the emulation prevention bytes out of a NAL unit (H.264 clause 7.4.1, H.265 7.4.2):
/// `00 00 03` becomes `00 00`. Borrows where there are none.
pub fn rbsp(nal: &[u8]) -> Cow<'_, [u8]> {
    let escaped = |window: &[u8]| matches!(window, [0, 0, 3]);
    if !nal.windows(3).any(escaped) {
        return Cow::Borrowed(nal);
    }
    let mut out = Vec::with_capacity(nal.len());
    let mut zeros = 0;
    for &byte in nal {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    Cow::Owned(out)
}

/// Bytes of binary digits; what is between them is for people.
#[cfg(test)]
pub fn bits_of(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|it| *it != b' ')
        .map(|it| it - b'0')
        .collect();
    let byte = |eight: &[u8]| {
        (0..8).fold(0, |byte, at| {
            (byte << 1) | eight.get(at).copied().unwrap_or(0)
        })
    };
    digits.chunks(8).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_golomb_codes_of_the_standard() {
        // 1 | 010 | 011 | 00100 | 00101 -> 0 1 2 3 4
        let mut bits = BitReader::new(&[0b1010_0110, 0b0100_0010, 0b1000_0000]);
        let codes: Vec<_> = (0..5).map(|_| bits.ue().unwrap()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4]);
        let mut bits = BitReader::new(&[0b1010_0110, 0b0100_0010, 0b1000_0000]);
        let codes: Vec<_> = (0..5).map(|_| bits.se().unwrap()).collect();
        assert_eq!(codes, [0, 1, -1, 2, -2]);
        assert_eq!(BitReader::new(&[0; 8]).ue(), None);
        assert_eq!(BitReader::new(&[0xff]).bits(9), None);
    }

    #[test]
    fn emulation_prevention_is_removed() {
        assert_eq!(*rbsp(&[1, 0, 0, 3, 1, 0, 0, 3]), [1, 0, 0, 1, 0, 0]);
        assert_eq!(*rbsp(&[0, 0, 3, 0, 0, 3, 1]), [0, 0, 0, 0, 1]);
        assert!(matches!(rbsp(&[0, 1, 3]), Cow::Borrowed(_)));
    }
}
