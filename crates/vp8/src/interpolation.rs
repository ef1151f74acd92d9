//! RFC 6386 clause 18.3: pixels between pixels.

use crate::lanes::widened;
use wide::{i16x8, u8x16};

/// Clause 18.3: six taps by fraction.
const SIX_TAP: [[i16; 6]; 8] = [
    [0, 0, 128, 0, 0, 0],
    [0, -6, 123, 12, -1, 0],
    [2, -11, 108, 36, -8, 1],
    [0, -9, 93, 50, -6, 0],
    [3, -16, 77, 77, -16, 3],
    [0, -6, 50, 93, -9, 0],
    [1, -8, 36, 108, -11, 2],
    [0, -1, 12, 123, -6, 0],
];

/// What pixels between pixels are made with. Fractions are eighths of a pixel, 1 to 7.
pub(crate) trait Kernel {
    /// How many pixels before a block are taken.
    const BEFORE: i32;
    /// How many pixels more than those of a block are taken.
    const MORE: usize;

    /// Up to eight pixels; `tap` gives those that are this many places after the first.
    fn filter(tap: impl Fn(usize) -> i16x8, fraction: usize) -> i16x8;

    /// `W` pixels, four or a multiple of eight, out of the first `W + MORE` of a row.
    #[inline(always)]
    fn row<const W: usize>(from: &[u8], fraction: usize, to: &mut [u8; W]) {
        let from = &from[..W + Self::MORE];
        match W {
            4 => Self::parts::<4, W>(|at, tap| &from[at + tap..], fraction, to),
            _ => Self::parts::<8, W>(|at, tap| &from[at + tap..], fraction, to),
        }
    }

    /// The same out of `MORE + 1` rows.
    #[inline(always)]
    fn column<const W: usize>(from: &[[u8; W]], fraction: usize, to: &mut [u8; W]) {
        let from = &from[..=Self::MORE];
        match W {
            4 => Self::parts::<4, W>(|at, tap| &from[tap][at..], fraction, to),
            _ => Self::parts::<8, W>(|at, tap| &from[tap][at..], fraction, to),
        }
    }

    /// `L` pixels at a time; `from` gives what a tap is for, from a place on.
    #[inline(always)]
    fn parts<'a, const L: usize, const W: usize>(
        from: impl Fn(usize, usize) -> &'a [u8],
        fraction: usize,
        to: &mut [u8; W],
    ) {
        for (number, to) in to.as_chunks_mut::<L>().0.iter_mut().enumerate() {
            let pixels = Self::filter(|tap| load::<L>(from(number * L, tap)), fraction);
            let pixels = u8x16::narrow_i16x8(pixels, pixels);
            to.copy_from_slice(&pixels.as_array_ref()[..L]);
        }
    }
}

/// The first `L` pixels, up to eight.
#[inline(always)]
fn load<const L: usize>(from: &[u8]) -> i16x8 {
    let mut pixels = [0; 16];
    pixels[..L].copy_from_slice(&from[..L]);
    widened(u8x16::new(pixels))[0]
}

/// Version 0.
pub(crate) struct SixTap;

impl Kernel for SixTap {
    const BEFORE: i32 = 2;
    const MORE: usize = 5;

    /// All products and the sum of all but the last fit into 16 bits, and where the whole sum does
    /// not, the pixel is 255.
    #[inline(always)]
    fn filter(tap: impl Fn(usize) -> i16x8, fraction: usize) -> i16x8 {
        let taps = &SIX_TAP[fraction];
        let product = |at| tap(at) * i16x8::splat(taps[at]);
        let half = i16x8::splat(64);
        let sum = half + product(0) + product(1) + product(2) + product(4) + product(5);
        sum.saturating_add(product(3)) >> 7
    }
}

/// Versions 1 to 3.
pub(crate) struct Bilinear;

impl Kernel for Bilinear {
    const BEFORE: i32 = 0;
    const MORE: usize = 1;

    /// The taps of clause 18.3 have a factor of 16 in common.
    #[inline(always)]
    fn filter(tap: impl Fn(usize) -> i16x8, fraction: usize) -> i16x8 {
        let second = fraction as i16;
        let sum = tap(0) * i16x8::splat(8 - second) + tap(1) * i16x8::splat(second);
        (sum + i16x8::splat(4)) >> 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `interp` of clause 18.3.
    fn interpolate(taps: [i32; 6], pixels: &[u8]) -> u8 {
        let sum: i32 = taps
            .iter()
            .zip(pixels)
            .map(|(tap, pixel)| tap * i32::from(*pixel))
            .sum();
        ((sum + 64) >> 7).clamp(0, 255) as u8
    }

    fn check<K: Kernel, const W: usize>(taps: [i32; 6], pixels: &[u8; 21], fraction: usize) {
        let expected: [u8; W] = std::array::from_fn(|at| interpolate(taps, &pixels[at..]));
        let from = 2 - K::BEFORE as usize;
        let mut row = [0; W];
        K::row(&pixels[from..], fraction, &mut row);
        assert_eq!(row, expected);
        // The same pixels, one below the other in each column.
        let columns: [[u8; W]; 6] =
            std::array::from_fn(|row| std::array::from_fn(|column| pixels[row + column]));
        let mut row = [0; W];
        K::column(&columns[from..], fraction, &mut row);
        assert_eq!(row, expected);
    }

    fn check_all<K: Kernel>(taps: [i32; 6], pixels: &[u8; 21], fraction: usize) {
        check::<K, 4>(taps, pixels, fraction);
        check::<K, 8>(taps, pixels, fraction);
        check::<K, 16>(taps, pixels, fraction);
    }

    proptest! {
        #[test]
        fn as_the_clause_says(
            pixels in any::<[u8; 21]>(),
            extremes in any::<bool>(),
            fraction in 1..8_usize,
        ) {
            let pixels = pixels.map(|it| if extremes { (it & 1) * 255 } else { it });
            check_all::<SixTap>(SIX_TAP[fraction].map(i32::from), &pixels, fraction);
            let second = 16 * fraction as i32;
            check_all::<Bilinear>([0, 0, 128 - second, second, 0, 0], &pixels, fraction);
        }
    }
}
