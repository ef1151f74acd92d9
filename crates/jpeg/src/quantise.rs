//! Quantisation (T.81 clause A.3.4), with the factors that the transform leaves.

use crate::transform::{EXCESS, FACTORS};
use wide::{CmpEq, f32x8, i16x8, i32x8};

/// What coefficients are multiplied with, in transposed order: a column of the block in a row.
pub(crate) struct Quantiser([f32x8; 8]);

/// A quantised block in transposed order.
pub(crate) struct Quantised {
    pub values: [i16; 64],
    /// Bit `8 x + y`: the coefficient of column x and row y is not 0.
    pub nonzero: u64,
}

/// Largest AC coefficient that baseline JPEG can code: 10 bits.
const LARGEST: i16 = 1023;

impl Quantiser {
    /// For steps in natural order.
    pub fn new(steps: &[u8; 64]) -> Self {
        let scale = |x: usize, y: usize| {
            1.0 / (f32::from(steps[y * 8 + x]) * EXCESS * FACTORS[x] * FACTORS[y])
        };
        Self(std::array::from_fn(|x| {
            f32x8::new(std::array::from_fn(|y| scale(x, y)))
        }))
    }

    /// Divides and rounds to the nearest.
    #[inline]
    pub fn quantise(&self, coefficients: [i16x8; 8]) -> Quantised {
        let mut values = [0; 64];
        let mut nonzero = 0;
        for (x, (column, scale)) in coefficients.into_iter().zip(self.0).enumerate() {
            let exact = i32x8::from_i16x8(column).round_float() * scale;
            let whole = i16x8::from_i32x8_saturate(exact.round_int());
            let whole = whole.min(i16x8::splat(LARGEST)).max(i16x8::splat(-LARGEST));
            let zero = whole.cmp_eq(i16x8::ZERO).move_mask();
            nonzero |= u64::from(!zero as u8) << (8 * x);
            values[8 * x..8 * x + 8].copy_from_slice(&whole.to_array());
        }
        Quantised { values, nonzero }
    }
}
