//! All interleavings of two deliveries of one upload, with a fault at every call.
//!
//! Deliveries take turns: one call to the store each. A state is the bucket and what each delivery
//! has been told so far; from each state that was not seen before, each delivery does its next call,
//! or that call fails before or after it took effect, or the delivery is killed and comes again.
//! Where a delivery is about to read the video, which nobody changes here, the order does not matter:
//! the other one waits.

use crate::harness::*;
use extract_frames::store::{ObjectError, SegmentAnswer, SegmentCrash, Segments};
use extract_frames::{coordinate, segment};
use framemill_component_sdk::testing::{InMemory, Simulation, Versions, connection_cut};
use framemill_contract::{Config, Manifest, Outcome, SegmentRequest};
use sha2::{Digest as _, Sha256};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Deliveries of one message, at most, before its outcome has to be final.
const DELIVERIES: usize = 4;
/// Most polls until a delivery makes its next call.
const POLLS: usize = 1000;

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Done,
    FailsBefore,
    FailsAfter,
    /// The delivery dies before it.
    Killed,
}

/// Whose turn it is, and how it goes.
type Turn = (usize, Fate);

/// One of the two deliveries: its way to the store.
struct Delivery<'w> {
    bucket: &'w InMemory,
    next: Cell<Option<Fate>>,
    /// What its next call is about.
    about: RefCell<String>,
    /// Hash of all that it was told.
    told: Cell<u64>,
}

impl Delivery<'_> {
    fn tell(&self, what: &impl Hash) {
        let mut hasher = DefaultHasher::new();
        (self.told.get(), what).hash(&mut hasher);
        self.told.set(hasher.finish());
    }
}

impl Simulation for Delivery<'_> {
    fn memory(&self) -> &InMemory {
        self.bucket
    }

    async fn perform<T: Hash>(
        &self,
        name: &str,
        call: impl FnOnce() -> Result<T, ObjectError>,
    ) -> Result<T, ObjectError> {
        let fate = std::future::poll_fn(|context| match self.next.take() {
            Some(fate) => Poll::Ready(fate),
            None => {
                name.clone_into(&mut self.about.borrow_mut());
                // Sets of futures only poll who has asked for it.
                context.waker().wake_by_ref();
                Poll::Pending
            }
        });
        let result = match fate.await {
            Fate::FailsBefore => connection_cut(),
            Fate::FailsAfter => call().and_then(|_| connection_cut()),
            Fate::Done | Fate::Killed => call(),
        };
        self.tell(&result.as_ref().map_err(ObjectError::to_string));
        result
    }
}

/// Segments run here. Those of a damaged delivery write their images; then those crash that have
/// frames from this one on.
struct Here<'w> {
    store: &'w Delivery<'w>,
    lost_from: Option<u64>,
}

impl Segments for Here<'_> {
    async fn run(&self, request: &SegmentRequest) -> Result<SegmentAnswer, ObjectError> {
        let reply = segment::handle(self.store, request).await;
        let mut wanted = request.gops.iter().flat_map(|gop| &gop.wanted);
        let lost = self.lost_from.unwrap_or(u64::MAX);
        Ok(match wanted.any(|it| it.index >= lost) {
            true => SegmentAnswer::Crashed(SegmentCrash::Other("trap".to_owned())),
            false => SegmentAnswer::Reply(reply),
        })
    }
}

/// What a delivery does.
#[derive(Clone)]
struct Program {
    config: Config,
    lost_from: Option<u64>,
}

impl Program {
    /// Until its outcome is final; `None` where it never is.
    async fn run(&self, store: &Delivery<'_>) -> Option<Outcome> {
        for delivery in 0..DELIVERIES {
            // A new delivery remembers nothing of the one before.
            store.told.set(delivery as u64);
            let segments = Here {
                store,
                lost_from: self.lost_from,
            };
            let clock = Ticking::new(Duration::ZERO);
            let event = event(5);
            let outcome = coordinate::handle(store, &segments, &clock, &self.config, &event).await;
            store.tell(&format!("{outcome:?}"));
            if outcome.status() == 200 {
                return Some(outcome);
            }
        }
        None
    }
}

/// A delivery under way.
type Running<'r> = Pin<Box<dyn Future<Output = Option<Outcome>> + 'r>>;

fn poll(running: &mut Running<'_>, ended: &mut Option<Option<Outcome>>) {
    let context = &mut Context::from_waker(Waker::noop());
    if let Poll::Ready(outcome) = running.as_mut().poll(context) {
        *ended = Some(outcome);
    }
}

/// The world after some turns.
struct World {
    /// What tells it from others.
    state: u64,
    /// How each delivery ended, if it did.
    ended: [Option<Option<Outcome>>; 2],
    /// Whether each is about to read the video.
    reads_video: [bool; 2],
    bucket: InMemory,
}

impl World {
    fn after(video: &[u8], programs: &[Program; 2], turns: &[Turn]) -> Self {
        let bucket = InMemory::new(Versions::Counts);
        bucket.put_as(VIDEO, video, 5, 0);
        let new = || Delivery {
            bucket: &bucket,
            next: Cell::new(None),
            about: RefCell::default(),
            told: Cell::new(0),
        };
        let deliveries = [new(), new()];
        let ended = {
            let start = |of: usize| -> Running<'_> { Box::pin(programs[of].run(&deliveries[of])) };
            let mut running = [start(0), start(1)];
            let mut ended = [None, None];
            for &(of, fate) in turns {
                let delivery = &deliveries[of];
                if fate == Fate::Killed {
                    running[of] = start(of);
                    continue;
                }
                delivery.next.set(Some(fate));
                let mut polls = 0;
                while delivery.next.get().is_some() && ended[of].is_none() {
                    poll(&mut running[of], &mut ended[of]);
                    polls += 1;
                    assert!(polls < POLLS, "no call: {turns:?}");
                }
            }
            // Up to the next call, so that it is known what that is about.
            for of in 0..2 {
                if ended[of].is_none() {
                    poll(&mut running[of], &mut ended[of]);
                }
            }
            ended
        };
        let reads_video = [0, 1].map(|of: usize| *deliveries[of].about.borrow() == VIDEO);
        let mut hasher = DefaultHasher::new();
        for name in bucket.names() {
            (&name, bucket.bytes(&name).unwrap()).hash(&mut hasher);
        }
        for delivery in &deliveries {
            delivery.told.get().hash(&mut hasher);
        }
        Self {
            state: hasher.finish(),
            ended,
            reads_video,
            bucket,
        }
    }

    /// Whose turn it may be.
    fn turns(&self) -> Vec<usize> {
        let running = || (0..2).filter(|of| self.ended[*of].is_none());
        match running().find(|of| self.reads_video[*of]) {
            Some(of) => vec![of],
            None => running().collect(),
        }
    }

    fn manifest(&self) -> Option<Manifest> {
        let bytes = self.bucket.bytes(MANIFEST).ok()?;
        Some(serde_json::from_slice(&bytes).unwrap())
    }

    /// Names and hashes of the images of a manifest.
    fn images(manifest: &Manifest) -> Vec<(String, String)> {
        let frames = manifest.frames.iter();
        let folder = format!("images/{}/", manifest.image_folder);
        frames
            .map(|frame| (format!("{folder}{}", frame.name), frame.sha256.clone()))
            .collect()
    }

    /// What holds at any moment: a committed manifest's images are there.
    fn check(&self, turns: &[Turn]) {
        let Some(manifest) = self.manifest() else {
            return;
        };
        for (name, sha256) in Self::images(&manifest) {
            let bytes = self.bucket.bytes(&name);
            let there = bytes.map(|bytes| hex::encode(Sha256::digest(bytes)));
            assert_eq!(there, Ok(sha256), "{name} after {turns:?}");
        }
    }

    /// What holds in the end: there is a manifest, and no image that it does not name.
    fn check_end(&self, turns: &[Turn]) {
        for ended in &self.ended {
            let outcome = ended.as_ref().unwrap();
            assert!(outcome.is_some(), "no final outcome after {turns:?}");
        }
        let manifest = self.manifest();
        let manifest = manifest.unwrap_or_else(|| panic!("no manifest after {turns:?}"));
        let mut expected: Vec<String> =
            Self::images(&manifest).into_iter().map(|it| it.0).collect();
        let mut there = self.bucket.names();
        there.retain(|name| name.starts_with("images/"));
        expected.sort();
        assert_eq!(there, expected, "leftovers after {turns:?}");
        let incomplete = manifest.incomplete().is_some();
        assert_eq!(
            self.bucket.names().contains(&FAILURE.to_owned()),
            incomplete
        );
    }
}

/// Goes through all states that can be reached with so many faults; gives their number.
fn explore(frames: u32, programs: &[Program; 2], faults: usize) -> usize {
    let video = small_frames(frames);
    let seen = RefCell::new(HashSet::new());
    let mut todo: Vec<(Vec<Turn>, usize)> = vec![(Vec::new(), faults)];
    while let Some((turns, faults)) = todo.pop() {
        let world = World::after(&video, programs, &turns);
        if !seen.borrow_mut().insert((world.state, faults)) {
            continue;
        }
        world.check(&turns);
        let running = world.turns();
        if running.is_empty() {
            world.check_end(&turns);
        }
        for of in running {
            let then = |fate| [&turns[..], &[(of, fate)]].concat();
            todo.push((then(Fate::Done), faults));
            if faults > 0 {
                for fate in [Fate::FailsBefore, Fate::FailsAfter, Fate::Killed] {
                    todo.push((then(fate), faults - 1));
                }
            }
        }
    }
    seen.into_inner().len()
}

fn program(pairs: &[(&str, &str)], lost_from: Option<u64>) -> Program {
    let always = [("max_side", "16"), ("parallel_segments", "1")];
    Program {
        config: config(&[&always, pairs].concat()),
        lost_from,
    }
}

/// A frame a second: what they are does not matter here.
fn small_frames(count: u32) -> Vec<u8> {
    let encoder = ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"];
    let name = format!("small-frames-{count}.mov");
    let clip = framemill_tests::test_clip(&name, "16x16", "1", count, &encoder);
    std::fs::read(clip).unwrap()
}

fn all_interleavings(frames: u32, first: Program, second: Program, faults: usize) {
    let states = explore(frames, &[first, second], faults);
    println!("{states} states");
    assert!(states > 200, "{states}: did the deliveries do anything?");
}

#[test]
fn of_a_damaged_and_a_whole_delivery() {
    all_interleavings(2, program(&[], Some(1)), program(&[], None), 1);
}

/// One of them rejects the video.
#[test]
fn of_a_delivery_that_loses_all_and_a_whole_one() {
    all_interleavings(1, program(&[], Some(0)), program(&[], None), 1);
}

/// One of them commits a third of the frames, which wants a failure record.
#[test]
fn of_a_delivery_that_loses_most_and_a_whole_one() {
    all_interleavings(3, program(&[], Some(1)), program(&[], None), 0);
}

#[test]
fn of_two_whole_deliveries() {
    all_interleavings(2, program(&[], None), program(&[], None), 1);
}

#[test]
fn of_a_damaged_delivery_and_one_with_another_selection() {
    let others = [("every", "500ms"), ("quality", "50")];
    all_interleavings(2, program(&[], Some(1)), program(&others, None), 1);
}

#[test]
fn of_two_versions() {
    let version = |sha256: &'static str| [("component_sha256", sha256)];
    all_interleavings(
        2,
        program(&version("aa"), Some(1)),
        program(&version("bb"), None),
        0,
    );
}
