//! The flow over a store in memory that fails wherever it is told to.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails is a test that fails"
)]

use extract_frames::store::{
    Clock, Created, ObjectError, ObjectInfo, Objects, SegmentAnswer, Segments,
};
use extract_frames::{coordinate, segment};
use framemill_contract::{
    Claim, Config, Event, EventKind, FailureRecord, JobError, Manifest, ObjectRef, Outcome,
    SegmentRequest,
};
use framemill_tests::h264_clip;
use framemill_video::ByteRange;
use futures::executor::block_on;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::task::Poll;
use std::time::Duration;

const BUCKET: &str = "b";
const VIDEO: &str = "videos/x.mp4";

/// Objects by name: generation and bytes. Fails before its `fail_at`-th write.
#[derive(Default)]
struct Memory {
    objects: RefCell<BTreeMap<String, (i64, Vec<u8>)>>,
    calls: Cell<usize>,
    fail_at: Cell<Option<usize>>,
    /// Fail after the call took effect: the answer was lost.
    late: Cell<bool>,
}

impl Memory {
    fn with_video(bytes: &[u8], generation: i64) -> Self {
        let store = Self::default();
        store.put(VIDEO, generation, bytes);
        store
    }

    fn put(&self, name: &str, generation: i64, bytes: &[u8]) {
        self.objects
            .borrow_mut()
            .insert(name.to_owned(), (generation, bytes.to_vec()));
    }

    fn names(&self) -> Vec<String> {
        self.objects.borrow().keys().cloned().collect()
    }

    fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> T {
        serde_json::from_slice(&self.objects.borrow()[name].1).unwrap()
    }

    /// Does `call`, or fails before or after it where this is the one to fail.
    fn counted<T>(&self, call: impl FnOnce() -> Result<T, ObjectError>) -> Result<T, ObjectError> {
        let number = self.calls.get();
        self.calls.set(number + 1);
        let fails = self.fail_at.get() == Some(number);
        if fails && !self.late.get() {
            return Err(broken());
        }
        let result = call();
        if fails { Err(broken()) } else { result }
    }
}

fn broken() -> ObjectError {
    let (what, reason) = ("test".to_owned(), "connection cut".to_owned());
    ObjectError::Failed(JobError::Storage { what, reason })
}

impl Objects for Memory {
    async fn metadata(&self, _: &str, name: &str) -> Result<ObjectInfo, ObjectError> {
        self.counted(|| {
            let objects = self.objects.borrow();
            let (generation, bytes) = objects.get(name).ok_or(ObjectError::Gone)?;
            Ok(ObjectInfo {
                size: bytes.len() as u64,
                generation: *generation,
                crc32c: None,
                updated: 0,
            })
        })
    }

    async fn read(&self, object: &ObjectRef, range: ByteRange) -> Result<Vec<u8>, ObjectError> {
        self.counted(|| {
            let objects = self.objects.borrow();
            let (generation, bytes) = objects.get(&object.name).ok_or(ObjectError::Gone)?;
            if object.generation != Some(*generation) {
                return Err(ObjectError::Gone);
            }
            let end = (range.end as usize).min(bytes.len());
            Ok(bytes
                .get(range.start as usize..end)
                .unwrap_or_default()
                .to_vec())
        })
    }

    async fn read_all(&self, _: &str, name: &str) -> Result<Vec<u8>, ObjectError> {
        self.counted(|| {
            Ok(self
                .objects
                .borrow()
                .get(name)
                .ok_or(ObjectError::Gone)?
                .1
                .clone())
        })
    }

    async fn create(
        &self,
        _: &str,
        name: &str,
        _: &str,
        bytes: &[u8],
    ) -> Result<Created, ObjectError> {
        self.counted(|| {
            if self.objects.borrow().contains_key(name) {
                return Ok(Created::Existed);
            }
            self.put(name, 1, bytes);
            Ok(Created::New)
        })
    }

    async fn replace(
        &self,
        _: &str,
        name: &str,
        generation: i64,
        _: &str,
        bytes: &[u8],
    ) -> Result<Option<ObjectInfo>, ObjectError> {
        self.counted(|| {
            let there = self.objects.borrow().get(name).map_or(0, |object| object.0);
            if there != generation {
                return Ok(None);
            }
            self.put(name, there + 1, bytes);
            Ok(Some(ObjectInfo {
                size: bytes.len() as u64,
                generation: there + 1,
                crc32c: None,
                updated: 0,
            }))
        })
    }

    async fn list(&self, _: &str, prefix: &str) -> Result<Vec<String>, ObjectError> {
        self.counted(|| {
            Ok(self
                .names()
                .into_iter()
                .filter(|n| n.starts_with(prefix))
                .collect())
        })
    }

    async fn delete(&self, _: &str, name: &str) -> Result<(), ObjectError> {
        self.counted(|| {
            self.objects.borrow_mut().remove(name);
            Ok(())
        })
    }
}

/// A clock that moves by a step each time that someone looks.
#[derive(Default)]
struct Ticking {
    step: Duration,
    now: Cell<Duration>,
    /// Whoever waits has waited long enough once this many segments were asked for.
    deadline: Option<usize>,
    asked: Cell<usize>,
}

/// Much longer than the budget of the tests.
const LONG: Duration = Duration::from_secs(3600);

impl Ticking {
    fn new(step: Duration) -> Self {
        Self {
            step,
            ..Self::default()
        }
    }
}

impl Clock for Ticking {
    fn elapsed(&self) -> Duration {
        self.now.set(self.now.get() + self.step);
        self.now.get()
    }

    async fn until(&self, _: Duration) {
        std::future::poll_fn(|_| match self.deadline {
            Some(most) if self.asked.get() >= most => Poll::Ready(()),
            _ => Poll::Pending,
        })
        .await
    }
}

/// Runs segments here; those that `crashes` says crash.
struct Local<'a, F> {
    store: &'a Memory,
    crashes: F,
    requests: Cell<usize>,
}

impl<F: Fn(&SegmentRequest) -> bool> Segments for Local<'_, F> {
    async fn run(&self, request: &SegmentRequest) -> Result<SegmentAnswer, ObjectError> {
        self.requests.set(self.requests.get() + 1);
        // A request travels as JSON: what does not survive that does not arrive.
        let text = serde_json::to_string(request).unwrap();
        let request: SegmentRequest = serde_json::from_str(&text).unwrap();
        if (self.crashes)(&request) {
            return Ok(SegmentAnswer::Crashed("trap".to_owned()));
        }
        Ok(SegmentAnswer::Reply(
            segment::handle(self.store, &request).await,
        ))
    }
}

fn config(pairs: &[(&str, &str)]) -> Config {
    let find = |key: &str| {
        pairs
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, v)| (*v).to_owned())
    };
    Config::from_lookup(find).unwrap()
}

fn event(generation: i64) -> Event {
    let object = ObjectRef {
        bucket: BUCKET.to_owned(),
        name: VIDEO.to_owned(),
        generation: Some(generation),
    };
    Event {
        kind: EventKind::Finalized,
        object,
    }
}

fn run(store: &Memory, config: &Config, generation: i64) -> Outcome {
    crashing(store, config, generation, |_| false).0
}

fn crashing(
    store: &Memory,
    config: &Config,
    generation: i64,
    crashes: impl Fn(&SegmentRequest) -> bool,
) -> (Outcome, usize) {
    let segments = Local {
        store,
        crashes,
        requests: Cell::new(0),
    };
    let outcome = block_on(coordinate::handle(
        store,
        &segments,
        &Ticking::new(Duration::ZERO),
        config,
        &event(generation),
    ));
    (outcome, segments.requests.get())
}

fn video() -> Vec<u8> {
    std::fs::read(h264_clip("four-seconds.mp4", 4)).unwrap()
}

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
            manifest: "images/x.mp4/manifest.json".to_owned()
        }
    );
    assert_eq!(segments, 0);
    assert!(before == *store.objects.borrow());
}

#[test]
fn leftovers_of_an_interrupted_run_with_other_settings_are_replaced_or_removed() {
    let video = video();
    let store = Memory::with_video(&video, 5);
    store.put("images/x.mp4/000030.jpg", 1, b"half an older image");
    store.put(
        "images/x.mp4/000031.jpg",
        1,
        b"a frame that is not selected now",
    );
    store.put("images/x.mp4/notes.txt", 1, b"a person's notes");
    store.put("images/x.mp4/failure.json", 1, b"{}");
    let undisturbed = Memory::with_video(&video, 5);
    run(&store, &config(&[]), 5);
    run(&undisturbed, &config(&[]), 5);
    undisturbed.put("images/x.mp4/notes.txt", 1, b"a person's notes");
    assert!(
        *store.objects.borrow() == *undisturbed.objects.borrow(),
        "{:?}",
        store.names()
    );
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
    let manifest: Manifest = store.json("images/x.mp4/manifest.json");
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
    let record: FailureRecord = store.json("images/x.mp4/failure.json");
    assert_eq!(record.code, "nothing_decoded");
    assert!(
        !store
            .names()
            .contains(&"images/x.mp4/manifest.json".to_owned())
    );
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
    let claim = Claim::new("videos/x.mkv", 9);
    store.put(
        "images/x/claim.json",
        1,
        &serde_json::to_vec(&claim).unwrap(),
    );
    let outcome = run(&store, &config(&[("naming", "sample")]), 5);
    let manifest = "images/x@5/manifest.json".to_owned();
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

/// Without turns: what each chain of turns must end with.
fn undisturbed(pairs: &[(&str, &str)]) -> Memory {
    let store = Memory::with_video(&video(), 5);
    let outcome = run(&store, &config(pairs), 5);
    assert!(matches!(outcome, Outcome::Extracted { .. }), "{outcome:?}");
    store
}

/// A budget of one GOP of the clip, or so, and a clock by which each turn is over after its
/// first segment.
fn in_turns(pairs: &[(&'static str, &'static str)]) -> Config {
    config(
        &[
            &[("segment_budget", "100us,1MiB"), ("parallel_segments", "1")],
            pairs,
        ]
        .concat(),
    )
}

fn turn(store: &Memory, config: &Config, event: &Event) -> Outcome {
    let segments = Local {
        store,
        crashes: |_: &SegmentRequest| false,
        requests: Cell::new(0),
    };
    let clock = Ticking::new(LONG);
    block_on(coordinate::handle(store, &segments, &clock, config, event))
}

fn finalized(name: &str) -> Event {
    let mut event = event(1);
    event.object.name = name.to_owned();
    event
}

#[test]
fn turns_give_what_one_request_gives_whether_the_upload_or_the_cursor_brings_the_next() {
    for pairs in [&[][..], &[("dedupe", "64")], &[("every_frames", "7")]] {
        let whole = undisturbed(pairs);
        for by_checkpoint in [false, true] {
            let store = Memory::with_video(&video(), 5);
            let config = in_turns(pairs);
            let (mut next, mut before, mut turns) = (event(5), 0, 0);
            let end = loop {
                match turn(&store, &config, &next) {
                    Outcome::Continued {
                        checkpoint,
                        done,
                        of,
                    } => {
                        assert!(before < done && done < of, "{before} {done} {of}");
                        assert!(store.names().contains(&checkpoint));
                        before = done;
                        turns += 1;
                        if by_checkpoint {
                            next = finalized(&checkpoint);
                        }
                    }
                    end => break end,
                }
            };
            assert!(matches!(end, Outcome::Extracted { .. }), "{end:?}");
            assert_eq!(turns, 3, "four GOPs");
            assert!(
                *store.objects.borrow() == *whole.objects.borrow(),
                "{pairs:?}: {:?}",
                store.names()
            );
        }
    }
}

#[test]
fn a_failure_at_any_step_of_any_turn_loses_nothing() {
    let pairs = [("max_side", "64"), ("every", "1900ms")];
    let whole = undisturbed(&pairs);
    let config = in_turns(&pairs);
    for late in [false, true] {
        for step in 0.. {
            let store = Memory::with_video(&video(), 5);
            store.fail_at.set(Some(step));
            store.late.set(late);
            let mut ended = false;
            for _ in 0..10 {
                let outcome = turn(&store, &config, &event(5));
                ended = matches!(
                    outcome,
                    Outcome::Extracted { .. } | Outcome::Unchanged { .. }
                );
                let goes_on = matches!(outcome, Outcome::Continued { .. } | Outcome::Retry { .. });
                assert!(ended || goes_on, "step {step}: {outcome:?}");
                if ended {
                    break;
                }
            }
            assert!(ended, "step {step}");
            // The last step is the removal of checkpoints: its failure is a redelivery away.
            turn(&store, &config, &event(5));
            assert!(
                *store.objects.borrow() == *whole.objects.borrow(),
                "step {step}, late {late}: {:?}",
                store.names()
            );
            if store.calls.get() <= step {
                break;
            }
        }
    }
}

#[test]
fn an_event_of_an_older_turn_does_nothing() {
    let store = Memory::with_video(&video(), 5);
    let config = in_turns(&[]);
    let mut checkpoints = Vec::new();
    while let Outcome::Continued { checkpoint, .. } = turn(&store, &config, &event(5)) {
        checkpoints.push(checkpoint);
        let before = store.objects.borrow().clone();
        for old in checkpoints.iter().rev().skip(1) {
            let outcome = turn(&store, &config, &finalized(old));
            assert!(matches!(outcome, Outcome::Ignored { .. }), "{outcome:?}");
        }
        assert!(before == *store.objects.borrow());
    }
    assert_eq!(checkpoints.len(), 3);
    for gone in &checkpoints {
        let outcome = turn(&store, &config, &finalized(gone));
        assert!(matches!(outcome, Outcome::Ignored { .. }), "{outcome:?}");
    }
    store.put("checkpoints/notes.json", 1, b"{}");
    let outcome = turn(&store, &config, &finalized("checkpoints/notes.json"));
    assert!(matches!(outcome, Outcome::Ignored { .. }), "{outcome:?}");
}

#[test]
fn a_cursor_that_is_damaged_is_named() {
    let store = Memory::with_video(&video(), 5);
    let config = in_turns(&[]);
    let Outcome::Continued { checkpoint, .. } = turn(&store, &config, &event(5)) else {
        panic!("no turns");
    };
    store.put(&checkpoint, 1, b"{\"schema\":");
    match turn(&store, &config, &event(5)) {
        Outcome::Retry { message, .. } => assert!(message.contains(&checkpoint), "{message}"),
        other => panic!("{other:?}"),
    }
}

/// Checkpoints of segments with several GOPs, where those with frame 60 behave as told.
fn with_frame_60(crash: bool, deadline: Option<usize>) -> (Manifest, Vec<Vec<usize>>) {
    let store = Memory::with_video(&video(), 5);
    let config = config(&[("segment_budget", "1h,1MiB"), ("parallel_segments", "1")]);
    let asked = RefCell::new(Vec::new());
    for _ in 0..10 {
        let clock = Ticking {
            deadline,
            ..Ticking::default()
        };
        asked.borrow_mut().push(Vec::new());
        let segments = Stubborn {
            store: &store,
            crash,
            clock: &clock,
            asked: &asked,
        };
        let event = event(5);
        let outcome = coordinate::handle(&store, &segments, &clock, &config, &event);
        match block_on(outcome) {
            Outcome::Continued { .. } => {}
            Outcome::Extracted { .. } => {
                return (store.json("images/x.mp4/manifest.json"), asked.into_inner());
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("no end");
}

/// Segments with frame 60 crash or never answer; all others are run here.
struct Stubborn<'a> {
    store: &'a Memory,
    crash: bool,
    clock: &'a Ticking,
    asked: &'a RefCell<Vec<Vec<usize>>>,
}

impl Segments for Stubborn<'_> {
    async fn run(&self, request: &SegmentRequest) -> Result<SegmentAnswer, ObjectError> {
        if let Some(turn) = self.asked.borrow_mut().last_mut() {
            turn.push(request.gops.len());
        }
        let mut wanted = request.gops.iter().flat_map(|gop| &gop.wanted);
        if wanted.any(|wanted| wanted.index == 60) {
            if self.crash {
                return Ok(SegmentAnswer::Crashed("trap".to_owned()));
            }
            self.clock.asked.set(self.clock.asked.get() + 1);
            std::future::pending::<()>().await;
        }
        Ok(SegmentAnswer::Reply(
            segment::handle(self.store, request).await,
        ))
    }
}

#[test]
fn a_segment_that_crashes_is_done_gop_by_gop_in_the_next_turn() {
    let (manifest, asked) = with_frame_60(true, None);
    assert_eq!(asked, [vec![4], vec![1, 1, 1, 1]]);
    assert_eq!(manifest.frames.len(), 3);
    assert_eq!(manifest.warnings[0].code, "decoder_crashed");
}

#[test]
fn a_segment_that_never_answers_costs_its_gop_and_not_the_video() {
    let (manifest, asked) = with_frame_60(false, Some(1));
    // As a whole; alone, behind two that answer; alone and first; the rest.
    assert_eq!(asked, [vec![4], vec![1, 1, 1], vec![1], vec![1]]);
    assert_eq!(manifest.frames.len(), 3);
    let warning = &manifest.warnings[0];
    assert!(warning.message.contains("no answer within"), "{warning:?}");
}

/// Has another delivery do the same turn while ours runs its segment.
struct Overtaken<'a> {
    store: &'a Memory,
    config: &'a Config,
}

impl Segments for Overtaken<'_> {
    async fn run(&self, request: &SegmentRequest) -> Result<SegmentAnswer, ObjectError> {
        let other = turn(self.store, self.config, &event(5));
        assert!(matches!(other, Outcome::Continued { .. }), "{other:?}");
        Ok(SegmentAnswer::Reply(
            segment::handle(self.store, request).await,
        ))
    }
}

#[test]
fn two_deliveries_of_one_turn_leave_one_cursor_and_both_may_go_on() {
    let store = Memory::with_video(&video(), 5);
    let config = in_turns(&[]);
    let segments = Overtaken {
        store: &store,
        config: &config,
    };
    let clock = Ticking::new(LONG);
    let event = event(5);
    let ours = coordinate::handle(&store, &segments, &clock, &config, &event);
    let mut ours = std::pin::pin!(ours);
    let context = &mut std::task::Context::from_waker(std::task::Waker::noop());
    let Poll::Ready(ours) = ours.as_mut().poll(context) else {
        panic!("a store in memory answers at once");
    };
    let Outcome::Continued { checkpoint, .. } = ours else {
        panic!("{ours:?}");
    };
    let names = store.names();
    let checkpoints = names.iter().filter(|name| name.starts_with("checkpoints/"));
    assert_eq!(checkpoints.collect::<Vec<_>>(), [&checkpoint]);
    while let Outcome::Continued { .. } = turn(&store, &config, &event) {}
    assert!(*store.objects.borrow() == *undisturbed(&[]).objects.borrow());
}

#[test]
fn a_video_below_the_prefix_of_cursors_is_a_video() {
    let store = Memory::with_video(&video(), 5);
    store.put("checkpoints/x.mp4", 5, &video());
    let config = config(&[("video_path", "/")]);
    let mut event = finalized("checkpoints/x.mp4");
    event.object.generation = Some(5);
    let outcome = turn(&store, &config, &event);
    assert!(matches!(outcome, Outcome::Extracted { .. }), "{outcome:?}");
}
