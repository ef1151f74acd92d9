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
