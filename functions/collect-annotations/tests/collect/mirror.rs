//! What is current is in Firestore too: the latest, whatever fails.

use crate::harness::{FRAME_0, FRAME_1, FULL_SYNC, Harness, SYNC, annotation};
use crate::reports::report;
use framemill_contract::Outcome;
use serde_json::{Value, json};

/// Whether each frame's document is that of its current annotation.
pub fn follows(harness: &Harness) -> bool {
    let documents = harness.firestore.by_frame();
    let of = |frame: u64| {
        let current = harness.current(frame)?;
        Some((current["frame"].as_str().unwrap().to_owned(), current))
    };
    let currents: Vec<(String, Value)> = [0, 30].into_iter().filter_map(of).collect();
    documents.len() == currents.len()
        && currents.iter().all(|(frame, current)| {
            let there = &documents[frame];
            let x = &there["shapes"]["arrayValue"]["values"][0]["mapValue"]["fields"]["x"];
            there["state"]["stringValue"] == current["state"]
                && there["updated_at"]["stringValue"] == current["updated_at"]
                && x["doubleValue"] == current["shapes"][0]["x"]
        })
}

#[test]
fn what_is_current_is_a_document() {
    let harness = Harness::mirrored("label-studio");
    harness.set_task(7, FRAME_0, 10, json!([annotation(1, 10, 25.0)]));
    harness.set_task(8, FRAME_1, 11, json!([annotation(2, 11, 50.0)]));
    harness.sync();
    assert_eq!(*harness.firestore.commits.borrow(), [2]);
    assert!(follows(&harness));
    harness.systems.tasks.borrow_mut().remove(&7);
    harness.full_sync();
    assert!(follows(&harness));
    let documents = harness.firestore.by_frame();
    let states = documents
        .values()
        .map(|it| it["state"]["stringValue"].clone());
    assert_eq!(states.collect::<Vec<_>>(), ["deleted", "labeled"]);
    // What is there already is not written again.
    let commits = harness.firestore.commits.borrow().len();
    harness.sync();
    assert_eq!(harness.firestore.commits.borrow().len(), commits);
}

#[test]
fn a_mirror_that_is_away_loses_nothing() {
    let harness = Harness::mirrored("label-studio");
    harness.set_task(7, FRAME_0, 10, json!([annotation(1, 10, 25.0)]));
    for (status, code) in [
        (503, "mirror"),
        (403, "configuration"),
        (404, "configuration"),
    ] {
        harness.firestore.status.set(Some(status));
        harness.request_sync();
        let outcome = harness.deliver(SYNC).unwrap();
        let Outcome::Retry {
            code: found,
            message,
        } = &outcome
        else {
            panic!("{outcome:?}");
        };
        assert_eq!(found, code, "{status}: {message}");
        assert!(
            code != "configuration" || message.contains("annotations_firestore"),
            "{message}"
        );
    }
    harness.firestore.status.set(None);
    harness.sync();
    assert!(follows(&harness));
}

#[test]
fn a_newer_document_stays() {
    let harness = Harness::mirrored("webhook");
    *harness.firestore.overtaken_by.borrow_mut() = Some("9".repeat(30));
    harness.webhook("a", &report(0, 10, Some(16.0)));
    let there = || harness.firestore.by_frame().into_values().next().unwrap();
    assert_eq!(there()["revision"]["stringValue"], "9".repeat(30));
    assert_eq!(harness.firestore.commits.borrow().len(), 0);

    let harness = Harness::mirrored("webhook");
    *harness.firestore.overtaken_by.borrow_mut() = Some("0".repeat(30));
    harness.webhook("a", &report(0, 10, Some(16.0)));
    assert_eq!(*harness.firestore.commits.borrow(), [1]);
    assert!(follows(&harness));
}

#[test]
fn whatever_call_fails_the_mirror_follows_in_the_end() {
    let life = |harness: &Harness| {
        harness.set_task(7, FRAME_0, 10, json!([annotation(1, 10, 25.0)]));
        harness.set_task(8, FRAME_1, 11, json!([annotation(2, 11, 50.0)]));
        harness.request_sync();
        harness.deliver(SYNC);
        harness.set_task(7, FRAME_0, 20, json!([annotation(1, 20, 30.0)]));
        harness.systems.tasks.borrow_mut().remove(&8);
        harness.full_sync();
    };
    let undisturbed = Harness::mirrored("label-studio");
    life(&undisturbed);
    assert!(follows(&undisturbed));
    for call in 0..undisturbed.calls.get() {
        for late in [false, true] {
            let harness = Harness::mirrored("label-studio");
            harness.fault.set(Some((call, late)));
            life(&harness);
            harness.deliver(FULL_SYNC);
            assert!(follows(&harness), "call {call}, late {late}");
            assert_eq!(harness.current(0), undisturbed.current(0));
        }
    }
}
