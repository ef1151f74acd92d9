//! Webhooks come in at the component's own door where no host takes them.

use crate::harness::{FRAME_0, Harness, SECRET, annotation, known};
use collect_annotations::door::{Door, LARGEST_WEBHOOK, Refused, is_at};
use framemill_contract::{Outcome, webhook_signature};
use futures::executor::block_on;
use serde_json::json;
use sha2::{Digest as _, Sha256};

type Header<'h> = (&'h str, &'h str);

/// The status that a request is answered with.
pub fn knock(harness: &Harness, path: &str, headers: &[Header<'_>], body: &[u8]) -> u16 {
    let header = |name: &str| {
        let found = headers.iter().find(|(given, _)| *given == name)?;
        Some(found.1)
    };
    let taken = Door::at(&harness.config, true, path)
        .and_then(|door| block_on(door.take(harness, header, body)));
    taken.map_or_else(|refused| refused.status(), |()| 200)
}

/// Names of the webhooks that are kept, without folder and ending.
pub fn kept(harness: &Harness) -> Vec<String> {
    let names = harness.objects.names().into_iter();
    let kept = names.filter(|name| name.starts_with("records/webhooks/"));
    kept.map(|name| {
        let (_, name) = name.rsplit_once('/').unwrap();
        name.trim_end_matches(".json").to_owned()
    })
    .collect()
}

#[test]
fn a_webhook_is_kept_once_and_its_event_is_worked_on() {
    let harness = Harness::new("label-studio");
    harness.set_task(7, FRAME_0, 10, json!([annotation(1, 10, 25.0)]));
    let body = json!({"action": "ANNOTATION_CREATED", "task": {"id": 7}}).to_string();
    let secret = [("x-framemill-secret", SECRET)];
    for _ in 0..3 {
        let status = knock(
            &harness,
            "/annotations/label-studio",
            &secret,
            body.as_bytes(),
        );
        assert_eq!(status, 200);
    }
    let hash = hex::encode(Sha256::digest(&body));
    assert_eq!(kept(&harness), [hash.as_str()]);
    let outcome = harness.deliver(&hash).unwrap();
    assert!(
        matches!(outcome, Outcome::Collected { frames: 1, .. }),
        "{outcome:?}"
    );
    assert_eq!(known(&harness, 0).unwrap().0, "labeled");
}

#[test]
fn who_does_not_know_the_secret_leaves_nothing() {
    let now = "1700000000";
    let signed = webhook_signature(SECRET, 1_700_000_000, b"{}");
    let large = vec![b' '; usize::try_from(LARGEST_WEBHOOK).unwrap() + 1];
    let right: Header<'_> = ("x-framemill-secret", SECRET);
    let bearer = format!("Bearer {SECRET}");
    let own = [
        ("x-framemill-timestamp", now),
        ("x-framemill-signature", signed.as_str()),
    ];
    for (target, path, headers, body, status) in [
        (
            "label-studio",
            "/annotations/label-studio",
            &[][..],
            &b"{}"[..],
            401,
        ),
        (
            "label-studio",
            "/annotations/label-studio",
            &[("x-framemill-secret", "guessed")],
            b"{}",
            401,
        ),
        // A bearer token asks for syncs alone.
        (
            "label-studio",
            "/annotations/label-studio",
            &[("authorization", &*bearer)],
            b"{}",
            401,
        ),
        ("label-studio", "/annotations/cvat", &[right], b"{}", 404),
        ("label-studio", "/annotations", &[right], b"{}", 404),
        (
            "label-studio",
            "/annotations/label-studio/other",
            &[right],
            b"{}",
            404,
        ),
        (
            "label-studio",
            "/annotations/label-studio",
            &[right],
            &large,
            413,
        ),
        (
            "label-studio",
            "/annotations/label-studio/sync",
            &[],
            b"",
            401,
        ),
        (
            "label-studio",
            "/annotations/label-studio/sync",
            &[right],
            b"all",
            400,
        ),
        (
            "label-studio",
            "/annotations/label-studio/sync",
            &[right],
            b"{\"ful\": true}",
            400,
        ),
        (
            "label-studio",
            "/annotations/pubsub/sync",
            &[right],
            b"",
            404,
        ),
        ("webhook", "/annotations/webhook", &own, b"{ }", 401),
        ("webhook", "/annotations/webhook", &own[1..], b"{}", 401),
        ("scale", "/annotations/scale", &[right], b"{}", 401),
    ] {
        let harness = Harness::new(target);
        assert_eq!(
            knock(&harness, path, headers, body),
            status,
            "{path} {headers:?}"
        );
        assert_eq!(kept(&harness), [""; 0], "{path} {headers:?}");
    }
    let harness = Harness::new("webhook");
    assert_eq!(knock(&harness, "/annotations/webhook", &own, b"{}"), 200);
    // Whose answers nobody reads has no door.
    let topic = ("topic", "projects/p/topics/t");
    let harness = Harness::with("pubsub", &[topic]);
    for path in ["/annotations/pubsub", "/annotations/pubsub/sync"] {
        assert_eq!(knock(&harness, path, &[right], b"{}"), 404, "{path}");
    }
    // Without a secret nobody is let in, not even who sends none.
    let harness = Harness::with("label-studio", &[("webhook_secret", "")]);
    for (path, header) in [
        ("/annotations/label-studio", ("x-framemill-secret", "")),
        (
            "/annotations/label-studio/sync",
            ("authorization", "Bearer "),
        ),
    ] {
        assert_eq!(knock(&harness, path, &[header], b"{}"), 401, "{path}");
    }
}

#[test]
fn only_what_is_posted_to_a_door_is_for_it() {
    let harness = Harness::new("label-studio");
    let got = Door::at(&harness.config, false, "/annotations/label-studio");
    assert_eq!(
        got.err().map(|refused: Refused| refused.status()),
        Some(405)
    );
    for (path, expected) in [
        ("/annotations/label-studio", true),
        ("/annotations", true),
        ("/annotationsx", false),
        ("/collect", false),
        ("", false),
    ] {
        assert_eq!(is_at(path), expected, "{path}");
    }
}

#[test]
fn a_scheduler_asks_for_syncs() {
    let harness = Harness::new("label-studio");
    let token = format!("Bearer {SECRET}");
    let path = "/annotations/label-studio/sync";
    let headers = [("authorization", token.as_str())];
    for body in [&b""[..], b"{}", b"{\"full\": false}\n"] {
        assert_eq!(knock(&harness, path, &headers, body), 200);
    }
    assert_eq!(kept(&harness), ["sync"]);
    assert_eq!(knock(&harness, path, &headers, b"{\"full\": true}"), 200);
    assert_eq!(kept(&harness), ["full-sync", "sync"]);
    harness.set_task(7, FRAME_0, 10, json!([annotation(1, 10, 25.0)]));
    harness.deliver("full-sync");
    assert_eq!(known(&harness, 0).unwrap().0, "labeled");
}

#[test]
fn what_cannot_be_kept_is_to_be_sent_again() {
    let harness = Harness::new("label-studio");
    let secret = [("x-framemill-secret", SECRET)];
    let path = "/annotations/label-studio";
    for late in [false, true] {
        harness.fault.set(Some((harness.calls.get(), late)));
        assert_eq!(knock(&harness, path, &secret, b"{}"), 503);
        assert_eq!(knock(&harness, path, &secret, b"{}"), 200);
    }
    assert_eq!(kept(&harness).len(), 1);
}
