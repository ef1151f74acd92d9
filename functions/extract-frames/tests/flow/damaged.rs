//! A picture that the others refer to is lost: what cannot be trusted is named, and gets no image
//! unless one is asked for.

use crate::harness::*;
use framemill_contract::{KeptFrame, Manifest, Outcome};
use framemill_tests::test_clip;
use framemill_video::Sample;

/// Number of an access unit, in decoding order, of the second of three groups of pictures.
const LOST: usize = 12;

fn clip() -> Vec<u8> {
    let encoder = [
        "-c:v",
        "libx265",
        "-pix_fmt",
        "yuv420p",
        "-tag:v",
        "hvc1",
        "-x265-params",
        "log-level=none:keyint=10:min-keyint=10:scenecut=0:open-gop=0:bframes=2:b-adapt=0",
    ];
    std::fs::read(test_clip("hevc-gops.mp4", "128x96", "10", 3, &encoder)).unwrap()
}

/// Makes NAL units of a type that means nothing of those of a sample.
fn lose(file: &mut [u8], sample: &Sample) {
    let mut at = sample.offset as usize;
    while at < sample.range().end as usize {
        let length: [u8; 4] = file[at..at + 4].try_into().unwrap();
        file[at + 4] = 45 << 1;
        at += 4 + u32::from_be_bytes(length) as usize;
    }
}

fn extracted(file: &[u8], pairs: &[(&str, &str)]) -> (Memory, Manifest, Outcome) {
    let store = Memory::with_video(file, 5);
    let mut all = vec![("every_frames", "1"), ("format", "png")];
    all.extend(pairs);
    let outcome = run(&store, &config(&all), 5);
    let manifest: Manifest = store.json(MANIFEST);
    (store, manifest, outcome)
}

fn image_of(frames: &[KeptFrame], index: u64) -> &str {
    let frame = frames.iter().find(|frame| frame.index == index);
    &frame.unwrap().sha256
}

#[test]
fn what_refers_to_a_lost_picture_has_no_image_and_is_named() {
    let mut file = clip();
    let (_, whole, _) = extracted(&file, &[]);
    assert_eq!((whole.frames.len(), whole.warnings.len()), (30, 0));
    assert!(!serde_json::to_string(&whole).unwrap().contains("damaged"));
    let samples = index(&file).samples;
    lose(&mut file, &samples[LOST]);

    let (store, manifest, outcome) = extracted(&file, &[]);
    assert!(matches!(outcome, Outcome::Extracted { .. }), "{outcome:?}");
    let damaged: Vec<u64> = manifest.damaged.iter().map(|it| it.index).collect();
    assert!(damaged.len() > 2, "{damaged:?}");
    assert!(
        damaged.iter().all(|it| (10..20).contains(it)),
        "{damaged:?}"
    );
    assert_eq!(manifest.frames.len() + damaged.len() + 1, 30);
    assert_eq!(manifest.frames_lost(), damaged.len() as u64 + 1);
    for frame in &manifest.frames {
        assert_eq!(frame.sha256, image_of(&whole.frames, frame.index));
        assert!(!frame.damaged && frame.damage.is_none());
    }
    for frame in &manifest.damaged {
        assert!(
            frame.damaged && frame.damage.contains("missing"),
            "{frame:?}"
        );
        assert_eq!(frame.seconds, frame.index as f64 / 10.0);
        let image = format!("images/x.mp4/{:06}.png", frame.index);
        assert!(!store.names().contains(&image));
    }
    let told: Vec<_> = manifest.warnings.iter().collect();
    let of = |code: &str| told.iter().filter(|it| it.code == code).count();
    assert_eq!(
        (of("frames_lost"), of("damaged_frames")),
        (1, told.len() - 1)
    );
    assert!(told.len() - 1 < damaged.len(), "one for each run: {told:?}");

    // Wherever segments begin.
    let (_, apart, _) = extracted(&file, &[("segment_frames", "1")]);
    assert_eq!(apart.warnings, manifest.warnings);
    assert_eq!(apart.damaged, manifest.damaged);
}

#[test]
fn what_is_damaged_has_an_image_and_a_mark_where_that_is_asked_for() {
    let mut file = clip();
    let samples = index(&file).samples;
    lose(&mut file, &samples[LOST]);
    let (_, without, _) = extracted(&file, &[]);
    let (store, manifest, _) = extracted(&file, &[("keep_damaged", "true")]);
    assert!(manifest.damaged.is_empty());
    assert!(manifest.selection.filters.keep_damaged);
    assert_eq!(manifest.frames.len(), 29);
    let marked = manifest.frames.iter().filter(|frame| frame.damaged);
    let marked: Vec<_> = marked.map(|it| (it.index, it.damage.clone())).collect();
    let named = without.damaged.iter();
    let named: Vec<_> = named
        .map(|it| (it.index, Some(it.damage.clone())))
        .collect();
    assert_eq!(marked, named);
    for frame in &manifest.frames {
        assert!(
            store
                .names()
                .contains(&format!("images/x.mp4/{}", frame.name))
        );
    }
    assert!(
        manifest
            .warnings
            .iter()
            .any(|it| it.code == "damaged_frames")
    );
}

/// A video of which every frame refers to one that is lost is no success.
#[test]
fn a_video_whose_frames_are_all_damaged_is_rejected() {
    let mut file = clip();
    for sample in index(&file).samples.iter().filter(|sample| sample.sync) {
        lose(&mut file, sample);
    }
    let store = Memory::with_video(&file, 5);
    let outcome = run(&store, &config(&[("every_frames", "1")]), 5);
    let Outcome::Rejected { code, message, .. } = &outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(code, "nothing_decoded");
    assert!(message.contains("no random access point"), "{message}");
}

/// Without its table of sync samples every frame counts as one: none is decoded from a picture that
/// refers to others.
#[test]
fn a_missing_table_of_sync_samples_costs_no_frame() {
    let mut file = clip();
    let (_, whole, _) = extracted(&file, &[]);
    let at = file.windows(4).rposition(|it| it == b"stss").unwrap();
    file[at..at + 4].copy_from_slice(b"free");
    let (_, manifest, _) = extracted(&file, &[]);
    assert_eq!(manifest.frames, whole.frames);
    let told: Vec<&str> = manifest
        .warnings
        .iter()
        .map(|it| it.code.as_str())
        .collect();
    assert_eq!(told, ["wrong_sync_table"]);
}

/// A table that names a picture which refers to others: what would begin there is lost by name.
#[test]
fn a_table_of_sync_samples_that_is_wrong_gives_no_wrong_image() {
    let mut file = clip();
    let (_, whole, _) = extracted(&file, &[]);
    let at = file.windows(4).rposition(|it| it == b"stss").unwrap();
    // Version, count, then the numbers of samples from 1: the second group begins at 11.
    let second = at + 4 + 8 + 4;
    assert_eq!(file[second..second + 4], [0, 0, 0, 11]);
    file[second + 3] = 14;
    let (_, manifest, _) = extracted(&file, &[]);
    for frame in &manifest.frames {
        assert_eq!(frame.sha256, image_of(&whole.frames, frame.index));
    }
    assert!(manifest.frames.len() >= 20, "{}", manifest.frames.len());
    let told = manifest.warnings.iter();
    let told: Vec<&str> = told.map(|it| it.message.as_str()).collect();
    assert!(told[0].contains("no random access point"), "{told:?}");
}

/// A transport packet is lost: what was in it, and what refers to that, is not trusted.
#[test]
fn a_lost_transport_packet_gives_no_wrong_image() {
    let encoder = [
        "-c:v", "libx264", "-pix_fmt", "yuv420p", "-bf", "2", "-g", "10", "-qp", "18",
    ];
    let clip = test_clip("packets.ts", "320x240", "10", 3, &encoder);
    let mut file = std::fs::read(clip).unwrap();
    let (_, whole, _) = extracted(&file, &[]);
    assert_eq!((whole.frames.len(), whole.warnings.len()), (30, 0));
    // In the middle of a picture of the second group.
    let sample = index(&file).samples[LOST];
    let packets = sample.size as usize / 188;
    assert!(packets > 4, "{packets}");
    let at = sample.offset as usize + packets / 2 * 188;
    file.drain(at..at + 188);
    let (_, manifest, _) = extracted(&file, &[]);
    for frame in &manifest.frames {
        assert_eq!(frame.sha256, image_of(&whole.frames, frame.index));
    }
    assert!(manifest.frames.len() > 19, "{}", manifest.frames.len());
    let (_, kept, _) = extracted(&file, &[("keep_damaged", "true")]);
    for frame in kept.frames.iter().filter(|frame| !frame.damaged) {
        assert_eq!(frame.sha256, image_of(&whole.frames, frame.index));
    }
}
