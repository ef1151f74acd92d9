//! Every frame gets exactly one task at every target, whatever breaks and however often the
//! message comes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails is a test that fails"
)]

mod world;

use framemill_contract::{LabelIntent, LabelReceipt, Outcome};
use futures::FutureExt as _;
use world::{Fault, TARGETS, World, config};

const FRAMES: u64 = 5;

fn is_retry(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Retry { .. })
}

#[test]
fn an_undisturbed_delivery_makes_one_task_per_frame_and_a_receipt() {
    for target in TARGETS {
        let (world, config) = (World::new(FRAMES), config(target, &[]));
        let answer = world.deliver(&config).unwrap();
        let (id, receipt) = (config.target_id().unwrap(), world.ending("receipt.json"));
        assert_eq!(
            answer.outcome,
            Outcome::Requested {
                target: id.clone(),
                tasks: FRAMES,
                existing: 0,
                receipt: receipt.concat(),
            },
            "{target}"
        );
        world.assert_each_once(FRAMES, target);
        let receipt: LabelReceipt = serde_json::from_value(world.json("receipt.json")).unwrap();
        assert_eq!((receipt.frames, receipt.batches.len()), (FRAMES, 3));
        assert_eq!((receipt.target.id, receipt.source.generation), (id, 5));
        assert!(world.ending("failure.json").is_empty());
    }
}

#[test]
fn whatever_breaks_at_any_step_every_frame_has_one_task_in_the_end() {
    for target in TARGETS {
        let config = config(target, &[]);
        let undisturbed = World::new(FRAMES);
        undisturbed.deliver(&config).unwrap();
        let steps = undisturbed.calls.get();
        assert!(steps >= 9, "{target}: {steps}");
        for fault in [Fault::Fails, Fault::Loses, Fault::Dies, Fault::DiesLate] {
            for step in 0..steps {
                let context = format!("{target}, {fault:?} at {step}");
                let world = World::new(FRAMES);
                world.fault.set(Some((step, fault)));
                let first = world.deliver(&config);
                if let Some(first) = &first {
                    let last = step + 1 == steps;
                    assert!(is_retry(&first.outcome) || last, "{context}: {first:?}");
                    world.clock.set(world.clock.get() + first.retry_after);
                }
                let settled = world.deliver_until_settled(&config, &context);
                assert_eq!(settled.status(), 200, "{context}");
                world.assert_each_once(FRAMES, &context);
                assert_eq!(world.ending("receipt.json").len(), 1, "{context}");
            }
        }
    }
}

/// Two faults in a row: the second hits the delivery that mends the first.
#[test]
fn two_faults_in_a_row_do_no_more() {
    for target in TARGETS {
        let config = config(target, &[]);
        for first in 0..14 {
            for second in 0..20 {
                let context = format!("{target}, {first} then {second}");
                let world = World::new(FRAMES);
                world.fault.set(Some((first, Fault::DiesLate)));
                world.deliver(&config);
                world.clock.set(world.clock.get() + 601);
                world.calls.set(0);
                world.fault.set(Some((second, Fault::Loses)));
                world.deliver_until_settled(&config, &context);
                world.assert_each_once(FRAMES, &context);
            }
        }
    }
}

#[test]
fn three_deliveries_one_after_the_other_ask_once() {
    for target in TARGETS {
        let (world, config) = (World::new(FRAMES), config(target, &[]));
        world.deliver(&config).unwrap();
        let before = world.targets.borrow().bodies.len();
        for _ in 0..2 {
            let answer = world.deliver(&config).unwrap();
            let manifest = world::MANIFEST.to_owned();
            assert_eq!(answer.outcome, Outcome::Unchanged { manifest });
        }
        assert_eq!(world.targets.borrow().bodies.len(), before, "{target}");
        world.assert_each_once(FRAMES, target);
    }
}

#[test]
fn three_deliveries_at_the_same_time_ask_once() {
    for target in TARGETS {
        let config = config(target, &[]);
        for seed in 1..200 {
            let context = format!("{target}, seed {seed}");
            let world = World::new(FRAMES);
            world.seed.set(seed * 0x9E37_79B9_7F4A_7C15);
            let (a, b, c) = (world.run(&config), world.run(&config), world.run(&config));
            let mut all = Box::pin(futures::future::join3(a, b, c));
            let (a, b, c) = world.poll_to_end(&mut all).unwrap();
            let asked = [&a, &b, &c]
                .iter()
                .filter(|answer| matches!(answer.outcome, Outcome::Requested { .. }))
                .count();
            assert_eq!(asked, 1, "{context}");
            for answer in [&a, &b, &c] {
                let busy =
                    matches!(&answer.outcome, Outcome::Retry { code, .. } if code == "label_busy");
                assert!(
                    busy || answer.outcome.status() == 200,
                    "{context}: {answer:?}"
                );
                assert!(!busy || answer.retry_after > 0, "{context}: {answer:?}");
            }
            world.assert_each_once(FRAMES, &context);
            world.seed.set(0);
            let again = world.deliver(&config).unwrap().outcome;
            assert!(matches!(again, Outcome::Unchanged { .. }), "{context}");
        }
    }
}

/// Three deliveries that find the intent of one that died long ago: one of them takes over.
#[test]
fn a_lease_that_is_over_is_taken_by_one() {
    for target in TARGETS {
        let config = config(target, &[]);
        for seed in 1..100 {
            let context = format!("{target}, seed {seed}");
            let world = World::new(FRAMES);
            world.fault.set(Some((4, Fault::DiesLate)));
            assert_eq!(world.deliver(&config), None, "{context}");
            assert_eq!(world.ending("intent.json").len(), 1, "{context}");
            world.clock.set(world.clock.get() + 600);
            world.seed.set(seed * 0x9E37_79B9_7F4A_7C15);
            let (a, b, c) = (world.run(&config), world.run(&config), world.run(&config));
            let mut all = Box::pin(futures::future::join3(a, b, c));
            world.poll_to_end(&mut all).unwrap();
            world.assert_each_once(FRAMES, &context);
        }
    }
}

#[test]
fn while_a_lease_lasts_others_wait_for_its_end() {
    let (world, config) = (World::new(FRAMES), config("label-studio", &[]));
    world.fault.set(Some((4, Fault::Dies)));
    assert_eq!(world.deliver(&config), None);
    world.clock.set(world.clock.get() + 100);
    let answer = world.deliver(&config).unwrap();
    assert!(is_retry(&answer.outcome), "{answer:?}");
    assert_eq!(answer.retry_after, 500);
    assert!(world.targets.borrow().labelled.is_empty());
}

/// A holder that sleeps past its lease, wherever it is but in a request to the target, sends
/// nothing more when it wakes up.
#[test]
fn a_holder_that_wakes_up_too_late_sends_nothing() {
    for target in TARGETS {
        let config = config(target, &[]);
        let mut slept = 0;
        for polls in 1..60 {
            let context = format!("{target}, after {polls} polls");
            let world = World::new(FRAMES);
            world.seed.set(0x1234_5678_9ABC_DEF1);
            let mut sleeper = Box::pin(world.run(&config));
            let ended = (0..polls).any(|_| (&mut sleeper).now_or_never().is_some());
            if ended || world.posting.replace(false) {
                continue;
            }
            slept += 1;
            world.clock.set(world.clock.get() + 601);
            let other = world.deliver_until_settled(&config, &context);
            let woken = world.poll_to_end(&mut sleeper).unwrap().outcome;
            let asked = |outcome: &Outcome| matches!(outcome, Outcome::Requested { .. });
            // It may sleep when its receipt is written already.
            assert!(
                asked(&woken) != asked(&other),
                "{context}: {woken:?}, {other:?}"
            );
            world.assert_each_once(FRAMES, &context);
        }
        assert!(slept > 5, "{target}: slept {slept} times only");
    }
}

/// A frame that the target has already (a person removed our objects) is not asked for again.
#[test]
fn what_the_target_has_is_not_sent_again() {
    for target in TARGETS {
        let (world, config) = (World::new(FRAMES), config(target, &[]));
        world.deliver(&config).unwrap();
        let ours = world
            .ending("intent.json")
            .into_iter()
            .chain(world.ending("receipt.json"));
        for name in ours {
            world.objects.borrow_mut().remove(&name);
        }
        let answer = world.deliver(&config).unwrap();
        assert!(
            matches!(answer.outcome, Outcome::Requested { .. }),
            "{target}: {answer:?}"
        );
        world.assert_each_once(FRAMES, target);
    }
}

/// Batches that are noted in the intent stay what they were, whatever is configured now.
#[test]
fn the_batches_of_an_intent_hold() {
    let (world, before) = (World::new(FRAMES), config("webhook", &[]));
    // The answer to the second batch is lost.
    let busy = framemill_functions::http::HttpResponse {
        status: 503,
        ..Default::default()
    };
    let fine = framemill_functions::http::HttpResponse {
        status: 204,
        ..Default::default()
    };
    world.script.borrow_mut().extend([fine, busy]);
    assert!(is_retry(&world.deliver(&before).unwrap().outcome));
    let intent: LabelIntent = serde_json::from_value(world.json("intent.json")).unwrap();
    assert_eq!((intent.sent.len(), intent.released), (1, true));
    let after = config("webhook", &[("batch_size", "100")]);
    let outcome = world.deliver(&after).unwrap().outcome;
    assert!(
        matches!(outcome, Outcome::Requested { tasks: FRAMES, .. }),
        "{outcome:?}"
    );
    let bodies = world.targets.borrow().bodies.clone();
    let batches: Vec<_> = bodies.iter().map(|body| body["batch"].clone()).collect();
    assert_eq!(batches, [2, 3]);
}
