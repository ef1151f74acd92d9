//! The flow over a store in memory that fails wherever it is told to.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails is a test that fails"
)]

mod continuation;
mod damaged;
mod descriptions;
mod fields;
mod found;
mod harness;
mod interleavings;
mod memory;
mod mp4;
mod sizes;
#[path = "../../../../crates/h264/tests/streams/writer.rs"]
#[allow(dead_code, reason = "it writes more than is needed here")]
mod writer;

use extract_frames::store::{ObjectError, SegmentAnswer, Segments};
use extract_frames::{coordinate, segment};
use framemill_contract::{Claim, FailureRecord, Manifest, Outcome, SegmentRequest};
use futures::executor::block_on;
use harness::*;

#[test]
fn a_failure_at_any_step_and_a_second_delivery_give_what_an_undisturbed_run_gives() {
    let video = video();
    let config = config(&[
        ("segment_frames", "1"),
        ("max_side", "64"),
        ("every", "1900ms"),
    ]);
    let undisturbed = Memory::with_video(&video, 5);
    assert!(matches!(
        run(&undisturbed, &config, 5),
        Outcome::Extracted { frames: 3, .. }
    ));
    let steps = undisturbed.calls.get();
    assert!(steps >= 10, "{steps}");
    for late in [false, true] {
        for step in 0..steps {
            let store = Memory::with_video(&video, 5);
            store.fail_at.set(Some(step));
            store.late.set(late);
            // A segment that fails once is run again at once; all else comes back.
            let first = run(&store, &config, 5);
            let settled = matches!(first, Outcome::Extracted { frames: 3, .. });
            assert!(
                settled || matches!(first, Outcome::Retry { .. }),
                "step {step}: {first:?}"
            );
            let second = run(&store, &config, 5);
            assert_eq!(second.status(), 200, "step {step}: {second:?}");
            assert!(
                *store.objects.borrow() == *undisturbed.objects.borrow(),
                "step {step}, late {late}"
            );
        }
    }
}

#[test]
fn a_second_delivery_changes_nothing() {
    let (store, config) = (Memory::with_video(&video(), 5), config(&[]));
    run(&store, &config, 5);
    let before = store.objects.borrow().clone();
    let (outcome, segments) = crashing(&store, &config, 5, |_| false);
    assert_eq!(
        outcome,
        Outcome::Unchanged {
            manifest: MANIFEST.to_owned()
        }
    );
    assert_eq!(segments, 0);
    assert!(before == *store.objects.borrow());
}

#[test]
fn what_is_in_the_way_is_left_alone_until_the_commit() {
    let video = video();
    let store = Memory::with_video(&video, 5);
    store.put("images/x.mp4/000030.jpg", 1, b"half an older image");
    store.put(
        "images/x.mp4/000031.jpg",
        1,
        b"a frame that is not selected now",
    );
    store.put("images/x.mp4/notes.txt", 1, b"a person's notes");
    store.put(FAILURE, 1, b"{}");
    let undisturbed = Memory::with_video(&video, 5);
    run(&store, &config(&[]), 5);
    run(&undisturbed, &config(&[]), 5);
    let manifest: Manifest = store.json(MANIFEST);
    let whole: Manifest = undisturbed.json(MANIFEST);
    let hashes = |manifest: &Manifest| -> Vec<String> {
        let frames = manifest.frames.iter();
        frames.map(|frame| frame.sha256.clone()).collect()
    };
    assert_eq!(hashes(&manifest), hashes(&whole));
    let name = &manifest.frames[1].name;
    let of_content = format!("000030-{}.jpg", &manifest.frames[1].sha256[..12]);
    assert_eq!(name, &of_content);
    let mut expected = undisturbed.names();
    expected.retain(|name| name != "images/x.mp4/000030.jpg");
    expected.extend([
        "images/x.mp4/notes.txt".to_owned(),
        format!("images/x.mp4/{of_content}"),
    ]);
    expected.sort();
    assert_eq!(store.names(), expected);
}

#[test]
fn another_configuration_or_version_gets_a_folder_of_its_own() {
    for pairs in [[("quality", "50")], [("component_sha256", "aa")]] {
        let (store, other) = (Memory::with_video(&video(), 5), config(&pairs));
        // Another delivery has begun, and left what it had.
        let claim = Claim::new(VIDEO, 5, &config(&[]).work());
        let claim = serde_json::to_vec(&claim).unwrap();
        store.put("records/claims/x.mp4.json", 1, &claim);
        store.put("images/x.mp4/000001.jpg", 1, b"an image of that one");
        let outcome = run(&store, &other, 5);
        assert!(matches!(outcome, Outcome::Extracted { .. }), "{outcome:?}");
        let manifest: Manifest = store.json(MANIFEST);
        let folder = format!("x.mp4@5-{}", other.work());
        assert_eq!(manifest.image_folder, folder);
        let mut images = store.names();
        images.retain(|name| name.starts_with("images/"));
        let named = manifest.frames.iter();
        let named: Vec<String> = named
            .map(|frame| format!("images/{folder}/{}", frame.name))
            .collect();
        assert_eq!(images, named);
    }
}

#[test]
fn a_folder_that_looks_like_a_works_but_is_anothers_is_left_alone() {
    let store = Memory::with_video(&video(), 5);
    let folder = "x.mp4@5-0123456789ab";
    let claim = Claim::new("videos/other.mp4", 7, &config(&[]).work());
    let claim = serde_json::to_vec(&claim).unwrap();
    let image = format!("images/{folder}/000000.jpg");
    store.put(&format!("records/claims/{folder}.json"), 1, &claim);
    store.put(&image, 1, b"an image of another video");
    let outcome = run(&store, &config(&[]), 5);
    assert!(matches!(outcome, Outcome::Extracted { .. }), "{outcome:?}");
    assert!(store.names().contains(&image));
}

#[test]
fn a_video_that_loses_most_of_its_frames_is_no_success() {
    let frames_from_30_on = |request: &SegmentRequest| {
        let mut wanted = request.gops.iter().flat_map(|gop| &gop.wanted);
        wanted.any(|wanted| wanted.index >= 30)
    };
    let store = Memory::with_video(&video(), 5);
    let (outcome, _) = crashing(&store, &config(&[]), 5, frames_from_30_on);
    let Outcome::Incomplete {
        frames,
        lost,
        failure,
        ..
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    assert_eq!((frames, lost, failure.as_str()), (1, 3, FAILURE));
    let record: FailureRecord = store.json(FAILURE);
    assert_eq!(record.code, "most_frames_lost");
    assert!(record.message.contains("3 of 4"), "{}", record.message);
    let manifest: Manifest = store.json(MANIFEST);
    assert_eq!((manifest.frames.len(), manifest.frames_lost()), (1, 3));
    // It stays so when the message comes again.
    let before = store.objects.borrow().clone();
    let again = run(&store, &config(&[]), 5);
    assert!(matches!(again, Outcome::Unchanged { .. }), "{again:?}");
    assert!(before == *store.objects.borrow());
}

#[test]
fn half_of_the_frames_is_a_success_with_warnings() {
    let odd_seconds = |request: &SegmentRequest| {
        let mut wanted = request.gops.iter().flat_map(|gop| &gop.wanted);
        wanted.any(|wanted| wanted.index % 60 == 30)
    };
    let store = Memory::with_video(&video(), 5);
    let (outcome, _) = crashing(&store, &config(&[]), 5, odd_seconds);
    assert!(matches!(outcome, Outcome::Extracted { .. }), "{outcome:?}");
    assert!(!store.names().contains(&FAILURE.to_owned()));
}

#[test]
fn a_segment_that_crashes_is_tried_gop_by_gop_and_only_the_gop_to_blame_is_lost() {
    let store = Memory::with_video(&video(), 5);
    let has_frame_60 = |request: &SegmentRequest| {
        request
            .gops
            .iter()
            .any(|gop| gop.wanted.iter().any(|wanted| wanted.index == 60))
    };
    let (outcome, segments) = crashing(&store, &config(&[]), 5, has_frame_60);
    assert!(
        matches!(
            outcome,
            Outcome::Extracted {
                frames: 3,
                warnings: 1,
                ..
            }
        ),
        "{outcome:?}"
    );
    assert_eq!(segments, 5, "once as a whole, then each of four GOPs");
    let manifest: Manifest = store.json(MANIFEST);
    let warning = &manifest.warnings[0];
    assert_eq!(warning.code, "decoder_crashed");
    let expected = Some(framemill_video::Pts(
        2 * i64::from(manifest.video.timescale.get()),
    ));
    assert_eq!((warning.from_pts, warning.to_pts), (expected, expected));
}

#[test]
fn a_video_of_which_nothing_can_be_decoded_is_rejected_and_not_an_empty_success() {
    let store = Memory::with_video(&video(), 5);
    let (outcome, _) = crashing(&store, &config(&[]), 5, |_| true);
    assert!(matches!(outcome, Outcome::Rejected { .. }), "{outcome:?}");
    let record: FailureRecord = store.json(FAILURE);
    assert_eq!(record.code, "nothing_decoded");
    assert!(!store.names().contains(&MANIFEST.to_owned()));
}

#[test]
fn the_event_of_a_video_that_is_gone_is_ignored_and_that_of_a_bucket_that_is_not_there_comes_back()
{
    for name in [VIDEO, "records/checkpoints/x.mp4/0/000001.json"] {
        let store = Memory::with_video(&video(), 5);
        store.objects.remove(VIDEO);
        let mut event = event(5);
        event.object.name = name.to_owned();
        let outcome = |store: &Memory| {
            let (segments, clock) = (Local::new(store), Ticking::default());
            let config = config(&[]);
            block_on(coordinate::handle(
                store, &segments, &clock, &config, &event,
            ))
        };
        let gone = outcome(&store);
        assert!(matches!(gone, Outcome::Ignored { .. }), "{name}: {gone:?}");
        store.no_bucket.set(true);
        let misconfigured = outcome(&store);
        assert!(
            matches!(&misconfigured, Outcome::Retry { code, message }
                if code == "configuration" && message.contains("configuration `bucket`")),
            "{name}: {misconfigured:?}"
        );
    }
}

#[test]
fn an_event_about_an_older_generation_is_ignored() {
    let store = Memory::with_video(&video(), 6);
    assert!(matches!(
        run(&store, &config(&[]), 5),
        Outcome::Ignored { .. }
    ));
    assert_eq!(store.names(), [VIDEO]);
}

#[test]
fn two_videos_with_one_folder_do_not_mix() {
    let store = Memory::with_video(&video(), 5);
    let claim = Claim::new("videos/x.mkv", 9, &config(&[]).work());
    store.put(
        "records/claims/x.json",
        1,
        &serde_json::to_vec(&claim).unwrap(),
    );
    let outcome = run(&store, &config(&[("naming", "sample")]), 5);
    let manifest = "manifests/x.mp4@5.json".to_owned();
    assert!(matches!(outcome, Outcome::Extracted { manifest: name, .. } if name == manifest));
    assert!(store.names().contains(&"images/x@5/30.jpg".to_owned()));
}

#[test]
fn selections_that_give_nothing_or_too_much_are_named() {
    for (pairs, code) in [
        (&[("at", "1h")][..], "nothing_selected"),
        (
            &[("every_frames", "1"), ("max_images", "100")],
            "too_many_images",
        ),
    ] {
        let store = Memory::with_video(&video(), 5);
        match run(&store, &config(pairs), 5) {
            Outcome::Rejected { code: found, .. } => assert_eq!(found, code),
            other => panic!("{other:?}"),
        }
    }
}

/// Something else happens once the segments have run; then they crash, or not.
struct Meanwhile<'a, F> {
    store: &'a Memory,
    crash: bool,
    happens: F,
}

impl<F: Fn()> Segments for Meanwhile<'_, F> {
    async fn run(&self, request: &SegmentRequest) -> Result<SegmentAnswer, ObjectError> {
        let reply = segment::handle(self.store, request).await;
        (self.happens)();
        Ok(match self.crash {
            true => SegmentAnswer::Crashed(trap()),
            false => SegmentAnswer::Reply(reply),
        })
    }
}

fn meanwhile(store: &Memory, crash: bool, happens: impl Fn()) -> Outcome {
    let segments = Meanwhile {
        store,
        crash,
        happens,
    };
    let (clock, config) = (Ticking::default(), config(&[]));
    block_on(coordinate::handle(
        store,
        &segments,
        &clock,
        &config,
        &event(5),
    ))
}

/// A sweep takes what has the plain name and is younger than an upload for that upload's.
#[test]
fn nothing_is_said_about_a_video_that_was_replaced_before_the_commit() {
    for crash in [false, true] {
        let store = Memory::with_video(&video(), 5);
        let replace = || store.put(VIDEO, 6, &video());
        let outcome = meanwhile(&store, crash, replace);
        assert!(matches!(outcome, Outcome::Ignored { .. }), "{outcome:?}");
        for name in [MANIFEST, FAILURE] {
            assert!(!store.names().contains(&name.to_owned()), "{name}");
        }
        let next = run(&store, &config(&[]), 6);
        let expected = "manifests/x.mp4@6.json";
        assert!(matches!(next, Outcome::Extracted { manifest, .. } if manifest == expected));
    }
}

#[test]
fn the_images_of_a_delivery_that_was_faster_stay() {
    let store = Memory::with_video(&video(), 5);
    let others = "images/x.mp4/000001.jpg";
    let commit = || {
        store.put(others, 1, b"an image of other settings");
        // Of a later version, so that nobody here knows what it names.
        store.put(MANIFEST, 1, b"{}");
    };
    let outcome = meanwhile(&store, false, commit);
    assert!(matches!(outcome, Outcome::Unchanged { .. }), "{outcome:?}");
    assert!(store.names().contains(&others.to_owned()));
}
