//! Matroska features that ffmpeg does not write.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod common;

use common::index_of_bytes;
use framemill_video::{Dependence, IndexError, PixelAspect, Rotation, Unwrap, VideoIndex};

/// An element: id, size in eight bytes, body.
fn element(id: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let size = (body.len() as u64 | 1 << 56).to_be_bytes();
    [id, &size, &body].concat()
}

/// An element of unknown size.
fn open(id: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    [
        id,
        &[0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &parts.concat(),
    ]
    .concat()
}

const EBML: [u8; 4] = [0x1a, 0x45, 0xdf, 0xa3];
const SEGMENT: [u8; 4] = [0x18, 0x53, 0x80, 0x67];
const CLUSTER: [u8; 4] = [0x1f, 0x43, 0xb6, 0x75];

/// A file with one VP8 track, number 1, whose entry has `more` in it, and these clusters.
fn file(more: &[u8], video: &[u8], clusters: &[u8]) -> Vec<u8> {
    let size = [element(&[0xb0], &[&[0, 64]]), element(&[0xba], &[&[0, 48]])].concat();
    let entry = element(
        &[0xae],
        &[
            &element(&[0xd7], &[&[1]]),
            &element(&[0x83], &[&[1]]),
            &element(&[0x86], &[b"V_VP8"]),
            &element(&[0xe0], &[&size, video]),
            more,
        ],
    );
    let void = element(&[0xec], &[&[0; 300]]);
    let tracks = element(&[0x16, 0x54, 0xae, 0x6b], &[&entry]);
    let segment = open(&SEGMENT, &[&void, &tracks, &void, clusters]);
    [element(&EBML, &[]), segment].concat()
}

/// A VP8 key frame's first bytes: shown, 64×48.
const KEY: [u8; 10] = [0x10, 0, 0, 0x9d, 0x01, 0x2a, 64, 0, 48, 0];
/// An inter frame's.
const INTER: [u8; 4] = [0x11, 0, 0, 9];

fn simple(time: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    element(&[0xa3], &[&[0x81, 0, time, flags], payload])
}

fn time(ms: u8) -> Vec<u8> {
    element(&[0xe7], &[&[ms]])
}

fn units(index: &VideoIndex, file: &[u8]) -> Vec<Vec<u8>> {
    let unit = |s: &framemill_video::Sample| {
        let range = s.range();
        let bytes = &file[range.start as usize..range.end as usize];
        index.unwrap.access_unit(bytes).unwrap().into_owned()
    };
    index.samples.iter().map(unit).collect()
}

#[test]
fn stripped_headers_come_back() {
    let stripping = element(&[0x42, 0x54], &[&[3]]);
    let settings = element(&[0x42, 0x55], &[&KEY[..3]]);
    let compression = element(&[0x50, 0x34], &[&stripping, &settings]);
    let encodings = element(&[0x6d, 0x80], &[&element(&[0x62, 0x40], &[&compression])]);
    let clusters = element(
        &CLUSTER,
        &[
            &time(5),
            &simple(0, 0x80, &KEY[3..]),
            &simple(40, 0x80, &KEY[3..]),
        ],
    );
    let file = file(&encodings, &[], &clusters);
    let index = index_of_bytes(&file).unwrap();
    assert_eq!(index.unwrap, Unwrap::Prefix(KEY[..3].to_vec()));
    assert_eq!(units(&index, &file), [KEY, KEY]);
    assert_eq!(
        index.config.profile, "Profile 0",
        "read from the unit made whole"
    );
}

#[test]
fn zlib_and_encryption_are_refused_by_name() {
    let compression = element(&[0x50, 0x34], &[&element(&[0x42, 0x54], &[&[0]])]);
    let encryption = element(&[0x50, 0x35], &[]);
    let with = |encoding: &[u8]| {
        let encodings = element(&[0x6d, 0x80], &[&element(&[0x62, 0x40], &[encoding])]);
        index_of_bytes(&file(&encodings, &[], &[])).unwrap_err()
    };
    assert!(
        with(&compression)
            .to_string()
            .contains("V_VP8 compressed with zlib")
    );
    assert!(matches!(with(&encryption), IndexError::Encrypted { .. }));
}

#[test]
fn block_groups_unknown_sizes_and_flags() {
    let block = |ms: u8, unit: &[u8]| element(&[0xa1], &[&[0x81, 0, ms, 0], unit]);
    let reference = element(&[0xfb], &[&[0xd8]]);
    let other_track = element(&[0xa3], &[&[0x82, 0, 0, 0x80], &[1, 2, 3]]);
    let first = open(
        &CLUSTER,
        &[
            &time(0),
            &element(&[0xa0], &[&block(0, &KEY)]),
            &other_track,
            &element(&[0xa0], &[&block(40, &INTER), &reference]),
        ],
    );
    let second = open(
        &CLUSTER,
        &[
            &time(100),
            &simple(0xff, 0x01, &INTER),
            &simple(20, 0x08, &INTER),
        ],
    );
    let file = file(&[], &[], &[first, second].concat());
    let index = index_of_bytes(&file).unwrap();
    let seen: Vec<_> = index
        .samples
        .iter()
        .map(|s| (s.pts.0, s.sync, s.shown))
        .collect();
    let expected = [
        (0, true, true),
        (40, false, true),
        (355, false, true),
        (120, false, false),
    ];
    assert_eq!(seen, expected);
    // The third block is marked discardable, which is not believed of VP8.
    assert_eq!(index.samples[2].dependence, Dependence::Unknown);
    assert_eq!(units(&index, &file)[1], INTER);
}

#[test]
fn lacing_is_refused() {
    let clusters = element(&CLUSTER, &[&time(0), &simple(0, 0x82, &KEY)]);
    let error = index_of_bytes(&file(&[], &[], &clusters)).unwrap_err();
    assert!(error.to_string().contains("lacing"), "{error}");
}

#[test]
fn display_size_and_roll() {
    let clusters = element(&CLUSTER, &[&time(0), &simple(0, 0x80, &KEY)]);
    let roll = element(&[0x76, 0x75], &[&90_f32.to_be_bytes()]);
    let video = [
        element(&[0x54, 0xb0], &[&[128]]),
        element(&[0x54, 0xba], &[&[48]]),
        element(&[0x76, 0x70], &[&roll]),
    ];
    let index = index_of_bytes(&file(&[], &video.concat(), &clusters)).unwrap();
    assert_eq!(index.pixel_aspect, PixelAspect { h: 2, v: 1 });
    assert_eq!(index.rotation, Rotation::R270, "90° counter-clockwise");
}

#[test]
fn no_frames_and_cut_off() {
    let empty = file(&[], &[], &[]);
    assert_eq!(index_of_bytes(&empty).unwrap_err(), IndexError::NoFrames);
    let error = index_of_bytes(&empty[..60]).unwrap_err();
    assert!(matches!(error, IndexError::Truncated { .. }), "{error}");
}
