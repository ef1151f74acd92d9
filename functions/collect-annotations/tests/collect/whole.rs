//! Webhooks and syncs, from the target to what is current.

use crate::harness::{FRAME_0, FRAME_1, Harness, SYNC, annotation, known, skipped, state};
use framemill_contract::Outcome;
use serde_json::json;

#[test]
fn an_annotation_is_read_again_and_kept_in_pixels() {
    let harness = Harness::new("label-studio");
    harness.set_task(7, FRAME_0, 10, json!([annotation(1, 10, 25.0)]));
    // What the webhook itself says of the annotation does not count.
    let webhook =
        json!({"action": "ANNOTATION_CREATED", "task": {"id": 7}, "annotation": {"id": 9}});
    let outcome = harness.webhook("a", &webhook);
    let Outcome::Collected {
        tasks: 1,
        frames: 1,
        unknown: 0,
        ..
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    // A quarter of 640 pixels, a tenth of them wide.
    let labeled = Some(("labeled".to_owned(), Some((160.0, 64.0))));
    assert_eq!(known(&harness, 0), labeled);
    let current = harness.current(0).unwrap();
    assert_eq!(current["frame"], "gs://b/videos/cam 1/x.mp4#5/0");
    assert_eq!(current["image"]["name"], "images/cam 1/x.mp4/000000.jpg");
    assert_eq!(current["image"]["sha256"], "00".repeat(32));
    assert_eq!(known(&harness, 30), None);

    let again = harness.webhook("a", &webhook);
    assert!(matches!(again, Outcome::Unchanged { .. }), "{again:?}");
    let other = harness.webhook("b", &webhook);
    assert!(
        matches!(
            other,
            Outcome::Collected {
                frames: 0,
                unchanged: 1,
                ..
            }
        ),
        "{other:?}"
    );
}

#[test]
fn a_sync_finds_what_no_webhook_came_for() {
    let harness = Harness::new("label-studio");
    harness.set_task(7, FRAME_0, 10, json!([annotation(1, 10, 25.0)]));
    harness.set_task(8, FRAME_1, 11, json!([]));
    harness.sync();
    assert_eq!(known(&harness, 0).unwrap().0, "labeled");
    // Nobody has looked at it yet.
    assert_eq!(known(&harness, 30), None);

    harness.set_task(7, FRAME_0, 500, json!([]));
    harness.set_task(8, FRAME_1, 500, json!([skipped(2, 500)]));
    harness.reads.borrow_mut().clear();
    harness.sync();
    assert_eq!(known(&harness, 0), state("deleted"));
    assert_eq!(known(&harness, 30), state("skipped"));

    // Only what changed since is read, and what changed shortly before.
    harness.set_task(7, FRAME_0, 900, json!([annotation(3, 900, 50.0)]));
    harness.sync();
    harness.reads.borrow_mut().clear();
    harness.sync();
    let reads = harness.reads.borrow();
    assert!(
        reads.iter().any(|url| url.ends_with("/api/tasks/7/")),
        "{reads:?}"
    );
    assert!(
        !reads.iter().any(|url| url.ends_with("/api/tasks/8/")),
        "{reads:?}"
    );
    assert_eq!(known(&harness, 0).unwrap().1, Some((320.0, 64.0)));
}

#[test]
fn a_deletion_that_names_no_task_is_found() {
    let harness = Harness::new("label-studio");
    harness.set_task(7, FRAME_0, 10, json!([annotation(1, 10, 25.0)]));
    harness.webhook(
        "a",
        &json!({"action": "ANNOTATION_CREATED", "task": {"id": 7}}),
    );
    harness.set_task(7, FRAME_0, 20, json!([]));
    harness.webhook(
        "b",
        &json!({"action": "ANNOTATIONS_DELETED", "annotations": [{"id": 1}]}),
    );
    assert_eq!(known(&harness, 0), state("deleted"));
    // The history stays.
    assert_eq!(harness.revisions(0), 2);
}

#[test]
fn whatever_fails_the_same_is_known_in_the_end() {
    let life = |harness: &Harness, deliver: &dyn Fn(&str)| {
        harness.set_task(7, FRAME_0, 10, json!([annotation(1, 10, 25.0)]));
        deliver("created");
        harness.set_task(
            7,
            FRAME_0,
            20,
            json!([annotation(1, 20, 30.0), skipped(2, 15)]),
        );
        harness.set_task(8, FRAME_1, 21, json!([annotation(3, 21, 5.0)]));
        deliver("updated");
        harness.set_task(8, FRAME_1, 30, json!([]));
    };
    let undisturbed = Harness::new("label-studio");
    life(&undisturbed, &|name| {
        undisturbed.hint(name);
        undisturbed.deliver(name).unwrap();
    });
    undisturbed.sync();
    let calls = undisturbed.calls.get();
    assert!(calls > 20, "{calls}");
    // An answer that was taken back before it was ever read is as if it had not been there.
    let end = |harness: &Harness| {
        let current = [0, 30].map(|frame| harness.current(frame));
        current.map(|it| it.filter(|current| current["state"] != "deleted"))
    };
    let expected = end(&undisturbed);
    assert_eq!(known(&undisturbed, 0).unwrap().0, "labeled");
    assert_eq!(known(&undisturbed, 30), state("deleted"));
    for late in [false, true] {
        for call in 0..calls {
            let harness = Harness::new("label-studio");
            harness.fault.set(Some((call, late)));
            // What ends early comes again, in another order; the last is a sync.
            life(&harness, &|name| {
                harness.hint(name);
                let _ = harness.deliver(name);
            });
            for name in [SYNC, "updated", "created", "updated", SYNC] {
                if name == SYNC {
                    harness.request_sync();
                }
                let _ = harness.deliver(name);
            }
            assert_eq!(end(&harness), expected, "call {call}, late {late}");
        }
    }
}

#[test]
fn what_is_not_ours_or_no_webhook_is_named() {
    let harness = Harness::new("label-studio");
    harness.set_task(
        7,
        "gs://b/images/other.mp4/000000.jpg",
        10,
        json!([annotation(1, 10, 1.0)]),
    );
    harness.set_task(8, "gs://other/images/cam 1/x.mp4/000000.jpg", 10, json!([]));
    harness.set_task(9, "gs://b/images/../manifests/x/000000.jpg", 10, json!([]));
    for id in [7, 8, 9] {
        let hint = json!({"action": "ANNOTATION_UPDATED", "task": {"id": id}});
        let outcome = harness.webhook(&format!("of-{id}"), &hint);
        assert!(
            matches!(
                outcome,
                Outcome::Collected {
                    tasks: 1,
                    unknown: 1,
                    frames: 0,
                    ..
                }
            ),
            "{id}: {outcome:?}"
        );
    }
    // A task that is gone, and news about something else.
    for (name, hint) in [
        (
            "gone",
            json!({"action": "ANNOTATION_UPDATED", "task": {"id": 99}}),
        ),
        (
            "project",
            json!({"action": "PROJECT_UPDATED", "project": {"id": 1}}),
        ),
    ] {
        let outcome = harness.webhook(name, &hint);
        assert!(
            matches!(outcome, Outcome::Collected { tasks: 0, .. }),
            "{outcome:?}"
        );
    }
    for (name, body) in [("text", "annotations!"), ("nothing", ""), ("number", "7")] {
        harness.put_webhook(name, body.as_bytes());
        let outcome = harness.deliver(name).unwrap();
        let Outcome::Rejected { failure, code, .. } = &outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(code, "bad_annotations");
        assert!(failure.contains(&format!("/{name}.json")), "{failure}");
        assert!(harness.objects.names().contains(failure));
    }
}

#[test]
fn a_target_that_refuses_names_the_setting_and_loses_nothing() {
    let harness = Harness::new("label-studio");
    harness.set_task(7, FRAME_0, 10, json!([annotation(1, 10, 25.0)]));
    harness.systems.status.set(Some(401));
    let hint = json!({"action": "ANNOTATION_CREATED", "task": {"id": 7}});
    let outcome = harness.webhook("a", &hint);
    let Outcome::Retry { code, message } = &outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(code, "configuration");
    assert!(message.contains("labeling_token"), "{message}");
    harness.systems.status.set(Some(503));
    assert!(matches!(
        harness.deliver("a").unwrap(),
        Outcome::Retry { .. }
    ));
    harness.systems.status.set(None);
    assert!(matches!(
        harness.deliver("a").unwrap(),
        Outcome::Collected { frames: 1, .. }
    ));
}

#[test]
fn cvat_and_scale_are_read_too() {
    let cvat = Harness::new("cvat");
    let outcome = cvat.webhook(
        "a",
        &json!({"event": "update:job", "job": {"id": 5, "task_id": 3}}),
    );
    assert!(
        matches!(
            outcome,
            Outcome::Collected {
                tasks: 1,
                frames: 1,
                ..
            }
        ),
        "{outcome:?}"
    );
    let labeled = Some(("labeled".to_owned(), Some((16.0, 48.0))));
    assert_eq!(known(&cvat, 0), labeled);
    assert_eq!(known(&cvat, 30), None, "its job is not completed");
    cvat.sync();
    assert_eq!(known(&cvat, 0), labeled);

    let scale = Harness::new("scale");
    let callback = json!({"task": {"task_id": "t1"}, "response": {}, "task_id": "t1"});
    let outcome = scale.webhook("a", &callback);
    assert!(
        matches!(
            outcome,
            Outcome::Collected {
                tasks: 1,
                frames: 1,
                ..
            }
        ),
        "{outcome:?}"
    );
    assert_eq!(known(&scale, 0), labeled);
    scale.sync();
    assert_eq!(known(&scale, 0), labeled);
}
