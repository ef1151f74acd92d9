//! Clips that libvpx encodes come out as ffmpeg decodes them, bit for bit and without a doubt.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{assert_equal, clip, decode, raw, reference, units};
use framemill_vp8::{Decoder, Size, key_frame_size};

const MOVING: &str = "testsrc2=size=176x144:rate=25:duration=1,noise=alls=8:allf=t";
const FRACTAL: &str = "mandelbrot=size=176x144:rate=25:end_scale=0.01,trim=duration=1";
const LIFE: &str = "life=size=176x144:rate=25:mold=10:ratio=0.3,trim=duration=1,format=yuv420p";
const ODD: &str = "testsrc2=size=175x143:rate=25:duration=1,rotate=t:ow=175:oh=143";
const LONG: &str = "testsrc2=size=160x120:rate=25:duration=3";
const LONG_NOISE: &str = "testsrc2=size=176x144:rate=25:duration=3,noise=alls=6:allf=t";
const TINY: &str = "testsrc2=size=17x9:rate=25:duration=1";
const WIDE: &str = "testsrc2=size=640x64:rate=25:duration=0.6,noise=alls=20:allf=t";
const FADING: &str = "testsrc2=size=176x144:rate=25:duration=1,fade=in:0:20";
/// A small picture that moves on a large one, out of the frame and in again.
const LEAVING: &str = "testsrc2=size=160x128:rate=25:duration=1,scroll=h=0.17:v=0.09";

/// What the frames of a clip have.
#[derive(Default)]
struct Found {
    versions: [bool; 8],
    hidden: usize,
    key_frames: usize,
}

fn check(name: &str, source: &str, args: &str) -> Found {
    let path = clip(name, source, args);
    let units = units(&path);
    let frames = decode(&units);
    let doubts: Vec<_> = frames.iter().filter_map(|frame| frame.damage()).collect();
    assert_eq!(doubts, [], "{name}");
    let (expected, errors) = reference(&path, "vp8");
    assert_eq!(errors, "", "{name}");
    assert_equal(name, &frames, &expected);
    let mut found = Found::default();
    for unit in &units {
        found.versions[usize::from((unit[0] >> 1) & 7)] = true;
        found.hidden += usize::from(unit[0] & 0x10 == 0);
        found.key_frames += usize::from(unit[0] & 1 == 0);
    }
    assert_eq!(frames.len() + found.hidden, units.len(), "{name}");
    found
}

macro_rules! exact {
    ($($name:ident: $source:expr, $args:expr;)+) => {
        $(#[test]
        fn $name() {
            check(stringify!($name), $source, $args);
        })+
    };
}

exact! {
    good: MOVING, "-b:v 200k -g 12";
    best: FRACTAL, "-b:v 300k -deadline best";
    realtime: MOVING, "-b:v 200k -deadline realtime -cpu-used 8";
    realtime_slow: FRACTAL, "-b:v 200k -deadline realtime -cpu-used -4";
    finest: FRACTAL, "-qmin 0 -qmax 0 -b:v 8M";
    coarsest: MOVING, "-qmin 63 -qmax 63 -b:v 20k";
    noise: LIFE, "-b:v 2M";
    one_partition: FRACTAL, "-b:v 300k -slices 1";
    two_partitions: FRACTAL, "-b:v 300k -slices 2";
    four_partitions: FRACTAL, "-b:v 300k -slices 4";
    eight_partitions: FRACTAL, "-b:v 300k -slices 8";
    segments: MOVING, "-b:v 150k -error-resilient default -deadline realtime -cpu-used 4";
    segments_of_fine_quality: FRACTAL,
        "-b:v 4M -qmin 0 -qmax 8 -error-resilient default -deadline realtime -cpu-used 4";
    independent_partitions: MOVING, "-b:v 200k -error-resilient partitions -slices 4";
    resilient: MOVING, "-b:v 200k -error-resilient default+partitions -slices 2";
    denoised: MOVING, "-b:v 200k -noise-sensitivity 4 -deadline realtime";
    static_threshold: "testsrc=size=176x144:rate=25:duration=1", "-b:v 100k -static-thresh 1000";
    sharpness_1: MOVING, "-b:v 80k -sharpness 1";
    sharpness_4: MOVING, "-b:v 80k -sharpness 4";
    sharpness_7: MOVING, "-b:v 80k -sharpness 7";
    odd: ODD, "-b:v 200k";
    odd_in_real_time: ODD, "-b:v 80k -deadline realtime -cpu-used 5 -error-resilient default";
    tiny: TINY, "-b:v 100k";
    wide: WIDE, "-b:v 400k";
    fading: FADING, "-b:v 200k";
    leaving: LEAVING, "-b:v 300k -deadline best";
    key_frames_only: MOVING, "-b:v 500k -g 1";
    two_temporal_layers: MOVING,
        "-b:v 300k -deadline realtime -error-resilient default -ts-parameters ts_number_layers=2:ts_target_bitrate=150,300:ts_rate_decimator=2,1:ts_periodicity=2:ts_layer_id=0,1:ts_layering_mode=2";
}

/// All sources with one version of the format.
fn check_version(version: usize) {
    for (source, name) in [(FRACTAL, "fractal"), (ODD, "odd"), (LEAVING, "leaving")] {
        let args = format!("-profile:v {version} -b:v 200k -g 20");
        let found = check(&format!("version-{version}-{name}"), source, &args);
        let versions = found.versions.iter().enumerate();
        let versions: Vec<_> = versions.filter(|(_, it)| **it).map(|(it, _)| it).collect();
        assert_eq!(versions, [version]);
    }
}

#[test]
fn version_0() {
    check_version(0);
}

#[test]
fn version_1() {
    check_version(1);
}

#[test]
fn version_2() {
    check_version(2);
}

#[test]
fn version_3() {
    check_version(3);
}

#[test]
fn hidden_frames() {
    let args = "-b:v 200k -auto-alt-ref 1 -lag-in-frames 25 -arnr-maxframes 5 -arnr-strength 3";
    for (source, name) in [(LONG, "long"), (LONG_NOISE, "noise")] {
        let found = check(&format!("hidden-{name}"), source, args);
        assert!(found.hidden > 0);
    }
}

/// A key frame of another size in the middle of a stream, and back.
#[test]
fn size_that_changes() {
    let paths = [("large", MOVING), ("small", TINY), ("odd", ODD)]
        .map(|(name, source)| clip(&format!("size-{name}"), source, "-b:v 200k"));
    let mut joined = Vec::new();
    let mut expected = Vec::new();
    for path in paths.iter().chain(&paths[..1]) {
        joined.extend(units(path));
        expected.extend(reference(path, "vp8").0);
    }
    let frames = decode(&joined);
    assert_equal("size_that_changes", &frames, &expected);
    let sizes: Vec<_> = frames.iter().map(|it| (it.width(), it.height())).collect();
    assert_eq!((sizes[0], sizes[sizes.len() / 2]), ((176, 144), (175, 143)));
    assert!(frames.iter().all(|frame| frame.damage().is_none()));
}

/// Frames that are handed out stay as they are while others are decoded.
#[test]
fn frames_that_are_kept() {
    let path = clip("kept", MOVING, "-b:v 200k");
    let mut decoder = Decoder::default();
    let mut kept = Vec::new();
    for unit in units(&path) {
        let frame = decoder.decode(&unit).unwrap().unwrap();
        kept.push((raw(&frame), frame));
    }
    for (at_once, frame) in kept {
        assert!(at_once == raw(&frame));
    }
}

#[test]
fn size_before_decoding() {
    let units = units(&clip("size-odd", ODD, "-b:v 200k"));
    let (width, height) = (175, 143);
    assert_eq!(key_frame_size(&units[0]), Ok(Some(Size { width, height })));
    assert_eq!(key_frame_size(&units[1]), Ok(None));
}
