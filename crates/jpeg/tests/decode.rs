//! Files against two decoders: that of the `image` crate, and ffmpeg, which must not warn.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use framemill_jpeg::{Encoder, JpegError, PlaneView, Sampling, encode, encode_rgb};
use proptest::prelude::*;
use std::io::Write;
use std::process::{Command, Stdio};

const SAMPLINGS: [(Sampling, &str); 4] = [
    (Sampling::Grey, "gray"),
    (Sampling::Cs420, "yuvj420p"),
    (Sampling::Cs422, "yuvj422p"),
    (Sampling::Cs444, "yuvj444p"),
];

/// Samples of all planes of an image, one after the other, and each plane's size.
struct Planes {
    samples: Vec<Vec<u8>>,
    sizes: Vec<(usize, usize)>,
    sampling: Sampling,
}

impl Planes {
    fn new(
        (width, height): (usize, usize),
        sampling: Sampling,
        mut sample: impl FnMut(usize, usize, usize) -> u8,
    ) -> Self {
        let mut sizes = vec![(width, height)];
        sizes.extend(
            sampling
                .chroma_size(width, height)
                .into_iter()
                .cycle()
                .take(2),
        );
        let mut plane = |(number, (width, height)): (usize, &(usize, usize))| {
            let places = (0..*height).flat_map(|y| (0..*width).map(move |x| (x, y)));
            places.map(|(x, y)| sample(number, x, y)).collect()
        };
        Self {
            samples: sizes.iter().enumerate().map(&mut plane).collect(),
            sizes,
            sampling,
        }
    }

    /// Soft waves, which survive compression.
    fn smooth(size: (usize, usize), sampling: Sampling) -> Self {
        Self::new(size, sampling, |plane, x, y| {
            let (x, y) = (x as f64, y as f64);
            let wave = (x / 9.0 + plane as f64).sin() + (y / 7.0 - x / 30.0).cos();
            (128.0 + 50.0 * wave) as u8
        })
    }

    fn noise(size: (usize, usize), sampling: Sampling, mut seed: u32) -> Self {
        Self::new(size, sampling, |_, _, _| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        })
    }

    fn views(&self) -> Vec<PlaneView<'_>> {
        let planes = self.samples.iter().zip(&self.sizes);
        planes
            .map(|(samples, (width, height))| {
                PlaneView::new(samples, *width, *width, *height).unwrap()
            })
            .collect()
    }

    fn encode(&self, quality: u8) -> Vec<u8> {
        encode(&self.views(), self.sampling, quality).unwrap()
    }

    fn bytes(&self) -> Vec<u8> {
        self.samples.concat()
    }
}

/// The planes of JPEGs as ffmpeg decodes them, without a word on its error stream.
fn ffmpeg(files: &[u8], format: &str) -> Vec<u8> {
    let mut child = Command::new("ffmpeg")
        .args("-v warning -nostdin -f mjpeg -i - -fps_mode passthrough -autoscale 0".split(' '))
        .args(["-f", "rawvideo", "-pix_fmt", format, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ffmpeg does not start: apt-get install -y --no-install-recommends ffmpeg");
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(files).expect("ffmpeg reads its input"));
        child.wait_with_output().expect("ffmpeg ends")
    });
    let said = String::from_utf8_lossy(&output.stderr);
    // None of these is the file's fault: formats with a j are deprecated, raw output of few pixels
    // has few bits, and the end of an image is overlooked, ffmpeg's own images too, where the scan
    // is a few bytes long.
    let usual = [
        "deprecated pixel format",
        "bitrate parameter",
        "EOI missing",
    ];
    let unusual = |line: &&str| !usual.iter().any(|usual| line.contains(usual));
    let said: Vec<_> = said.lines().filter(unusual).collect();
    assert!(files.ends_with(b"\xff\xd9"), "the image does not end");
    assert!(output.status.success() && said.is_empty(), "{said:#?}");
    output.stdout
}

fn largest_difference(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

/// Every size from 1 x 1 to 17 x 17 and some larger.
fn sizes() -> impl Iterator<Item = (usize, usize)> {
    let small = (1..=17).flat_map(|width| (1..=17).map(move |height| (width, height)));
    small.chain([(33, 1), (1, 50), (100, 75), (128, 128), (321, 181)])
}

#[test]
fn ffmpeg_decodes_every_size_and_sampling_without_a_warning() {
    for (sampling, format) in SAMPLINGS {
        let images: Vec<Planes> = sizes().map(|size| Planes::smooth(size, sampling)).collect();
        let files: Vec<u8> = images.iter().flat_map(|image| image.encode(100)).collect();
        let expected: Vec<u8> = images.iter().flat_map(Planes::bytes).collect();
        let decoded = ffmpeg(&files, format);
        let worst = largest_difference(&decoded, &expected);
        assert!(worst <= 2, "{sampling:?} is off by {worst}");
    }
}

#[test]
fn ffmpeg_decodes_every_quality_without_a_warning() {
    for (sampling, format) in SAMPLINGS {
        for image in [
            Planes::smooth((70, 50), sampling),
            Planes::noise((70, 50), sampling, 3),
        ] {
            let files: Vec<u8> = (1..=100)
                .flat_map(|quality| image.encode(quality))
                .collect();
            let decoded = ffmpeg(&files, format);
            let expected = image.bytes();
            let errors: Vec<f64> = decoded
                .chunks(expected.len())
                .map(|decoded| mean_square(decoded, &expected))
                .collect();
            assert_eq!(errors.len(), 100);
            for quality in [20, 40, 60, 80] {
                assert!(errors[quality - 1] > errors[quality + 19], "{errors:?}");
            }
            assert!(errors[99] < 0.5, "{}", errors[99]);
        }
    }
}

fn mean_square(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let square = |(a, b): (&u8, &u8)| (f64::from(*a) - f64::from(*b)).powi(2);
    a.iter().zip(b).map(square).sum::<f64>() / a.len() as f64
}

#[test]
fn the_image_crate_decodes_every_size_and_sampling() {
    for (sampling, _) in SAMPLINGS {
        for size in sizes() {
            let planes = Planes::new(size, sampling, |plane, x, y| match plane {
                0 => (60 + 3 * x + 2 * y).min(220) as u8,
                _ => 128,
            });
            let back = image::load_from_memory(&planes.encode(100))
                .unwrap()
                .to_luma8();
            let (width, height) = back.dimensions();
            assert_eq!((width as usize, height as usize), size);
            let worst = largest_difference(back.as_raw(), &planes.samples[0]);
            assert!(worst <= 2, "{sampling:?} {size:?} is off by {worst}");
        }
    }
}

/// What quantisation can do to an image of whole blocks, as a mean square: each coefficient is off
/// by half a step at most, and the DCT keeps squares.
fn bound(file: &[u8]) -> f64 {
    let table = file.windows(2).position(|two| two == b"\xff\xdb").unwrap() + 5;
    let square = |step: &u8| (f64::from(*step) / 2.0).powi(2);
    file[table..table + 64].iter().map(square).sum::<f64>() / 64.0
}

proptest! {
    #[test]
    fn any_grey_image_is_off_by_half_a_step_at_most(
        (width, height) in (1..12usize, 1..12usize), quality in 1..=100u8, seed: u32, smooth: bool,
    ) {
        let size = (8 * width, 8 * height);
        let planes = match smooth {
            true => Planes::smooth(size, Sampling::Grey),
            false => Planes::noise(size, Sampling::Grey, seed),
        };
        let file = planes.encode(quality);
        let back = image::load_from_memory(&file).unwrap().to_luma8();
        let error = mean_square(back.as_raw(), &planes.samples[0]).sqrt();
        prop_assert!(error < bound(&file).sqrt() + 0.6, "{error} of {}", bound(&file).sqrt());
    }

    #[test]
    fn any_image_decodes(
        size in (1..90usize, 1..90usize), quality in 0..=255u8, sampling in 0..4usize, seed: u32,
    ) {
        let (sampling, _) = SAMPLINGS[sampling];
        let file = Planes::noise(size, sampling, seed).encode(quality);
        let back = image::load_from_memory(&file).unwrap();
        prop_assert_eq!((back.width() as usize, back.height() as usize), size);
    }

    #[test]
    fn strides_and_strips_change_nothing(
        (width, height) in (1..70usize, 1..70usize), more in 0..9usize, sampling in 0..4usize,
        strip in 1..4usize, seed: u32,
    ) {
        let (sampling, _) = SAMPLINGS[sampling];
        let planes = Planes::noise((width, height), sampling, seed);
        let spread: Vec<Vec<u8>> = planes
            .samples
            .iter()
            .zip(&planes.sizes)
            .map(|(samples, (width, _))| {
                let row = |row: &[u8]| [row, &vec![seed as u8; more]].concat();
                samples.chunks(*width).flat_map(row).collect()
            })
            .collect();
        let rows = strip * sampling.mcu_height();
        let mut encoder = Encoder::new(width, height, sampling, 90).unwrap();
        for top in (0..height).step_by(rows) {
            let views: Vec<_> = spread
                .iter()
                .zip(&planes.sizes)
                .map(|(samples, (plane_width, plane_height))| {
                    let scale = height.div_ceil(*plane_height);
                    let stride = plane_width + more;
                    let tall = rows.min(height - top).div_ceil(scale);
                    let samples = &samples[top / scale * stride..];
                    PlaneView::new(samples, stride, *plane_width, tall).unwrap()
                })
                .collect();
            encoder.push(&views).unwrap();
        }
        prop_assert!(encoder.finish().unwrap() == planes.encode(90));
    }
}

#[test]
fn extremes_survive() {
    // Black and white pixels in turn have the largest coefficients that there are.
    for period in [1, 2, 4, 8] {
        let planes = Planes::new((64, 64), Sampling::Grey, |_, x, y| {
            if (x / period + y / period) % 2 == 0 {
                0
            } else {
                255
            }
        });
        let file = planes.encode(100);
        assert!(largest_difference(&ffmpeg(&file, "gray"), &planes.samples[0]) <= 2);
    }
}

#[test]
fn rgb_comes_back() {
    for (width, height) in [(1, 1), (15, 17), (64, 48), (321, 181)] {
        let rgb: Vec<u8> = (0..width * height)
            .flat_map(|i| {
                let (x, y) = (i % width, i / width);
                [
                    x * 255 / width,
                    y * 255 / height,
                    (x + y) * 255 / (width + height),
                ]
            })
            .map(|value| value as u8)
            .collect();
        let file = encode_rgb(&rgb, width, height, 98).unwrap();
        let back = image::load_from_memory(&file).unwrap().to_rgb8();
        assert_eq!(back.dimensions(), (width as u32, height as u32));
        let error = mean_square(back.as_raw(), &rgb).sqrt();
        let limit = if width < 64 { 12.0 } else { 1.5 };
        assert!(error < limit, "{width} x {height}: {error}");
    }
}

/// At some qualities, in zigzag order: what the crate `jpeg-encoder` 0.7 wrote, which images were
/// made with before.
#[test]
fn quantisation_tables_are_those_of_other_encoders() {
    let file = encode_rgb(&[0; 3], 1, 1, 95).unwrap();
    let tables: Vec<&[u8]> = file
        .windows(69)
        .filter(|segment| segment.starts_with(b"\xff\xdb"))
        .map(|segment| &segment[5..])
        .collect();
    #[rustfmt::skip]
    let luma = [
        2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 2, 2, 2, 2, 2, 4, 3, 2, 2, 2, 2, 5, 4, 4, 3, 4, 6, 5, 6, 6, 6, 5,
        6, 6, 6, 7, 9, 8, 6, 7, 9, 7, 6, 6, 8, 11, 8, 9, 10, 10, 10, 10, 10, 6, 8, 11, 12, 11, 10, 12,
        9, 10, 10, 10,
    ];
    let mut chroma = [10; 64];
    chroma[..16].copy_from_slice(&[2, 2, 2, 2, 2, 2, 5, 3, 3, 5, 10, 7, 6, 7, 10, 10]);
    assert_eq!(tables, [luma, chroma]);
    let file = Planes::smooth((8, 8), Sampling::Grey).encode(15);
    let table = file.windows(2).position(|two| two == b"\xff\xdb").unwrap() + 5;
    #[rustfmt::skip]
    let luma = [
        53, 37, 40, 47, 40, 33, 53, 47, 43, 47, 60, 57, 53, 63, 80, 133,
        87, 80, 73, 73, 80, 163, 117, 123, 97, 133, 193, 170, 203, 200, 190, 170,
        186, 183, 213, 240, 255, 255, 213, 226, 255, 230, 183, 186, 255, 255, 255, 255,
        255, 255, 255, 255, 255, 206, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    ];
    assert_eq!(file[table..table + 64], luma);
}

#[test]
fn what_does_not_fit_is_refused() {
    let size = |width, height| Encoder::new(width, height, Sampling::Cs420, 90).err();
    for (width, height) in [(0, 1), (1, 0), (65_536, 1), (1, 65_536)] {
        assert_eq!(size(width, height), Some(JpegError::Size { width, height }));
    }
    assert_eq!(size(65_535, 65_535), None);
    assert!(PlaneView::new(&[0; 10], 4, 3, 3).is_err(), "11 are needed");
    assert!(PlaneView::new(&[0; 11], 4, 3, 3).is_ok());
    for (stride, width, height) in [(usize::MAX, 1, 3), (1, 0, 1), (1, 1, 0), (0, 11, 2)] {
        assert!(PlaneView::new(&[0; 10], stride, width, height).is_err());
    }
    assert!(encode_rgb(&[0; 11], 2, 2, 90).is_err());

    let samples = [0; 40 * 40];
    let plane = |width, height| PlaneView::new(&samples, 40, width, height).unwrap();
    let mut encoder = Encoder::new(40, 40, Sampling::Cs420, 90).unwrap();
    let mut refused = |planes: &[PlaneView]| {
        let error = encoder.push(planes).unwrap_err();
        assert!(matches!(error, JpegError::Planes { .. }), "{error}");
    };
    refused(&[]);
    refused(&[plane(40, 16)]);
    refused(&[plane(40, 16), plane(20, 8), plane(20, 7)]);
    refused(&[plane(40, 16), plane(19, 8), plane(20, 8)]);
    refused(&[plane(40, 20), plane(20, 10), plane(20, 10)]);
    encoder
        .push(&[plane(40, 32), plane(20, 16), plane(20, 16)])
        .unwrap();
    let more = [plane(40, 16), plane(20, 8), plane(20, 8)];
    assert!(encoder.push(&more).is_err(), "8 rows are left");
    assert!(encoder.finish().is_err(), "8 rows are missing");
}

#[test]
fn a_row_may_be_repeated() {
    let grey = Planes::new((30, 30), Sampling::Cs420, |plane, x, _| match plane {
        0 => x as u8,
        _ => 128,
    });
    let row = [128; 15];
    let views = [
        grey.views()[0],
        PlaneView::new(&row, 0, 15, 15).unwrap(),
        PlaneView::new(&row, 0, 15, 15).unwrap(),
    ];
    assert!(encode(&views, Sampling::Cs420, 95).unwrap() == grey.encode(95));
}
