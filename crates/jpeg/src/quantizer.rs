//! Quantisation, T.81 A.3.4, and the tables of its Annex K.

use crate::zigzag::POSITIONS;
use wide::{CmpEq, i8x16, i16x8, i16x16};

/// T.81 table K.1, row by row.
#[rustfmt::skip]
const LUMA: [u8; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61,
    12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77,
    24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
];

/// T.81 table K.2, row by row.
#[rustfmt::skip]
const CHROMA: [u8; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99,
    18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
];

/// Which table of Annex K.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Luma,
    Chroma,
}

/// Divides a block by a table, rounding to the nearest, halves away from 0.
///
/// The instruction at hand multiplies numbers of 16 bits, shifts right by 15 and rounds halves up.
/// A dividend v, at most 2^13, is so multiplied twice: by m, the whole part of 2^(15 + s) / d but
/// at most 2^15 - 1, where d is the step times 8 and s = floor(log2 d); and by 2^(15 - s), which
/// divides by 2^s. Together that is `floor(v m / 2^(15 + s) + 1/2 + 1/2^(s + 1))`, since an inner
/// rounding down changes nothing and its half is 1/2^(s + 1) of the outer unit. It is
/// `floor(v / d + 1/2)`: v m / 2^(15 + s) is too small, if at all, by v / 2^(15 + s), which is
/// less than 1/2^(s + 1); and that is less than 1 / d, of which v / d + 1/2 below a whole number
/// falls short, or equal where d is a power of two, whose m is too small.
pub(crate) struct Quantizer {
    /// Steps in zigzag order, as they stand in the file.
    pub steps: [u8; 64],
    /// m of each coefficient, transposed as the DCT leaves them.
    reciprocals: [i16x8; 8],
    /// 2^(15 - s).
    shifts: [i16x8; 8],
}

impl Quantizer {
    /// The table of Annex K scaled by `quality`, 1 to 100, as by the Independent JPEG Group.
    pub fn new(kind: Kind, quality: u8) -> Self {
        let quality = u32::from(quality.clamp(1, 100));
        let scale = if quality < 50 {
            5000 / quality
        } else {
            200 - 2 * quality
        };
        let table = match kind {
            Kind::Luma => &LUMA,
            Kind::Chroma => &CHROMA,
        };
        // Row by row means transposed here: position 8 u + v stands at 8 v + u in the table.
        let step = |position: usize| {
            let sample = u32::from(table[position % 8 * 8 + position / 8]);
            ((sample * scale + 50) / 100).clamp(1, 255)
        };
        let vectors = |value: fn(u32) -> i16| -> [i16x8; 8] {
            std::array::from_fn(|u| i16x8::new(std::array::from_fn(|v| value(step(8 * u + v)))))
        };
        Self {
            steps: POSITIONS.map(|position| step(usize::from(position)) as u8),
            reciprocals: vectors(|step| factors(step)[0]),
            shifts: vectors(|step| factors(step)[1]),
        }
    }

    /// Quantises coefficients of [`crate::dct::forward`] into `out`, transposed as they are, and
    /// says which are not 0.
    #[inline]
    pub fn quantize(&self, block: &[i16x8; 8], out: &mut [i16; 64]) -> u64 {
        let mut mask = 0;
        for (i, out) in out
            .as_chunks_mut()
            .0
            .as_chunks_mut::<2>()
            .0
            .iter_mut()
            .enumerate()
        {
            let low = self.vector(2 * i, block[2 * i]);
            let high = self.vector(2 * i + 1, block[2 * i + 1]);
            *out = [low.to_array(), high.to_array()];
            mask |= present(low, high) << (16 * i);
        }
        mask
    }

    #[inline(always)]
    fn vector(&self, u: usize, value: i16x8) -> i16x8 {
        let quotient = value
            .abs()
            .mul_scale_round(self.reciprocals[u])
            .mul_scale_round(self.shifts[u]);
        let sign = value >> 15;
        (quotient ^ sign) - sign
    }
}

/// m and 2^(15 - s) for a step.
const fn factors(step: u32) -> [i16; 2] {
    let d = 8 * step;
    let s = d.ilog2();
    let m = (1 << (15 + s)) / d;
    [if m > 0x7fff { 0x7fff } else { m as i16 }, 1 << (15 - s)]
}

/// Which of 16 coefficients are not 0.
#[inline(always)]
fn present(low: i16x8, high: i16x8) -> u64 {
    let (low, high) = (low.to_array(), high.to_array());
    let [a, b, c, d, e, f, g, h] = low;
    let [i, j, k, l, m, n, o, p] = high;
    let both = i16x16::new([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]);
    let zeros = i8x16::from_i16x16_saturate(both).cmp_eq(i8x16::ZERO);
    u64::from(!zeros.move_mask() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_divided_exactly() {
        for quality in 1..=100 {
            for kind in [Kind::Luma, Kind::Chroma] {
                let quantizer = Quantizer::new(kind, quality);
                for value in (-8200i16..=8200).step_by(7).chain([-1, 0, 1]) {
                    let mut block = [0; 64];
                    let mask = quantizer.quantize(&[i16x8::splat(value); 8], &mut block);
                    for (i, position) in POSITIONS.into_iter().enumerate() {
                        let d = 8 * i32::from(quantizer.steps[i]);
                        let value = i32::from(value);
                        let expected = value.signum() * ((value.abs() + d / 2) / d);
                        let quotient = i32::from(block[usize::from(position)]);
                        assert_eq!(quotient, expected, "{value} / {d}");
                        assert_eq!(mask >> position & 1 == 1, expected != 0);
                    }
                }
            }
        }
    }

    #[test]
    fn every_divisor_divides_every_dividend() {
        for step in 1..=255u32 {
            let [m, shift] = factors(step).map(i16x8::splat);
            let d = 8 * step as i32;
            for n in (0..=1 << 13).step_by(8) {
                let values: [i16; 8] = std::array::from_fn(|i| n + i as i16);
                let quotients = i16x8::new(values).mul_scale_round(m).mul_scale_round(shift);
                let expected = values.map(|v| ((i32::from(v) + d / 2) / d) as i16);
                assert_eq!(quotients.to_array(), expected, "{values:?} / {d}");
            }
        }
    }
}
