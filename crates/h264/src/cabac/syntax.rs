//! Syntax elements in CABAC, binarised as in clause 9.3.2 with the contexts of 9.3.3.1. Increments
//! that depend on neighbours are given.

use super::Cabac;
use crate::Error;

/// `mb_type` of an intra macroblock in I slices (table 7-11), and as it follows the prefix in others.
const I_PCM: u32 = 25;

impl Cabac<'_> {
    /// `mb_skip_flag`.
    pub fn skip(&mut self, b_slice: bool, increment: usize) -> bool {
        self.flag(if b_slice { 24 } else { 11 } + increment)
    }

    /// `mb_field_decoding_flag`.
    pub fn field(&mut self, increment: usize) -> bool {
        self.flag(70 + increment)
    }

    /// `mb_type` in an I slice, table 7-11.
    pub fn type_in_i(&mut self, increment: usize) -> u32 {
        if !self.flag(3 + increment) {
            return 0;
        }
        self.intra_type([6, 7, 8, 9, 10])
    }

    /// `mb_type` of an intra macroblock in a P (17) or B (32) slice, table 7-11.
    fn type_after_prefix(&mut self, base: usize) -> u32 {
        if !self.flag(base) {
            return 0;
        }
        self.intra_type([base + 1, base + 2, base + 2, base + 3, base + 3])
    }

    fn intra_type(&mut self, contexts: [usize; 5]) -> u32 {
        if self.terminate() {
            return I_PCM;
        }
        let [luma, chroma, both, mode_high, mode_low] = contexts;
        let mut kind = 1 + 12 * self.bin(luma);
        if self.flag(chroma) {
            kind += 4 + 4 * self.bin(both);
        }
        kind += 2 * self.bin(mode_high);
        kind + self.bin(mode_low)
    }

    /// `mb_type` in a P slice, table 7-13; intra ones from 5 on.
    pub fn type_in_p(&mut self) -> u32 {
        if self.flag(14) {
            return 5 + self.type_after_prefix(17);
        }
        if self.flag(15) {
            2 - self.bin(17)
        } else {
            3 * self.bin(16)
        }
    }

    /// `mb_type` in a B slice, table 7-14; intra ones from 23 on.
    pub fn type_in_b(&mut self, increment: usize) -> u32 {
        if !self.flag(27 + increment) {
            return 0;
        }
        if !self.flag(30) {
            return 1 + self.bin(32);
        }
        let mut bits = self.bin(31) << 3;
        bits |= self.bin(32) << 2;
        bits |= self.bin(32) << 1;
        bits |= self.bin(32);
        match bits {
            0..8 => bits + 3,
            13 => 23 + self.type_after_prefix(32),
            14 => 11,
            15 => 22,
            _ => (bits << 1 | self.bin(32)) - 4,
        }
    }

    /// `sub_mb_type` in a P slice, table 7-17.
    pub fn sub_type_in_p(&mut self) -> u32 {
        if self.flag(21) {
            0
        } else if !self.flag(22) {
            1
        } else if self.flag(23) {
            2
        } else {
            3
        }
    }

    /// `sub_mb_type` in a B slice, table 7-18.
    pub fn sub_type_in_b(&mut self) -> u32 {
        if !self.flag(36) {
            return 0;
        }
        if !self.flag(37) {
            return 1 + self.bin(39);
        }
        let mut kind = 3;
        if self.flag(38) {
            if self.flag(39) {
                return 11 + self.bin(39);
            }
            kind += 4;
        }
        kind += 2 * self.bin(39);
        kind + self.bin(39)
    }

    /// `ref_idx_l0` or `ref_idx_l1`.
    ///
    /// # Errors
    /// More than any list has.
    pub fn reference_index(&mut self, increment: usize) -> Result<u32, Error> {
        let (mut index, mut context) = (0, increment);
        while self.flag(54 + context) {
            index += 1;
            context = (context >> 2) + 4;
            if index >= 32 {
                return Err(Error::damaged("reference index out of range"));
            }
        }
        Ok(index)
    }

    /// A component of `mvd_l0` or `mvd_l1`: `base` is 40 for x, 47 for y; `around` the sum of the
    /// neighbours' magnitudes.
    ///
    /// # Errors
    /// More than a motion vector can be.
    pub fn mvd(&mut self, base: usize, around: u32) -> Result<i32, Error> {
        let first = usize::from(around > 2) + usize::from(around > 32);
        if !self.flag(base + first) {
            return Ok(0);
        }
        let (mut value, mut context) = (1, base + 3);
        while value < 9 && self.flag(context) {
            if value < 4 {
                context += 1;
            }
            value += 1;
        }
        if value >= 9 {
            let mut length = 3;
            while self.bypass() == 1 {
                value += 1 << length;
                length += 1;
                if length > 24 {
                    return Err(Error::damaged("motion vector difference out of range"));
                }
            }
            while length > 0 {
                length -= 1;
                value += (self.bypass() as i32) << length;
            }
        }
        Ok(if self.bypass() == 1 { -value } else { value })
    }

    /// `prev_intra4x4_pred_mode_flag` and `rem_intra4x4_pred_mode`: `None` where the predicted mode
    /// holds.
    pub fn intra_mode(&mut self) -> Option<u8> {
        if self.flag(68) {
            return None;
        }
        let bits = self.bin(69) | self.bin(69) << 1 | self.bin(69) << 2;
        Some(bits as u8)
    }

    /// `intra_chroma_pred_mode`.
    pub fn chroma_mode(&mut self, increment: usize) -> u8 {
        if !self.flag(64 + increment) {
            0
        } else if !self.flag(67) {
            1
        } else if !self.flag(67) {
            2
        } else {
            3
        }
    }

    /// Prefix of `coded_block_pattern`: bit i where 8×8 block i has coefficients; `left` and `top` are
    /// those of the neighbours, all set where they are not available.
    pub fn luma_pattern(&mut self, left: u32, top: u32) -> u32 {
        let clear = |pattern: u32, bit: u32| usize::from(pattern >> bit & 1 == 0);
        let mut pattern = self.bin(73 + clear(left, 1) + 2 * clear(top, 2));
        pattern |= self.bin(73 + clear(pattern, 0) + 2 * clear(top, 3)) << 1;
        pattern |= self.bin(73 + clear(left, 3) + 2 * clear(pattern, 0)) << 2;
        pattern | self.bin(73 + clear(pattern, 2) + 2 * clear(pattern, 1)) << 3
    }

    /// Suffix of `coded_block_pattern`, from the neighbours'.
    pub fn chroma_pattern(&mut self, left: u32, top: u32) -> u32 {
        if !self.flag(77 + usize::from(left != 0) + 2 * usize::from(top != 0)) {
            return 0;
        }
        1 + self.bin(81 + usize::from(left == 2) + 2 * usize::from(top == 2))
    }

    /// `mb_qp_delta`; `limit` is how large it may be.
    ///
    /// # Errors
    /// A larger one.
    pub fn qp_delta(&mut self, after_change: bool, limit: i32) -> Result<i32, Error> {
        let (mut value, mut context) = (0, usize::from(after_change));
        while self.flag(60 + context) {
            context = 2 + (context >> 1);
            value += 1;
            if value > 2 * limit {
                return Err(Error::damaged("mb_qp_delta out of range"));
            }
        }
        let magnitude = (value + 1) >> 1;
        Ok(if value & 1 == 1 {
            magnitude
        } else {
            -magnitude
        })
    }

    /// `transform_size_8x8_flag`.
    pub fn transform_8x8(&mut self, increment: usize) -> bool {
        self.flag(399 + increment)
    }
}
