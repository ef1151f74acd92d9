//! What is in the bucket already: manifests of this upload and of others, and what lies beside them.

use crate::harness::*;
use framemill_contract::{FailureRecord, Manifest, Outcome};
use serde_json::Value;

const SECOND: &str = "manifests/x.mp4@6.json";

/// A bucket with the manifest of generation 5.
fn committed(pairs: &[(&str, &str)]) -> Memory {
    let store = Memory::with_video(&video(), 5);
    let outcome = run(&store, &config(pairs), 5);
    assert!(matches!(outcome, Outcome::Extracted { .. }), "{outcome:?}");
    store
}

fn edit(store: &Memory, change: impl FnOnce(&mut Value)) {
    let mut manifest: Value = store.json(MANIFEST);
    change(&mut manifest);
    store.put(MANIFEST, 1, manifest.to_string().as_bytes());
}

/// With another naming a newer upload finds a claim that is free, and the manifest of the older one.
#[test]
fn the_manifest_of_another_upload_is_not_taken_for_ones_own() {
    let store = committed(&[]);
    let before = store.objects.bytes(MANIFEST).unwrap();
    store.put(VIDEO, 6, &video());
    let outcome = run(&store, &config(&[("naming", "sample")]), 6);
    assert!(matches!(outcome, Outcome::Extracted { ref manifest, .. } if manifest == SECOND));
    let second: Manifest = store.json(SECOND);
    assert_eq!(second.source.generation, 6);
    assert_eq!(store.objects.bytes(MANIFEST).unwrap(), before);
    let first: Manifest = store.json(MANIFEST);
    for frame in &first.frames {
        let name = format!("images/{}/{}", first.image_folder, frame.name);
        assert!(store.names().contains(&name), "{name}");
    }
}

/// Or labels would be bought twice.
#[test]
fn an_upload_gets_one_manifest_whatever_name_the_claim_leaves_it() {
    let store = committed(&[]);
    let claim = r#"{"schema":"framemill.claim/2","name":"videos/x.mov","generation":9,"work":""}"#;
    store.put("records/claims/x.json", 1, claim.as_bytes());
    let outcome = run(&store, &config(&[("naming", "sample")]), 5);
    assert!(matches!(outcome, Outcome::Unchanged { manifest } if manifest == MANIFEST));
    assert!(!store.names().iter().any(|name| name.contains("x.mp4@5")));
}

#[test]
fn a_manifest_that_cannot_be_read_decides_nothing() {
    type Change = fn(&mut Value);
    let changes: [Change; 2] = [
        |it| it["schema"] = "framemill.manifest/3".into(),
        |it| it["frames"] = "elsewhere".into(),
    ];
    for change in changes {
        let store = committed(&[]);
        edit(&store, change);
        store.put("images/x.mp4/000099.jpg", 1, b"an image that only it knows");
        let before = store.objects.borrow().clone();
        let outcome = run(&store, &config(&[]), 5);
        assert!(matches!(outcome, Outcome::Unchanged { .. }), "{outcome:?}");
        assert!(before == *store.objects.borrow());
    }
    // Written where the limit was higher.
    let store = committed(&[]);
    store.limit.set(1000);
    let outcome = run(&store, &config(&[]), 5);
    assert!(matches!(outcome, Outcome::Unchanged { .. }), "{outcome:?}");
}

/// The list of failures must show why.
#[test]
fn an_older_failure_record_does_not_hide_a_loss() {
    for older in ["{}", r#"{"code": "given_up"}"#] {
        let store = Memory::with_video(&video(), 5);
        store.put(FAILURE, 1, older.as_bytes());
        let (outcome, _) = crashing(&store, &config(&[]), 5, |request| {
            let mut wanted = request.gops.iter().flat_map(|gop| &gop.wanted);
            wanted.any(|wanted| wanted.index >= 30)
        });
        assert!(matches!(outcome, Outcome::Incomplete { .. }), "{outcome:?}");
        let record: FailureRecord = store.json(FAILURE);
        assert_eq!(record.code, "most_frames_lost");
    }
}

/// The delivery that committed died before it said so.
#[test]
fn a_loss_that_nobody_told_of_is_told() {
    let store = committed(&[]);
    edit(&store, |it| it["stats"]["frames_selected"] = 100.into());
    let outcome = run(&store, &config(&[]), 5);
    assert!(
        matches!(outcome, Outcome::Incomplete { lost: 96, .. }),
        "{outcome:?}"
    );
    let outcome = run(&store, &config(&[]), 5);
    assert!(matches!(outcome, Outcome::Unchanged { .. }), "{outcome:?}");
}
