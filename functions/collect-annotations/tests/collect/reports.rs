//! Answers in framemill's own form: nobody is asked again.

use crate::harness::{Harness, known, state};
use framemill_contract::Outcome;
use serde_json::{Value, json};

/// A report about one frame, with a box at `x` or nothing.
pub fn report(index: u64, second: u64, x: Option<f64>) -> Value {
    let time = format!("2026-11-01T10:00:{second:02}Z");
    let answer = |x: f64| {
        json!({"id": "1", "created_at": time, "updated_at": time, "shapes": [{"label": "car",
            "type": "box", "x": x, "y": 1.0, "width": 64.0, "height": 4.0}]})
    };
    let answers: Vec<Value> = x.map(answer).into_iter().collect();
    json!({"schema": "framemill.answer/1", "answers": [{
        "frame": format!("gs://b/videos/cam 1/x.mp4#5/{index}"),
        "image": format!("images/cam 1/x.mp4/{index:06}.jpg"),
        "task": format!("t{index}"), "updated_at": time, "answers": answers}]})
}

#[test]
fn the_latest_report_counts_in_whatever_order_they_come() {
    let harness = Harness::mirrored("webhook");
    harness.webhook("b", &report(0, 20, Some(32.0)));
    harness.webhook("a", &report(0, 10, Some(16.0)));
    let labeled = |x: f64| Some(("labeled".to_owned(), Some((x, 64.0))));
    assert_eq!(known(&harness, 0), labeled(32.0));
    assert_eq!(harness.revisions(0), 2);
    harness.webhook("c", &report(0, 30, None));
    assert_eq!(known(&harness, 0), state("deleted"));

    let mut both = report(0, 40, Some(1.0));
    let other = report(30, 40, Some(2.0))["answers"][0].take();
    both["answers"].as_array_mut().unwrap().push(other);
    let outcome = harness.webhook("d", &both);
    assert!(
        matches!(
            outcome,
            Outcome::Collected {
                tasks: 2,
                frames: 2,
                ..
            }
        ),
        "{outcome:?}"
    );
    assert_eq!(known(&harness, 0), labeled(1.0));
    assert_eq!(known(&harness, 30), labeled(2.0));
    // Nobody but the mirror is asked, and a full sync deletes nothing.
    harness.reads.borrow_mut().clear();
    harness.full_sync();
    let reads = harness.reads.borrow();
    let mirror = |url: &String| url.ends_with("/documents:batchGet");
    assert!(reads.iter().all(mirror), "{reads:?}");
    assert_eq!(known(&harness, 0), labeled(1.0));
}

#[test]
fn what_is_wrong_with_a_report_is_named() {
    let harness = Harness::new("webhook");
    let mut late = report(0, 10, Some(1.0));
    late["answers"][0]["answers"][0]["updated_at"] = json!("2026-11-01T10:00:11Z");
    for (name, body, part) in [
        (
            "schema",
            json!({"schema": "x", "answers": []}),
            "its schema is `x`",
        ),
        ("late", late, "answers[0]: answer `1` is later"),
        ("list", json!([]), "invalid length"),
    ] {
        let outcome = harness.webhook(name, &body);
        let Outcome::Rejected { code, message, .. } = &outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(code, "bad_annotations");
        assert!(message.contains(part), "{name}: {message}");
    }
    let mut other = report(0, 10, Some(1.0));
    other["answers"][0]["frame"] = json!("gs://b/videos/cam 1/x.mp4#4/0");
    let outcome = harness.webhook("generation", &other);
    assert!(
        matches!(
            outcome,
            Outcome::Collected {
                unknown: 1,
                frames: 0,
                ..
            }
        ),
        "{outcome:?}"
    );
    // What is no shape is a fault of its answer.
    let mut faulty = report(0, 10, Some(1.0));
    faulty["answers"][0]["answers"][0]["shapes"][0]["width"] = json!(-1.0);
    harness.webhook("faulty", &faulty);
    let fault = harness.current(0).unwrap()["answers"][0]["faults"][0].clone();
    assert_eq!(fault, "a box has no area");
}
