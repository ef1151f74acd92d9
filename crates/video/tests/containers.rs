//! Every container's index equals what ffprobe shows.

mod common;

use common::{Packet, access_unit, adler32, clip, index_of, packets, stream, testsrc};
use framemill_video::{Codec, Container, VideoIndex};
use std::fs::File;
use std::path::Path;

/// Which PTS the clip's packets have.
#[derive(Clone, Copy, PartialEq)]
enum Times {
    /// As ffprobe shows.
    Equal,
    /// ffprobe shows none: presentation order alone is looked at elsewhere.
    Unknown,
}

/// Compares payload, key flag, PTS of all packets; gives the index for more.
fn compare(path: &Path, times: Times) -> Box<VideoIndex> {
    let (index, _) = index_of(path);
    let index = index.unwrap();
    let expected: Vec<Packet> = packets(path);
    let mut file = File::open(path).unwrap();
    assert_eq!(index.samples.len(), expected.len(), "sample count");
    let stream = stream(path);
    let (num, den) = stream["time_base"].split_once('/').unwrap();
    let (num, den): (i128, i128) = (num.parse().unwrap(), den.parse().unwrap());
    let scale = i128::from(index.timescale.get());
    for (place, (sample, packet)) in index.samples.iter().zip(&expected).enumerate() {
        let unit = access_unit(&mut file, &index, sample);
        assert_eq!(
            unit.len(),
            packet.size,
            "size of {place}: {sample:?} {packet:?}"
        );
        assert_eq!(adler32(&unit), packet.hash, "bytes of {place}");
        assert_eq!(sample.sync, packet.key, "key flag of {place}: {sample:?}");
        assert!(
            sample.dts.0 <= sample.pts.0,
            "decoded before it is shown: {place}: {sample:?}"
        );
        if times == Times::Equal {
            let pts = packet.pts.expect("ffprobe shows a PTS");
            assert_eq!(
                i128::from(sample.pts.0) * den,
                i128::from(pts) * num * scale,
                "PTS of {place}: {} / {scale}, expected {pts} * {num} / {den}",
                sample.pts.0
            );
        }
        if matches!(index.container, Container::Mp4 | Container::MpegTs)
            && let Some(pos) = packet.pos
        {
            assert_eq!(sample.offset, pos, "offset of {place}");
        }
    }
    let size = (
        index.config.width.to_string(),
        index.config.height.to_string(),
    );
    assert_eq!(size, (stream["width"].clone(), stream["height"].clone()));
    if let Some(profile) = stream.get("profile").filter(|p| *p != "unknown") {
        let ours = index.config.profile.clone();
        assert!(
            ours == *profile || index.config.codec == Codec::Vp8,
            "{ours} {profile}"
        );
    }
    assert!(
        index.samples.windows(2).all(|w| w[0].dts <= w[1].dts),
        "DTS rise"
    );
    index
}

/// Makes a clip of `seconds` with `encoder` arguments and compares it.
fn case(name: &str, source: &str, arguments: &[&str]) -> Box<VideoIndex> {
    compare(&make(name, source, arguments), Times::Equal)
}

fn make(name: &str, source: &str, arguments: &[&str]) -> std::path::PathBuf {
    let mut all = vec!["-f", "lavfi", "-i", source];
    all.extend(arguments);
    clip(name, &all)
}

const H264: [&str; 8] = [
    "-c:v", "libx264", "-preset", "veryfast", "-g", "12", "-pix_fmt", "yuv420p",
];

fn with<'a>(first: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [first, more].concat()
}

fn small() -> String {
    testsrc("160x120", "25", "3")
}

#[test]
fn mp4_with_b_frames() {
    let index = case("b.mp4", &small(), &with(&H264, &["-bf", "3"]));
    assert_eq!(index.samples.len(), 75);
    assert_eq!(index.duration, i64::from(index.timescale.get()) * 3);
    assert_eq!(index.samples.iter().map(|s| s.pts.0).min(), Some(0));
    assert!(index.warnings.is_empty(), "{:?}", index.warnings);
    assert_eq!(index.config.nal_length_size, Some(4));
}

#[test]
fn mp4_moov_first() {
    case(
        "fast.mp4",
        &small(),
        &with(&H264, &["-movflags", "+faststart"]),
    );
}

#[test]
fn mov_and_m4v() {
    case("q.mov", &small(), &H264);
    case("q.m4v", &small(), &H264);
}

#[test]
fn mp4_fragmented() {
    for (name, flags) in [
        ("f1.mp4", "frag_keyframe+empty_moov"),
        ("f2.mp4", "frag_keyframe+empty_moov+default_base_moof"),
        ("f3.mp4", "frag_keyframe"),
        ("f4.mp4", "frag_every_frame+empty_moov+negative_cts_offsets"),
        ("f5.mp4", "frag_keyframe+delay_moov"),
        ("f6.mp4", "dash+global_sidx"),
    ] {
        case(
            name,
            &small(),
            &with(&H264, &["-bf", "2", "-movflags", flags]),
        );
    }
}

#[test]
fn matroska() {
    let index = case("b.mkv", &small(), &with(&H264, &["-bf", "3"]));
    assert_eq!(index.container, Container::Matroska);
}

#[test]
fn avi() {
    let mjpeg = case("m.avi", &small(), &["-c:v", "mjpeg"]);
    assert_eq!(mjpeg.config.codec, Codec::Mjpeg);
    case("h.avi", &small(), &with(&H264, &["-bf", "0"]));
}

#[test]
fn mpegts() {
    case("b.ts", &small(), &with(&H264, &["-bf", "2"]));
    case(
        "b.m2ts",
        &small(),
        &with(&H264, &["-bf", "2", "-mpegts_m2ts_mode", "1"]),
    );
    case(
        "hevc.ts",
        &small(),
        &[
            "-c:v",
            "libx265",
            "-x265-params",
            "log-level=error:keyint=12",
        ],
    );
}

#[test]
fn annexb() {
    let h264 = make("b.h264", &small(), &with(&H264, &["-bf", "3"]));
    compare(&h264, Times::Unknown);
    let hevc = make(
        "b.hevc",
        &small(),
        &[
            "-c:v",
            "libx265",
            "-x265-params",
            "log-level=error:keyint=12",
        ],
    );
    compare(&hevc, Times::Unknown);
}

#[test]
fn ivf() {
    let index = case("v.ivf", &small(), &["-c:v", "libvpx", "-g", "12"]);
    assert_eq!(index.config.codec, Codec::Vp8);
    case("9.ivf", &small(), &["-c:v", "libvpx-vp9", "-g", "12"]);
    case(
        "a.ivf",
        &small(),
        &["-c:v", "libsvtav1", "-preset", "10", "-g", "12"],
    );
}
