//! Tasks that are deleted at the target are found by a full sync, and by nothing else.

use crate::harness::{FRAME_0, FRAME_1, FULL_SYNC, Harness, annotation, known, state};
use framemill_contract::Outcome;
use serde_json::json;

/// A Label Studio with a box in both frames, read.
fn labeled() -> Harness {
    let harness = Harness::new("label-studio");
    harness.set_task(7, FRAME_0, 10, json!([annotation(1, 10, 25.0)]));
    harness.set_task(8, FRAME_1, 11, json!([annotation(2, 11, 50.0)]));
    harness.full_sync();
    assert_eq!(known(&harness, 0).unwrap().0, "labeled");
    assert_eq!(known(&harness, 30).unwrap().0, "labeled");
    harness
}

#[test]
fn a_deleted_task_is_found_by_a_full_sync() {
    let harness = labeled();
    let kept = known(&harness, 30);
    harness.systems.tasks.borrow_mut().remove(&7);
    harness.sync();
    assert_eq!(known(&harness, 0).unwrap().0, "labeled");
    let outcome = harness.full_sync();
    assert!(
        matches!(outcome, Outcome::Collected { frames: 1, .. }),
        "{outcome:?}"
    );
    assert_eq!(known(&harness, 0), state("deleted"));
    assert_eq!(known(&harness, 30), kept);
    assert_eq!(harness.current(0).unwrap()["task"], "7");
    // It is found once.
    let outcome = harness.full_sync();
    assert!(
        matches!(outcome, Outcome::Collected { frames: 0, .. }),
        "{outcome:?}"
    );
    assert_eq!(harness.revisions(0), 2);

    // A new task of the frame counts, even one whose answer is but a second later.
    harness.set_task(9, FRAME_0, 11, json!([annotation(3, 11, 10.0)]));
    harness.sync();
    assert_eq!(known(&harness, 0).unwrap().1, Some((64.0, 64.0)));
    harness.full_sync();
    assert_eq!(known(&harness, 0).unwrap().0, "labeled");
}

#[test]
fn a_listing_that_breaks_off_deletes_nothing() {
    let harness = labeled();
    // More than a page of others, so that task 7 would be missing on the first.
    for id in 100..250 {
        let other = "gs://other/images/x.mp4/000000.jpg";
        harness.set_task(id, other, 12, json!([]));
    }
    let moved = harness.systems.tasks.borrow_mut().remove(&7).unwrap();
    harness.systems.tasks.borrow_mut().insert(900, moved);
    harness.sync();
    harness.systems.broken_page.set(Some((2, 500)));
    let outcome = harness.full_sync();
    assert!(matches!(outcome, Outcome::Retry { .. }), "{outcome:?}");
    assert_eq!(known(&harness, 0).unwrap().0, "labeled");
    harness.systems.broken_page.set(None);
    harness.deliver(FULL_SYNC);
    assert_eq!(known(&harness, 0), state("deleted"));
    assert_eq!(known(&harness, 30).unwrap().0, "labeled");
}

#[test]
fn a_task_that_is_deleted_while_pages_are_turned_hides_no_other() {
    let harness = Harness::new("label-studio");
    for id in 100..250 {
        let other = "gs://other/images/x.mp4/000000.jpg";
        harness.set_task(id, other, 12, json!([]));
    }
    // The first of the second page.
    harness.set_task(150, FRAME_0, 12, json!([annotation(1, 12, 25.0)]));
    harness.systems.deleted_behind_a_page.set(Some(100));
    harness.sync();
    assert_eq!(known(&harness, 0).unwrap().0, "labeled");
}

#[test]
fn tasks_of_other_projects_are_not_ours() {
    let studio = Harness::new("label-studio");
    studio.set_task(7, FRAME_0, 10, json!([annotation(1, 10, 25.0)]));
    let of_project = |project: u64| {
        let mut tasks = studio.systems.tasks.borrow_mut();
        tasks.get_mut(&7).unwrap().1["project"] = project.into();
    };
    let told = |key: &str| {
        let webhook = json!({"action": "ANNOTATION_CREATED", "task": {"id": 7}, "key": key});
        studio.webhook(key, &webhook)
    };
    of_project(5);
    told("a");
    assert_eq!(known(&studio, 0), None);
    of_project(4);
    told("b");
    assert_eq!(known(&studio, 0).unwrap().0, "labeled");

    let cvat = Harness::new("cvat");
    let webhook = json!({"event": "update:job", "job": {"id": 5, "task_id": 3}});
    cvat.systems.cvat_project.set(5);
    cvat.webhook("a", &webhook);
    assert_eq!(known(&cvat, 0), None);
    cvat.systems.cvat_project.set(4);
    cvat.webhook("b", &webhook);
    assert_eq!(known(&cvat, 0).unwrap().0, "labeled");
}

#[test]
fn a_listing_that_lacks_a_task_by_mistake_deletes_nothing() {
    let harness = labeled();
    harness.systems.lists_nothing.set(true);
    harness.full_sync();
    assert_eq!(known(&harness, 0).unwrap().0, "labeled");
    assert_eq!(known(&harness, 30).unwrap().0, "labeled");
}

#[test]
fn an_empty_listing_counts_only_where_the_project_answers() {
    let harness = labeled();
    let current = harness.current(0).unwrap();
    for other in 1..20_u64 {
        let mut known = current.clone();
        known["task"] = json!(format!("{}", 100 + other));
        let folder = harness.folder_of("other.mp4", other);
        let name = format!("{folder}current.json");
        harness.objects.put(&name, known.to_string().as_bytes(), 0);
    }
    harness.systems.tasks.borrow_mut().clear();
    harness.systems.project.set(404);
    let outcome = harness.full_sync();
    let Outcome::Retry { code, message } = &outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(code, "configuration");
    assert!(message.contains("project"), "{message}");
    assert_eq!(known(&harness, 0).unwrap().0, "labeled");
    harness.systems.project.set(200);
    let outcome = harness.deliver(FULL_SYNC).unwrap();
    assert!(
        matches!(outcome, Outcome::Collected { frames: 21, .. }),
        "{outcome:?}"
    );
    assert_eq!(known(&harness, 0), state("deleted"));
}

#[test]
fn cvat_and_scale_delete_and_cancel_too() {
    for target in ["cvat", "scale"] {
        let harness = Harness::new(target);
        harness.full_sync();
        assert_eq!(known(&harness, 0).unwrap().0, "labeled", "{target}");
        harness.full_sync();
        assert_eq!(known(&harness, 0).unwrap().0, "labeled", "{target}");
        harness.systems.deleted.set(true);
        harness.full_sync();
        assert_eq!(known(&harness, 0), state("deleted"), "{target}");
    }
}

#[test]
fn a_deletion_is_found_whatever_fails() {
    let undisturbed = labeled();
    let before = undisturbed.calls.get();
    undisturbed.systems.tasks.borrow_mut().remove(&8);
    undisturbed.full_sync();
    let expected = [0, 30].map(|frame| undisturbed.current(frame));
    for call in before..undisturbed.calls.get() {
        for late in [false, true] {
            let harness = labeled();
            harness.systems.tasks.borrow_mut().remove(&8);
            harness.fault.set(Some((call, late)));
            harness.full_sync();
            harness.deliver(FULL_SYNC);
            let end = [0, 30].map(|frame| harness.current(frame));
            assert_eq!(end, expected, "call {call}, late {late}");
        }
    }
}
