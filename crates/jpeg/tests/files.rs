//! Files are read back by a decoder that is not ours.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, and helpers here belong to tests"
)]

use framemill_jpeg::{Error, Plane, encode};
use proptest::prelude::*;

/// Planes of a picture: smooth shapes with some grain, or grain alone.
struct Picture {
    width: u32,
    height: u32,
    stride: usize,
    planes: [Vec<u8>; 3],
}

fn chroma(side: u32) -> u32 {
    side.div_ceil(2)
}

impl Picture {
    fn new(width: u32, height: u32, grain: u32) -> Self {
        let mut seed = width * 7919 + height;
        let stride = width as usize + 5;
        let mut plane = |step: u32, height: u32| -> Vec<u8> {
            let sample = |i: u32| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let (x, y) = (i % stride as u32, i / stride as u32);
                let shape = (x * step + y * 2) % 400;
                let shape = if shape < 200 { shape } else { 400 - shape };
                let noise = if grain == 0 {
                    0
                } else {
                    (seed >> 16) % (grain + 1)
                };
                (28 + shape).saturating_add(noise).min(255) as u8
            };
            (0..stride as u32 * height).map(sample).collect()
        };
        let planes = [
            plane(1, height),
            plane(3, chroma(height)),
            plane(2, chroma(height)),
        ];
        Self {
            width,
            height,
            stride,
            planes,
        }
    }

    fn views(&self) -> [Plane<'_>; 3] {
        let mut index = 0;
        self.planes.each_ref().map(|samples| {
            index += 1;
            let luma = index == 1;
            Plane {
                samples,
                stride: self.stride,
                width: if luma { self.width } else { chroma(self.width) },
                height: if luma {
                    self.height
                } else {
                    chroma(self.height)
                },
            }
        })
    }

    /// Mean square difference of luma to that of a file, which is about the G of grey chroma.
    fn difference(&self, file: &[u8]) -> f64 {
        let image = image::load_from_memory(file).unwrap().to_rgb8();
        assert_eq!(image.dimensions(), (self.width, self.height));
        let luma = |x: u32, y: u32| {
            let [r, g, b] = image.get_pixel(x, y).0.map(f64::from);
            0.299 * r + 0.587 * g + 0.114 * b
        };
        let mut sum = 0.0;
        for y in 0..self.height {
            for x in 0..self.width {
                let ours = f64::from(self.planes[0][y as usize * self.stride + x as usize]);
                sum += (luma(x, y) - ours).powi(2);
            }
        }
        sum / f64::from(self.width * self.height)
    }
}

/// A picture whose chroma says nothing.
fn grey(width: u32, height: u32, grain: u32) -> Picture {
    let mut picture = Picture::new(width, height, grain);
    picture.planes[1].fill(128);
    picture.planes[2].fill(128);
    picture
}

#[test]
fn all_small_sizes_come_back() {
    for width in 1..=18 {
        for height in 1..=18 {
            let picture = grey(width, height, 0);
            let file = encode(picture.views(), 100).unwrap();
            let difference = picture.difference(&file);
            assert!(difference < 2.0, "{width} x {height}: {difference}");
        }
    }
}

#[test]
fn quality_counts() {
    let picture = grey(331, 207, 40);
    let of = |quality| {
        let file = encode(picture.views(), quality).unwrap();
        (picture.difference(&file), file.len())
    };
    let all = [1, 30, 60, 90, 95, 100].map(of);
    assert!(
        all.windows(2)
            .all(|pair| pair[0].0 > pair[1].0 && pair[0].1 < pair[1].1),
        "{all:?}"
    );
    assert!(all[5].0 < 0.6, "{all:?}");
}

#[test]
fn the_files_are_baseline_in_one_scan() {
    let picture = Picture::new(64, 64, 9);
    let file = encode(picture.views(), 95).unwrap();
    let frame = file.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
    assert_eq!(file[frame + 11], 0x22, "luma sampling factors");
    assert_eq!(file.windows(2).filter(|two| two == b"\xff\xda").count(), 1);
    // Always the same bytes, on every platform.
    let sum = file.iter().fold(0_u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(*byte))
    });
    assert_eq!((file.len(), sum), (1816, 192_945_603));
}

#[test]
fn what_does_not_fit_is_refused() {
    let picture = Picture::new(64, 64, 0);
    let mut views = picture.views();
    views[2].width = 31;
    assert!(matches!(
        encode(views, 90),
        Err(Error::Plane { index: 2, .. })
    ));
    let mut views = picture.views();
    views[0].samples = &views[0].samples[..100];
    assert!(matches!(
        encode(views, 90),
        Err(Error::Plane { index: 0, .. })
    ));
    let mut views = picture.views();
    views[0].width = 65_536;
    assert!(matches!(encode(views, 90), Err(Error::Size { .. })));
    let mut views = picture.views();
    views[0].height = 0;
    assert!(matches!(encode(views, 90), Err(Error::Size { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_picture_is_read_back(
        width in 1..80_u32,
        height in 1..80_u32,
        quality in 1..=100_u8,
        samples in proptest::collection::vec(any::<u8>(), 256),
    ) {
        let mut picture = Picture::new(width, height, 0);
        for plane in &mut picture.planes {
            for (sample, random) in plane.iter_mut().zip(samples.iter().cycle()) {
                *sample = *random;
            }
        }
        let file = encode(picture.views(), quality).unwrap();
        let image = image::load_from_memory(&file).unwrap();
        prop_assert_eq!((image.width(), image.height()), (width, height));
    }
}
