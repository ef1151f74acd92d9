//! Bad input ends with a named error or a warning; no input makes a reader panic or hang.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod common;

use common::{clip, index_of_bytes, read_index, testsrc};
use framemill_video::{IndexError, VideoIndex};
use proptest::prelude::*;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

type Outcome = Result<Box<VideoIndex>, IndexError>;

const H264: [&str; 8] = [
    "-c:v", "libx264", "-preset", "veryfast", "-g", "12", "-bf", "2",
];

fn make(name: &str, arguments: &[&str]) -> PathBuf {
    let source = testsrc("160x120", "25", "3");
    let mut all = vec!["-f", "lavfi", "-i", &source];
    all.extend(arguments);
    clip(name, &all)
}

fn bytes(name: &str, arguments: &[&str]) -> Vec<u8> {
    fs::read(make(name, arguments)).unwrap()
}

fn h264(name: &str, more: &[&str]) -> Vec<u8> {
    bytes(name, &[&H264, more].concat())
}

/// Where the `number`th box of this kind has its body.
fn body_of(file: &[u8], kind: &[u8; 4], number: usize) -> usize {
    let places = file.windows(4).enumerate().filter(|(_, four)| four == kind);
    places.map(|(at, _)| at + 4).nth(number).unwrap()
}

fn patch(file: &[u8], at: usize, with: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    file[at..at + with.len()].copy_from_slice(with);
    file
}

fn error(outcome: Outcome) -> IndexError {
    outcome.expect_err("an error")
}

fn has_warning(outcome: Outcome, code: &str) -> Box<VideoIndex> {
    let index = outcome.unwrap();
    let codes: Vec<_> = index.warnings.iter().map(|w| w.code.as_str()).collect();
    assert!(codes.contains(&code), "{codes:?}");
    index
}

#[test]
fn nothing_and_text() {
    assert_eq!(error(index_of_bytes(b"")), IndexError::Empty);
    let text = "this is a text file that someone renamed to video.mp4\n".repeat(100);
    assert_eq!(
        error(index_of_bytes(text.as_bytes())),
        IndexError::UnknownContainer
    );
    assert_eq!(error(index_of_bytes(b"x")), IndexError::UnknownContainer);
}

#[test]
fn mp4_cut_off() {
    let first = h264("fast.mp4", &["-movflags", "+faststart"]);
    let moov = body_of(&first, b"moov", 0);
    let mdat = body_of(&first, b"mdat", 0);
    let last = h264("last.mp4", &[]);
    let truncated = |file: &[u8], end: usize| {
        matches!(
            error(index_of_bytes(&file[..end])),
            IndexError::Truncated { .. }
        )
    };
    assert!(truncated(&first, moov + 300), "inside moov");
    assert!(truncated(&first, mdat), "no media at all");
    assert!(truncated(&last, last.len() / 2), "before moov");
    assert!(truncated(&last, last.len() - 40), "inside moov at the end");
    let whole = index_of_bytes(&first).unwrap();
    let cut = has_warning(
        index_of_bytes(&first[..first.len() * 2 / 3]),
        "truncated_data",
    );
    assert!(cut.samples.len() < whole.samples.len() && cut.samples.len() > 10);
    assert!(
        cut.warnings[0].from_pts < cut.warnings[0].to_pts,
        "{:?}",
        cut.warnings
    );
    let kept = &whole.samples[..cut.samples.len()];
    assert_eq!(cut.samples, kept, "what is whole is as before");
}

#[test]
fn fragments_cut_off() {
    let file = h264("f.mp4", &["-movflags", "frag_keyframe+empty_moov"]);
    let whole = index_of_bytes(&file).unwrap();
    let cut = has_warning(index_of_bytes(&file[..file.len() / 2]), "truncated_data");
    assert_eq!(cut.samples, whole.samples[..cut.samples.len()]);
    assert!(cut.samples.len() > 10);
}

#[test]
fn mp4_with_wrong_numbers() {
    let file = h264("last.mp4", &[]);
    let stsz = body_of(&file, b"stsz", 0);
    let huge = has_warning(
        index_of_bytes(&patch(&file, stsz + 12 + 4 * 40, &[0xff; 4])),
        "truncated_data",
    );
    assert!(huge.samples.len() >= 40);
    let counted = index_of_bytes(&patch(&file, stsz + 8, &[0xff; 4])).unwrap();
    assert_eq!(counted.samples.len(), 75, "the box has room for 75 sizes");
    let none = patch(&file, stsz + 8, &[0; 4]);
    assert_eq!(error(index_of_bytes(&none)), IndexError::NoFrames);
    let avc1 = body_of(&file, b"avc1", 1); // the first is a brand
    let large = patch(&file, avc1 + 24, &[0xff; 4]);
    assert!(matches!(
        error(index_of_bytes(&large)),
        IndexError::Limit {
            value: 65535,
            limit: 16384,
            ..
        }
    ));
    let mdhd = body_of(&file, b"mdhd", 0);
    let stopped = error(index_of_bytes(&patch(&file, mdhd + 12, &[0; 4])));
    assert!(stopped.to_string().contains("timescale of 0"), "{stopped}");
    let chunks = body_of(&file, b"stco", 0);
    let lost = index_of_bytes(&patch(&file, chunks + 8, &[0xff; 4]));
    assert!(lost.is_err() || !lost.unwrap().warnings.is_empty());
}

#[test]
fn tracks_that_are_not_for_us() {
    let audio = clip("a.mp4", &["-f", "lavfi", "-i", "sine=d=1"]);
    assert_eq!(
        error(index_of_bytes(&fs::read(audio).unwrap())).to_string(),
        "no video track (tracks: audio mp4a)"
    );
    for (name, tracks) in [
        ("a.mka", "audio A_"),
        ("a.avi", "audio 0x"),
        ("a.ts", "audio"),
    ] {
        let audio = clip(
            name,
            &[
                "-f",
                "lavfi",
                "-i",
                "sine=d=1",
                "-f",
                match name {
                    "a.mka" => "matroska",
                    "a.avi" => "avi",
                    _ => "mpegts",
                },
            ],
        );
        let message = error(index_of_bytes(&fs::read(audio).unwrap())).to_string();
        assert!(
            message.contains(&format!("(tracks: {tracks}")),
            "{name}: {message}"
        );
    }
    for (name, codec, arguments) in [
        ("p.mov", "apcn", ["-c:v", "prores", "-g", "1"]),
        ("4.mp4", "mp4v", ["-c:v", "mpeg4", "-g", "5"]),
        ("4.avi", "FMP4", ["-c:v", "mpeg4", "-g", "5"]),
        ("2.ts", "mpeg2video", ["-c:v", "mpeg2video", "-g", "5"]),
        ("2.mkv", "V_MPEG2", ["-c:v", "mpeg2video", "-g", "5"]),
    ] {
        let found = error(index_of_bytes(&bytes(name, &arguments)));
        assert_eq!(
            found,
            IndexError::UnsupportedCodec {
                codec: codec.to_owned()
            },
            "{name}"
        );
    }
    let key = "76a6c65c5ea762046bd749a2e632ccbb";
    let encrypted = h264(
        "e.mp4",
        &[
            "-encryption_scheme",
            "cenc-aes-ctr",
            "-encryption_key",
            key,
            "-encryption_kid",
            "a7e61c373e219033c21091fa607bf3b8",
        ],
    );
    let found = error(index_of_bytes(&encrypted));
    assert_eq!(
        found,
        IndexError::Encrypted {
            scheme: "cenc".to_owned()
        }
    );
}

/// Files of all formats that lose their second half keep the frames of the first.
#[test]
fn others_cut_off() {
    for (name, arguments) in [
        ("c.mkv", &H264[..]),
        ("c.avi", &["-c:v", "mjpeg"]),
        ("c-h264.avi", &["-c:v", "libx264", "-bf", "0", "-g", "12"]),
        ("c.ts", &H264),
        ("c.ivf", &["-c:v", "libvpx", "-deadline", "realtime"]),
        ("c.h264", &H264),
    ] {
        let file = bytes(name, arguments);
        let whole = index_of_bytes(&file).unwrap();
        let cut = index_of_bytes(&file[..file.len() * 2 / 3])
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let count = cut.samples.len();
        assert!(count > 15 && count < 75, "{name}: {count} samples");
        // The last sample may be cut where formats do not tell sizes.
        let places = |index: &VideoIndex| -> Vec<u64> {
            index
                .samples
                .iter()
                .take(count - 1)
                .map(|s| s.offset)
                .collect()
        };
        assert_eq!(places(&cut), places(&whole), "{name}");
        let keys = |index: &VideoIndex| -> Vec<bool> {
            index
                .samples
                .iter()
                .take(count - 1)
                .map(|s| s.sync)
                .collect()
        };
        assert_eq!(keys(&cut), keys(&whole), "{name}");
    }
}

#[test]
fn damage_in_the_middle() {
    let file = bytes(
        "d.mkv",
        &[&H264[..], &["-cluster_time_limit", "200"]].concat(),
    );
    let whole = index_of_bytes(&file).unwrap();
    // From one block's header into the next cluster.
    let at = whole.samples[20].offset as usize - 20;
    let broken = patch(&file, at, &[0; 3000]);
    let index = has_warning(index_of_bytes(&broken), "damaged_data");
    assert!(
        index.samples.len() > 40 && index.samples.len() < 75,
        "{}",
        index.samples.len()
    );
    let file = h264("d.ts", &[]);
    let broken = [&file[..file.len() / 2], &file[file.len() / 2 + 1000..]].concat();
    let index = has_warning(index_of_bytes(&broken), "damaged_data");
    assert!(index.samples.len() > 50);
}

/// One small file of each kind, for mutation.
fn seeds() -> &'static [Vec<u8>] {
    static SEEDS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    SEEDS.get_or_init(|| {
        let source = testsrc("64x64", "10", "1.2");
        let make = |name: &str, arguments: &[&str]| {
            let mut all = vec!["-f", "lavfi", "-i", &source];
            all.extend(arguments);
            fs::read(clip(name, &all)).unwrap()
        };
        let h264 = ["-c:v", "libx264", "-g", "4", "-bf", "2", "-crf", "40"];
        let hevc = [
            "-c:v",
            "libx265",
            "-x265-params",
            "log-level=error:keyint=4",
            "-crf",
            "45",
        ];
        let vp9 = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-b:v", "20k"];
        // Larger than what is read at a time.
        let noise = ["-vf", "geq=random(1)*255:128:128,scale=640:480"];
        let fragmented = [&h264[..], &["-movflags", "frag_keyframe+empty_moov"]].concat();
        vec![
            make("s.mp4", &h264),
            make("s.mov", &["-c:v", "mjpeg", "-q:v", "31"]),
            make("sf.mp4", &fragmented),
            make("s.mkv", &h264),
            make("s.webm", &vp9),
            make("s.avi", &h264),
            make("sm.avi", &["-c:v", "mjpeg", "-q:v", "31"]),
            make("s.ts", &h264),
            make("sh.ts", &hevc),
            make("s.h264", &h264),
            make("s.hevc", &hevc),
            make("s.ivf", &vp9),
            make(
                "large.avi",
                &[&noise[..], &["-c:v", "mjpeg", "-q:v", "2"]].concat(),
            ),
            make(
                "large.webm",
                &[
                    &noise[..],
                    &[
                        "-c:v",
                        "libvpx",
                        "-crf",
                        "4",
                        "-b:v",
                        "20M",
                        "-deadline",
                        "realtime",
                    ],
                ]
                .concat(),
            ),
            make(
                "s-av1.ivf",
                &["-c:v", "libsvtav1", "-preset", "12", "-crf", "60"],
            ),
        ]
    })
}

/// Reads the index of bytes in small and in large pieces; bounded in time.
fn survives(file: &[u8]) {
    let start = Instant::now();
    let (outcome, _) = read_index(file.len() as u64, |range| {
        file[range.start as usize..range.end as usize].to_vec()
    });
    if let Ok(index) = outcome {
        assert!(!index.samples.is_empty());
        assert!(
            index.samples.len() <= file.len(),
            "a sample has a byte at least"
        );
        for sample in &index.samples {
            assert!(sample.range().end <= file.len() as u64, "{sample:?}");
            let range = sample.range();
            let bytes = &file[range.start as usize..range.end as usize];
            let _ = index.unwrap.access_unit(bytes);
        }
    }
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn seeds_are_whole() {
    for seed in seeds() {
        assert!(index_of_bytes(seed).unwrap().samples.len() >= 12);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(start in 0_usize..9, bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        let magic: [&[u8]; 9] = [
            b"", b"\0\0\0\x08ftyp", b"\0\0\0\x08moov", b"\x1a\x45\xdf\xa3", b"RIFF\0\0\0\0AVI ",
            b"DKIF\0\0\x20\0VP80", b"\0\0\0\x01\x67", b"\0\0\0\x01\x42\x01", b"G",
        ];
        survives(&[magic[start], &bytes].concat());
    }

    #[test]
    fn changed_files_never_panic(
        seed in 0_usize..15,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..24),
        near_start in any::<bool>(),
        cut in prop::option::weighted(0.3, any::<prop::sample::Index>()),
    ) {
        let mut file = seeds()[seed].clone();
        let reach = if near_start { file.len().min(1200) } else { file.len() };
        for (place, value) in changes {
            let at = place.index(reach);
            file[at] = value;
        }
        if let Some(cut) = cut {
            let length = cut.index(file.len());
            file.truncate(length);
        }
        survives(&file);
    }

    /// The index boxes are at the file's end here: 0, 1 and all ones are the worst numbers.
    #[test]
    fn changed_indexes_never_panic(
        seed in 0_usize..3,
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(vec![0_u8, 1, 0x7f, 0x80, 0xff]), 1_usize..9), 1..12),
    ) {
        let mut file = seeds()[seed].clone();
        let from = file.windows(4).position(|four| four == b"moov").unwrap_or(0);
        for (place, value, count) in changes {
            let at = from + place.index(file.len() - from);
            let end = (at + count).min(file.len());
            file[at..end].fill(value);
        }
        survives(&file);
    }
}
