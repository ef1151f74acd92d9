//! AVI beyond 1 GB: OpenDML indexes, which ffmpeg writes in large files only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod common;

use common::index_of_bytes;
use framemill_video::{Codec, IndexError, VideoIndex};

fn chunk(id: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = [&id[..], &(body.len() as u32).to_le_bytes(), body].concat();
    out.resize(out.len().next_multiple_of(2), 0);
    out
}

fn list(id: &[u8; 4], kind: &[u8; 4], parts: &[Vec<u8>]) -> Vec<u8> {
    chunk(id, &[&kind[..], &parts.concat()].concat())
}

/// A standard index of chunks: offsets of payloads from `base`, and sizes.
fn standard_index(base: u64, entries: &[(u32, u32)]) -> Vec<u8> {
    let mut body = vec![2, 0, 0, 1];
    body.extend((entries.len() as u32).to_le_bytes());
    body.extend(b"00dc");
    body.extend(base.to_le_bytes());
    body.extend([0; 4]);
    for (offset, size) in entries {
        body.extend(offset.to_le_bytes());
        body.extend(size.to_le_bytes());
    }
    chunk(b"ix00", &body)
}

fn headers(super_index: &[(u64, u32)]) -> Vec<u8> {
    let mut strh = vec![0; 56];
    strh[..8].copy_from_slice(b"vidsMJPG");
    strh[20..24].copy_from_slice(&1001_u32.to_le_bytes());
    strh[24..28].copy_from_slice(&30000_u32.to_le_bytes());
    let mut strf = vec![0; 40];
    (strf[0], strf[4], strf[8]) = (40, 64, 48);
    strf[16..20].copy_from_slice(b"MJPG");
    let mut indx = vec![4, 0, 0, 0];
    indx.extend((super_index.len() as u32).to_le_bytes());
    indx.extend(b"00dc\0\0\0\0\0\0\0\0\0\0\0\0");
    for (place, length) in super_index {
        indx.extend(place.to_le_bytes());
        indx.extend(length.to_le_bytes());
        indx.extend(3_u32.to_le_bytes());
    }
    let parts = [
        chunk(b"strh", &strh),
        chunk(b"strf", &strf),
        chunk(b"indx", &indx),
    ];
    list(
        b"LIST",
        b"hdrl",
        &[chunk(b"avih", &[0; 56]), list(b"LIST", b"strl", &parts)],
    )
}

/// Two RIFF lists of three frames each, the second frame of each being empty (a repeat), the
/// third no key frame by its index. `indexed` false leaves the indexes' places out.
fn file(indexed: bool) -> Vec<u8> {
    let frames = [&[0xff, 0xd8, 1, 1][..], &[], &[0xff, 0xd8, 2]];
    // Places are known once headers have been laid out: their length does not change.
    let first = 12 + headers(&[(0, 0); 2]).len() as u64;
    let movi = |start: u64| {
        // `start` is where the list is: its frames begin after 12 bytes.
        let (mut at, mut entries, mut chunks) = (12_u32, Vec::new(), Vec::new());
        for (number, frame) in frames.iter().enumerate() {
            let flag = if number == 2 { 0x8000_0000 } else { 0 };
            entries.push((at + 8, frame.len() as u32 | flag));
            chunks.push(chunk(b"00dc", frame));
            at += chunks[number].len() as u32;
        }
        let index = start + u64::from(at);
        chunks.push(standard_index(start, &entries));
        (list(b"LIST", b"movi", &chunks), index)
    };
    let (one, first_index) = movi(first);
    let second = first + one.len() as u64 + 12;
    let (two, second_index) = movi(second);
    let places = if indexed {
        [(first_index, 56), (second_index, 56)]
    } else {
        [(0, 0); 2]
    };
    let riff = list(b"RIFF", b"AVI ", &[headers(&places), one]);
    assert_eq!(riff.len() as u64 + 12, second);
    [riff, list(b"RIFF", b"AVIX", &[two])].concat()
}

fn seen(index: &VideoIndex) -> Vec<(i64, u32, bool)> {
    let samples = index.samples.iter();
    samples.map(|s| (s.pts.0 / 1001, s.size, s.sync)).collect()
}

#[test]
fn indexes_of_both_lists() {
    let file = file(true);
    let index = index_of_bytes(&file).unwrap();
    assert_eq!(index.config.codec, Codec::Mjpeg);
    assert_eq!(index.timescale.get(), 30000);
    assert_eq!(
        seen(&index),
        [(0, 4, true), (2, 3, false), (3, 4, true), (5, 3, false)]
    );
    for sample in &index.samples {
        let at = sample.offset as usize;
        assert_eq!(file[at..at + 2], [0xff, 0xd8], "{sample:?}");
    }
    assert!(index.warnings.is_empty(), "{:?}", index.warnings);
}

#[test]
fn without_indexes_the_chunks_are_walked() {
    let index = index_of_bytes(&file(false)).unwrap();
    assert_eq!(
        seen(&index),
        [(0, 4, true), (2, 3, true), (3, 4, true), (5, 3, true)]
    );
    assert_eq!(index.warnings[0].code, "no_index");
}

#[test]
fn cut_off_in_the_headers() {
    let error = index_of_bytes(&file(true)[..150]).unwrap_err();
    assert!(matches!(error, IndexError::Truncated { .. }), "{error}");
}
