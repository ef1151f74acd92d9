//! Rows of samples: from a plane's codes to numbers, and from numbers to bytes.

use framemill_video::{Plane, Row, Samples};

/// The samples of an 8-bit plane from its first on, and how far apart rows begin; none of a plane
/// of more bits.
pub(crate) fn bytes(plane: &Plane) -> (&[u8], usize) {
    match &plane.samples {
        Samples::U8(samples) => (samples.get(plane.start..).unwrap_or_default(), plane.stride),
        Samples::U16(_) => (&[], 0),
    }
}

/// A row of an 8-bit plane; beyond the last the last, empty where there is none.
pub(crate) fn byte_row(plane: &Plane, y: usize) -> &[u8] {
    match plane.row(y.min((plane.height as usize).saturating_sub(1))) {
        Row::U8(row) => row,
        Row::U16(_) => &[],
    }
}

/// Samples as numbers of 16 bits.
pub(crate) fn widen(row: &[u8], out: &mut [i16]) {
    for (to, from) in out.iter_mut().zip(row) {
        *to = i16::from(*from);
    }
}

/// A row's samples as numbers; zeros where the plane has no such row.
pub(crate) fn load_row(plane: &Plane, y: usize, out: &mut [f32]) {
    match plane.row(y) {
        Row::U8(row) => {
            for (to, from) in out.iter_mut().zip(row) {
                *to = f32::from(*from);
            }
        }
        Row::U16(row) => {
            for (to, from) in out.iter_mut().zip(row) {
                *to = f32::from(*from);
            }
        }
    }
}

/// Rounds to 0–255 and interleaves.
pub(crate) fn store_row([red, green, blue]: &[Vec<f32>; 3], out: &mut [u8]) {
    for (((pixel, r), g), b) in out.chunks_exact_mut(3).zip(red).zip(green).zip(blue) {
        pixel.copy_from_slice(&[round_u8(*r), round_u8(*g), round_u8(*b)]);
    }
}

/// Nearest whole number in 0–255. Adding 2^23 leaves it in the lowest mantissa bits, which
/// compilers vectorise and a saturating cast they do not.
#[inline(always)]
pub(crate) fn round_u8(value: f32) -> u8 {
    let low = if value > 0.0 { value } else { 0.0 };
    let high = if low < 255.0 { low } else { 255.0 };
    ((high + 8_388_608.0).to_bits() & 0xff) as u8
}
