//! Conversion to RGB against ffmpeg's, over raw planes that ffmpeg made.
//!
//! ffmpeg's side is its scaler at its most exact: `accurate_rnd+full_chroma_int+bicubic`.

use framemill_contract::{ImageFormat, ImageSettings, UnspecifiedMatrix};
use framemill_frames::{ConvertError, to_rgb};
use framemill_video::{
    ChromaSampling, ColorDescription, Frame, Matrix, Plane, Pts, Range, Rotation, Samples, Transfer,
};
use std::io::Write;
use std::process::{Command, Stdio};

const SETTINGS: ImageSettings = ImageSettings {
    format: ImageFormat::Png,
    quality: 95,
    max_side: None,
    unspecified_matrix: UnspecifiedMatrix::Auto,
};

/// Largest difference of any channel that is taken for equal.
const TOLERANCE: u8 = 2;

fn ffmpeg(args: &str, input: Option<&[u8]>) -> Vec<u8> {
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin"])
        .args(args.split_whitespace())
        .stdin(if input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .spawn()
        .expect("ffmpeg does not start: apt-get install -y --no-install-recommends ffmpeg");
    let stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        if let (Some(mut stdin), Some(bytes)) = (stdin, input) {
            scope.spawn(move || stdin.write_all(bytes).expect("ffmpeg reads its input"));
        }
        child.wait_with_output().expect("ffmpeg ends")
    });
    assert!(output.status.success(), "ffmpeg {args}");
    output.stdout
}

/// Pixel formats: ffmpeg's name, ours.
const FORMATS: &[(&str, ChromaSampling, u8)] = &[
    ("yuv420p", ChromaSampling::Cs420, 8),
    ("yuv422p", ChromaSampling::Cs422, 8),
    ("yuv444p", ChromaSampling::Cs444, 8),
    ("yuv420p10le", ChromaSampling::Cs420, 10),
    ("yuv422p10le", ChromaSampling::Cs422, 10),
    ("yuv444p10le", ChromaSampling::Cs444, 10),
    ("yuv420p12le", ChromaSampling::Cs420, 12),
];

const MATRICES: &[(&str, Matrix)] = &[
    ("bt601", Matrix::Bt601),
    ("bt709", Matrix::Bt709),
    ("bt2020", Matrix::Bt2020),
    ("smpte240m", Matrix::Smpte240),
    ("fcc", Matrix::Fcc),
];

fn frame(bytes: &[u8], size: (u32, u32), chroma: ChromaSampling, bit_depth: u8) -> Frame {
    let (width, height) = size;
    let half = |n: u32| n.div_ceil(2);
    let chroma_size = match chroma {
        ChromaSampling::Monochrome => None,
        ChromaSampling::Cs420 => Some((half(width), half(height))),
        ChromaSampling::Cs422 => Some((half(width), height)),
        ChromaSampling::Cs444 => Some((width, height)),
    };
    let mut rest = bytes;
    let mut planes = Vec::new();
    for (width, height) in [Some(size), chroma_size, chroma_size].into_iter().flatten() {
        let count = (width * height) as usize * if bit_depth > 8 { 2 } else { 1 };
        let (plane, later) = rest.split_at(count);
        rest = later;
        let samples = if bit_depth > 8 {
            let (pairs, _) = plane.as_chunks::<2>();
            Samples::U16(pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect())
        } else {
            Samples::U8(plane.to_vec())
        };
        planes.push(Plane {
            width,
            height,
            samples,
        });
    }
    assert!(rest.is_empty(), "{} bytes are left", rest.len());
    Frame {
        pts: Pts(0),
        width,
        height,
        chroma,
        bit_depth,
        planes,
        color: ColorDescription::default(),
    }
}

/// Raw planes of one picture of a lavfi source.
fn planes(source: &str, pixel_format: &str) -> Vec<u8> {
    ffmpeg(
        &format!("-f lavfi -i {source} -frames:v 1 -pix_fmt {pixel_format} -f rawvideo -"),
        None,
    )
}

/// What ffmpeg makes of raw planes.
fn reference(
    planes: &[u8],
    (width, height): (u32, u32),
    format: &str,
    matrix: &str,
    range: &str,
) -> Vec<u8> {
    ffmpeg(
        &format!(
            "-f rawvideo -pix_fmt {format} -s {width}x{height} -i - -vf \
             scale=in_color_matrix={matrix}:in_range={range}:flags=accurate_rnd+full_chroma_int+bicubic,format=rgb24 \
             -f rawvideo -"
        ),
        Some(planes),
    )
}

fn largest_difference(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| a.abs_diff(*b))
        .max()
        .unwrap_or(0)
}

/// Compares every matrix and both ranges for one source.
fn compare(source: &str, size: (u32, u32)) {
    let mut failed = Vec::new();
    for (name, chroma, bit_depth) in FORMATS {
        let planes = planes(source, name);
        for (matrix_name, matrix) in MATRICES {
            for (range_name, range) in [("tv", Range::Limited), ("pc", Range::Full)] {
                let expected = reference(&planes, size, name, matrix_name, range_name);
                let mut frame = frame(&planes, size, *chroma, *bit_depth);
                frame.color.matrix = Some(*matrix);
                frame.color.range = Some(range);
                let (image, facts) = to_rgb(&frame, Rotation::R0, &SETTINGS).unwrap();
                assert_eq!((facts.matrix, facts.range), (*matrix, range));
                assert!(!facts.matrix_assumed && !facts.tone_mapped);
                let worst = largest_difference(&image.data, &expected);
                println!("{source} {name} {matrix_name} {range_name}: {worst}");
                if worst > TOLERANCE {
                    failed.push(format!("{name} {matrix_name} {range_name}: {worst}"));
                }
            }
        }
    }
    assert!(failed.is_empty(), "{source} differs: {failed:#?}");
}

#[test]
fn test_card_equals_ffmpegs() {
    compare("testsrc2=size=320x240:rate=1", (320, 240));
}

#[test]
fn colour_bars_equal_ffmpegs() {
    compare("smptehdbars=size=320x180:rate=1", (320, 180));
}

#[test]
fn noise_equals_ffmpegs() {
    compare(
        "nullsrc=size=256x128:rate=1,format=yuv444p,geq=lum='16+random(1)*219':cb='64+random(2)*128':cr='64+random(3)*128'",
        (256, 128),
    );
}
