//! The index of MP4 and MOV equals what ffprobe shows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod common;

use common::*;
use framemill_video::{Codec, VideoIndex};
use std::path::Path;

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

/// Without its table of sync samples every sample counts as one: the samples are looked at.
#[test]
fn a_missing_table_of_sync_samples_is_not_believed() {
    for (name, arguments) in [
        ("h264-syncs.mp4", with(&H264, &["-bf", "2"])),
        ("hevc-syncs.mp4", with(&HEVC, &["-tag:v", "hvc1"])),
        ("av1-syncs.mp4", AV1.to_vec()),
        ("vp9-syncs.mp4", VP9.to_vec()),
    ] {
        let mut bytes = std::fs::read(make(name, &small(), &arguments)).unwrap();
        let syncs = |index: &VideoIndex| -> Vec<usize> {
            let samples = index.samples.iter().enumerate();
            let syncs = samples.filter(|(_, sample)| sample.sync);
            syncs.map(|(place, _)| place).collect()
        };
        let whole = index_of_bytes(&bytes).unwrap();
        assert!(syncs(&whole).len() > 2, "{name}: {:?}", syncs(&whole));
        let at = bytes.windows(4).position(|it| it == b"stss").unwrap();
        bytes[at..at + 4].copy_from_slice(b"free");
        let without = index_of_bytes(&bytes).unwrap();
        assert_eq!(syncs(&without), syncs(&whole), "{name}");
        let codes: Vec<&str> = without.warnings.iter().map(|it| it.code.as_str()).collect();
        assert_eq!(codes, ["wrong_sync_table"], "{name}");
    }
    // Every frame is one, so ffmpeg writes no table.
    let arguments = with(&H264, &["-g", "1"]);
    let index = case("intra-syncs.mp4", &small(), &arguments);
    assert!(index.samples.iter().all(|sample| sample.sync));
}
