//! JPEG from planes beside JPEG by way of RGB: both against the exact RGB picture.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use framemill_contract::{ImageFormat, ImageSettings, UnspecifiedMatrix};
use framemill_frames::{encode, image_file, to_rgb};
use framemill_video::{
    ChromaSampling, ColorDescription, Frame, Matrix, Plane, Pts, Range, Rotation,
};
use std::process::Command;

const SETTINGS: ImageSettings = ImageSettings {
    format: ImageFormat::Jpeg,
    quality: 95,
    max_side: None,
    unspecified_matrix: UnspecifiedMatrix::Auto,
};

const SIZE: (u32, u32) = (322, 182);

/// Pictures as they come from cameras and screens, and one with edges of full colour.
const SOURCES: [&str; 3] = [
    "mandelbrot=size=322x182:rate=1:start_scale=0.02",
    "gradients=size=322x182:rate=1:seed=7,noise=alls=6:allf=t",
    "testsrc2=size=322x182:rate=1",
];

/// The first picture of a source.
fn frame(source: &str, matrix: Matrix, range: Range) -> Frame {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", source])
        .args([
            "-frames:v",
            "1",
            "-pix_fmt",
            "yuv420p",
            "-f",
            "rawvideo",
            "-",
        ])
        .output()
        .expect("ffmpeg does not start: apt-get install -y --no-install-recommends ffmpeg");
    assert!(output.status.success(), "{source}");
    let (width, height) = SIZE;
    let chroma = (width.div_ceil(2), height.div_ceil(2));
    let mut rest = output.stdout.as_slice();
    let mut plane = |(width, height): (u32, u32)| {
        let (samples, later) = rest.split_at((width * height) as usize);
        rest = later;
        Plane::tight(width, height, samples.to_vec())
    };
    Frame {
        pts: Pts(0),
        other_pts: Vec::new(),
        width,
        height,
        chroma: ChromaSampling::Cs420,
        bit_depth: 8,
        planes: vec![plane(SIZE), plane(chroma), plane(chroma)],
        color: ColorDescription {
            matrix: Some(matrix),
            range: Some(range),
            ..ColorDescription::default()
        },
        damage: None,
    }
}

fn psnr(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let square = |(a, b): (&u8, &u8)| (f64::from(*a) - f64::from(*b)).powi(2);
    let sum: f64 = a.iter().zip(b).map(square).sum();
    10.0 * (255.0 * 255.0 * a.len() as f64 / sum.max(1e-9)).log10()
}

fn decoded(file: &[u8]) -> Vec<u8> {
    image::load_from_memory(file).unwrap().to_rgb8().into_raw()
}

/// The way from planes loses less than the way by RGB, which makes chroma larger and smaller again.
#[test]
fn from_planes_is_nearer_to_the_picture_than_by_rgb() {
    for source in SOURCES {
        for matrix in [Matrix::Bt601, Matrix::Bt709] {
            for range in [Range::Limited, Range::Full] {
                let frame = frame(source, matrix, range);
                let (exact, _) = to_rgb(&frame, Rotation::R0, &SETTINGS).unwrap();
                let by_rgb = decoded(&encode(&exact, &SETTINGS).unwrap());
                let file = image_file(&frame, Rotation::R0, &SETTINGS).unwrap();
                assert_eq!((file.width, file.height), SIZE);
                let from_planes = decoded(&file.bytes);
                let theirs = psnr(&by_rgb, &exact.data);
                let ours = psnr(&from_planes, &exact.data);
                let apart = psnr(&from_planes, &by_rgb);
                println!(
                    "{source} {matrix:?} {range:?}: by RGB {theirs:.1} dB, from planes {ours:.1}, apart {apart:.1}"
                );
                assert!(ours > theirs - 0.5, "{source} {matrix:?} {range:?}");
                assert!(ours > 30.0, "{source} {matrix:?} {range:?}");
            }
        }
    }
}
