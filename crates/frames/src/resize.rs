//! Scaling down with a Lanczos filter of three lobes. Written out rather than taken from a
//! crate, because the image must be the same bytes natively and in wasm, whatever SIMD there is.

use crate::rgb::RgbImage;
use crate::rows::round_u8;

const LOBES: f64 = 3.0;

/// For one target sample: where its source samples start, and their weights, of sum 1.
struct Taps {
    start: usize,
    weights: Vec<f32>,
}

/// Scales down so that the longer side has `max_side` pixels, keeping proportions to the
/// nearest pixel. A smaller image stays as it is.
pub(crate) fn downscale(image: RgbImage, max_side: u32) -> RgbImage {
    let long = image.width.max(image.height);
    let side = max_side.max(1);
    if long <= side {
        return image;
    }
    let scaled = |length: u32| {
        let length = (u64::from(length) * u64::from(side) + u64::from(long) / 2) / u64::from(long);
        (length as u32).max(1)
    };
    let (width, height) = (scaled(image.width), scaled(image.height));
    let Some(mut result) = RgbImage::black(width, height) else {
        return image;
    };
    let columns = taps(image.width as usize, width as usize);
    let rows = taps(image.height as usize, height as usize);
    let stride = image.width as usize * 3;
    let mut sum = vec![0.0f32; stride];
    for (out, row) in result.data.chunks_exact_mut(width as usize * 3).zip(&rows) {
        sum.fill(0.0);
        let source = image.data.chunks_exact(stride).skip(row.start);
        for (source, weight) in source.zip(&row.weights) {
            for (sum, sample) in sum.iter_mut().zip(source) {
                *sum += weight * f32::from(*sample);
            }
        }
        resample_row(&sum, &columns, out);
    }
    result
}

/// Resamples a row with the horizontal taps.
fn resample_row(row: &[f32], columns: &[Taps], out: &mut [u8]) {
    let (pixels, _) = row.as_chunks::<3>();
    for (out, column) in out.chunks_exact_mut(3).zip(columns) {
        let mut sum = [0.0f32; 3];
        let source = pixels.get(column.start..).unwrap_or_default();
        for (pixel, weight) in source.iter().zip(&column.weights) {
            for (sum, sample) in sum.iter_mut().zip(pixel) {
                *sum += weight * sample;
            }
        }
        out.copy_from_slice(&sum.map(round_u8));
    }
}

fn taps(from: usize, to: usize) -> Vec<Taps> {
    let scale = from as f64 / to as f64;
    (0..to)
        .map(|i| {
            let center = (i as f64 + 0.5) * scale;
            let reach = LOBES * scale;
            let start = (center - reach).max(0.0) as usize;
            let end = ((center + reach) as usize + 1).min(from);
            let raw: Vec<f64> = (start..end)
                .map(|source| lanczos((source as f64 + 0.5 - center) / scale))
                .collect();
            let sum: f64 = raw.iter().sum();
            Taps {
                start,
                weights: raw.iter().map(|weight| (weight / sum) as f32).collect(),
            }
        })
        .collect()
}

fn lanczos(x: f64) -> f64 {
    if x.abs() < 1e-9 {
        return 1.0;
    }
    if x.abs() >= LOBES {
        return 0.0;
    }
    let angle = std::f64::consts::PI * x;
    LOBES * libm::sin(angle) * libm::sin(angle / LOBES) / (angle * angle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> RgbImage {
        let data = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .flat_map(|(x, y)| pixel(x, y))
            .collect();
        RgbImage {
            width,
            height,
            data,
        }
    }

    #[test]
    fn never_up_and_proportions_are_kept() {
        let small = image(40, 30, |x, y| [x as u8, y as u8, 0]);
        assert_eq!(downscale(small.clone(), 40), small);
        assert_eq!(downscale(small.clone(), 4000), small);
        let size = |image: RgbImage| (image.width, image.height);
        assert_eq!(size(downscale(small, 20)), (20, 15));
        assert_eq!(
            size(downscale(image(1080, 1920, |_, _| [0; 3]), 640)),
            (360, 640)
        );
        assert_eq!(size(downscale(image(1000, 1, |_, _| [0; 3]), 10)), (10, 1));
    }

    #[test]
    fn flat_stays_flat_and_a_ramp_a_ramp() {
        let flat = downscale(image(333, 201, |_, _| [10, 128, 255]), 100);
        assert!(flat.data.chunks(3).all(|pixel| pixel == [10, 128, 255]));
        let ramp = downscale(image(240, 10, |x, _| [x as u8; 3]), 60);
        for (x, pixel) in ramp.data.chunks(3).take(60).enumerate().skip(3).take(54) {
            let expected = x as f32 * 4.0 + 1.5;
            assert!(
                (f32::from(pixel[0]) - expected).abs() <= 1.0,
                "{x}: {pixel:?}"
            );
        }
    }

    #[test]
    fn fine_stripes_become_grey_instead_of_aliasing() {
        let stripes = image(400, 400, |x, _| [if x % 2 == 0 { 0 } else { 255 }; 3]);
        let small = downscale(stripes, 130);
        let inner = small.data.chunks(390).flat_map(|row| &row[30..360]);
        let (low, high) = inner.fold((255, 0), |(low, high), s| (low.min(*s), high.max(*s)));
        assert!(low >= 120 && high <= 135, "{low} to {high}");
    }
}
