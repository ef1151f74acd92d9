//! Every container's index equals what ffprobe shows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod common;

use common::{
    Packet, access_unit, adler32, clip, index_of, packets, read_index, read_range, shown_places,
    stream, testsrc,
};
use framemill_video::{Codec, Container, VideoIndex};
use std::fs::File;
use std::path::Path;

/// Which PTS the clip's packets have.
#[derive(Clone, Copy, PartialEq)]
enum Times {
    /// As ffprobe shows.
    Equal,
    /// As ffprobe shows, but for one shift of all: ffprobe moves fragments with negative offsets.
    Shifted,
    /// ffprobe shows none: presentation order alone is looked at elsewhere.
    Unknown,
}

/// Compares payload, key flag, PTS of all packets; gives the index for more.
fn compare(path: &Path, times: Times) -> Box<VideoIndex> {
    let (index, _) = index_of(path);
    let index = index.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    println!("{}", path.display()); // names the clip where a comparison fails
    let expected: Vec<Packet> = packets(path);
    assert!(
        index
            .warnings
            .iter()
            .all(|w| w.code == "assumed_frame_rate"),
        "{:?}",
        index.warnings
    );
    let mut file = File::open(path).unwrap();
    assert_eq!(index.samples.len(), expected.len(), "sample count");
    let stream = stream(path);
    let (num, den) = stream["time_base"].split_once('/').unwrap();
    let (num, den): (i128, i128) = (num.parse().unwrap(), den.parse().unwrap());
    let scale = i128::from(index.timescale.get());
    for (place, (sample, packet)) in index.samples.iter().zip(&expected).enumerate() {
        let unit = access_unit(&mut file, &index, sample);
        let unit = as_parsed(unit, &index, place);
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
        if times != Times::Unknown {
            // AVI without B pictures has DTS alone.
            let pts = packet.pts.or(packet.dts).expect("ffprobe shows a time");
            let first = expected[0].pts.or(expected[0].dts).unwrap();
            let shift = if times == Times::Shifted { first } else { 0 };
            let pts = pts - shift;
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

/// ffmpeg's HEVC parser leaves the zero byte of a start code to the access unit before.
fn as_parsed(mut unit: Vec<u8>, index: &VideoIndex, place: usize) -> Vec<u8> {
    if index.config.codec == Codec::Hevc && index.config.nal_length_size.is_none() {
        if place > 0 {
            assert_eq!(unit.remove(0), 0);
        }
        if place + 1 < index.samples.len() {
            unit.push(0);
        }
    }
    unit
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
        ("f7.mp4", "frag_every_frame+empty_moov"),
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
fn mp4_with_negative_offsets() {
    let arguments = with(&H264, &["-bf", "2", "-movflags", "negative_cts_offsets"]);
    case("n.mp4", &small(), &arguments);
    let flags = "frag_keyframe+empty_moov+negative_cts_offsets";
    let arguments = with(&H264, &["-bf", "2", "-movflags", flags]);
    let path = make("f4.mp4", &small(), &arguments);
    compare(&path, Times::Shifted);
}

/// Compares what is shown; ffmpeg drops samples that no shown one needs.
fn compare_shown(path: &Path) -> Box<VideoIndex> {
    println!("{}", path.display());
    let index = index_of(path).0.unwrap();
    let expected: Vec<(u64, i64)> = packets(path)
        .iter()
        .filter(|packet| !packet.discard)
        .map(|packet| (packet.pos.unwrap(), packet.pts.unwrap()))
        .collect();
    let shown = index.samples.iter().filter(|sample| sample.shown);
    let ours: Vec<_> = shown.map(|sample| (sample.offset, sample.pts.0)).collect();
    assert_eq!(ours, expected);
    index
}

#[test]
fn mp4_edit_lists() {
    let source = make("b.mp4", &small(), &with(&H264, &["-bf", "3"]));
    let source = source.to_str().unwrap();
    // Starts inside a GOP: the samples before are kept, not shown.
    let cut = clip("cut.mp4", &["-ss", "1.2", "-i", source, "-c", "copy"]);
    let index = compare_shown(&cut);
    assert!(index.samples.iter().any(|sample| !sample.shown));
    assert_eq!(
        index
            .samples
            .iter()
            .filter(|s| s.shown)
            .map(|s| s.pts.0)
            .min(),
        Some(0)
    );
    // Starts later: an empty edit.
    let late = clip(
        "late.mp4",
        &[
            "-itsoffset",
            "0.5",
            "-i",
            source,
            "-f",
            "lavfi",
            "-i",
            "sine=d=3",
            "-map",
            "0:v",
            "-map",
            "1:a",
            "-c:v",
            "copy",
            "-c:a",
            "aac",
        ],
    );
    let index = compare(&late, Times::Equal);
    assert_eq!(index.samples[0].pts.0, i64::from(index.timescale.get()) / 2);
}

/// Two stretches of the media, one after the other: an editor's cut.
#[test]
fn mp4_with_several_edits() {
    // Two seconds between key frames 12 frames (0.48 s) apart: the cut is at key frames.
    let path = make("b.mp4", &small(), &with(&H264, &["-bf", "3"]));
    let file = std::fs::read(&path).unwrap();
    let edit = |duration: u32, from: u32| {
        let from = 1024 + from * 512;
        [duration.to_be_bytes(), from.to_be_bytes(), [0, 1, 0, 0]].concat()
    };
    let body = [vec![0, 0, 0, 0, 0, 0, 0, 2], edit(960, 0), edit(480, 48)].concat();
    let cut = rewrite(&file, &|kind, _| {
        (kind == b"elst").then(|| boxed(b"elst", &body))
    });
    let path = path.with_file_name("several-edits.mp4");
    std::fs::write(&path, cut).unwrap();
    let index = compare_shown(&path);
    assert_eq!(
        index.samples.iter().filter(|sample| sample.shown).count(),
        24 + 12
    );
    assert_eq!(index.duration, 36 * 512);
}

#[test]
fn mp4_rotation_pixel_aspect_and_color() {
    use framemill_video::{Matrix, PixelAspect, Primaries, Range, Transfer};
    let source = make("b.mp4", &small(), &with(&H264, &["-bf", "3"]));
    for degrees in ["90", "180", "270"] {
        let metadata = format!("rotate={degrees}");
        let source = source.to_str().unwrap();
        let arguments = ["-i", source, "-c", "copy", "-metadata:s:v", &metadata];
        let path = clip("r.mp4", &arguments);
        // ffprobe counts counter-clockwise.
        let turned: i32 = stream(&path)["rotation"].parse().unwrap();
        let clockwise = u16::try_from((-turned).rem_euclid(360)).unwrap();
        assert_ne!(clockwise, 0);
        assert_eq!(u16::from(compare(&path, Times::Equal).rotation), clockwise);
    }
    let arguments = with(
        &H264,
        &[
            "-vf",
            "setsar=4/3",
            "-color_primaries",
            "bt2020",
            "-color_trc",
            "smpte2084",
            "-colorspace",
            "bt2020nc",
            "-color_range",
            "pc",
            "-movflags",
            "write_colr",
        ],
    );
    for name in ["c.mp4", "c.mov", "c.mkv"] {
        let index = case(name, &small(), &arguments);
        assert_eq!(index.pixel_aspect, PixelAspect { h: 4, v: 3 });
        let color = index.config.color;
        assert_eq!(color.primaries, Some(Primaries::Bt2020));
        assert_eq!(color.transfer, Some(Transfer::Pq));
        assert_eq!(color.matrix, Some(Matrix::Bt2020));
        assert_eq!(color.range, Some(Range::Full));
    }
}

const VP9: [&str; 6] = ["-c:v", "libvpx-vp9", "-g", "12", "-deadline", "realtime"];
const VP8: [&str; 6] = ["-c:v", "libvpx", "-g", "12", "-deadline", "realtime"];
const AV1: [&str; 6] = ["-c:v", "libsvtav1", "-preset", "12", "-g", "12"];
const HEVC: [&str; 4] = [
    "-c:v",
    "libx265",
    "-x265-params",
    "log-level=error:keyint=12",
];

#[test]
fn mp4_codecs() {
    let hevc = case("hevc.mp4", &small(), &with(&HEVC, &["-tag:v", "hvc1"]));
    assert_eq!(
        (hevc.config.codec, hevc.config.profile.as_str()),
        (Codec::Hevc, "Main")
    );
    let ten = with(&HEVC, &["-pix_fmt", "yuv420p10le", "-tag:v", "hev1"]);
    assert_eq!(case("hevc10.mp4", &small(), &ten).config.profile, "Main 10");
    assert_eq!(case("av1.mp4", &small(), &AV1).config.codec, Codec::Av1);
    assert_eq!(case("vp9.mp4", &small(), &VP9).config.profile, "Profile 0");
    assert_eq!(
        case("mjpeg.mov", &small(), &["-c:v", "mjpeg"]).config.codec,
        Codec::Mjpeg
    );
    assert_eq!(
        case("mjpeg.mp4", &small(), &["-c:v", "mjpeg"]).config.codec,
        Codec::Mjpeg
    );
    let ten = with(&H264, &["-pix_fmt", "yuv420p10le"]);
    assert_eq!(
        case("h264-10.mp4", &small(), &ten).config.profile,
        "High 10"
    );
}

#[test]
fn mp4_interlaced() {
    let arguments = with(&H264, &["-flags", "+ildct+ilme", "-bf", "2"]);
    for name in ["i.mp4", "i.ts", "i.mkv"] {
        case(name, &small(), &arguments);
    }
    compare(&make("i.h264", &small(), &arguments), Times::Unknown);
}

#[test]
fn the_video_is_found_among_many_tracks() {
    let cover = clip(
        "cover.jpg",
        &["-f", "lavfi", "-i", "color=s=320x240", "-frames:v", "1"],
    );
    let path = clip(
        "many.mov",
        &[
            "-f",
            "lavfi",
            "-i",
            "sine=d=3",
            "-i",
            cover.to_str().unwrap(),
            "-f",
            "lavfi",
            "-i",
            &small(),
            "-map",
            "0:a",
            "-map",
            "1:v",
            "-map",
            "2:v",
            "-c:v:0",
            "copy",
            "-c:v:1",
            "libx264",
            "-disposition:v:0",
            "0",
            "-timecode",
            "01:00:00:00",
        ],
    );
    let index = index_of(&path).0.unwrap();
    assert_eq!(index.config.codec, Codec::H264);
    assert_eq!(index.samples.len(), 75);
    let path = clip(
        "many.mkv",
        &[
            "-f",
            "lavfi",
            "-i",
            "sine=d=3",
            "-f",
            "lavfi",
            "-i",
            &small(),
            "-c:v",
            "libx264",
        ],
    );
    compare(&path, Times::Equal);
}

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

/// B pictures that no other refers to are known from `sdtp`, and in raw streams from the slices.
#[test]
fn disposable_samples() {
    use framemill_video::Dependence;
    let raw = make("b.h264", &small(), &with(&H264, &["-bf", "3"]));
    let raw = index_of(&raw).0.unwrap();
    let disposable = raw
        .samples
        .iter()
        .filter(|s| s.dependence == Dependence::Disposable);
    assert!(disposable.count() > 20);
    assert!(
        raw.samples
            .iter()
            .all(|s| !s.sync || s.dependence == Dependence::Needed)
    );
    // ffmpeg writes no `sdtp`: one is put behind `stss`.
    let file = std::fs::read(make("b.mp4", &small(), &with(&H264, &["-bf", "3"]))).unwrap();
    let marks = raw.samples.iter().map(|sample| match sample.dependence {
        Dependence::Disposable => 0x08,
        Dependence::Needed => 0x04,
        Dependence::Unknown => 0,
    });
    let marks: Vec<u8> = [0; 4].into_iter().chain(marks).collect();
    let marked = rewrite(&file, &|kind, body| match kind {
        b"stss" => Some([boxed(b"stss", body), boxed(b"sdtp", &marks)].concat()),
        _ => None,
    });
    let (index, _) = read_index(marked.len() as u64, |range| {
        marked[range.start as usize..range.end as usize].to_vec()
    });
    let found: Vec<_> = index
        .unwrap()
        .samples
        .iter()
        .map(|s| s.dependence)
        .collect();
    let expected: Vec<_> = raw.samples.iter().map(|s| s.dependence).collect();
    assert_eq!(found, expected);
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

/// A file of 3 GB whose index is at the end: 64-bit sizes, and little of it is read.
#[test]
fn mp4_larger_than_32_bits_is_read_where_its_index_is() {
    let path = make("b.mp4", &small(), &with(&H264, &["-bf", "3"]));
    let file = std::fs::read(&path).unwrap();
    let word = |kind: &[u8]| file.windows(4).position(|four| four == kind).unwrap();
    let (free, mdat) = (word(b"free") - 4, word(b"mdat") - 4);
    assert_eq!(mdat, free + 8, "ffmpeg leaves room for a long header");
    let length = u32::from_be_bytes(file[mdat..mdat + 4].try_into().unwrap());
    let moov = mdat + length as usize;
    let gap = 5_000_000_000_u64;
    let mut head = file[..moov].to_vec();
    head[free..free + 8].copy_from_slice(b"\0\0\0\x01mdat");
    let long = u64::from(length) + 8 + gap;
    head[mdat..mdat + 8].copy_from_slice(&long.to_be_bytes());
    let size = file.len() as u64 + gap;
    let byte = |at: u64| match usize::try_from(at) {
        Ok(at) if at < moov => head[at],
        Ok(at) if at as u64 >= moov as u64 + gap => file[at - gap as usize],
        _ => 0,
    };
    let (index, reads) = read_index(size, |range| (range.start..range.end).map(byte).collect());
    assert_eq!(index.unwrap().samples, index_of(&path).0.unwrap().samples);
    assert!(reads.requests <= 3 && reads.bytes < 150_000, "{reads:?}");
}

/// Chunk offsets of 64 bits, where ffmpeg needs none: `stco` made `co64`.
#[test]
fn mp4_with_long_chunk_offsets() {
    let path = make("b.mp4", &small(), &with(&H264, &["-bf", "3"]));
    let file = std::fs::read(&path).unwrap();
    let long = rewrite(&file, &|kind, body| {
        let longer = body
            .get(8..)
            .unwrap_or_default()
            .chunks(4)
            .flat_map(|word| [&[0; 4], word].concat());
        let body: Vec<u8> = body.iter().take(8).copied().chain(longer).collect();
        (kind == b"stco").then(|| boxed(b"co64", &body))
    });
    assert!(long.len() > file.len());
    let (index, _) = read_index(long.len() as u64, |range| {
        long[range.start as usize..range.end as usize].to_vec()
    });
    assert_eq!(index.unwrap().samples, index_of(&path).0.unwrap().samples);
}

fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes(), &kind[..], body].concat()
}

/// What to put in place of a box of this kind and body.
type Other<'a> = &'a dyn Fn(&[u8; 4], &[u8]) -> Option<Vec<u8>>;

/// Puts other boxes in place of boxes; offsets stay right while `moov` comes last.
fn rewrite(boxes: &[u8], other: Other<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at + 8 <= boxes.len() {
        let size = u32::from_be_bytes(boxes[at..at + 4].try_into().unwrap()) as usize;
        let kind: [u8; 4] = boxes[at + 4..at + 8].try_into().unwrap();
        let body = &boxes[at + 8..at + size];
        out.extend(match &kind {
            b"moov" | b"trak" | b"mdia" | b"minf" | b"stbl" | b"edts" => {
                boxed(&kind, &rewrite(body, other))
            }
            b"mdat" | b"free" | b"ftyp" => boxed(&kind, body),
            _ => other(&kind, body).unwrap_or_else(|| boxed(&kind, body)),
        });
        at += size;
    }
    out
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
