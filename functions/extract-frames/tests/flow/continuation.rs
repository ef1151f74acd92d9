//! Work over several requests.

use crate::harness::*;
use extract_frames::store::{ObjectError, SegmentAnswer, Segments};
use extract_frames::{coordinate, segment};
use framemill_contract::{Config, Event, Manifest, Outcome, SegmentRequest};
use futures::executor::block_on;
use std::cell::{Cell, RefCell};
use std::task::Poll;

/// In one request: what each chain of requests must end with.
fn undisturbed(pairs: &[(&str, &str)]) -> Memory {
    let store = Memory::with_video(&video(), 5);
    let outcome = run(&store, &config(pairs), 5);
    assert!(matches!(outcome, Outcome::Extracted { .. }), "{outcome:?}");
    store
}

/// A budget of one GOP of the clip, or so, and a clock by which each request is over after its
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

fn request_once(store: &Memory, config: &Config, event: &Event) -> Outcome {
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
fn turns_give_what_one_request_gives_whether_the_upload_or_the_checkpoint_brings_the_next() {
    for pairs in [&[][..], &[("dedupe", "64")], &[("every_frames", "7")]] {
        let whole = undisturbed(pairs);
        for by_checkpoint in [false, true] {
            let store = Memory::with_video(&video(), 5);
            let config = in_turns(pairs);
            let (mut next, mut before, mut requests) = (event(5), 0, 0);
            let end = loop {
                match request_once(&store, &config, &next) {
                    Outcome::Continued {
                        checkpoint,
                        done,
                        of,
                    } => {
                        assert!(before < done && done < of, "{before} {done} {of}");
                        assert!(store.names().contains(&checkpoint));
                        before = done;
                        requests += 1;
                        if by_checkpoint {
                            next = finalized(&checkpoint);
                        }
                    }
                    end => break end,
                }
            };
            assert!(matches!(end, Outcome::Extracted { .. }), "{end:?}");
            assert_eq!(requests, 3, "four GOPs");
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
                let outcome = request_once(&store, &config, &event(5));
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
            request_once(&store, &config, &event(5));
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
    while let Outcome::Continued { checkpoint, .. } = request_once(&store, &config, &event(5)) {
        checkpoints.push(checkpoint);
        let before = store.objects.borrow().clone();
        for old in checkpoints.iter().rev().skip(1) {
            let outcome = request_once(&store, &config, &finalized(old));
            assert!(matches!(outcome, Outcome::Ignored { .. }), "{outcome:?}");
        }
        assert!(before == *store.objects.borrow());
    }
    assert_eq!(checkpoints.len(), 3);
    for gone in &checkpoints {
        let outcome = request_once(&store, &config, &finalized(gone));
        assert!(matches!(outcome, Outcome::Ignored { .. }), "{outcome:?}");
    }
    store.put("records/checkpoints/notes.json", 1, b"{}");
    let outcome = request_once(
        &store,
        &config,
        &finalized("records/checkpoints/notes.json"),
    );
    assert!(matches!(outcome, Outcome::Ignored { .. }), "{outcome:?}");
}

/// It must not pass for a video that is gone, whose message is acknowledged.
#[test]
fn a_checkpoint_that_is_missing_is_named() {
    let store = Memory::with_video(&video(), 5);
    let config = in_turns(&[]);
    let mut checkpoints = Vec::new();
    for _ in 0..3 {
        match request_once(&store, &config, &event(5)) {
            Outcome::Continued { checkpoint, .. } => checkpoints.push(checkpoint),
            other => panic!("{other:?}"),
        }
    }
    store.objects.remove(&checkpoints[0]);
    match request_once(&store, &config, &event(5)) {
        Outcome::Retry { message, .. } => {
            assert!(message.contains(&checkpoints[0]), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_checkpoint_that_is_damaged_is_named() {
    let store = Memory::with_video(&video(), 5);
    let config = in_turns(&[]);
    let Outcome::Continued { checkpoint, .. } = request_once(&store, &config, &event(5)) else {
        panic!("no continuation");
    };
    store.put(&checkpoint, 1, b"{\"schema\":");
    match request_once(&store, &config, &event(5)) {
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
                return (store.json(MANIFEST), asked.into_inner());
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
        if let Some(part) = self.asked.borrow_mut().last_mut() {
            part.push(request.gops.len());
        }
        let mut wanted = request.gops.iter().flat_map(|gop| &gop.wanted);
        if wanted.any(|wanted| wanted.index == 60) {
            if self.crash {
                return Ok(SegmentAnswer::Crashed(trap()));
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

/// A host where the first segment waits for a sandbox, because the next one has it.
struct Crowded<'a> {
    store: &'a Memory,
    clock: &'a Ticking,
    asked: Cell<usize>,
    answered: Cell<usize>,
}

impl Segments for Crowded<'_> {
    async fn run(&self, request: &SegmentRequest) -> Result<SegmentAnswer, ObjectError> {
        self.asked.set(self.asked.get() + 1);
        // The next one is asked for meanwhile.
        let mut asked = false;
        std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            match std::mem::replace(&mut asked, true) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
        let mut wanted = request.gops.iter().flat_map(|gop| &gop.wanted);
        let first = wanted.any(|wanted| wanted.index == 0);
        if first && self.asked.get() > 1 {
            self.clock.asked.set(1);
            std::future::pending::<()>().await;
        }
        self.answered.set(self.answered.get() + 1);
        let reply = segment::handle(self.store, request).await;
        Ok(SegmentAnswer::Reply(reply))
    }
}

#[test]
fn a_gop_is_lost_only_where_it_had_a_request_for_itself() {
    let store = Memory::with_video(&video(), 5);
    // Each GOP is a segment.
    let config = config(&[("segment_budget", "100us,1MiB"), ("parallel_segments", "2")]);
    let mut turns = Vec::new();
    for _ in 0..10 {
        let clock = Ticking {
            deadline: Some(1),
            ..Ticking::default()
        };
        let segments = Crowded {
            store: &store,
            clock: &clock,
            asked: Cell::new(0),
            answered: Cell::new(0),
        };
        let event = event(5);
        let outcome = coordinate::handle(&store, &segments, &clock, &config, &event);
        let outcome = block_on(outcome);
        turns.push((segments.asked.get(), segments.answered.get()));
        match outcome {
            Outcome::Continued { .. } => {}
            Outcome::Extracted { .. } => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(turns.len() > 1 && turns[0].0 == 2, "{turns:?}");
    assert!(
        *store.objects.borrow() == *undisturbed(&[]).objects.borrow(),
        "{turns:?}"
    );
}

/// Has another delivery do the same part while ours runs its segment.
struct Overtaken<'a> {
    store: &'a Memory,
    config: &'a Config,
}

impl Segments for Overtaken<'_> {
    async fn run(&self, request: &SegmentRequest) -> Result<SegmentAnswer, ObjectError> {
        let other = request_once(self.store, self.config, &event(5));
        assert!(matches!(other, Outcome::Continued { .. }), "{other:?}");
        Ok(SegmentAnswer::Reply(
            segment::handle(self.store, request).await,
        ))
    }
}

#[test]
fn two_deliveries_of_one_turn_leave_one_checkpoint_and_both_may_go_on() {
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
    let checkpoints = names
        .iter()
        .filter(|name| name.starts_with("records/checkpoints/"));
    assert_eq!(checkpoints.collect::<Vec<_>>(), [&checkpoint]);
    while let Outcome::Continued { .. } = request_once(&store, &config, &event) {}
    assert!(*store.objects.borrow() == *undisturbed(&[]).objects.borrow());
}

#[test]
fn a_video_below_the_prefix_of_checkpoints_is_a_video() {
    let store = Memory::with_video(&video(), 5);
    store.put("records/checkpoints/x.mp4", 5, &video());
    let config = config(&[("video_path", "/")]);
    let mut event = finalized("records/checkpoints/x.mp4");
    event.object.generation = Some(5);
    let outcome = request_once(&store, &config, &event);
    assert!(matches!(outcome, Outcome::Extracted { .. }), "{outcome:?}");
}
