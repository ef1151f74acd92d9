//! Objects at the limit of their size, and over it.

use crate::harness::*;
use framemill_contract::{FailureRecord, Manifest, Outcome, SizeLimits};

/// Bytes of all objects whose names start so, by name.
fn sizes(store: &Memory, prefix: &str) -> Vec<(String, u64)> {
    let mut names = store.names();
    names.retain(|name| name.starts_with(prefix));
    let size = |name: String| {
        let bytes = store.objects.bytes(&name).unwrap();
        (name, bytes.len() as u64)
    };
    names.into_iter().map(size).collect()
}

/// A run with no limit that matters.
fn undisturbed(pairs: &[(&str, &str)]) -> Memory {
    let store = Memory::with_video(&video(), 5);
    let outcome = run(&store, &config(pairs), 5);
    assert!(matches!(outcome, Outcome::Extracted { .. }), "{outcome:?}");
    store
}

fn rejected(store: &Memory, pairs: &[(&str, &str)]) -> FailureRecord {
    let outcome = run(store, &config(pairs), 5);
    let Outcome::Rejected { failure, code, .. } = &outcome else {
        panic!("{outcome:?}");
    };
    let record: FailureRecord = store.json(failure);
    assert_eq!(record.code, *code);
    assert!(!store.names().contains(&MANIFEST.to_owned()));
    record
}

#[test]
fn a_manifest_over_the_limit_is_rejected_at_once_and_named() {
    let pairs = [("max_side", "32"), ("every_frames", "10")];
    let manifest = sizes(&undisturbed(&pairs), MANIFEST)[0].1;
    let store = Memory::with_video(&video(), 5);
    store.limit.set(manifest);
    let fits = run(&store, &config(&pairs), 5);
    assert!(matches!(fits, Outcome::Extracted { .. }), "{fits:?}");
    let store = Memory::with_video(&video(), 5);
    store.limit.set(manifest - 1);
    let record = rejected(&store, &pairs);
    assert_eq!(record.code, "object_too_large");
    let limit = format!("{manifest} bytes, limit {}", manifest - 1);
    for words in [limit.as_str(), "max_images", MANIFEST] {
        assert!(record.message.contains(words), "{}", record.message);
    }
    // Another try with fewer images is a success.
    let fewer = run(&store, &config(&[("max_side", "32"), ("count", "1")]), 5);
    assert!(
        matches!(fewer, Outcome::Extracted { frames: 1, .. }),
        "{fewer:?}"
    );
    assert!(!store.names().contains(&FAILURE.to_owned()));
}

#[test]
fn an_image_over_the_limit_is_missing_and_named_and_the_others_are_there() {
    let images = sizes(&undisturbed(&[]), "images/");
    let largest = images.iter().max_by_key(|(_, size)| *size).unwrap();
    let fit = images.iter().filter(|(_, size)| *size < largest.1).count();
    assert!(fit >= 1, "{images:?}");
    let store = Memory::with_video(&video(), 5);
    store.limit.set(largest.1);
    let fits = run(&store, &config(&[]), 5);
    assert!(
        matches!(fits, Outcome::Extracted { warnings: 0, .. }),
        "{fits:?}"
    );
    let store = Memory::with_video(&video(), 5);
    store.limit.set(largest.1 - 1);
    run(&store, &config(&[]), 5);
    let manifest: Manifest = store.json(MANIFEST);
    assert_eq!(manifest.frames.len(), fit);
    assert_eq!(sizes(&store, "images/").len(), fit);
    let warning = &manifest.warnings[0];
    assert_eq!(warning.code, "not_encoded");
    assert!(warning.from_pts.is_some());
    for words in ["limit", "format = jpeg", &largest.0] {
        assert!(warning.message.contains(words), "{}", warning.message);
    }
}

#[test]
fn a_video_whose_images_are_all_over_the_limit_is_rejected() {
    let store = Memory::with_video(&video(), 5);
    store.limit.set(1000);
    let record = rejected(&store, &[]);
    assert_eq!(record.code, "encode");
    assert!(record.message.contains("limit 1000"), "{}", record.message);
}

/// As many images as a video may have by default, with the longest names of frames that are usual.
#[test]
fn a_manifest_of_as_many_images_as_are_allowed_fits() {
    let mut manifest: Manifest = undisturbed(&[]).json(MANIFEST);
    let most = config(&[]).max_images;
    let frame = manifest.frames.remove(0);
    manifest.frames = (0..most)
        .map(|number| {
            let mut frame = frame.clone();
            frame.index = 8_000_000 + number;
            frame.pts.0 += 90_000 * 86_400;
            frame.seconds = 86_399.966_666_7;
            (frame.width, frame.height, frame.bytes) = (7680, 4320, 99_999_999);
            frame.sharpness = 1234.5678;
            frame
        })
        .collect();
    let bytes = framemill_component_sdk::store::to_json(&manifest).unwrap();
    let limit = SizeLimits::STANDARD.object;
    let size = bytes.len() as u64;
    assert!(size < limit / 2, "{size} of {limit}");
}
