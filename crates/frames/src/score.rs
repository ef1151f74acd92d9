//! What filters compare frames by, from luma only.

use crate::rows::load_row;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use framemill_video::{Frame, Range};

/// Luma images are scaled down to this many columns before they are scored.
const SMALL_WIDTH: usize = 512;
/// Side of the image that is transformed for the perceptual hash.
const HASH_SIDE: usize = 32;
/// Side of the block of low frequencies that becomes the hash.
const HASH_BLOCK: usize = 8;

/// Numbers that describe a frame. The same frame gives the same bits on every platform.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// Perceptual hash: signs of the 8 × 8 lowest frequencies of a 32 × 32 image, relative to
    /// their median.
    pub phash: u64,
    /// Variance of the Laplacian of luma on an at most 512 pixels wide image.
    pub sharpness: f32,
    /// Mean of luma, 0–255.
    pub luma_mean: f32,
    /// Standard deviation of luma, 0–255.
    pub luma_deviation: f32,
    /// Thumbnail of the luma plane.
    pub thumb: Thumb,
}

/// Luma averages of [`Thumb::COLUMNS`] × [`Thumb::ROWS`] blocks, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumb(pub Vec<u8>);

impl Thumb {
    /// Blocks in a row.
    pub const COLUMNS: usize = 64;
    /// Rows of blocks.
    pub const ROWS: usize = 36;

    /// As text for a message, base64.
    pub fn to_text(&self) -> String {
        BASE64.encode(&self.0)
    }

    /// From [`Thumb::to_text`]; `None` for anything else.
    pub fn from_text(text: &str) -> Option<Self> {
        let blocks = BASE64.decode(text).ok()?;
        (blocks.len() == Self::COLUMNS * Self::ROWS).then_some(Self(blocks))
    }

    /// How much the block that differs most differs, 0–255, after the difference of the means
    /// is taken out: a small object that moved shows here, a change of exposure does not.
    pub fn largest_difference(&self, other: &Self) -> u8 {
        let sum = |thumb: &Self| thumb.0.iter().map(|block| i32::from(*block)).sum::<i32>();
        let count = self.0.len().max(1) as i32;
        let shift = (sum(self) - sum(other)) / count;
        let difference = |(a, b): (&u8, &u8)| (i32::from(*a) - i32::from(*b) - shift).abs();
        let largest = self.0.iter().zip(&other.0).map(difference).max();
        largest.unwrap_or(0).min(255) as u8
    }
}

/// Scores a frame. A frame without a luma plane that fits its size scores as black.
pub fn score(frame: &Frame) -> Scores {
    let small = Luma::of(frame);
    let (mean, deviation) = mean_and_deviation(&small.samples);
    let blocks = small.scaled(Thumb::COLUMNS, Thumb::ROWS);
    Scores {
        phash: perceptual_hash(&small.scaled(HASH_SIDE, HASH_SIDE).samples),
        sharpness: laplacian_variance(&small),
        luma_mean: mean,
        luma_deviation: deviation,
        thumb: Thumb(blocks.samples.iter().map(|s| (s + 0.5) as u8).collect()),
    }
}

/// A luma image, 0–255.
struct Luma {
    width: usize,
    height: usize,
    samples: Vec<f32>,
}

impl Luma {
    /// A frame's luma, at most [`SMALL_WIDTH`] wide, on the full 8 bit range.
    fn of(frame: &Frame) -> Self {
        let shift = (1u32 << u32::from(frame.bit_depth.clamp(8, 16) - 8)) as f32;
        let (black, span) = match frame.color.range.unwrap_or(Range::Limited) {
            Range::Limited => (16.0 * shift, 219.0 * shift),
            Range::Full => (0.0, 256.0 * shift - 1.0),
        };
        let scale = 255.0 / span;
        let Some(plane) = frame.planes.first() else {
            return Self::black();
        };
        let (width, height) = (plane.width as usize, plane.height as usize);
        if width == 0 || height == 0 {
            return Self::black();
        }
        let columns = width.min(SMALL_WIDTH);
        let rows = ((height * columns + width / 2) / width).clamp(1, height);
        let mut small = area((width, height), (columns, rows), |y, row| {
            load_row(plane, y, row);
        });
        for sample in &mut small.samples {
            *sample = ((*sample - black) * scale).clamp(0.0, 255.0);
        }
        small
    }

    fn black() -> Self {
        Self {
            width: 1,
            height: 1,
            samples: vec![0.0],
        }
    }

    fn scaled(&self, width: usize, height: usize) -> Self {
        area((self.width, self.height), (width, height), |y, row| {
            let source = self.samples.chunks_exact(self.width).nth(y);
            row.copy_from_slice(source.unwrap_or_default());
        })
    }
}

/// The source samples that a target sample covers, and the covered part of each.
fn covered(target: usize, from: usize, to: usize) -> impl Iterator<Item = (usize, f32)> {
    let (start, end) = (target * from, (target + 1) * from);
    (start / to..end.div_ceil(to)).map(move |source| {
        let part = end.min((source + 1) * to) - start.max(source * to);
        (source, part as f32 / from as f32)
    })
}

/// Scales by averaging areas; `load` fills in a source row. Up too, where the target is larger.
fn area(from: (usize, usize), to: (usize, usize), mut load: impl FnMut(usize, &mut [f32])) -> Luma {
    let mut samples = Vec::with_capacity(to.0 * to.1);
    let mut row = vec![0.0f32; from.0];
    let mut sum = vec![0.0f32; from.0];
    let columns: Vec<_> = (0..to.0)
        .map(|x| covered(x, from.0, to.0).collect::<Vec<_>>())
        .collect();
    for y in 0..to.1 {
        sum.fill(0.0);
        for (source, part) in covered(y, from.1, to.1) {
            load(source, &mut row);
            for (sum, sample) in sum.iter_mut().zip(&row) {
                *sum += part * sample;
            }
        }
        samples.extend(columns.iter().map(|parts| {
            let part = |(source, part): &(usize, f32)| part * sum.get(*source).unwrap_or(&0.0);
            parts.iter().map(part).sum::<f32>()
        }));
    }
    Luma {
        width: to.0,
        height: to.1,
        samples,
    }
}

fn mean_and_deviation(samples: &[f32]) -> (f32, f32) {
    let (mut sum, mut squares) = (0.0f64, 0.0f64);
    for sample in samples {
        let sample = f64::from(*sample);
        sum += sample;
        squares += sample * sample;
    }
    let count = samples.len().max(1) as f64;
    let mean = sum / count;
    let variance = (squares / count - mean * mean).max(0.0);
    (mean as f32, variance.sqrt() as f32)
}

/// Variance of what a sample differs from its four neighbours by, over all inner samples.
fn laplacian_variance(luma: &Luma) -> f32 {
    let (mut sum, mut squares, mut count) = (0.0f64, 0.0f64, 0usize);
    let rows = |skip: usize| luma.samples.chunks_exact(luma.width).skip(skip);
    for ((above, row), below) in rows(0).zip(rows(1)).zip(rows(2)) {
        let inner = row.windows(3).zip(above.iter().zip(below).skip(1));
        for (near, (above, below)) in inner {
            let [left, here, right] = near else { continue };
            let value = f64::from(4.0 * here - left - right - above - below);
            sum += value;
            squares += value * value;
            count += 1;
        }
    }
    let count = count.max(1) as f64;
    let mean = sum / count;
    (squares / count - mean * mean).max(0.0) as f32
}

/// DCT-II of a 32 × 32 image; bit `8 y + x` of the hash says whether frequency (x, y) is above
/// the median of all 64 but the mean, whose bit stays 0.
fn perceptual_hash(samples: &[f32]) -> u64 {
    let cosines: Vec<f64> = (0..HASH_BLOCK * HASH_SIDE)
        .map(|i| {
            let (frequency, position) = (i / HASH_SIDE, i % HASH_SIDE);
            let step = std::f64::consts::PI / (2 * HASH_SIDE) as f64;
            libm::cos((2 * position + 1) as f64 * frequency as f64 * step)
        })
        .collect();
    let waves = || cosines.chunks_exact(HASH_SIDE);
    // Frequency by frequency along x, all rows of each.
    let along_x: Vec<f64> = waves()
        .flat_map(|wave| {
            samples.chunks_exact(HASH_SIDE).map(move |row| {
                let products = row.iter().zip(wave).map(|(s, c)| f64::from(*s) * c);
                products.sum::<f64>()
            })
        })
        .collect();
    let mut frequencies = Vec::with_capacity(HASH_BLOCK * HASH_BLOCK);
    for wave in waves() {
        for column in along_x.chunks_exact(HASH_SIDE) {
            let sum: f64 = column.iter().zip(wave).map(|(s, c)| s * c).sum();
            // To whole numbers: what is zero but for rounding must not become a random bit.
            frequencies.push(sum.round() as i64);
        }
    }
    let mut sorted = frequencies.get(1..).unwrap_or_default().to_vec();
    sorted.sort_unstable();
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(0);
    let above = |(i, f): (usize, &i64)| u64::from(i > 0 && *f > median) << i;
    frequencies.iter().enumerate().map(above).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use framemill_video::{ChromaSampling, ColorDescription, Plane, Pts, Samples};

    /// A luma frame of `bit_depth` bits from 8 bit full-range values.
    fn frame(
        (width, height): (u32, u32),
        bit_depth: u8,
        range: Range,
        value: impl Fn(u32, u32) -> f32,
    ) -> Frame {
        let shift = f32::from(1u16 << (bit_depth - 8));
        let code = |value: f32| match range {
            Range::Full => value / 255.0 * (256.0 * shift - 1.0),
            Range::Limited => (16.0 + value / 255.0 * 219.0) * shift,
        };
        let codes: Vec<f32> = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .map(|(x, y)| code(value(x, y)).round())
            .collect();
        let samples = if bit_depth == 8 {
            Samples::from(codes.iter().map(|code| *code as u8).collect::<Vec<_>>())
        } else {
            Samples::from(codes.iter().map(|code| *code as u16).collect::<Vec<_>>())
        };
        Frame {
            pts: Pts(0),
            other_pts: Vec::new(),
            width,
            height,
            chroma: ChromaSampling::Monochrome,
            bit_depth,
            planes: vec![Plane::tight(width, height, samples)],
            color: ColorDescription {
                range: Some(range),
                ..ColorDescription::default()
            },
            damage: None,
        }
    }

    fn scene(x: u32, y: u32) -> f32 {
        let (x, y) = (x as f32, y as f32);
        120.0 + 60.0 * (x / 90.0).sin() + 50.0 * (y / 70.0 + x / 200.0).cos()
    }

    #[test]
    fn flat_frames_score_zero_whatever_their_depth_and_range() {
        for (bit_depth, range) in [(8, Range::Full), (8, Range::Limited), (10, Range::Limited)] {
            for value in [0.0, 128.0, 255.0] {
                let scores = score(&frame((640, 360), bit_depth, range, |_, _| value));
                assert!((scores.luma_mean - value).abs() < 0.7, "{scores:?}");
                assert!(scores.luma_deviation < 0.1 && scores.sharpness < 0.1);
                assert_eq!(scores.phash, 0);
            }
        }
    }

    #[test]
    fn depth_and_range_do_not_change_the_scores() {
        let one = score(&frame((960, 540), 8, Range::Limited, scene));
        let other = score(&frame((960, 540), 10, Range::Full, scene));
        assert!((one.phash ^ other.phash).count_ones() <= 1);
        assert!(one.thumb.largest_difference(&other.thumb) <= 1);
        assert!((one.luma_mean - other.luma_mean).abs() < 0.5);
    }

    #[test]
    fn size_hardly_changes_the_hash() {
        let large = score(&frame((1280, 720), 8, Range::Full, scene));
        let small = score(&frame((640, 360), 8, Range::Full, |x, y| {
            scene(2 * x, 2 * y)
        }));
        assert!((large.phash ^ small.phash).count_ones() <= 2);
    }

    #[test]
    fn blur_lowers_sharpness() {
        let edges = |x: u32, y: u32| {
            if (x / 8 + y / 8).is_multiple_of(2) {
                60.0
            } else {
                200.0
            }
        };
        let soft = |x: u32, y: u32| {
            let near = (0..5).flat_map(|i| (0..5).map(move |j| edges(x + i, y + j)));
            near.sum::<f32>() / 25.0
        };
        let sharp = score(&frame((512, 288), 8, Range::Full, edges)).sharpness;
        let blurred = score(&frame((512, 288), 8, Range::Full, soft)).sharpness;
        assert!(sharp > 5.0 * blurred, "{sharp} {blurred}");
    }

    #[test]
    fn a_small_object_shows_in_the_blocks_and_an_exposure_change_does_not() {
        let empty = score(&frame((1920, 1080), 8, Range::Full, scene));
        let person = |x: u32, y: u32| {
            let there = (900..940).contains(&x) && (500..600).contains(&y);
            if there { 10.0 } else { scene(x, y) }
        };
        let person = score(&frame((1920, 1080), 8, Range::Full, person));
        assert!(empty.thumb.largest_difference(&person.thumb) > 60);
        let brighter = score(&frame((1920, 1080), 8, Range::Full, |x, y| {
            scene(x, y) + 12.0
        }));
        assert!(empty.thumb.largest_difference(&brighter.thumb) <= 1);
    }

    #[test]
    fn tiny_and_odd_sizes_are_scored() {
        for size in [(1, 1), (2, 3), (31, 17), (513, 1), (1, 700), (517, 291)] {
            let scores = score(&frame(size, 8, Range::Full, |x, y| {
                (x * 3 + y * 5) as f32 % 256.0
            }));
            assert!(scores.sharpness.is_finite() && scores.luma_deviation.is_finite());
            assert_eq!(scores.thumb.0.len(), Thumb::COLUMNS * Thumb::ROWS);
        }
    }

    #[test]
    fn thumbs_travel_as_text() {
        let thumb = score(&frame((64, 36), 8, Range::Full, scene)).thumb;
        assert_eq!(Thumb::from_text(&thumb.to_text()), Some(thumb));
        assert_eq!(Thumb::from_text("AAAA"), None);
        assert_eq!(Thumb::from_text("?"), None);
    }
}
