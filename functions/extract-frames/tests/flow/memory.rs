//! Sandboxes with too little memory: a configuration that is wrong, never a commit.

use super::harness::*;
use extract_frames::store::{ObjectError, SegmentAnswer, SegmentCrash, Segments};
use extract_frames::{coordinate, segment};
use framemill_contract::{Manifest, Outcome, SegmentReply, SegmentRequest};
use futures::executor::block_on;
use std::cell::RefCell;

/// Answers requests with frame 60 in ways of its own; all others are run here.
struct Host<'a, F> {
    store: &'a Memory,
    answer: F,
    /// GOPs of each request, and whether it was careful.
    asked: RefCell<Vec<(usize, bool)>>,
}

impl<F: Fn(&SegmentRequest) -> Option<SegmentAnswer>> Segments for Host<'_, F> {
    async fn run(&self, request: &SegmentRequest) -> Result<SegmentAnswer, ObjectError> {
        let text = serde_json::to_string(request).unwrap();
        let request: SegmentRequest = serde_json::from_str(&text).unwrap();
        self.asked
            .borrow_mut()
            .push((request.gops.len(), request.careful));
        let mut wanted = request.gops.iter().flat_map(|gop| &gop.wanted);
        if wanted.any(|wanted| wanted.index == 60)
            && let Some(answer) = (self.answer)(&request)
        {
            return Ok(answer);
        }
        Ok(SegmentAnswer::Reply(
            segment::handle(self.store, &request).await,
        ))
    }
}

fn unknown() -> SegmentAnswer {
    SegmentAnswer::Crashed(SegmentCrash::Unknown("no reason given".to_owned()))
}

fn extract(
    pairs: &[(&str, &str)],
    answer: impl Fn(&SegmentRequest) -> Option<SegmentAnswer>,
) -> (Memory, Outcome, Vec<(usize, bool)>) {
    let store = Memory::with_video(&video(), 5);
    let host = Host {
        store: &store,
        answer,
        asked: RefCell::default(),
    };
    let (clock, config) = (Ticking::default(), config(pairs));
    let mut outcome = Outcome::Unchanged {
        manifest: String::new(),
    };
    for _ in 0..20 {
        outcome = block_on(coordinate::handle(
            &store,
            &host,
            &clock,
            &config,
            &event(5),
        ));
        if !matches!(outcome, Outcome::Continued { .. }) {
            break;
        }
    }
    let asked = host.asked.into_inner();
    (store, outcome, asked)
}

fn is_out_of_memory(store: &Memory, outcome: &Outcome, words: &str) {
    assert!(
        matches!(outcome, Outcome::Retry { code, message }
            if code == "out_of_memory" && message.contains(words)),
        "{outcome:?}"
    );
    assert_eq!(outcome.status(), 503);
    for name in [MANIFEST, FAILURE] {
        assert!(!store.names().contains(&name.to_owned()), "{name}");
    }
}

/// One that answers as one with a budget does, and one without.
const BUDGETS: [&[(&str, &str)]; 2] = [&[], &[("segment_budget", "1h,64MiB")]];

#[test]
fn a_sandbox_that_is_refused_memory_is_a_configuration_that_is_wrong() {
    for pairs in BUDGETS {
        let (store, outcome, _) = extract(pairs, |_| {
            let words = "memory limit (32 MiB) hit: raise memory_limit".to_owned();
            Some(SegmentAnswer::Crashed(SegmentCrash::Memory(words)))
        });
        is_out_of_memory(&store, &outcome, "raise memory_limit");
    }
}

/// Spin says of a crash that there was one.
#[test]
fn where_the_host_gives_no_reason_the_sandbox_itself_finds_out_that_it_lacks_memory() {
    for pairs in BUDGETS {
        let (store, outcome, asked) = extract(pairs, |request| {
            let reply = SegmentReply::OutOfMemory("no room for 30 MiB".to_owned());
            Some(match request.careful {
                true => SegmentAnswer::Reply(reply),
                false => unknown(),
            })
        });
        is_out_of_memory(&store, &outcome, "no room for 30 MiB");
        assert!(asked.contains(&(1, true)), "{asked:?}");
    }
}

#[test]
fn a_crash_that_memory_does_not_explain_costs_its_gop() {
    for pairs in BUDGETS {
        let (store, outcome, asked) = extract(pairs, |_| Some(unknown()));
        assert!(
            matches!(outcome, Outcome::Extracted { frames: 3, .. }),
            "{outcome:?}"
        );
        let manifest: Manifest = store.json(MANIFEST);
        assert_eq!(manifest.warnings[0].code, "decoder_crashed");
        assert_eq!(asked.iter().filter(|(_, careful)| *careful).count(), 1);
    }
}

#[test]
fn a_crash_that_does_not_come_again_costs_nothing() {
    let (store, outcome, _) = extract(&[], |request| (!request.careful).then(unknown));
    assert!(
        matches!(outcome, Outcome::Extracted { frames: 4, .. }),
        "{outcome:?}"
    );
    let manifest: Manifest = store.json(MANIFEST);
    assert_eq!(manifest.warnings, []);
}

/// No machine has room for these pictures.
#[test]
fn a_careful_segment_asks_for_memory_before_it_needs_it() {
    let requests = RefCell::new(Vec::new());
    let (store, ..) = extract(&[], |request| {
        requests.borrow_mut().push(request.clone());
        None
    });
    let mut request = requests.into_inner().remove(0);
    (request.config.width, request.config.height) = (u32::MAX, u32::MAX);
    let careless = block_on(segment::handle(&store, &request));
    assert!(matches!(careless, SegmentReply::Done(_)), "{careless:?}");
    request.careful = true;
    match block_on(segment::handle(&store, &request)) {
        SegmentReply::OutOfMemory(words) => assert!(words.contains("MiB"), "{words}"),
        other => panic!("{other:?}"),
    }
}
