//! Bits of entropy-coded data, T.81 F.1.2.3.

/// Writes bits, the highest first, and a 0 byte after each byte of ones.
pub(crate) struct BitWriter {
    file: Vec<u8>,
    /// The last `filled` bits are not written yet; those above are stale.
    waiting: u64,
    filled: u32,
}

impl BitWriter {
    /// Goes on after what is in `file`.
    pub fn new(file: Vec<u8>) -> Self {
        Self {
            file,
            waiting: 0,
            filled: 0,
        }
    }

    /// Adds the lowest `count` bits, at most 32; those above must be 0.
    #[inline(always)]
    pub fn put(&mut self, bits: u32, count: u32) {
        let (bits, filled) = (u64::from(bits), self.filled + count);
        if filled <= 64 {
            self.waiting = self.waiting << count | bits;
            self.filled = filled;
        } else {
            let rest = filled - 64;
            self.waiting = self.waiting << (count - rest) | bits >> rest;
            self.write();
            (self.waiting, self.filled) = (bits, rest);
        }
    }

    /// Writes all 64 bits.
    #[inline(always)]
    fn write(&mut self) {
        let inverse = !self.waiting;
        // Whether any byte is 0 now: only then does the subtraction borrow into its top bit.
        let ones = inverse.wrapping_sub(0x0101_0101_0101_0101) & self.waiting;
        if ones & 0x8080_8080_8080_8080 == 0 {
            self.file.extend_from_slice(&self.waiting.to_be_bytes());
        } else {
            self.stuff(8);
        }
    }

    #[inline(never)]
    fn stuff(&mut self, count: usize) {
        for byte in self.waiting.to_be_bytes().into_iter().take(count) {
            self.file.push(byte);
            if byte == 0xff {
                self.file.push(0);
            }
        }
    }

    /// Fills the last byte with ones.
    pub fn finish(mut self) -> Vec<u8> {
        let bytes = self.filled.div_ceil(8);
        let spare = 8 * bytes - self.filled;
        if self.filled > 0 {
            self.waiting = !(!self.waiting << (64 - self.filled));
            debug_assert!(spare < 8);
        }
        self.stuff(bytes as usize);
        self.file
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bits_come_out_as_they_went_in(
            parts in prop::collection::vec((any::<u32>(), 1..=27u32), 0..200),
            ones in prop::collection::vec(any::<bool>(), 200),
        ) {
            let mut writer = BitWriter::new(vec![1, 2]);
            let mut expected = String::new();
            for ((bits, count), ones) in parts.iter().zip(&ones) {
                let bits = if *ones { u32::MAX } else { *bits } & ((1 << count) - 1);
                writer.put(bits, *count);
                expected += &format!("{bits:0width$b}", width = *count as usize);
            }
            while !expected.len().is_multiple_of(8) {
                expected += "1";
            }
            let file = writer.finish();
            prop_assert_eq!(&file[..2], &[1, 2]);
            let mut written = String::new();
            let mut bytes = file[2..].iter();
            while let Some(byte) = bytes.next() {
                written += &format!("{byte:08b}");
                if *byte == 0xff {
                    prop_assert_eq!(bytes.next(), Some(&0));
                }
            }
            prop_assert_eq!(written, expected);
        }
    }
}
