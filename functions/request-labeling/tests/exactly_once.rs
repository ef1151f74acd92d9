//! Every frame gets exactly one task at every target, whatever breaks and however often the
//! message comes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails is a test that fails"
)]

mod harness;

use framemill_contract::{LabelIntent, LabelReceipt, Outcome};
use futures::FutureExt as _;
use harness::{Fault, Harness, TARGETS, VERSIONS, Versions, config};

const FRAMES: u64 = 5;

fn is_retry(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Retry { .. })
}

#[test]
fn an_undisturbed_delivery_makes_one_task_per_frame_and_a_receipt() {
    for target in TARGETS {
        let (harness, config) = (Harness::new(FRAMES), config(target, &[]));
        let answer = harness.deliver(&config).unwrap();
        let (id, receipt) = (config.target_id().unwrap(), harness.ending("receipt.json"));
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
        harness.assert_each_once(FRAMES, target);
        let receipt: LabelReceipt = serde_json::from_value(harness.json("receipt.json")).unwrap();
        assert_eq!((receipt.frames, receipt.batches.len()), (FRAMES, 3));
        assert_eq!((receipt.target.id, receipt.source.generation), (id, 5));
        assert!(harness.failures().is_empty());
    }
}

#[test]
fn whatever_breaks_at_any_step_every_frame_has_one_task_in_the_end() {
    for versions in VERSIONS {
        for target in TARGETS {
            let config = config(target, &[]);
            let undisturbed = Harness::of_kind(FRAMES, versions);
            undisturbed.deliver(&config).unwrap();
            let steps = undisturbed.calls.get();
            assert!(steps >= 9, "{target}: {steps}");
            for fault in [Fault::Fails, Fault::Loses, Fault::Dies, Fault::DiesLate] {
                for step in 0..steps {
                    let context = format!("{target}, {versions:?}, {fault:?} at {step}");
                    let harness = Harness::of_kind(FRAMES, versions);
                    harness.fault.set(Some((step, fault)));
                    let first = harness.deliver(&config);
                    if let Some(first) = &first {
                        let last = step + 1 == steps;
                        assert!(is_retry(&first.outcome) || last, "{context}: {first:?}");
                        harness.clock.set(harness.clock.get() + first.retry_after);
                    }
                    let settled = harness.deliver_until_settled(&config, &context);
                    assert_eq!(settled.status(), 200, "{context}");
                    harness.assert_each_once(FRAMES, &context);
                    assert_eq!(harness.ending("receipt.json").len(), 1, "{context}");
                }
            }
        }
    }
}

/// Two faults in a row: the second hits the delivery that makes up for the first.
#[test]
fn two_faults_in_a_row_do_no_more() {
    for versions in VERSIONS {
        for target in TARGETS {
            let config = config(target, &[]);
            for first in 0..14 {
                for second in 0..20 {
                    let context = format!("{target}, {versions:?}, {first} then {second}");
                    let harness = Harness::of_kind(FRAMES, versions);
                    harness.fault.set(Some((first, Fault::DiesLate)));
                    harness.deliver(&config);
                    harness.clock.set(harness.clock.get() + 601);
                    harness.calls.set(0);
                    harness.fault.set(Some((second, Fault::Loses)));
                    harness.deliver_until_settled(&config, &context);
                    harness.assert_each_once(FRAMES, &context);
                }
            }
        }
    }
}

#[test]
fn three_deliveries_one_after_the_other_ask_once() {
    for versions in VERSIONS {
        for target in TARGETS {
            let (harness, config) = (Harness::of_kind(FRAMES, versions), config(target, &[]));
            harness.deliver(&config).unwrap();
            let before = harness.targets.borrow().bodies.len();
            for _ in 0..2 {
                let answer = harness.deliver(&config).unwrap();
                let manifest = harness::MANIFEST.to_owned();
                assert_eq!(answer.outcome, Outcome::Unchanged { manifest });
            }
            assert_eq!(harness.targets.borrow().bodies.len(), before, "{target}");
            harness.assert_each_once(FRAMES, target);
        }
    }
}

#[test]
fn three_deliveries_at_the_same_time_ask_once() {
    for versions in VERSIONS {
        for target in TARGETS {
            let config = config(target, &[]);
            for seed in 1..200 {
                let context = format!("{target}, {versions:?}, seed {seed}");
                let harness = Harness::of_kind(FRAMES, versions);
                harness
                    .seed
                    .set(u64::wrapping_mul(seed, 0x9E37_79B9_7F4A_7C15));
                let (a, b, c) = (
                    harness.run(&config),
                    harness.run(&config),
                    harness.run(&config),
                );
                let mut all = Box::pin(futures::future::join3(a, b, c));
                let (a, b, c) = harness.poll_to_end(&mut all).unwrap();
                let asked = [&a, &b, &c]
                    .iter()
                    .filter(|answer| matches!(answer.outcome, Outcome::Requested { .. }))
                    .count();
                assert_eq!(asked, 1, "{context}");
                for answer in [&a, &b, &c] {
                    let busy = matches!(&answer.outcome, Outcome::Retry { code, .. } if code == "label_busy");
                    assert!(
                        busy || answer.outcome.status() == 200,
                        "{context}: {answer:?}"
                    );
                    assert!(!busy || answer.retry_after > 0, "{context}: {answer:?}");
                }
                harness.assert_each_once(FRAMES, &context);
                harness.seed.set(0);
                let again = harness.deliver(&config).unwrap().outcome;
                assert!(matches!(again, Outcome::Unchanged { .. }), "{context}");
            }
        }
    }
}

/// Three deliveries that find the intent of one that died long ago: one of them takes over.
#[test]
fn a_lease_that_is_over_is_taken_by_one() {
    for versions in VERSIONS {
        for target in TARGETS {
            let config = config(target, &[]);
            for seed in 1..100 {
                let context = format!("{target}, {versions:?}, seed {seed}");
                let harness = Harness::of_kind(FRAMES, versions);
                harness.fault.set(Some((4, Fault::DiesLate)));
                assert_eq!(harness.deliver(&config), None, "{context}");
                assert_eq!(harness.ending("intent.json").len(), 1, "{context}");
                harness.clock.set(harness.clock.get() + 600);
                harness
                    .seed
                    .set(u64::wrapping_mul(seed, 0x9E37_79B9_7F4A_7C15));
                let (a, b, c) = (
                    harness.run(&config),
                    harness.run(&config),
                    harness.run(&config),
                );
                let mut all = Box::pin(futures::future::join3(a, b, c));
                harness.poll_to_end(&mut all).unwrap();
                harness.assert_each_once(FRAMES, &context);
            }
        }
    }
}

#[test]
fn while_a_lease_lasts_others_wait_for_its_end() {
    let (harness, config) = (Harness::new(FRAMES), config("label-studio", &[]));
    harness.fault.set(Some((4, Fault::Dies)));
    assert_eq!(harness.deliver(&config), None);
    harness.clock.set(harness.clock.get() + 100);
    let answer = harness.deliver(&config).unwrap();
    assert!(is_retry(&answer.outcome), "{answer:?}");
    assert_eq!(answer.retry_after, 500);
    assert!(harness.targets.borrow().labelled.is_empty());
}

/// A holder that sleeps past its lease, wherever it is but in a request to the target, sends
/// nothing more when it wakes up.
#[test]
fn a_holder_that_wakes_up_too_late_sends_nothing() {
    for versions in VERSIONS {
        for target in TARGETS {
            let config = config(target, &[]);
            let mut slept = 0;
            for polls in 1..60 {
                let context = format!("{target}, {versions:?}, after {polls} polls");
                let harness = Harness::of_kind(FRAMES, versions);
                harness.seed.set(0x1234_5678_9ABC_DEF1);
                let mut sleeper = Box::pin(harness.run(&config));
                let ended = (0..polls).any(|_| (&mut sleeper).now_or_never().is_some());
                if ended || harness.posting.replace(false) {
                    continue;
                }
                slept += 1;
                harness.clock.set(harness.clock.get() + 601);
                let other = harness.deliver_until_settled(&config, &context);
                let woken = harness.poll_to_end(&mut sleeper).unwrap().outcome;
                let asked = |outcome: &Outcome| matches!(outcome, Outcome::Requested { .. });
                // It may sleep when its receipt is written already; where bytes tell who wrote it,
                // both did.
                let both = versions == Versions::OwnBytes && asked(&woken);
                assert!(
                    asked(&woken) != asked(&other) || both,
                    "{context}: {woken:?}, {other:?}"
                );
                harness.assert_each_once(FRAMES, &context);
            }
            assert!(slept > 5, "{target}: slept {slept} times only");
        }
    }
}

/// A holder that wakes up when its lease is over, and renews it while another takes it: one of
/// them has it then.
#[test]
fn a_lease_is_renewed_or_taken_but_not_both() {
    for versions in VERSIONS {
        for target in ["label-studio", "cvat", "custom-company"] {
            let config = config(target, &[]);
            for (polls, seed) in (1..40).flat_map(|polls| (1..20).map(move |seed| (polls, seed))) {
                let harness = Harness::of_kind(FRAMES, versions);
                harness.seed.set(0x1234_5678_9ABC_DEF1);
                let mut sleeper = Box::pin(harness.run(&config));
                let ended = (0..polls).any(|_| (&mut sleeper).now_or_never().is_some());
                if ended || harness.posting.replace(false) {
                    continue;
                }
                harness.clock.set(harness.clock.get() + 601);
                harness
                    .seed
                    .set(u64::wrapping_mul(seed, 0x9E37_79B9_7F4A_7C15));
                let mut both = Box::pin(futures::future::join(sleeper, harness.run(&config)));
                harness.poll_to_end(&mut both).unwrap();
                harness.seed.set(0);
                let context = format!("{target}, {versions:?}, {polls} polls, seed {seed}");
                harness.deliver_until_settled(&config, &context);
                harness.assert_each_once(FRAMES, &context);
            }
        }
    }
}

/// A frame that the target has already (a person removed our objects) is not asked for again.
#[test]
fn what_the_target_has_is_not_sent_again() {
    for target in TARGETS {
        let (harness, config) = (Harness::new(FRAMES), config(target, &[]));
        harness.deliver(&config).unwrap();
        let ours = harness
            .ending("intent.json")
            .into_iter()
            .chain(harness.ending("receipt.json"));
        for name in ours {
            harness.objects.remove(&name);
        }
        let answer = harness.deliver(&config).unwrap();
        assert!(
            matches!(answer.outcome, Outcome::Requested { .. }),
            "{target}: {answer:?}"
        );
        harness.assert_each_once(FRAMES, target);
    }
}

/// Batches that are noted in the intent stay what they were, whatever is configured now.
#[test]
fn the_batches_of_an_intent_hold() {
    let (harness, before) = (Harness::new(FRAMES), config("webhook", &[]));
    // The answer to the second batch is lost.
    let busy = framemill_component_sdk::http::HttpResponse {
        status: 503,
        ..Default::default()
    };
    let fine = framemill_component_sdk::http::HttpResponse {
        status: 204,
        ..Default::default()
    };
    harness.script.borrow_mut().extend([fine, busy]);
    assert!(is_retry(&harness.deliver(&before).unwrap().outcome));
    let intent: LabelIntent = serde_json::from_value(harness.json("intent.json")).unwrap();
    assert_eq!((intent.sent.len(), intent.released), (1, true));
    let after = config("webhook", &[("batch_size", "100")]);
    let outcome = harness.deliver(&after).unwrap().outcome;
    assert!(
        matches!(outcome, Outcome::Requested { tasks: FRAMES, .. }),
        "{outcome:?}"
    );
    let bodies = harness.targets.borrow().bodies.clone();
    let batches: Vec<_> = bodies.iter().map(|body| body["batch"].clone()).collect();
    assert_eq!(batches, [2, 3]);
}

/// Another delivery takes the lease with a write that would have been ours, byte for byte: ours
/// sends nothing from then on.
#[test]
fn a_write_that_was_overtaken_is_not_taken_for_our_own() {
    for versions in VERSIONS {
        for target in TARGETS {
            let (harness, config) = (Harness::of_kind(FRAMES, versions), config(target, &[]));
            // The receipt, the manifest twice, the intent.
            harness.fault.set(Some((3, Fault::Overtaken)));
            let context = format!("{target}, {versions:?}");
            let answer = harness.deliver(&config).unwrap();
            let busy =
                matches!(&answer.outcome, Outcome::Retry { code, .. } if code == "label_busy");
            assert!(busy, "{context}: {answer:?}");
            assert!(harness.targets.borrow().labelled.is_empty(), "{context}");
            harness.deliver_until_settled(&config, &context);
            harness.assert_each_once(FRAMES, &context);
        }
    }
}

#[test]
fn a_lease_whose_time_no_one_knows_is_not_over() {
    let (harness, config) = (Harness::new(FRAMES), config("label-studio", &[]));
    harness.undated.set(true);
    harness.fault.set(Some((4, Fault::Dies)));
    assert_eq!(harness.deliver(&config), None);
    for _ in 0..3 {
        harness.clock.set(harness.clock.get() + 100_000);
        let answer = harness.deliver(&config).unwrap();
        assert!(is_retry(&answer.outcome), "{answer:?}");
        assert_eq!(answer.retry_after, 600);
    }
    assert!(harness.targets.borrow().labelled.is_empty());
}

/// Scale takes 12 tasks, then none until the next delivery: each delivery goes on where the one
/// before stopped.
#[test]
fn a_target_that_has_enough_for_now_gets_the_rest_later() {
    let more = [("batch_size", "500")];
    let (harness, config) = (Harness::new(40), config("scale", &more));
    let mut deliveries = 0;
    loop {
        harness.budget.set(Some(12));
        deliveries += 1;
        let answer = harness.deliver(&config).unwrap();
        if !is_retry(&answer.outcome) {
            break;
        }
        let intent: LabelIntent = serde_json::from_value(harness.json("intent.json")).unwrap();
        assert!(intent.sent.len() >= deliveries, "{:?}", intent.sent);
        harness.clock.set(harness.clock.get() + answer.retry_after);
    }
    assert!(deliveries <= 5, "{deliveries}");
    harness.assert_each_once(40, "scale");
}

/// A batch that is too large is refused; with a lower batch_size it is not.
#[test]
fn a_lower_batch_size_takes_effect_after_a_refusal() {
    for target in TARGETS {
        let harness = Harness::new(FRAMES);
        let refusal = framemill_component_sdk::http::HttpResponse {
            status: 413,
            ..Default::default()
        };
        harness.script.borrow_mut().push_back(refusal);
        let large = config(target, &[("batch_size", "100")]);
        let outcome = harness.deliver(&large).unwrap().outcome;
        assert!(
            matches!(outcome, Outcome::Rejected { .. }),
            "{target}: {outcome:?}"
        );
        let outcome = harness.deliver(&config(target, &[])).unwrap().outcome;
        assert!(
            matches!(outcome, Outcome::Requested { .. }),
            "{target}: {outcome:?}"
        );
        let receipt: LabelReceipt = serde_json::from_value(harness.json("receipt.json")).unwrap();
        assert_eq!(receipt.batches.len(), 3, "{target}");
        harness.assert_each_once(FRAMES, target);
    }
}

/// The same where the answer to the first batch was lost: it may be there, so batches stay.
#[test]
fn batches_hold_where_the_first_may_be_there() {
    for target in ["webhook", "pubsub"] {
        let undisturbed = Harness::new(FRAMES);
        let large = config(target, &[("batch_size", "3")]);
        undisturbed.deliver(&large).unwrap();
        for step in 0..undisturbed.calls.get() {
            let harness = Harness::new(FRAMES);
            harness.fault.set(Some((step, Fault::Loses)));
            let first = harness.deliver(&large).unwrap();
            harness.clock.set(harness.clock.get() + first.retry_after);
            let context = format!("{target}, step {step}");
            harness.deliver_until_settled(&config(target, &[]), &context);
            harness.assert_each_once(FRAMES, &context);
        }
    }
}

/// Neither the intent nor the receipt holds what a webhook's URL keeps secret.
#[test]
fn secrets_of_a_url_are_not_written_down() {
    let url = ("target_url", "http://user:hush@hook/in?key=hush");
    let (harness, config) = (Harness::new(FRAMES), config("webhook", &[url]));
    let answer = harness.deliver(&config).unwrap();
    assert!(is_retry(&answer.outcome), "{answer:?}");
    assert_eq!(harness.json("intent.json")["target"]["url"], "http://hook");
    for (name, object) in harness.objects.borrow().iter() {
        assert!(
            !String::from_utf8_lossy(&object.bytes).contains("hush"),
            "{name}"
        );
    }
}
