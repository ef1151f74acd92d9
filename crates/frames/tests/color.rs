//! Conversion to RGB against ffmpeg's, over raw planes that ffmpeg made.
//!
//! ffmpeg's side is its scaler at its most exact: `accurate_rnd+full_chroma_int+bicubic`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

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

const RANGES: [(&str, Range); 2] = [("tv", Range::Limited), ("pc", Range::Full)];

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
            let words = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
            Samples::from(words.collect::<Vec<_>>())
        } else {
            Samples::from(plane.to_vec())
        };
        planes.push(Plane::tight(width, height, samples));
    }
    assert!(rest.is_empty(), "{} bytes are left", rest.len());
    Frame {
        pts: Pts(0),
        other_pts: Vec::new(),
        width,
        height,
        chroma,
        bit_depth,
        planes,
        color: ColorDescription::default(),
        damage: None,
    }
}

/// Raw planes of one picture of a lavfi source.
fn planes(source: &str, pixel_format: &str) -> Vec<u8> {
    ffmpeg(
        &format!("-f lavfi -i {source} -frames:v 1 -pix_fmt {pixel_format} -f rawvideo -"),
        None,
    )
}

/// Colour descriptions to compare, in ffmpeg's words and in ours.
type Colour = ((&'static str, Matrix), (&'static str, Range));

/// What ffmpeg makes of raw planes taken for each of these colours.
fn references(
    planes: &[u8],
    (width, height): (u32, u32),
    format: &str,
    colours: &[Colour],
) -> Vec<Vec<u8>> {
    let count = colours.len();
    let pads = |name: &str| {
        (0..count)
            .map(|i| format!("[{name}{i}]"))
            .collect::<String>()
    };
    let scales: String = (0..count)
        .zip(colours)
        .map(|(i, ((matrix, _), (range, _)))| {
            format!(
                "[in{i}]scale=in_color_matrix={matrix}:in_range={range}:\
                 flags=accurate_rnd+full_chroma_int+bicubic,format=rgb24[out{i}];"
            )
        })
        .collect();
    let graph = format!(
        "split={count}{};{scales}{}vstack={count}",
        pads("in"),
        pads("out")
    );
    let images = ffmpeg(
        &format!(
            "-f rawvideo -pix_fmt {format} -s {width}x{height} -i - -filter_complex {graph} -f rawvideo -"
        ),
        Some(planes),
    );
    let size = (width * height * 3) as usize;
    assert_eq!(images.len(), count * size);
    images.chunks(size).map(<[u8]>::to_vec).collect()
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
    let colours: Vec<Colour> = MATRICES
        .iter()
        .flat_map(|matrix| RANGES.map(|range| (*matrix, range)))
        .collect();
    for (name, chroma, bit_depth) in FORMATS {
        let planes = planes(source, name);
        let expected = references(&planes, size, name, &colours);
        for (((matrix_name, matrix), (range_name, range)), expected) in colours.iter().zip(expected)
        {
            let mut frame = frame(&planes, size, *chroma, *bit_depth);
            frame.color.matrix = Some(*matrix);
            frame.color.range = Some(*range);
            let (image, facts) = to_rgb(&frame, Rotation::R0, &SETTINGS).unwrap();
            assert_eq!((facts.matrix, facts.range), (*matrix, *range));
            assert!(!facts.matrix_assumed && !facts.tone_mapped);
            let worst = largest_difference(&image.data, &expected);
            println!("{source} {name} {matrix_name} {range_name}: {worst}");
            if worst > TOLERANCE {
                failed.push(format!("{name} {matrix_name} {range_name}: {worst}"));
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

/// A frame of 10 × 6 with these planes' values everywhere.
fn flat(chroma: ChromaSampling, bit_depth: u8, values: [u16; 3]) -> Frame {
    let (width, height) = (10u32, 6u32);
    let chroma_size = match chroma {
        ChromaSampling::Cs420 => (5, 3),
        ChromaSampling::Cs422 => (5, 6),
        _ => (width, height),
    };
    let plane = |(width, height): (u32, u32), value: u16| {
        let count = (width * height) as usize;
        let samples = match bit_depth {
            8 => Samples::from(vec![value as u8; count]),
            _ => Samples::from(vec![value; count]),
        };
        Plane::tight(width, height, samples)
    };
    let mut planes = vec![plane((width, height), values[0])];
    if chroma != ChromaSampling::Monochrome {
        planes.extend([plane(chroma_size, values[1]), plane(chroma_size, values[2])]);
    }
    Frame {
        pts: Pts(0),
        other_pts: Vec::new(),
        width,
        height,
        chroma,
        bit_depth,
        planes,
        color: ColorDescription::default(),
        damage: None,
    }
}

/// The one colour of a flat frame.
fn colour(frame: &Frame) -> [u8; 3] {
    let (image, _) = to_rgb(frame, Rotation::R0, &SETTINGS).unwrap();
    let (pixels, _) = image.data.as_chunks::<3>();
    assert!(pixels.iter().all(|pixel| pixel == &pixels[0]));
    pixels[0]
}

#[test]
fn black_grey_and_white_are_exact_at_every_depth_and_range() {
    let samplings = [
        ChromaSampling::Monochrome,
        ChromaSampling::Cs420,
        ChromaSampling::Cs422,
        ChromaSampling::Cs444,
    ];
    for chroma in samplings {
        for bit_depth in [8u8, 10, 12, 16] {
            let unit = 1u16 << (bit_depth - 8);
            let middle = 128 * unit;
            let full = ((1u32 << bit_depth) - 1) as u16;
            for (range, black, white) in [
                (None, 16 * unit, 235 * unit),
                (Some(Range::Limited), 16 * unit, 235 * unit),
                (Some(Range::Full), 0, full),
            ] {
                for (luma, expected) in [(black, [0; 3]), (white, [255; 3])] {
                    let mut frame = flat(chroma, bit_depth, [luma, middle, middle]);
                    frame.color.range = range;
                    assert_eq!(colour(&frame), expected, "{chroma:?} {bit_depth} {range:?}");
                }
            }
        }
    }
}

#[test]
fn identity_ycgco_and_constant_luminance_follow_h273() {
    let mut frame = flat(ChromaSampling::Cs444, 8, [20, 30, 10]);
    frame.color.matrix = Some(Matrix::Identity);
    frame.color.range = Some(Range::Full);
    assert_eq!(colour(&frame), [10, 20, 30], "planes are G, B, R");

    // H.273 equations 72 to 75: t = Y - Cg, G = Y + Cg, B = t - Co, R = t + Co.
    let mut frame = flat(ChromaSampling::Cs420, 8, [100, 138, 148]);
    frame.color.matrix = Some(Matrix::YCgCo);
    frame.color.range = Some(Range::Full);
    assert_eq!(colour(&frame), [110, 110, 70]);

    // Pure red of BT.2020 constant luminance: Y = oetf(0.2627), Cr = (1 - Y) / 0.9936,
    // Cb = -Y / 1.9404.
    let y = 1.099_297 * 0.2627f64.powf(0.45) - 0.099_297;
    let code = |value: f64| (512.0 + 896.0 * value).round() as u16;
    let values = [
        (64.0 + 876.0 * y).round() as u16,
        code(-y / 1.9404),
        code((1.0 - y) / 0.9936),
    ];
    let mut frame = flat(ChromaSampling::Cs444, 10, values);
    frame.color.matrix = Some(Matrix::Bt2020Cl);
    let [red, green, blue] = colour(&frame);
    assert!(
        red >= 254 && green <= 6 && blue <= 1,
        "{red} {green} {blue}"
    );
}

#[test]
fn grey_video_equals_ffmpegs_with_neutral_chroma() {
    // ffmpeg takes its gray formats for full range whatever it is told, so it gets 4:2:0.
    let size = (320, 240);
    let luma = planes("testsrc2=size=320x240:rate=1", "gray");
    let mut with_chroma = luma.clone();
    with_chroma.resize(luma.len() * 3 / 2, 128);
    let mut frame = frame(&luma, size, ChromaSampling::Monochrome, 8);
    let colours = RANGES.map(|range| (("bt709", Matrix::Bt709), range));
    let expected = references(&with_chroma, size, "yuv420p", &colours);
    for ((_, (name, range)), expected) in colours.into_iter().zip(expected) {
        frame.color.range = Some(range);
        let (image, _) = to_rgb(&frame, Rotation::R0, &SETTINGS).unwrap();
        assert!(largest_difference(&image.data, &expected) <= 1, "{name}");
    }
}

#[test]
fn unspecified_colour_follows_the_rule() {
    let assumed = |width: u32, height: u32, rule| {
        let bytes = vec![128; (width * height) as usize];
        let frame = frame(&bytes, (width, height), ChromaSampling::Monochrome, 8);
        let settings = ImageSettings {
            unspecified_matrix: rule,
            ..SETTINGS
        };
        let (_, facts) = to_rgb(&frame, Rotation::R0, &settings).unwrap();
        assert!(facts.matrix_assumed);
        assert_eq!(facts.range, Range::Limited);
        facts.matrix
    };
    let auto = UnspecifiedMatrix::Auto;
    for (width, height) in [(1280, 720), (720, 1280), (1280, 536), (960, 720)] {
        assert_eq!(
            assumed(width, height, auto),
            Matrix::Bt709,
            "{width}x{height}"
        );
    }
    for (width, height) in [(720, 576), (576, 720), (640, 480), (1278, 718)] {
        assert_eq!(
            assumed(width, height, auto),
            Matrix::Bt601,
            "{width}x{height}"
        );
    }
    assert_eq!(assumed(64, 64, UnspecifiedMatrix::Bt709), Matrix::Bt709);
    assert_eq!(assumed(1920, 1080, UnspecifiedMatrix::Bt601), Matrix::Bt601);
}

#[test]
fn hdr_is_tone_mapped_and_said_so() {
    // 10 bit limited code of 203 cd/m² (58.07 %) in PQ, and 75 % in HLG.
    for (transfer, code) in [(Transfer::Pq, 573), (Transfer::Hlg, 721)] {
        let mut frame = flat(ChromaSampling::Cs420, 10, [code, 512, 512]);
        frame.color.transfer = Some(transfer);
        let (_, facts) = to_rgb(&frame, Rotation::R0, &SETTINGS).unwrap();
        assert!(facts.tone_mapped && facts.matrix_assumed);
        assert_eq!(facts.matrix, Matrix::Bt2020);
        let [r, g, b] = colour(&frame);
        assert!(r == g && g == b && (225..250).contains(&r), "{r} {g} {b}");
    }
}

#[test]
fn rotation_and_size_apply_to_the_picture() {
    // Bright at the top left only.
    let mut frame = flat(ChromaSampling::Monochrome, 8, [16, 0, 0]);
    if let Samples::U8(samples) = &mut frame.planes[0].samples {
        std::sync::Arc::make_mut(samples)[0] = 235;
    }
    for (rotation, size, bright) in [
        (Rotation::R0, (10, 6), 0),
        (Rotation::R90, (6, 10), 5),
        (Rotation::R180, (10, 6), 59),
        (Rotation::R270, (6, 10), 54),
    ] {
        let (image, _) = to_rgb(&frame, rotation, &SETTINGS).unwrap();
        assert_eq!((image.width, image.height), size);
        let position = image.data.iter().position(|s| *s == 255).unwrap();
        assert_eq!(position / 3, bright, "{rotation:?}");
    }
    let small = ImageSettings {
        max_side: Some(5),
        ..SETTINGS
    };
    let (image, _) = to_rgb(&frame, Rotation::R90, &small).unwrap();
    assert_eq!((image.width, image.height), (3, 5));
}

#[test]
fn odd_and_tiny_sizes_are_converted() {
    for (width, height) in [
        (1u32, 1u32),
        (2, 1),
        (1, 2),
        (3, 3),
        (5, 4),
        (7, 2),
        (33, 17),
    ] {
        for (chroma, size) in [
            (
                ChromaSampling::Cs420,
                (width.div_ceil(2), height.div_ceil(2)),
            ),
            (ChromaSampling::Cs422, (width.div_ceil(2), height)),
            (ChromaSampling::Cs444, (width, height)),
        ] {
            let bytes = (width * height + 2 * size.0 * size.1) as usize;
            let mut frame = frame(&vec![128u8; bytes], (width, height), chroma, 8);
            frame.color.range = Some(Range::Full);
            let (image, _) = to_rgb(&frame, Rotation::R90, &SETTINGS).unwrap();
            assert_eq!(image.data, vec![128; (width * height * 3) as usize]);
        }
    }
}

#[test]
fn planes_that_do_not_fit_are_refused() {
    let good = flat(ChromaSampling::Cs420, 8, [16, 128, 128]);
    let refused = |change: fn(&mut Frame)| {
        let mut frame = good.clone();
        change(&mut frame);
        to_rgb(&frame, Rotation::R0, &SETTINGS).unwrap_err()
    };
    let plane = |error| match error {
        ConvertError::Planes { plane, .. } => Some(plane),
        _ => None,
    };
    assert_eq!(plane(refused(|f| f.planes.truncate(2))), Some(2));
    assert_eq!(plane(refused(|f| f.planes.clear())), Some(0));
    assert_eq!(plane(refused(|f| f.width = 12)), Some(0));
    assert_eq!(
        plane(refused(
            |f| f.planes[0].samples = Samples::from(vec![0_u8; 59])
        )),
        Some(0)
    );
    assert_eq!(plane(refused(|f| f.bit_depth = 10)), Some(0));
    assert_eq!(
        plane(refused(|f| f.chroma = ChromaSampling::Cs444)),
        Some(1)
    );
    assert_eq!(plane(refused(|f| (f.width, f.height) = (0, 0))), Some(0));
    let error = refused(|f| f.color.matrix = Some(Matrix::Identity));
    assert!(
        matches!(error, ConvertError::SubsampledRgb { .. }),
        "{error}"
    );
}
