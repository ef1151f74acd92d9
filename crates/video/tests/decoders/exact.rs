//! Every decoded frame equals ffmpeg's bit for bit, and carries the PTS that the container says.

use crate::clips::{Clip, make};
use crate::{decode, raw};
use framemill_video::{Codec, Frame, Pts};

const MOVING: &str = "testsrc2=size=176x144:rate=25:duration=0.96,noise=alls=8:allf=t";
const FRACTAL: &str = "mandelbrot=size=176x144:rate=25:end_scale=0.01,trim=duration=0.96";
const CROPPED: &str = "testsrc2=size=178x142:rate=25:duration=0.6";
const ODD: &str = "testsrc2=size=175x143:rate=25:duration=0.6";
const ODD_HEIGHT: &str = "testsrc2=size=176x143:rate=25:duration=0.6";
const TINY: &str = "testsrc2=size=16x16:rate=25:duration=0.6";
const NOISE: &str = "testsrc2=size=64x64:rate=25:duration=0.4,noise=alls=100:allf=t";
const WIDE: &str = "testsrc2=size=640x256:rate=25:duration=0.48";
const FADING: &str = "testsrc2=size=176x144:rate=25:duration=0.96,fade=in:0:20";

fn check_frames(name: &str, frames: &[Frame], expected: &[u8]) {
    let mut rest = expected;
    for (index, frame) in frames.iter().enumerate() {
        let ours = raw(frame);
        assert!(
            rest.len() >= ours.len(),
            "{name}: more frames than ffmpeg's {index}"
        );
        let (theirs, tail) = rest.split_at(ours.len());
        let differing = ours.iter().zip(theirs).filter(|(a, b)| a != b).count();
        assert_eq!(differing, 0, "{name}: bytes that differ in frame {index}");
        rest = tail;
    }
    assert!(
        rest.is_empty(),
        "{name}: {} bytes of ffmpeg's left",
        rest.len()
    );
}

fn check(codec: Codec, name: &str, extension: &str, source: &str, pix_fmt: &str, args: &str) {
    let clip = Clip::make(codec, name, extension, source, args);
    let frames = decode(&clip.config, &clip.units).unwrap();
    check_frames(name, &frames, &clip.ffmpeg(pix_fmt));
    let mut shown: Vec<Pts> = clip.units.iter().map(|unit| unit.pts).collect();
    shown.sort();
    shown.dedup();
    let pts: Vec<Pts> = frames.iter().map(|frame| frame.pts).collect();
    assert_eq!(pts, shown, "{name}");
    if clip.config.nal_length_size.is_some() {
        let (config, units) = clip.annexb();
        let again = decode(&config, &units).unwrap();
        assert_eq!(again.len(), frames.len(), "{name} as a byte stream");
        for (a, b) in again.iter().zip(&frames) {
            assert_eq!((a.pts, raw(a)), (b.pts, raw(b)), "{name} as a byte stream");
        }
    }
}

macro_rules! exact {
    ($codec:ident, $extension:literal, $($name:ident: $source:expr, $pix_fmt:literal, $args:expr;)+) => {
        $(#[test]
        fn $name() {
            check(Codec::$codec, stringify!($name), $extension, $source, $pix_fmt, $args);
        })+
    };
}

exact! { H264, "mp4",
    h264_baseline_cavlc: MOVING, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -profile:v baseline -g 12";
    h264_main_cabac: MOVING, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -profile:v main -bf 2 -g 12";
    h264_main_cavlc: FRACTAL, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -profile:v main -coder 0 -bf 2 -g 12";
    h264_high_pyramid: MOVING, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -profile:v high -bf 5 -refs 4 -g 24 -x264-params b-pyramid=normal:b-adapt=0:8x8dct=1";
    h264_high_temporal_direct: FRACTAL, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -bf 3 -x264-params direct=temporal:weightb=1:b-adapt=0";
    h264_high_cavlc_8x8dct: FRACTAL, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -profile:v high -coder 0 -x264-params 8x8dct=1";
    h264_slices: MOVING, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -bf 2 -x264-params slices=4";
    h264_scaling_matrices: MOVING, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -x264-params cqm=jvt";
    h264_weighted: FADING, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -bf 2 -x264-params weightp=2:weightb=1";
    h264_intra_refresh: MOVING, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -x264-params intra-refresh=1:keyint=10";
    h264_cropped: CROPPED, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -bf 2";
    h264_cropped_at_top_left: WIDE, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -bf 2 -bsf:v h264_metadata=crop_left=64:crop_top=10:crop_right=2:crop_bottom=4";
    h264_open_gop: MOVING, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -x264-params open-gop=1:keyint=8:bframes=3:b-adapt=0";
    h264_low_quality: MOVING, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -qp 48 -bf 3";
    h264_high_quality: MOVING, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -qp 4 -bf 3";
    h264_interlaced_mbaff: MOVING, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -flags +ildct+ilme -bf 2 -g 12";
    h264_interlaced_mbaff_cavlc: MOVING, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -flags +ildct+ilme -coder 0 -bf 0 -g 12";
    h264_fake_interlaced: MOVING, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -bf 2 -x264-params fake-interlaced=1";
    h264_high10: FRACTAL, "yuv420p10le",
        "-c:v libx264 -pix_fmt yuv420p10le -bf 2";
    h264_high422: MOVING, "yuv422p",
        "-c:v libx264 -pix_fmt yuv422p -bf 2";
    h264_high422_10: MOVING, "yuv422p10le",
        "-c:v libx264 -pix_fmt yuv422p10le -bf 2";
    h264_high422_10_intra_interlaced: MOVING, "yuv422p10le",
        "-c:v libx264 -pix_fmt yuv422p10le -g 1 -flags +ildct+ilme";
    h264_gray: MOVING, "luma",
        "-c:v libx264 -pix_fmt gray -bf 2";
    h264_gray10: MOVING, "luma",
        "-c:v libx264 -pix_fmt gray10le -bf 2";
}

exact! { H264, "mp4",
    h264_constrained_baseline_refs: FRACTAL, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -profile:v baseline -refs 5 -g 24 -x264-params mixed-refs=1:me=umh:subme=9";
    h264_all_partitions: MOVING, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -preset placebo -bf 3 -refs 6 -x264-params partitions=all:b-adapt=0";
    h264_cavlc_temporal_direct: MOVING, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -coder 0 -bf 3 -x264-params direct=temporal:b-adapt=0:8x8dct=1";
    h264_constrained_intra: MOVING, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -bf 2 -x264-params constrained-intra=1";
    h264_pcm: MOVING, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -qp 1 -bf 2 -x264-params qpmin=1:qpmax=1";
    h264_pcm_cavlc: NOISE, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -qp 1 -coder 0 -bf 2 -x264-params qpmin=1:qpmax=1";
    h264_pcm_cabac: NOISE, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -qp 1 -bf 2 -x264-params qpmin=1:qpmax=1";
    h264_no_deblocking: MOVING, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -bf 2 -x264-params no-deblock=1";
    h264_deblocking_offsets: MOVING, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -bf 2 -x264-params deblock=-3,4:slices=3";
    h264_chroma_qp_offset: MOVING, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -bf 2 -x264-params chroma-qp-offset=-7";
    h264_mbaff_spatial: MOVING, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -flags +ildct+ilme -bf 3 -refs 4 -x264-params direct=spatial:b-adapt=0:weightp=0";
    h264_mbaff_temporal: MOVING, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -flags +ildct+ilme -bf 3 -x264-params bff=1:direct=temporal:b-adapt=0";
    h264_mbaff_constrained_slices: FRACTAL, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -flags +ildct+ilme -bf 2 -x264-params constrained-intra=1:slices=3";
    h264_mbaff_422: MOVING, "yuv422p",
        "-c:v libx264 -pix_fmt yuv422p -flags +ildct+ilme -bf 2";
    h264_high10_interlaced: MOVING, "yuv420p10le",
        "-c:v libx264 -pix_fmt yuv420p10le -flags +ildct+ilme -coder 0 -bf 2";
    h264_444: MOVING, "yuv444p",
        "-c:v libx264 -pix_fmt yuv444p -bf 2";
    h264_444_cavlc: MOVING, "yuv444p",
        "-c:v libx264 -pix_fmt yuv444p -coder 0 -bf 2";
    h264_444_10: FRACTAL, "yuv444p10le",
        "-c:v libx264 -pix_fmt yuv444p10le -bf 2";
    h264_444_interlaced: MOVING, "yuv444p",
        "-c:v libx264 -pix_fmt yuv444p -flags +ildct+ilme -bf 2";
    h264_lossless: MOVING, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -qp 0 -bf 2";
    h264_lossless_cavlc: FRACTAL, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -qp 0 -coder 0 -bf 2";
    h264_lossless_444: MOVING, "yuv444p",
        "-c:v libx264 -pix_fmt yuv444p -qp 0 -bf 2";
    h264_lossless_10: MOVING, "yuv420p10le",
        "-c:v libx264 -pix_fmt yuv420p10le -qp 0 -bf 2";
    h264_odd_422: ODD_HEIGHT, "yuv422p",
        "-c:v libx264 -pix_fmt yuv422p -bf 2";
    h264_one_macroblock: TINY, "yuv420p",
        "-c:v libx264 -pix_fmt yuv420p -bf 2";
}

exact! { Hevc, "mp4",
    hevc_main: MOVING, "yuv420p",
        "-c:v libx265 -pix_fmt yuv420p -tag:v hvc1 -x265-params log-level=none:keyint=12:bframes=3";
    hevc_main_open_gop: MOVING, "yuv420p",
        "-c:v libx265 -pix_fmt yuv420p -tag:v hvc1 -x265-params log-level=none:keyint=8:open-gop=1:bframes=4:b-adapt=0";
    hevc_slices: MOVING, "yuv420p",
        "-c:v libx265 -pix_fmt yuv420p -tag:v hvc1 -x265-params log-level=none:slices=3:ctu=16";
    hevc_no_wavefronts: FRACTAL, "yuv420p",
        "-c:v libx265 -pix_fmt yuv420p -tag:v hvc1 -x265-params log-level=none:wpp=0:amp=1:rect=1";
    hevc_intra: FRACTAL, "yuv420p",
        "-c:v libx265 -pix_fmt yuv420p -tag:v hvc1 -x265-params log-level=none:keyint=1";
    hevc_lossless: MOVING, "yuv420p",
        "-c:v libx265 -pix_fmt yuv420p -tag:v hvc1 -x265-params log-level=none:lossless=1";
    hevc_weighted: FADING, "yuv420p",
        "-c:v libx265 -pix_fmt yuv420p -tag:v hvc1 -x265-params log-level=none:weightp=1:weightb=1";
    hevc_cropped: CROPPED, "yuv420p",
        "-c:v libx265 -pix_fmt yuv420p -tag:v hvc1 -x265-params log-level=none";
    hevc_temporal_layers: MOVING, "yuv420p",
        "-c:v libx265 -pix_fmt yuv420p -tag:v hvc1 -x265-params log-level=none:temporal-layers=3:bframes=4:b-adapt=0";
    hevc_main10: MOVING, "yuv420p10le",
        "-c:v libx265 -pix_fmt yuv420p10le -tag:v hvc1 -x265-params log-level=none:bframes=3";
    hevc_main12: FRACTAL, "yuv420p12le",
        "-c:v libx265 -pix_fmt yuv420p12le -tag:v hvc1 -x265-params log-level=none:bframes=3";
    hevc_main444: MOVING, "yuv444p",
        "-c:v libx265 -pix_fmt yuv444p -tag:v hvc1 -x265-params log-level=none:bframes=3";
    hevc_main444_10: MOVING, "yuv444p10le",
        "-c:v libx265 -pix_fmt yuv444p10le -tag:v hvc1 -x265-params log-level=none:bframes=3";
}

exact! { Hevc, "mp4",
    hevc_main422: MOVING, "yuv422p",
        "-c:v libx265 -pix_fmt yuv422p -tag:v hvc1 -x265-params log-level=none:bframes=3:slices=2";
    hevc_main422_10: MOVING, "yuv422p10le",
        "-c:v libx265 -pix_fmt yuv422p10le -tag:v hvc1 -x265-params log-level=none:bframes=3";
    hevc_main422_10_intra: FRACTAL, "yuv422p10le",
        "-c:v libx265 -pix_fmt yuv422p10le -tag:v hvc1 -x265-params log-level=none:keyint=1";
    hevc_main422_12: CROPPED, "yuv422p12le",
        "-c:v libx265 -pix_fmt yuv422p12le -tag:v hvc1 -x265-params log-level=none:lossless=1";
    hevc_gray: MOVING, "gray",
        "-c:v libx265 -pix_fmt gray -tag:v hvc1 -x265-params log-level=none:bframes=3";
    hevc_gray10: MOVING, "gray10le",
        "-c:v libx265 -pix_fmt gray10le -tag:v hvc1 -x265-params log-level=none:bframes=3";
}

exact! { Av1, "mp4",
    av1_8bit: MOVING, "yuv420p",
        "-c:v libsvtav1 -pix_fmt yuv420p -preset 8 -g 12";
    av1_10bit: MOVING, "yuv420p10le",
        "-c:v libsvtav1 -pix_fmt yuv420p10le -preset 8 -g 12";
    av1_aom: FRACTAL, "yuv420p",
        "-c:v libaom-av1 -pix_fmt yuv420p -cpu-used 8 -row-mt 0 -lag-in-frames 16";
    av1_444: MOVING, "yuv444p",
        "-c:v libaom-av1 -pix_fmt yuv444p -cpu-used 8";
    av1_422: MOVING, "yuv422p",
        "-c:v libaom-av1 -pix_fmt yuv422p -cpu-used 8";
    av1_gray: MOVING, "luma",
        "-c:v libaom-av1 -pix_fmt gray -cpu-used 8";
    av1_film_grain: MOVING, "yuv420p",
        "-c:v libaom-av1 -pix_fmt yuv420p -cpu-used 8 -aom-params film-grain-test=1";
    av1_film_grain_10bit: MOVING, "yuv420p10le",
        "-c:v libaom-av1 -pix_fmt yuv420p10le -cpu-used 8 -aom-params film-grain-test=2";
    av1_tiles: WIDE, "yuv420p",
        "-c:v libaom-av1 -pix_fmt yuv420p -cpu-used 8 -tiles 2x2";
    av1_screen_content: "testsrc=size=176x144:rate=25:duration=0.48", "yuv420p",
        "-c:v libaom-av1 -pix_fmt yuv420p -cpu-used 8 -aom-params tune-content=screen";
    av1_odd: ODD, "yuv420p",
        "-c:v libaom-av1 -pix_fmt yuv420p -cpu-used 8";
}

exact! { Vp9, "ivf",
    vp9_profile0_hidden_frames: MOVING, "yuv420p",
        "-c:v libvpx-vp9 -pix_fmt yuv420p -b:v 200k -auto-alt-ref 1 -lag-in-frames 12 -g 12";
    vp9_tiles: WIDE, "yuv420p",
        "-c:v libvpx-vp9 -pix_fmt yuv420p -b:v 300k -tile-columns 1 -tile-rows 1";
    vp9_lossless: MOVING, "yuv420p",
        "-c:v libvpx-vp9 -pix_fmt yuv420p -lossless 1";
    vp9_odd: ODD, "yuv420p",
        "-c:v libvpx-vp9 -pix_fmt yuv420p -b:v 200k";
    vp9_profile1_444: MOVING, "yuv444p",
        "-c:v libvpx-vp9 -pix_fmt yuv444p -b:v 200k";
    vp9_profile1_422: MOVING, "yuv422p",
        "-c:v libvpx-vp9 -pix_fmt yuv422p -b:v 200k";
    vp9_profile2: MOVING, "yuv420p10le",
        "-c:v libvpx-vp9 -pix_fmt yuv420p10le -b:v 200k";
    vp9_profile2_12bit: FRACTAL, "yuv420p12le",
        "-c:v libvpx-vp9 -pix_fmt yuv420p12le -b:v 200k";
    vp9_profile3: MOVING, "yuv444p10le",
        "-c:v libvpx-vp9 -pix_fmt yuv444p10le -b:v 200k";
}

/// VP8 keeps hidden frames in packets of their own, so not every packet has a frame.
/// Gives how many have none. What the format knows besides is in that crate's tests.
fn check_vp8(name: &str, source: &str, args: &str) -> usize {
    let clip = Clip::make(Codec::Vp8, name, "ivf", source, args);
    let frames = decode(&clip.config, &clip.units).unwrap();
    check_frames(name, &frames, &clip.ffmpeg("yuv420p"));
    clip.units.len() - frames.len()
}

/// libvpx makes them in the second of two passes.
#[test]
fn vp8_hidden_frames() {
    let log = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("vp8-hidden-frames");
    let source = "testsrc2=size=160x120:rate=25:duration=3";
    let encoder = "-c:v libvpx -b:v 200k -auto-alt-ref 1 -lag-in-frames 25";
    let args = format!("{encoder} -passlogfile {} -pass", log.display());
    let first = format!("-f lavfi -i {source} {args} 1");
    make(
        "vp8_first_pass",
        "ivf",
        &first.split(' ').collect::<Vec<_>>(),
    );
    assert!(check_vp8("vp8_hidden_frames", source, &format!("{args} 2")) > 0);
}

#[test]
fn vp8_versions() {
    for version in 0..4 {
        let args = format!("-c:v libvpx -b:v 200k -profile:v {version}");
        check_vp8(&format!("vp8_version_{version}"), MOVING, &args);
    }
}

#[test]
fn vp8_partitions() {
    check_vp8("vp8_partitions", FRACTAL, "-c:v libvpx -b:v 300k -slices 4");
}

#[test]
fn vp8_odd() {
    check_vp8("vp8_odd", ODD, "-c:v libvpx -b:v 200k");
}

/// Largest difference between two decodings, and how many bytes differ at all.
fn difference(frames: &[Frame], expected: &[u8]) -> (u8, usize) {
    let ours: Vec<u8> = frames.iter().flat_map(raw).collect();
    assert_eq!(ours.len(), expected.len());
    ours.iter()
        .zip(expected)
        .map(|(a, b)| a.abs_diff(*b))
        .filter(|&d| d > 0)
        .fold((0, 0), |(most, count), d| (most.max(d), count + 1))
}

/// Inverse DCTs of JPEG decoders are not bit-exact: libjpeg's (ours) and ffmpeg's differ by at
/// most 1, as both may from the ideal one.
fn check_mjpeg(name: &str, source: &str, pix_fmt: &str) {
    let args = format!("-c:v mjpeg -q:v 3 -pix_fmt {pix_fmt}");
    let clip = Clip::make(Codec::Mjpeg, name, "mov", source, &args);
    let frames = decode(&clip.config, &clip.units).unwrap();
    assert_eq!(frames.len(), clip.units.len());
    let (most, count) = difference(&frames, &clip.ffmpeg(pix_fmt));
    println!("{name}: {count} bytes differ, by at most {most}");
    assert!(most <= 1, "{name}: off by {most}");
}

#[test]
fn mjpeg_420() {
    check_mjpeg("mjpeg_420", MOVING, "yuvj420p");
}

#[test]
fn mjpeg_422() {
    check_mjpeg("mjpeg_422", MOVING, "yuvj422p");
}

#[test]
fn mjpeg_444() {
    check_mjpeg("mjpeg_444", MOVING, "yuvj444p");
}

#[test]
fn mjpeg_odd() {
    check_mjpeg("mjpeg_odd", ODD, "yuvj420p");
}
