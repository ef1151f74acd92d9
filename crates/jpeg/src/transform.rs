//! Forward DCT (T.81 clause A.3.3) after Arai, Agui and Nakajima, "A fast DCT-SQ scheme for images"
//! (Trans. IEICE E-71, 1988): five multiplications a line, and factors that remain are divided out by
//! the quantiser.

use wide::i16x8;

/// Bits of a fraction that samples get, so that products round less.
const FRACTION: i32 = 1;

/// What all coefficients are too large by; a coefficient is by the [`FACTORS`] of its row and column, too.
pub(crate) const EXCESS: f32 = (8 << FRACTION) as f32;

/// cos(i π / 16) √2, 1 for i = 0.
pub(crate) const FACTORS: [f32; 8] = [
    1.0,
    1.387_039_8,
    1.306_563,
    1.175_875_6,
    1.0,
    0.785_694_96,
    0.541_196_1,
    0.275_899_38,
];

/// A number below 1 with 15 bits of fraction.
const fn fraction(value: f64) -> i16 {
    (value * 32768.0 + 0.5) as i16
}

/// cos 4π/16.
const C4: i16 = fraction(std::f64::consts::FRAC_1_SQRT_2);
/// cos 6π/16.
const C6: i16 = fraction(0.382_683_432_365_089_8);
/// cos 2π/16 - cos 6π/16.
const C2_LESS_C6: i16 = fraction(0.541_196_100_146_197);
/// cos 2π/16 + cos 6π/16, less 1.
const C2_AND_C6_LESS_1: i16 = fraction(0.306_562_964_876_376_5);

/// Transforms 8 lines of samples; the coefficients are in transposed order, which the quantiser knows.
pub(crate) fn forward(samples: &[[u8; 8]; 8]) -> [i16x8; 8] {
    let rows = samples.map(|row| {
        let centred = i16x8::new(row.map(i16::from)) - i16x8::splat(128);
        centred << FRACTION
    });
    lines(i16x8::transpose(lines(rows)))
}

/// One transform in each lane.
#[inline(always)]
fn lines(v: [i16x8; 8]) -> [i16x8; 8] {
    let by = |value: i16x8, factor: i16| value.mul_scale_round_n(factor);
    let (s07, d07) = (v[0] + v[7], v[0] - v[7]);
    let (s16, d16) = (v[1] + v[6], v[1] - v[6]);
    let (s25, d25) = (v[2] + v[5], v[2] - v[5]);
    let (s34, d34) = (v[3] + v[4], v[3] - v[4]);
    // Even part.
    let (a, d) = (s07 + s34, s07 - s34);
    let (b, c) = (s16 + s25, s16 - s25);
    let e = by(c + d, C4);
    // Odd part.
    let (f, g, h) = (d34 + d25, d25 + d16, d16 + d07);
    let i = by(f - h, C6);
    let j = by(f, C2_LESS_C6) + i;
    let k = by(h, C2_AND_C6_LESS_1) + h + i;
    let l = by(g, C4);
    let (m, n) = (d07 + l, d07 - l);
    [a + b, m + k, d + e, n - j, a - b, n + j, d - e, m - k]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// T.81 clause A.3.3.
    fn formula(samples: &[[u8; 8]; 8], u: usize, v: usize) -> f64 {
        let c = |i: usize| {
            if i == 0 {
                std::f64::consts::FRAC_1_SQRT_2
            } else {
                1.0
            }
        };
        let wave = |x: usize, u: usize| {
            ((2 * x + 1) as f64 * u as f64 * std::f64::consts::PI / 16.0).cos()
        };
        let mut sum = 0.0;
        for (y, row) in samples.iter().enumerate() {
            for (x, sample) in row.iter().enumerate() {
                sum += (f64::from(*sample) - 128.0) * wave(x, u) * wave(y, v);
            }
        }
        sum * c(u) * c(v) / 4.0
    }

    proptest! {
        #[test]
        fn coefficients_are_those_of_the_formula(
            rows in proptest::array::uniform8(proptest::array::uniform8(any::<u8>())),
            extreme in any::<bool>(),
        ) {
            let samples = if extreme { rows.map(|row| row.map(|s| if s > 127 { 255 } else { 0 })) } else { rows };
            let found = forward(&samples).map(i16x8::to_array);
            for u in 0..8 {
                for v in 0..8 {
                    let scale = f64::from(EXCESS * FACTORS[u] * FACTORS[v]);
                    let ours = f64::from(found[u][v]) / scale;
                    let exact = formula(&samples, u, v);
                    // Products round by half a unit, some of them several times one after the other.
                    prop_assert!((ours - exact).abs() * scale < 10.0, "{u}, {v}: {ours}, {exact}");
                }
            }
        }
    }
}
