//! The index of each other container equals what ffprobe shows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod common;

use common::*;
use framemill_video::{Codec, Container, VideoIndex};
use std::fs::File;
use std::path::Path;

#[test]
fn matroska_codecs_and_layouts() {
    case("vp9.webm", &small(), &VP9);
    case("vp8.webm", &small(), &VP8);
    case("av1.mkv", &small(), &AV1);
    case("hevc.mkv", &small(), &HEVC);
    case("mjpeg.mkv", &small(), &["-c:v", "mjpeg"]);
    // Live: clusters and segment of unknown size, no cues.
    case("live.webm", &small(), &with(&VP8, &["-live", "1"]));
    case(
        "front.mkv",
        &small(),
        &with(&H264, &["-cues_to_front", "1"]),
    );
    case(
        "small.mkv",
        &small(),
        &with(&H264, &["-cluster_time_limit", "200"]),
    );
}

/// VP8 with alternate reference frames has packets that show nothing.
#[test]
fn hidden_frames() {
    let (source, log) = (
        small(),
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("vp8-pass"),
    );
    let pass = |number, name| {
        let rate = [
            "-c:v",
            "libvpx",
            "-auto-alt-ref",
            "1",
            "-lag-in-frames",
            "25",
            "-b:v",
            "200k",
        ];
        let log = ["-passlogfile", log.to_str().unwrap(), "-pass", number];
        make(name, &source, &with(&rate, &log))
    };
    pass("1", "first-pass.ivf");
    for name in ["alt.ivf", "alt.webm"] {
        let index = compare(&pass("2", name), Times::Equal);
        assert!(index.samples.len() > 75, "hidden packets");
        assert_eq!(
            index.samples.iter().filter(|sample| sample.shown).count(),
            75
        );
    }
}

#[test]
fn variable_frame_rate() {
    let source = format!("{},select='not(mod(n\\,3))+not(mod(n\\,7))'", small());
    for name in ["vfr.mp4", "vfr.mkv", "vfr.ts"] {
        case(name, &source, &with(&H264, &["-vsync", "vfr"]));
    }
    let ntsc = testsrc("160x120", "30000/1001", "3");
    for name in ["ntsc.mp4", "ntsc.mkv", "ntsc.ts", "ntsc.avi"] {
        case(name, &ntsc, &with(&H264, &["-bf", "0"]));
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

/// Places of the shown samples in presentation order.
fn presented(index: &VideoIndex) -> Vec<u64> {
    let mut shown: Vec<_> = index.samples.iter().filter(|s| s.shown).collect();
    shown.sort_by_key(|sample| sample.pts);
    shown.iter().map(|sample| sample.offset).collect()
}

/// Formats without presentation times: order from picture order counts.
#[test]
fn presentation_order_from_the_bitstream() {
    for (name, parameters) in [
        ("o1", "bframes=3:b-pyramid=normal:keyint=20"),
        ("o2", "bframes=3:open-gop=1:keyint=15:min-keyint=5"),
        ("o3", "bframes=0:keyint=10"),
        ("o4", "bframes=5:b-adapt=2:keyint=250:slices=3"),
        ("o5", "bframes=2:tff=1:keyint=20"),
    ] {
        let coder = ["-c:v", "libx264", "-x264-params", parameters];
        let raw = make(&format!("{name}.h264"), &small(), &coder);
        let index = compare(&raw, Times::Unknown);
        assert_eq!(presented(&index), shown_places(&raw), "{name}");
        let times: Vec<_> = index.samples.iter().map(|sample| sample.pts.0).collect();
        let step = index.duration / times.len() as i64;
        assert_eq!(times.iter().max(), Some(&(step * 74)), "{name}");
        let avi = make(&format!("{name}.avi"), &small(), &coder);
        let index = index_of(&avi).0.unwrap();
        assert_eq!(presented(&index), shown_places(&avi), "{name}.avi");
    }
    for (name, parameters) in [
        ("p1", "log-level=error:bframes=4:keyint=20:open-gop=1"),
        (
            "p2",
            "log-level=error:bframes=4:keyint=20:open-gop=0:temporal-layers=1",
        ),
        ("p3", "log-level=error:bframes=0:keyint=20"),
    ] {
        let coder = ["-c:v", "libx265", "-x265-params", parameters];
        let raw = make(&format!("{name}.hevc"), &small(), &coder);
        let index = compare(&raw, Times::Unknown);
        // ffmpeg counts from the start code without its zero byte, but for the first.
        let place = |place: u64| if place == 0 { 0 } else { place + 1 };
        let ours: Vec<_> = presented(&index).into_iter().map(place).collect();
        assert_eq!(ours, shown_places(&raw), "{name}");
        case(&format!("{name}.ts"), &small(), &coder);
    }
}

/// Pictures larger than what is read at a time: payloads are stepped over, not read.
#[test]
fn large_pictures() {
    let noise = "nullsrc=s=720x576:r=10:d=1.5,geq=random(1)*255:128:128";
    for (name, arguments, steps_over) in [
        (
            "n.ivf",
            &[
                "-c:v",
                "libvpx-vp9",
                "-crf",
                "4",
                "-b:v",
                "0",
                "-deadline",
                "realtime",
            ][..],
            false,
        ),
        (
            "n.webm",
            &[
                "-c:v",
                "libvpx",
                "-crf",
                "4",
                "-b:v",
                "50M",
                "-deadline",
                "realtime",
            ],
            false,
        ),
        ("n.mkv", &["-c:v", "mjpeg", "-q:v", "2"], true),
        ("n.avi", &["-c:v", "mjpeg", "-q:v", "2"], true),
        ("n.mov", &["-c:v", "mjpeg", "-q:v", "2"], true),
        (
            "n.ts",
            &["-c:v", "libx264", "-qp", "4", "-preset", "ultrafast"],
            false,
        ),
        (
            "n-f.mp4",
            &[
                "-c:v",
                "libx264",
                "-qp",
                "4",
                "-preset",
                "ultrafast",
                "-movflags",
                "frag_every_frame+empty_moov",
            ],
            true,
        ),
    ] {
        let path = make(name, noise, arguments);
        compare(&path, Times::Equal);
        let (_, reads) = index_of(&path);
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(size > 3_000_000, "{name}: {size}");
        assert!(
            !steps_over || reads.bytes * 2 < size,
            "{name}: {reads:?} of {size}"
        );
        assert!(
            reads.bytes <= size + size / 8,
            "{name}: {reads:?} of {size}"
        );
    }
}

/// The rate that the stream tells is used, without a warning.
#[test]
fn raw_streams_tell_their_rate() {
    let source = testsrc("160x120", "30000/1001", "2");
    for (name, arguments) in [("rate.h264", &H264[..]), ("rate.hevc", &HEVC)] {
        let index = index_of(&make(name, &source, arguments)).0.unwrap();
        let step = index.duration * 30000 / 1001 / index.samples.len() as i64;
        assert!(
            step.abs_diff(i64::from(index.timescale.get())) <= 1,
            "{name}: {index:?}"
        );
        assert!(index.warnings.is_empty(), "{:?}", index.warnings);
    }
}

/// Times of 33 bits that wrap in the middle of the stream.
#[test]
fn mpegts_times_wrap() {
    // 2^33 / 90000 = 95443.7 s.
    let arguments = with(&H264, &["-bf", "2", "-output_ts_offset", "95441"]);
    let index = case("wrap.ts", &small(), &arguments);
    let times: Vec<_> = index.samples.iter().map(|sample| sample.pts.0).collect();
    let span = times.iter().max().unwrap() - times.iter().min().unwrap();
    assert_eq!(span, 74 * 3600);
}

/// A transport packet; `payload` may have at most 184 bytes, what is missing is stuffed.
fn transport_packet(pid: u16, starts: bool, counter: usize, payload: &[u8]) -> Vec<u8> {
    let stuffing = 184 - payload.len();
    let mut packet = vec![0x47, (pid >> 8) as u8 | u8::from(starts) << 6, pid as u8];
    packet.push(0x10 | u8::from(stuffing > 0) << 5 | (counter & 15) as u8);
    if stuffing > 0 {
        packet.push(stuffing as u8 - 1);
    }
    if stuffing > 1 {
        packet.push(0);
        packet.resize(4 + stuffing, 0xff);
    }
    packet.extend(payload);
    packet
}

/// PES packets with three access units each, which share transport packets.
#[test]
fn several_access_units_in_a_pes_packet() {
    let arguments = with(&H264, &["-bf", "0", "-x264-params", "aud=1"]);
    let raw_path = make("aud.h264", &small(), &arguments);
    let (raw, bytes) = (
        index_of(&raw_path).0.unwrap(),
        std::fs::read(&raw_path).unwrap(),
    );
    let unit = |sample: &framemill_video::Sample| {
        bytes[sample.range().start as usize..sample.range().end as usize].to_vec()
    };
    let units: Vec<Vec<u8>> = raw.samples.iter().map(unit).collect();
    let section = |table: &[u8]| {
        let mut payload = [&[0], table, &[0; 4]].concat();
        payload.resize(184, 0xff);
        payload
    };
    let programs = section(&[0, 0xb0, 13, 0, 1, 0xc1, 0, 0, 0, 1, 0xe1, 0]);
    let map = section(&[
        2, 0xb0, 18, 0, 1, 0xc1, 0, 0, 0xe1, 1, 0xf0, 0, 0x1b, 0xe1, 1, 0xf0, 0,
    ]);
    let mut file = transport_packet(0, true, 0, &programs);
    file.extend(transport_packet(0x100, true, 0, &map));
    let mut counter = 0;
    for (number, three) in units.chunks(3).enumerate() {
        let time = 90_000 + number as u64 * 3 * 3600;
        let stamp = [
            0x21 | (time >> 29) as u8 & 0x0e,
            (time >> 22) as u8,
            (time >> 14) as u8 | 1,
            (time >> 7) as u8,
            (time << 1) as u8 | 1,
        ];
        let header = [&[0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5], &stamp[..]].concat();
        let pes = [header, three.concat()].concat();
        for (place, payload) in pes.chunks(184).enumerate() {
            file.extend(transport_packet(0x101, place == 0, counter, payload));
            counter += 1;
        }
    }
    let read =
        |range: framemill_video::ByteRange| file[range.start as usize..range.end as usize].to_vec();
    let index = read_index(file.len() as u64, read).0.unwrap();
    assert!(index.warnings.is_empty(), "{:?}", index.warnings);
    assert_eq!(index.samples.len(), units.len());
    for (place, (sample, expected)) in index.samples.iter().zip(&units).enumerate() {
        let packets = read(sample.range());
        let unit = index.unwrap.access_unit(&packets).unwrap();
        assert!(*unit == *expected, "unit {place}");
        assert_eq!(sample.pts.0, 90_000 + 3600 * place as i64);
    }
}

/// Packets of 204 bytes: 188 and a checksum.
#[test]
fn mpegts_with_checksums() {
    let path = make("b.ts", &small(), &with(&H264, &["-bf", "2"]));
    let file = std::fs::read(&path).unwrap();
    let long: Vec<u8> = file
        .chunks(188)
        .flat_map(|p| [p, &[0x55; 16]].concat())
        .collect();
    let bytes =
        |range: framemill_video::ByteRange| long[range.start as usize..range.end as usize].to_vec();
    let index = read_index(long.len() as u64, bytes).0.unwrap();
    let short = index_of(&path).0.unwrap();
    assert_eq!(index.samples.len(), short.samples.len());
    let mut handle = File::open(&path).unwrap();
    for (a, b) in index.samples.iter().zip(&short.samples) {
        assert_eq!((a.pts, a.sync), (b.pts, b.sync));
        let unit = index
            .unwrap
            .access_unit(&bytes(a.range()))
            .unwrap()
            .into_owned();
        assert_eq!(unit, access_unit(&mut handle, &short, b));
    }
    assert!(!read_range(&mut handle, short.samples[0].range()).is_empty());
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
