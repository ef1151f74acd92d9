//! An MP4 track with several sample descriptions: each frame is decoded with its own.

use crate::harness::*;
use crate::mp4::{Part, joined};
use framemill_contract::{KeptFrame, Manifest, Outcome};
use framemill_tests::test_clip;
use framemill_video::Codec;

fn part(name: &str, size: &str, encoder: &str, code: &[u8; 4]) -> Part {
    let encoder: Vec<&str> = encoder.split_whitespace().collect();
    let file = std::fs::read(test_clip(name, size, "10", 1, &encoder)).unwrap();
    let at = file.windows(4).rposition(|it| it == code).unwrap() - 4;
    let length = u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
    let samples = index(&file).samples.into_iter().map(|sample| {
        let range = sample.range();
        let bytes = &file[range.start as usize..range.end as usize];
        (bytes.to_vec(), sample.sync)
    });
    Part {
        entry: file[at..at + length as usize].to_vec(),
        samples: samples.collect(),
        file,
    }
}

fn extracted(file: &[u8]) -> Manifest {
    let store = Memory::with_video(file, 5);
    let config = config(&[("every_frames", "1"), ("format", "png")]);
    let outcome = run(&store, &config, 5);
    assert!(matches!(outcome, Outcome::Extracted { .. }), "{outcome:?}");
    store.json(MANIFEST)
}

fn hashes(frames: &[KeptFrame]) -> Vec<&str> {
    frames.iter().map(|frame| frame.sha256.as_str()).collect()
}

const H264: &str = "-c:v libx264 -pix_fmt yuv420p -bf 0 -g 5";
const HEVC: &str =
    "-c:v libx265 -pix_fmt yuv420p -tag:v hvc1 -x265-params log-level=none:bframes=0:keyint=5";

#[test]
fn each_frame_is_decoded_with_its_own_description() {
    let h264 = part("described-h264.mp4", "96x64", H264, b"avc1");
    let small = part("described-small.mp4", "64x96", H264, b"avc1");
    let hevc = part("described-hevc.mp4", "128x96", HEVC, b"hvc1");
    let entries = [h264.entry.as_slice(), &hevc.entry, &small.entry];
    let parts = [(&hevc, 2), (&h264, 1), (&small, 3), (&hevc, 2)];
    let file = joined(&entries, &parts);
    let index = index(&file);
    let codecs: Vec<Codec> = index.configs().map(|config| config.codec).collect();
    assert_eq!(codecs, [Codec::Hevc, Codec::H264, Codec::H264]);

    let manifest = extracted(&file);
    assert!(manifest.warnings.is_empty(), "{:?}", manifest.warnings);
    let alone = parts.map(|(part, _)| extracted(&part.file));
    let expected: Vec<&str> = alone.iter().flat_map(|it| hashes(&it.frames)).collect();
    assert_eq!(hashes(&manifest.frames), expected);
    let sizes = [5, 15, 25, 35].map(|it: usize| {
        let frame = &manifest.frames[it];
        (frame.width, frame.height)
    });
    assert_eq!(sizes, [(128, 96), (96, 64), (64, 96), (128, 96)]);
}

#[test]
fn frames_whose_description_cannot_be_used_are_left_out_and_named() {
    let h264 = part("described-h264.mp4", "96x64", H264, b"avc1");
    let mut other = h264.entry.clone();
    other[4..8].copy_from_slice(b"ap4h");
    let parts = [(&h264, 2), (&h264, 1), (&h264, 7)];
    let manifest = extracted(&joined(&[&h264.entry, &other], &parts));
    let alone = extracted(&h264.file);
    assert_eq!(hashes(&manifest.frames), hashes(&alone.frames));
    let told: Vec<_> = manifest.warnings.iter().collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].code, "unusable_description");
    assert!(told[0].message.starts_with("20 frames"), "{told:?}");
}
