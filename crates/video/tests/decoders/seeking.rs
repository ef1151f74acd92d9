//! Starting in the middle and leaving access units out changes no frame that is left.

use crate::clips::{Clip, Unit};
use crate::{decode, raw};
use framemill_video::{Codec, Frame, is_disposable};
use std::collections::BTreeMap;

const MOVING: &str = "testsrc2=size=176x144:rate=25:duration=2,noise=alls=8:allf=t";

fn by_pts(frames: &[Frame]) -> BTreeMap<i64, Vec<u8>> {
    frames
        .iter()
        .map(|frame| (frame.pts.0, raw(frame)))
        .collect()
}

/// From every sync sample on, frames equal those of decoding from the start.
fn starts_anywhere(codec: Codec, name: &str, args: &str, open: bool) {
    let clip = Clip::make(codec, name, "mp4", MOVING, args);
    let all = by_pts(&decode(&clip.config, &clip.units).unwrap());
    let starts: Vec<usize> = (1..clip.units.len())
        .filter(|&index| clip.units[index].sync)
        .collect();
    assert!(starts.len() > 2, "{name}: {starts:?}");
    let mut leading = 0;
    for start in starts {
        let units = &clip.units[start..];
        leading += units.iter().filter(|unit| unit.pts < units[0].pts).count();
        let frames = by_pts(&decode(&clip.config, units).unwrap());
        let expected: BTreeMap<_, _> = all
            .range(units[0].pts.0..)
            .map(|(pts, bytes)| (*pts, bytes.clone()))
            .collect();
        let shown: BTreeMap<_, _> = frames
            .into_iter()
            .filter(|(pts, _)| *pts >= units[0].pts.0)
            .collect();
        assert_eq!(shown.len(), expected.len(), "{name} from {start}");
        for (pts, bytes) in &expected {
            assert!(shown[pts] == *bytes, "{name} from {start}: frame at {pts}");
        }
    }
    assert_eq!(leading > 0, open, "{name}: {leading} leading pictures");
}

#[test]
fn h264_closed_gop() {
    let args = "-c:v libx264 -pix_fmt yuv420p -g 10 -bf 3";
    starts_anywhere(Codec::H264, "seek_h264", args, false);
}

#[test]
fn h264_open_gop() {
    let args = "-c:v libx264 -pix_fmt yuv420p -x264-params open-gop=1:keyint=8:bframes=3:b-adapt=0:scenecut=0:b-pyramid=none";
    starts_anywhere(Codec::H264, "seek_h264_open", args, true);
}

#[test]
fn h264_open_gop_with_reference_b_pictures() {
    let args = "-c:v libx264 -pix_fmt yuv420p -x264-params open-gop=1:keyint=8:bframes=5:b-adapt=0:scenecut=0:b-pyramid=normal:ref=4";
    starts_anywhere(Codec::H264, "seek_h264_open_pyramid", args, true);
}

#[test]
fn h264_open_gop_interlaced() {
    let args = "-c:v libx264 -pix_fmt yuv420p -flags +ildct+ilme -x264-params open-gop=1:keyint=8:bframes=3:b-adapt=0:scenecut=0";
    starts_anywhere(Codec::H264, "seek_h264_open_mbaff", args, true);
}

#[test]
fn hevc_open_gop() {
    let args = "-c:v libx265 -pix_fmt yuv420p -tag:v hvc1 -x265-params log-level=none:slices=2:open-gop=1:keyint=8:bframes=4:b-adapt=0:scenecut=0";
    starts_anywhere(Codec::Hevc, "seek_hevc_open", args, true);
}

#[test]
fn hevc_422_open_gop() {
    let args = "-c:v libx265 -pix_fmt yuv422p10le -tag:v hvc1 -x265-params log-level=none:slices=2:open-gop=1:keyint=8:bframes=4:b-adapt=0:scenecut=0";
    starts_anywhere(Codec::Hevc, "seek_hevc_422_open", args, true);
}

#[test]
fn av1() {
    let args = "-c:v libsvtav1 -pix_fmt yuv420p -preset 8 -g 12";
    starts_anywhere(Codec::Av1, "seek_av1", args, false);
}

/// Without the access units that no other one refers to, all other frames stay the same.
fn leaves_out(codec: Codec, name: &str, args: &str) {
    let clip = Clip::make(codec, name, "mp4", MOVING, args);
    let all = by_pts(&decode(&clip.config, &clip.units).unwrap());
    let disposable = |unit: &Unit| {
        let head = &unit.bytes[..unit.bytes.len().min(300)];
        is_disposable(&clip.config, head)
    };
    let kept: Vec<Unit> = clip
        .units
        .iter()
        .filter(|unit| !disposable(unit))
        .cloned()
        .collect();
    let left_out = clip.units.len() - kept.len();
    assert!(left_out * 5 > clip.units.len(), "{name}: only {left_out}");
    let frames = by_pts(&decode(&clip.config, &kept).unwrap());
    assert_eq!(frames.len(), kept.len(), "{name}");
    for (pts, bytes) in &frames {
        assert!(all[pts] == *bytes, "{name}: frame at {pts}");
    }
    let (config, units) = if clip.config.nal_length_size.is_some() {
        clip.annexb()
    } else {
        return;
    };
    let config = framemill_video::CodecConfig {
        parameter_sets: clip.config.parameter_sets.clone(),
        ..config
    };
    for (a, b) in clip.units.iter().zip(&units) {
        let byte_stream = is_disposable(&config, &b.bytes);
        assert_eq!(byte_stream, is_disposable(&clip.config, &a.bytes), "{name}");
    }
}

#[test]
fn h264_disposable() {
    let args =
        "-c:v libx264 -pix_fmt yuv420p -x264-params bframes=3:b-adapt=0:b-pyramid=normal:slices=2";
    leaves_out(Codec::H264, "disposable_h264", args);
}

#[test]
fn h264_disposable_interlaced() {
    let args = "-c:v libx264 -pix_fmt yuv420p -flags +ildct+ilme -x264-params bframes=3:b-adapt=0";
    leaves_out(Codec::H264, "disposable_h264_mbaff", args);
}

#[test]
fn hevc_disposable() {
    let args =
        "-c:v libx265 -pix_fmt yuv420p -tag:v hvc1 -x265-params log-level=none:bframes=4:b-adapt=0";
    leaves_out(Codec::Hevc, "disposable_hevc", args);
}

#[test]
fn hevc_disposable_temporal_layers() {
    let args = "-c:v libx265 -pix_fmt yuv420p -tag:v hvc1 -x265-params log-level=none:temporal-layers=3:bframes=4:b-adapt=0";
    leaves_out(Codec::Hevc, "disposable_hevc_layers", args);
}

#[test]
fn av1_disposable() {
    let args = "-c:v libsvtav1 -pix_fmt yuv420p -preset 8 -g 25";
    leaves_out(Codec::Av1, "disposable_av1", args);
}

/// Parameter sets change at an IDR picture: another size, another engine, and back.
#[test]
fn h264_parameter_sets_that_change() {
    let small = "testsrc2=size=96x80:rate=25:duration=0.3";
    let args = "-c:v libx264 -pix_fmt yuv420p -bf 2";
    let deep_args = "-c:v libx264 -pix_fmt yuv420p10le -bf 2";
    let first = Clip::make(Codec::H264, "change_first", "mp4", MOVING, args);
    let deep = Clip::make(Codec::H264, "change_deep", "mp4", small, deep_args);
    let last = Clip::make(Codec::H264, "change_last", "mp4", small, args);
    let mut joined = Vec::new();
    let mut expected = Vec::new();
    for (part, clip) in [&first, &deep, &last].into_iter().enumerate() {
        let (config, units) = clip.annexb();
        let offset = part as i64 * 1_000_000;
        expected.extend(decode(&config, &units).unwrap().iter().map(raw));
        joined.extend(units.into_iter().map(|mut unit| {
            unit.pts.0 += offset;
            unit
        }));
    }
    let (config, _) = first.annexb();
    let frames = decode(&config, &joined).unwrap();
    assert_eq!(frames.len(), expected.len());
    assert!(frames.iter().map(raw).eq(expected));
    assert_eq!((frames.last().unwrap().width, frames[0].width), (96, 176));
}
