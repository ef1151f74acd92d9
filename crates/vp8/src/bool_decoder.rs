//! RFC 6386 clauses 7 and 8: the boolean entropy decoder, literals and trees.

/// Reads bools, each with its probability, from one partition.
///
/// Past the end of the partition the bits are zeros; [`overrun`](Self::overrun) tells.
#[derive(Debug)]
pub(crate) struct BoolDecoder<'a> {
    /// The bits that decide, topmost first: eight are compared, the others wait.
    value: u64,
    /// 128 to 255.
    range: u32,
    /// How many bits wait in `value` below its top eight; below zero when some of those lack.
    waiting: i32,
    rest: &'a [u8],
    overrun: bool,
}

impl<'a> BoolDecoder<'a> {
    /// Starts at the first byte of `partition`.
    pub fn new(partition: &'a [u8]) -> Self {
        Self {
            value: 0,
            range: 255,
            waiting: -8,
            rest: partition,
            overrun: false,
        }
    }

    /// Whether a bool depended on bits after the end of the partition.
    pub fn overrun(&self) -> bool {
        self.overrun
    }

    /// How many bytes no bool has depended on, where that is more than an encoder leaves.
    ///
    /// Encoders end a partition with up to four bytes that decide nothing (clause 7.3,
    /// `flush_bool_encoder`), and may fill up to a multiple of eight bytes, or with bytes that are
    /// all alike.
    pub fn left_over(&self) -> Option<usize> {
        const USUAL: usize = 8;
        let waiting = usize::try_from(self.waiting / 8).unwrap_or(0);
        let left = self.rest.len().saturating_add(waiting);
        let unusual = left.checked_sub(USUAL)?;
        let start = self.rest.len().saturating_sub(unusual);
        let unusual = self.rest.get(start..)?;
        let is_written = unusual.windows(2).any(|pair| pair[0] != pair[1]);
        is_written.then_some(left)
    }

    /// Makes at least eight bits comparable.
    fn fill(&mut self) {
        let shift = self.waiting + 8; // 0 to 7: how many bits are left
        if let Some(word) = self.rest.first_chunk::<8>() {
            // Seven of the eight bytes: with the bits that are left, they fit.
            self.value |= (u64::from_be_bytes(*word) & !0xff) >> shift;
            self.waiting += 56;
            self.rest = self.rest.get(7..).unwrap_or_default();
        } else if let Some((&byte, rest)) = self.rest.split_first() {
            self.value |= u64::from(byte) << (56 - shift);
            self.waiting += 8;
            self.rest = rest;
        } else {
            self.overrun = true;
            self.waiting += 56;
        }
    }

    /// A bool that is false with a probability of `probability` / 256.
    #[inline(always)]
    pub fn read_bool(&mut self, probability: u8) -> bool {
        if self.waiting < 0 {
            self.fill();
        }
        let split = 1 + (((self.range - 1) * u32::from(probability)) >> 8);
        let threshold = u64::from(split) << 56;
        let bit = self.value >= threshold;
        let range = if bit {
            self.value -= threshold;
            self.range - split
        } else {
            split
        };
        let shift = range.leading_zeros() - 24;
        self.range = range << shift;
        self.value <<= shift;
        self.waiting -= shift as i32;
        bit
    }

    /// A bool of even odds: `L(1)`.
    #[inline(always)]
    pub fn read_flag(&mut self) -> bool {
        self.read_bool(128)
    }

    /// An unsigned number of up to eight bits, topmost first: `L(n)`.
    pub fn read_literal(&mut self, bits: u32) -> u8 {
        (0..bits).fold(0, |value, _| (value << 1) | u8::from(self.read_flag()))
    }

    /// A magnitude of up to seven bits and a sign.
    pub fn read_signed(&mut self, bits: u32) -> i8 {
        let magnitude = self.read_literal(bits) as i8;
        if self.read_flag() {
            -magnitude
        } else {
            magnitude
        }
    }

    /// [`read_signed`](Self::read_signed) behind a flag; zero where that is not set.
    pub fn read_optional_signed(&mut self, bits: u32) -> i8 {
        if self.read_flag() {
            self.read_signed(bits)
        } else {
            0
        }
    }

    /// A value that is coded with a tree (clause 8.1). An entry of `tree` above zero is the place
    /// of a pair of entries, any other one is the value times minus one.
    #[inline(always)]
    pub fn read_tree(&mut self, tree: &[i8], probabilities: &[u8]) -> usize {
        let mut place = 0_usize;
        loop {
            let bit = self.read_bool(probabilities[place >> 1]);
            let next = tree[place + usize::from(bit)];
            if next <= 0 {
                return usize::from(next.unsigned_abs());
            }
            place = usize::from(next.unsigned_abs());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bool_encoder::BoolEncoder;
    use proptest::prelude::*;

    /// Four values: 0 behind one bit, 1 behind two, 2 and 3 behind three.
    const TREE: [i8; 6] = [0, 2, -1, 4, -2, -3];

    proptest! {
        #[test]
        fn what_was_written(bools in prop::collection::vec((any::<u8>(), any::<bool>()), 0..3000)) {
            let mut encoder = BoolEncoder::default();
            for &(probability, bit) in &bools {
                encoder.bool(probability, bit);
            }
            let partition = encoder.finish();
            let mut decoder = BoolDecoder::new(&partition);
            for (probability, bit) in bools {
                prop_assert_eq!(decoder.read_bool(probability), bit);
            }
            prop_assert!(!decoder.overrun());
            prop_assert_eq!(decoder.left_over(), None);
        }
    }

    #[test]
    fn numbers_and_trees() {
        let mut encoder = BoolEncoder::default();
        encoder.literal(7, 101);
        encoder.signed(6, -63);
        encoder.flag(false);
        encoder.flag(true);
        encoder.signed(4, 9);
        for bits in [&[false][..], &[true, false], &[true, true, true]] {
            for (probability, bit) in [200, 100, 50].into_iter().zip(bits) {
                encoder.bool(probability, *bit);
            }
        }
        let partition = encoder.finish();
        let mut decoder = BoolDecoder::new(&partition);
        assert_eq!(decoder.read_literal(7), 101);
        assert_eq!(decoder.read_signed(6), -63);
        assert_eq!(decoder.read_optional_signed(4), 0);
        assert_eq!(decoder.read_optional_signed(4), 9);
        let values = [(); 3].map(|()| decoder.read_tree(&TREE, &[200, 100, 50]));
        assert_eq!(values, [0, 1, 3]);
    }

    /// Of even odds, each bool but the first takes a bit, and looks at the eight that come next: the
    /// 34th looks at the last eight of five bytes.
    #[test]
    fn the_end_of_a_partition() {
        let mut decoder = BoolDecoder::new(&[0; 5]);
        let mut read = 0;
        while !decoder.overrun() {
            assert!(!decoder.read_flag());
            read += 1;
        }
        assert_eq!(read, 35);
        let mut empty = BoolDecoder::new(&[]);
        assert!(!empty.overrun() && !empty.read_flag() && empty.overrun());
    }

    #[test]
    fn what_is_left_over() {
        let left = |bytes: &[u8]| {
            let mut decoder = BoolDecoder::new(bytes);
            decoder.read_flag();
            decoder.left_over()
        };
        let mut bytes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        assert_eq!(left(&bytes[..8]), None);
        assert_eq!(left(&bytes), Some(11));
        bytes[9..].fill(7);
        assert_eq!(left(&bytes), None);
    }
}
