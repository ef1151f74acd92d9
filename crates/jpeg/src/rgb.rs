//! RGB images: JFIF's YCbCr of them, with chroma of half the size.

use crate::encoder::{Encoder, Sampling};
use crate::error::JpegError;
use crate::plane::PlaneView;

/// Bits of fraction.
const FRACTION: u32 = 16;
const HALF: i32 = 1 << (FRACTION - 1);

/// What R, G and B add to Y, Cb and Cr, JFIF 1.02 page 3. Those of Y are 1 together and those of
/// chroma 0, so that grey stays grey.
const WEIGHTS: [[i32; 3]; 3] = [
    [19_595, 38_470, 7_471],
    [-11_059, -21_709, 32_768],
    [32_768, -27_439, -5_329],
];

/// Y, Cb and Cr of a pixel, rounded.
#[inline]
pub fn rgb_to_ycbcr(rgb: [u8; 3]) -> [u8; 3] {
    let [r, g, b] = rgb.map(i32::from);
    let sum = |[red, green, blue]: [i32; 3]| red * r + green * g + blue * b;
    let luma = (sum(WEIGHTS[0]) + HALF) >> FRACTION;
    // One less than half: pure blue and red would be 255.5 and become 256.
    let chroma = |weights| (sum(weights) + (128 << FRACTION) + HALF - 1) >> FRACTION;
    [luma, chroma(WEIGHTS[1]), chroma(WEIGHTS[2])].map(|value| value as u8)
}

/// Encodes an image of R, G and B in turn, row by row, in 4:2:0. Chroma is the mean of four pixels.
///
/// # Errors
/// [`JpegError`] where `rgb` is not `width * height * 3` long, or as of [`Encoder`].
pub fn encode_rgb(
    rgb: &[u8],
    width: usize,
    height: usize,
    quality: u8,
) -> Result<Vec<u8>, JpegError> {
    let sampling = Sampling::Cs420;
    let mut encoder = Encoder::new(width, height, sampling, quality)?;
    if rgb.len() != width * height * 3 {
        return Err(JpegError::Plane {
            width,
            height,
            stride: 3 * width,
            samples: rgb.len(),
        });
    }
    let half = width.div_ceil(2);
    let mut luma = vec![0; width * 16];
    let mut chroma = [vec![0; half * 8], vec![0; half * 8]];
    for strip in rgb.chunks(3 * width * 16) {
        let rows = strip.len() / (3 * width);
        convert_strip(strip, width, &mut luma, &mut chroma);
        let plane = |samples, width, height| PlaneView::new(samples, width, width, height);
        encoder.push(&[
            plane(&luma, width, rows)?,
            plane(&chroma[0], half, rows.div_ceil(2))?,
            plane(&chroma[1], half, rows.div_ceil(2))?,
        ])?;
    }
    encoder.finish()
}

/// Converts up to 16 rows.
fn convert_strip(strip: &[u8], width: usize, luma: &mut [u8], [cb, cr]: &mut [Vec<u8>; 2]) {
    let (pixels, _) = strip.as_chunks::<3>();
    for (luma, rgb) in luma.iter_mut().zip(pixels) {
        *luma = rgb_to_ycbcr(*rgb)[0];
    }
    let half = width.div_ceil(2);
    let chroma = cb.chunks_exact_mut(half).zip(cr.chunks_exact_mut(half));
    for (rows, (cb, cr)) in pixels.chunks(2 * width).zip(chroma) {
        let (upper, lower) = rows.split_at(width);
        let lower = if lower.is_empty() { upper } else { lower };
        let out = cb.iter_mut().zip(cr);
        for ((upper, lower), (cb, cr)) in upper.chunks(2).zip(lower.chunks(2)).zip(out) {
            (*cb, *cr) = mean_chroma(upper, lower);
        }
    }
}

/// Chroma of one or two pixels and those below.
#[inline(always)]
fn mean_chroma(upper: &[[u8; 3]], lower: &[[u8; 3]]) -> (u8, u8) {
    let pixel = |row: &[[u8; 3]], i: usize| row.get(i).or(row.first()).copied().unwrap_or_default();
    let four = [
        pixel(upper, 0),
        pixel(upper, 1),
        pixel(lower, 0),
        pixel(lower, 1),
    ];
    let sum: [i32; 3] = std::array::from_fn(|i| four.iter().map(|pixel| i32::from(pixel[i])).sum());
    let chroma = |weights: [i32; 3]| {
        let sum: i32 = weights
            .iter()
            .zip(sum)
            .map(|(weight, sum)| weight * sum)
            .sum();
        ((sum + (512 << FRACTION) + 4 * HALF - 1) >> (FRACTION + 2)) as u8
    };
    (chroma(WEIGHTS[1]), chroma(WEIGHTS[2]))
}
