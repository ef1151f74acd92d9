//! The forward DCT, T.81 A.3.3, after Loeffler, Ligtenberg and Moschytz, "Practical fast 1-D DCT
//! algorithms with 11 multiplications" (1989), in the form and with the precision of libjpeg's
//! "islow": constants of 13 bits, rows between the two passes with 2 bits of fraction. Eight
//! columns at once; products of pairs are added by one instruction.

use wide::{i16x8, i32x4, i32x8};

const CONSTANT_BITS: i32 = 13;
const PASS_BITS: i32 = 2;

/// Coefficients of a block, times 8, transposed: vector `u` has horizontal frequency `u`, its
/// lanes are the vertical frequencies. `rows` are the samples less 128.
#[inline]
pub(crate) fn forward(rows: [i16x8; 8]) -> [i16x8; 8] {
    let columns = i16x8::transpose(pass::<true>(rows));
    pass::<false>(columns)
}

/// A constant with [`CONSTANT_BITS`] of fraction.
const fn fixed(value: f64) -> i16 {
    (value * (1 << CONSTANT_BITS) as f64 + if value < 0.0 { -0.5 } else { 0.5 }) as i16
}

/// The one-dimensional DCT across the eight vectors, times the square root of 8. The first pass
/// adds [`PASS_BITS`] of fraction and the second takes them away.
#[inline(always)]
fn pass<const FIRST: bool>(d: [i16x8; 8]) -> [i16x8; 8] {
    let (s0, s1, s2, s3) = (d[0] + d[7], d[1] + d[6], d[2] + d[5], d[3] + d[4]);
    let (t7, t6, t5, t4) = (d[0] - d[7], d[1] - d[6], d[2] - d[5], d[3] - d[4]);

    let (e0, e3, e1, e2) = (s0 + s3, s0 - s3, s1 + s2, s1 - s2);
    let (sum, difference) = (e0 + e1, e0 - e1);
    let whole = |value: i16x8| -> i16x8 {
        if FIRST {
            value << PASS_BITS
        } else {
            (value + i16x8::splat(1 << (PASS_BITS - 1))) >> PASS_BITS
        }
    };
    let even = Pair::of(e3, e2);
    let two = even.times(fixed(0.541_196_1 + 0.765_366_865), fixed(0.541_196_1));
    let six = even.times(fixed(0.541_196_1), fixed(0.541_196_1 - 1.847_759_065));

    let z = Pair::of(t4 + t6, t5 + t7);
    let z3 = z.times(fixed(1.175_875_602 - 1.961_570_56), fixed(1.175_875_602));
    let z4 = z.times(fixed(1.175_875_602), fixed(1.175_875_602 - 0.390_180_644));
    let outer = Pair::of(t4, t7);
    let seven = outer.times(fixed(0.298_631_336 - 0.899_976_223), fixed(-0.899_976_223));
    let one = outer.times(fixed(-0.899_976_223), fixed(1.501_321_11 - 0.899_976_223));
    let inner = Pair::of(t5, t6);
    let five = inner.times(fixed(2.053_119_869 - 2.562_915_447), fixed(-2.562_915_447));
    let three = inner.times(fixed(-2.562_915_447), fixed(3.072_711_026 - 2.562_915_447));

    [
        whole(sum),
        one.plus(z4).rounded::<FIRST>(),
        two.rounded::<FIRST>(),
        three.plus(z3).rounded::<FIRST>(),
        whole(difference),
        five.plus(z4).rounded::<FIRST>(),
        six.rounded::<FIRST>(),
        seven.plus(z3).rounded::<FIRST>(),
    ]
}

/// Two vectors, interleaved: what each lane of the dot product takes.
#[derive(Clone, Copy)]
struct Pair {
    low: i16x8,
    high: i16x8,
}

impl Pair {
    #[inline(always)]
    fn of(a: i16x8, b: i16x8) -> Self {
        let (a, b) = (a.to_array(), b.to_array());
        Self {
            low: i16x8::new([a[0], b[0], a[1], b[1], a[2], b[2], a[3], b[3]]),
            high: i16x8::new([a[4], b[4], a[5], b[5], a[6], b[6], a[7], b[7]]),
        }
    }

    /// The first vector times `a` plus the second times `b`.
    #[inline(always)]
    fn times(self, a: i16, b: i16) -> Wide {
        let factors = i16x8::new([a, b, a, b, a, b, a, b]);
        Wide {
            low: self.low.dot(factors),
            high: self.high.dot(factors),
        }
    }
}

/// Eight sums of products.
#[derive(Clone, Copy)]
struct Wide {
    low: i32x4,
    high: i32x4,
}

impl Wide {
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self {
            low: self.low + other.low,
            high: self.high + other.high,
        }
    }

    #[inline(always)]
    fn rounded<const FIRST: bool>(self) -> i16x8 {
        let bits = if FIRST {
            CONSTANT_BITS - PASS_BITS
        } else {
            CONSTANT_BITS + PASS_BITS
        };
        let half = i32x4::splat(1 << (bits - 1));
        let (low, high) = ((self.low + half) >> bits, (self.high + half) >> bits);
        let [a, b, c, d] = low.to_array();
        let [e, f, g, h] = high.to_array();
        i16x8::from_i32x8_saturate(i32x8::new([a, b, c, d, e, f, g, h]))
    }
}

#[cfg(test)]
#[allow(clippy::needless_range_loop, reason = "the formula's indices")]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    /// T.81 A.3.3 as it is written, times 8.
    fn exact(samples: &[[i16; 8]; 8], u: usize, v: usize) -> f64 {
        let scale = |k| if k == 0 { 0.5f64.sqrt() } else { 1.0 };
        let cosine = |x: usize, u: usize| ((2 * x + 1) as f64 * u as f64 * PI / 16.0).cos();
        let mut sum = 0.0;
        for (y, row) in samples.iter().enumerate() {
            for (x, sample) in row.iter().enumerate() {
                sum += f64::from(*sample) * cosine(x, u) * cosine(y, v);
            }
        }
        8.0 * 0.25 * scale(u) * scale(v) * sum
    }

    #[test]
    fn coefficients_are_those_of_the_standard() {
        let mut seed = 7u32;
        let mut next = move || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as i16 - 128
        };
        let mut blocks = vec![[[-128i16; 8]; 8], [[127; 8]; 8]];
        // Extremes of each frequency: the largest values that there are.
        for k in 0..64 {
            let sign =
                |x: usize, u: usize| ((2 * x + 1) as f64 * u as f64 * PI / 16.0).cos() >= 0.0;
            let sample = |y: usize, x: usize| match sign(x, k % 8) == sign(y, k / 8) {
                true => 127,
                false => -128,
            };
            blocks.push(std::array::from_fn(|y| {
                std::array::from_fn(|x| sample(y, x))
            }));
        }
        for _ in 0..500 {
            blocks.push(std::array::from_fn(|_| std::array::from_fn(|_| next())));
        }
        let mut squares = 0.0;
        for samples in &blocks {
            let block = forward(samples.map(i16x8::new)).map(i16x8::to_array);
            for u in 0..8 {
                for v in 0..8 {
                    let off = f64::from(block[u][v]) - exact(samples, u, v);
                    assert!(off.abs() < 2.0, "({u}, {v}) is off by {off} / 8");
                    squares += off * off;
                }
            }
        }
        // An eighth is the unit: rounding alone would leave 0.29.
        let deviation = (squares / (64 * blocks.len()) as f64).sqrt();
        assert!(deviation < 0.5, "{deviation}");
    }
}
