//! RFC 6386 clause 18.3: pixels between pixels.

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

    /// `W` pixels out of the first `W + MORE` of a row.
    fn row<const W: usize>(from: &[u8], fraction: usize, to: &mut [u8; W]);

    /// `W` pixels out of `MORE + 1` rows.
    fn column<const W: usize>(from: &[[u8; W]], fraction: usize, to: &mut [u8; W]);
}

/// Version 0.
pub(crate) struct SixTap;

impl Kernel for SixTap {
    const BEFORE: i32 = 2;
    const MORE: usize = 5;

    #[inline(always)]
    fn row<const W: usize>(from: &[u8], fraction: usize, to: &mut [u8; W]) {
        let from = &from[..W + Self::MORE];
        six_tap(|tap, at| from[tap + at], fraction, to);
    }

    #[inline(always)]
    fn column<const W: usize>(from: &[[u8; W]], fraction: usize, to: &mut [u8; W]) {
        let from = &from[..=Self::MORE];
        six_tap(|tap, at| from[tap][at], fraction, to);
    }
}

/// `pixel`: what this tap is for, by the place in `to`.
#[inline(always)]
fn six_tap<const W: usize>(pixel: impl Fn(usize, usize) -> u8, fraction: usize, to: &mut [u8; W]) {
    let taps = &SIX_TAP[fraction];
    // Half of the divisor, to round. Products and the sum of all but the last have 16 bits, and
    // where the whole has not, the pixel is 255.
    let mut sums = [64_i16; W];
    for tap in [0, 1, 2, 4, 5] {
        for (at, sum) in sums.iter_mut().enumerate() {
            *sum = sum.wrapping_add(taps[tap].wrapping_mul(i16::from(pixel(tap, at))));
        }
    }
    for (at, (sum, to)) in sums.into_iter().zip(to).enumerate() {
        let sum = sum.saturating_add(taps[3].wrapping_mul(i16::from(pixel(3, at))));
        *to = (sum >> 7).clamp(0, 255) as u8;
    }
}

/// Versions 1 to 3.
pub(crate) struct Bilinear;

impl Kernel for Bilinear {
    const BEFORE: i32 = 0;
    const MORE: usize = 1;

    #[inline(always)]
    fn row<const W: usize>(from: &[u8], fraction: usize, to: &mut [u8; W]) {
        let from = &from[..W + Self::MORE];
        bilinear(|tap, at| from[tap + at], fraction, to);
    }

    #[inline(always)]
    fn column<const W: usize>(from: &[[u8; W]], fraction: usize, to: &mut [u8; W]) {
        let from = &from[..=Self::MORE];
        bilinear(|tap, at| from[tap][at], fraction, to);
    }
}

/// The taps of clause 18.3 have a factor of 16 in common.
#[inline(always)]
fn bilinear<const W: usize>(pixel: impl Fn(usize, usize) -> u8, fraction: usize, to: &mut [u8; W]) {
    let second = fraction as u16;
    let first = 8 - second;
    for (at, to) in to.iter_mut().enumerate() {
        let sum = first.wrapping_mul(u16::from(pixel(0, at)));
        let sum = sum.wrapping_add(second.wrapping_mul(u16::from(pixel(1, at))));
        *to = (sum.wrapping_add(4) >> 3) as u8;
    }
}
