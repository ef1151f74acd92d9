//! Milliseconds per 1080p frame of each step: `cargo run --release -p framemill-frames
//! --example speed`. Prints a checksum of all results too: it must be the same natively and
//! in wasm.
#![allow(clippy::unwrap_used)]

use framemill_contract::{ImageFormat, ImageSettings, UnspecifiedMatrix};
use framemill_frames::{encode, image_file, score, to_rgb};
use framemill_video::{
    ChromaSampling, ColorDescription, Frame, Matrix, Plane, Pts, Range, Rotation, Samples, Transfer,
};
use std::time::Instant;

const SETTINGS: ImageSettings = ImageSettings {
    format: ImageFormat::Jpeg,
    quality: 95,
    max_side: None,
    unspecified_matrix: UnspecifiedMatrix::Auto,
};

/// Smooth shapes with some grain.
fn frame(chroma: ChromaSampling, bit_depth: u8, transfer: Option<Transfer>) -> Frame {
    let mut seed = 1u32;
    let mut plane = |width: u32, height: u32| {
        let mut value = |i: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (x, y) = (i % width * 256 / width, i / width * 256 / height);
            let shape = 40 + (x * y / 512 + if x / 32 % 2 == y / 32 % 2 { 30 } else { 0 });
            (shape + (seed >> 29)) << (bit_depth - 8)
        };
        let samples = match bit_depth {
            8 => Samples::from(
                (0..width * height)
                    .map(|i| value(i) as u8)
                    .collect::<Vec<_>>(),
            ),
            _ => Samples::from(
                (0..width * height)
                    .map(|i| value(i) as u16)
                    .collect::<Vec<_>>(),
            ),
        };
        Plane::tight(width, height, samples)
    };
    let (width, height) = (1920, 1080);
    let (chroma_width, chroma_height) = match chroma {
        ChromaSampling::Cs420 => (960, 540),
        ChromaSampling::Cs422 => (960, 1080),
        _ => (1920, 1080),
    };
    Frame {
        pts: Pts(0),
        other_pts: Vec::new(),
        width,
        height,
        chroma,
        bit_depth,
        planes: vec![
            plane(width, height),
            plane(chroma_width, chroma_height),
            plane(chroma_width, chroma_height),
        ],
        color: ColorDescription {
            transfer,
            ..ColorDescription::default()
        },
        damage: None,
    }
}

/// Best of some runs, and a checksum (FNV-1a) of what came out.
fn measure(name: &str, runs: u32, mut run: impl FnMut() -> Vec<u8>) {
    let mut best = f64::MAX;
    let mut result = Vec::new();
    for _ in 0..runs {
        let start = Instant::now();
        result = run();
        best = best.min(start.elapsed().as_secs_f64() * 1e3);
    }
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    let hash = result.iter().fold(0xcbf2_9ce4_8422_2325, fold);
    println!(
        "{name:<24} {best:7.2} ms  {:9} bytes  {hash:016x}",
        result.len()
    );
}

/// From a frame to a JPEG, from its planes and by way of RGB.
fn jpeg(plain: &Frame) {
    measure("jpeg 95 from planes", 20, || {
        image_file(plain, Rotation::R0, &SETTINGS).unwrap().bytes
    });
    for (name, matrix, range) in [
        ("jpeg 95, BT.601 limited", Matrix::Bt601, Range::Limited),
        ("jpeg 95, BT.601 full", Matrix::Bt601, Range::Full),
    ] {
        let mut frame = plain.clone();
        (frame.color.matrix, frame.color.range) = (Some(matrix), Some(range));
        measure(name, 20, || {
            image_file(&frame, Rotation::R0, &SETTINGS).unwrap().bytes
        });
    }
    measure("jpeg 95 through RGB", 20, || {
        let (image, _) = to_rgb(plain, Rotation::R0, &SETTINGS).unwrap();
        encode(&image, &SETTINGS).unwrap()
    });
}

fn main() {
    let convert = |name: &str, frame: &Frame, rotation, settings: &ImageSettings| {
        measure(name, 10, || {
            to_rgb(frame, rotation, settings).unwrap().0.data
        });
    };
    let plain = frame(ChromaSampling::Cs420, 8, None);
    convert("to_rgb 4:2:0 8 bit", &plain, Rotation::R0, &SETTINGS);
    convert("to_rgb, turned 90", &plain, Rotation::R90, &SETTINGS);
    let small = ImageSettings {
        max_side: Some(640),
        ..SETTINGS
    };
    convert("to_rgb, to 640", &plain, Rotation::R0, &small);
    for (name, chroma, bit_depth, transfer) in [
        ("to_rgb 4:2:2 8 bit", ChromaSampling::Cs422, 8, None),
        ("to_rgb 4:4:4 8 bit", ChromaSampling::Cs444, 8, None),
        ("to_rgb 4:2:0 10 bit", ChromaSampling::Cs420, 10, None),
        ("to_rgb PQ", ChromaSampling::Cs420, 10, Some(Transfer::Pq)),
        ("to_rgb HLG", ChromaSampling::Cs420, 10, Some(Transfer::Hlg)),
    ] {
        let frame = frame(chroma, bit_depth, transfer);
        convert(name, &frame, Rotation::R0, &SETTINGS);
    }
    measure("score", 10, || {
        let scores = score(&plain);
        let mut bytes = scores.phash.to_le_bytes().to_vec();
        for number in [scores.sharpness, scores.luma_mean, scores.luma_deviation] {
            bytes.extend(number.to_bits().to_le_bytes());
        }
        bytes.extend(scores.thumb.0);
        bytes
    });
    jpeg(&plain);
    let (image, _) = to_rgb(&plain, Rotation::R0, &SETTINGS).unwrap();
    for (name, format) in [
        ("encode png", ImageFormat::Png),
        ("encode webp", ImageFormat::Webp),
    ] {
        let settings = ImageSettings { format, ..SETTINGS };
        measure(name, 3, || encode(&image, &settings).unwrap());
    }
}
