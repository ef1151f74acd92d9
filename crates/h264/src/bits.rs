//! Bits of an RBSP, most significant first, and exp-Golomb codes (clause 9.1).

use crate::Error;

/// Reads an RBSP. Past the end it reads zeros, and [`BitReader::overrun`] says so: parsing code asks
/// once at its end instead of at every bit.
#[derive(Clone, Debug)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> BitReader<'a> {
    /// From the first bit.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Bits read so far.
    pub fn position(&self) -> usize {
        self.position
    }

    /// More was read than there is.
    pub fn overrun(&self) -> bool {
        self.position > self.bytes.len() * 8
    }

    /// The next 32 bits, without reading them.
    #[inline]
    pub fn peek32(&self) -> u32 {
        let at = self.position >> 3;
        let word = match self
            .bytes
            .get(at..)
            .and_then(|rest| rest.first_chunk::<8>())
        {
            Some(chunk) => u64::from_be_bytes(*chunk),
            None => self.last_word(at),
        };
        ((word << (self.position & 7)) >> 32) as u32
    }

    #[cold]
    fn last_word(&self, at: usize) -> u64 {
        let mut chunk = [0; 8];
        let rest = self.bytes.get(at..).unwrap_or_default();
        for (to, from) in chunk.iter_mut().zip(rest) {
            *to = *from;
        }
        u64::from_be_bytes(chunk)
    }

    /// Skips bits.
    #[inline]
    pub fn skip(&mut self, count: u32) {
        self.position = self.position.saturating_add(count as usize);
    }

    /// The next bit.
    #[inline]
    pub fn flag(&mut self) -> bool {
        let bit = self.peek32() >> 31;
        self.skip(1);
        bit == 1
    }

    /// `count` bits, at most 32, as an unsigned number: `u(n)`.
    #[inline]
    pub fn bits(&mut self, count: u32) -> u32 {
        if count == 0 {
            return 0;
        }
        let value = self.peek32() >> (32 - count.min(32));
        self.skip(count);
        value
    }

    /// `ue(v)`.
    ///
    /// # Errors
    /// More than 31 leading zeros, which no syntax element has; the end of the data, too.
    #[inline]
    pub fn ue(&mut self) -> Result<u32, Error> {
        let zeros = self.peek32().leading_zeros();
        if zeros > 31 {
            return Err(Error::damaged("exp-Golomb code too long, or end of data"));
        }
        self.skip(zeros);
        let value = self.bits(zeros + 1);
        Ok(value - 1)
    }

    /// `ue(v)` of at most `limit`.
    ///
    /// # Errors
    /// A larger value, by `name`.
    #[inline]
    pub fn ue_to(&mut self, limit: u32, name: &str) -> Result<u32, Error> {
        let value = self.ue()?;
        if value > limit {
            return Err(Error::damaged(format!("{name} is {value}, limit {limit}")));
        }
        Ok(value)
    }

    /// `se(v)`.
    ///
    /// # Errors
    /// As [`Self::ue`].
    #[inline]
    pub fn se(&mut self) -> Result<i32, Error> {
        let code = self.ue()?;
        let magnitude = (code / 2 + (code & 1)) as i32;
        Ok(if code & 1 == 1 { magnitude } else { -magnitude })
    }

    /// `se(v)` from `-limit` to `limit`.
    ///
    /// # Errors
    /// A value outside, by `name`.
    pub fn se_to(&mut self, limit: i32, name: &str) -> Result<i32, Error> {
        let value = self.se()?;
        if value.unsigned_abs() > limit.unsigned_abs() {
            return Err(Error::damaged(format!("{name} is {value}, limit {limit}")));
        }
        Ok(value)
    }

    /// `more_rbsp_data()`, clause 7.2: whether anything is left before the stop bit.
    pub fn more_rbsp_data(&self) -> bool {
        let Some(last) = self.bytes.iter().rposition(|&byte| byte != 0) else {
            return false;
        };
        let trailing = self.bytes.get(last).map_or(0, |byte| byte.trailing_zeros());
        let stop = last * 8 + 7 - trailing as usize;
        self.position < stop
    }

    /// Moves on to the next byte border.
    pub fn align(&mut self) {
        self.position = (self.position + 7) & !7;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_golomb_codes_of_the_standard() {
        // 1 | 010 | 011 | 00100 | 00101 -> 0 1 2 3 4
        let bytes = [0b1010_0110, 0b0100_0010, 0b1000_0000];
        let mut bits = BitReader::new(&bytes);
        let codes: Vec<_> = (0..5).map(|_| bits.ue().unwrap()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4]);
        let mut bits = BitReader::new(&bytes);
        let codes: Vec<_> = (0..5).map(|_| bits.se().unwrap()).collect();
        assert_eq!(codes, [0, 1, -1, 2, -2]);
        assert!(BitReader::new(&[0; 8]).ue().is_err());
    }

    #[test]
    fn reading_past_the_end_is_noticed() {
        let mut bits = BitReader::new(&[0xff]);
        assert_eq!(bits.bits(8), 0xff);
        assert!(!bits.overrun());
        assert_eq!(bits.bits(3), 0);
        assert!(bits.overrun());
    }

    #[test]
    fn the_stop_bit_is_not_data() {
        let bytes = [0b1010_0000, 0b1000_0000, 0];
        let mut bits = BitReader::new(&bytes);
        assert!(bits.more_rbsp_data());
        bits.skip(8);
        assert!(!bits.more_rbsp_data());
    }
}
