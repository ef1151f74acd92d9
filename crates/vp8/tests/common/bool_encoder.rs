//! RFC 6386 clause 7.3: the boolean entropy encoder.

/// Writes bools, each with its probability.
pub struct BoolEncoder {
    output: Vec<u8>,
    range: u32,
    bottom: u32,
    /// How many shifts are left until a byte is written.
    shifts: u32,
}

impl Default for BoolEncoder {
    fn default() -> Self {
        Self {
            output: Vec::new(),
            range: 255,
            bottom: 0,
            shifts: 24,
        }
    }
}

impl BoolEncoder {
    fn carry(&mut self) {
        for byte in self.output.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                return;
            }
        }
    }

    pub fn bool(&mut self, probability: u8, bit: bool) {
        let split = 1 + (((self.range - 1) * u32::from(probability)) >> 8);
        if bit {
            // The carry out of 32 bits is found when they are shifted.
            self.bottom = self.bottom.wrapping_add(split);
            self.range -= split;
        } else {
            self.range = split;
        }
        while self.range < 128 {
            self.range <<= 1;
            if self.bottom & (1 << 31) != 0 {
                self.carry();
            }
            self.bottom <<= 1;
            self.shifts -= 1;
            if self.shifts == 0 {
                self.output.push((self.bottom >> 24) as u8);
                self.bottom &= 0x00ff_ffff;
                self.shifts = 8;
            }
        }
    }

    pub fn flag(&mut self, bit: bool) {
        self.bool(128, bit);
    }

    /// `L(bits)`.
    pub fn literal(&mut self, bits: u32, value: u64) {
        for bit in (0..bits).rev() {
            self.flag((value >> bit) & 1 == 1);
        }
    }

    /// A magnitude and a sign.
    pub fn signed(&mut self, bits: u32, value: i64) {
        self.literal(bits, value.unsigned_abs());
        self.flag(value < 0);
    }

    /// The partition.
    pub fn finish(mut self) -> Vec<u8> {
        if self.bottom & (1 << (32 - self.shifts)) != 0 {
            self.carry();
        }
        let rest = self.bottom << (self.shifts & 7) << (self.shifts / 8 * 8);
        self.output.extend(rest.to_be_bytes());
        self.output
    }
}
