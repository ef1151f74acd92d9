//! What targets and manifests say, and what becomes of the message.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails is a test that fails"
)]

mod harness;

use framemill_component_sdk::http::HttpResponse;
use framemill_component_sdk::labeling::LabelOutcome;
use framemill_contract::{FailureRecord, Outcome};
use harness::{Harness, TARGETS, config, manifest};
use serde_json::{Value, json};

const FRAMES: u64 = 3;

fn says(status: u16, retry_after: Option<&str>, body: &str) -> HttpResponse {
    HttpResponse {
        status,
        retry_after: retry_after.map(str::to_owned),
        body: body.as_bytes().to_vec(),
        ..HttpResponse::default()
    }
}

/// Delivers to a target whose first answer to a change is this.
fn first_says(target: &str, response: HttpResponse) -> (Harness, LabelOutcome) {
    let harness = Harness::new(FRAMES);
    harness.script.borrow_mut().push_back(response);
    let answer = harness.deliver(&config(target, &[])).unwrap();
    (harness, answer)
}

fn retry(answer: &LabelOutcome) -> (&str, &str) {
    match &answer.outcome {
        Outcome::Retry { code, message } => (code, message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn refused_credentials_name_the_setting_and_pass_once_they_are_mended() {
    for target in TARGETS {
        for status in [401, 403] {
            let (harness, answer) = first_says(target, says(status, None, "{\"detail\":\"no\"}"));
            let (code, message) = retry(&answer);
            assert_eq!(code, "configuration", "{target}");
            assert!(message.contains("`labeling_token`"), "{target}: {message}");
            assert!(harness.failures().is_empty());
            // The lease was released: the next delivery need not wait.
            let next = harness.deliver(&config(target, &[])).unwrap();
            assert!(
                matches!(next.outcome, Outcome::Requested { .. }),
                "{target}: {next:?}"
            );
            harness.assert_each_once(FRAMES, target);
        }
        let harness = Harness::new(FRAMES);
        let answer = harness
            .deliver(&config(target, &[("token", "wrong")]))
            .unwrap();
        assert_eq!(retry(&answer).0, "configuration", "{target}");
        assert!(harness.targets.borrow().labelled.is_empty());
        let shown = format!("{answer:?}");
        assert!(!shown.contains("wrong"), "{shown}");
    }
}

#[test]
fn what_is_not_there_names_the_setting() {
    for (target, key, value, named) in [
        ("label-studio", "project", "8", "`labeling_project`"),
        (
            "pubsub",
            "topic",
            "projects/p/topics/other",
            "`labeling_topic`",
        ),
        (
            "webhook",
            "target_url",
            "http://hook/out",
            "`labeling_target_origin`",
        ),
    ] {
        let harness = Harness::new(FRAMES);
        let answer = harness.deliver(&config(target, &[(key, value)])).unwrap();
        let (code, message) = retry(&answer);
        assert_eq!(code, "configuration", "{target}");
        assert!(message.contains(named), "{target}: {message}");
    }
}

#[test]
fn busy_targets_are_waited_for_as_long_as_they_say() {
    for target in TARGETS {
        for (status, header, expected) in [
            (429, Some("37"), 37),
            (503, Some("120"), 120),
            (425, None, 10),
            (501, None, 10),
            (429, None, 10),
            (500, Some("0"), 1),
            (429, Some("1000000"), 3600),
            (503, Some("Tue, 14 Nov 2023 22:14:00 GMT"), 40),
        ] {
            let (harness, answer) = first_says(target, says(status, header, "slow down"));
            let (code, message) = retry(&answer);
            assert_eq!(code, "label_target", "{target}");
            assert!(message.contains("slow down"), "{target}: {message}");
            assert_eq!(
                answer.retry_after, expected,
                "{target}: {status} {header:?}"
            );
            let next = harness.deliver(&config(target, &[])).unwrap();
            assert!(
                matches!(next.outcome, Outcome::Requested { .. }),
                "{target}: {next:?}"
            );
            harness.assert_each_once(FRAMES, target);
        }
    }
}

/// A gateway that gave up waiting: the request may still be worked on, so the lease stays.
#[test]
fn after_a_request_in_doubt_the_lease_runs_out_first() {
    for target in ["label-studio", "cvat", "custom-company"] {
        for status in [408, 502, 504, 505, 520, 522, 524, 527, 598, 599] {
            let (harness, answer) = first_says(target, says(status, None, "gateway time-out"));
            let context = format!("{target}, {status}");
            assert_eq!(retry(&answer).0, "label_target", "{context}");
            assert_eq!(answer.retry_after, 600, "{context}");
            let next = harness.deliver(&config(target, &[])).unwrap();
            assert_eq!(retry(&next).0, "label_busy", "{context}");
            harness.deliver_until_settled(&config(target, &[]), &context);
            harness.assert_each_once(FRAMES, &context);
        }
    }
}

#[test]
fn an_address_that_leads_elsewhere_is_a_setting() {
    for target in TARGETS {
        for status in [301, 302, 303, 307, 308, 405] {
            let (harness, answer) = first_says(target, says(status, None, ""));
            let (code, message) = retry(&answer);
            assert_eq!(code, "configuration", "{target}: {status}");
            assert!(
                message.contains("`labeling_target_origin`"),
                "{target}: {message}"
            );
            assert!(harness.failures().is_empty(), "{target}");
            harness.deliver_until_settled(&config(target, &[]), target);
            harness.assert_each_once(FRAMES, target);
        }
    }
}

#[test]
fn a_refusal_becomes_a_failure_record_with_the_targets_words() {
    for target in TARGETS {
        let words = format!(
            "{{\"detail\":\"\\\"image\\\" key is expected\"}}{}",
            "x".repeat(9000)
        );
        let (harness, answer) = first_says(target, says(400, None, &words));
        let Outcome::Rejected {
            failure,
            code,
            message,
        } = &answer.outcome
        else {
            panic!("{target}: {answer:?}");
        };
        assert_eq!(code, "label_refused");
        assert!(
            message.contains("key is expected") && message.len() < 700,
            "{message}"
        );
        assert_eq!(harness.failures().concat(), *failure);
        let record: FailureRecord =
            serde_json::from_value(harness.json(&harness.failures().concat())).unwrap();
        assert_eq!(record.message, *message);
        assert!(harness.ending("receipt.json").is_empty());
        // Once it is fixed, the record goes and the receipt comes.
        let next = harness.deliver(&config(target, &[])).unwrap();
        assert!(
            matches!(next.outcome, Outcome::Requested { .. }),
            "{target}: {next:?}"
        );
        assert!(harness.failures().is_empty(), "{target}");
        harness.assert_each_once(FRAMES, target);
    }
}

#[test]
fn an_import_in_the_background_is_waited_for() {
    let (harness, config) = (Harness::new(FRAMES), config("label-studio", &[]));
    harness.targets.borrow_mut().background = Some(Ok(3));
    let answer = harness.deliver(&config).unwrap();
    assert!(
        matches!(answer.outcome, Outcome::Requested { tasks: FRAMES, .. }),
        "{answer:?}"
    );
    assert_eq!(
        harness.json("receipt.json")["batches"][0]["ids"],
        json!(["1", "2"])
    );
    harness.assert_each_once(FRAMES, "background");
}

#[test]
fn an_import_in_the_background_that_does_not_end_keeps_the_lease() {
    // One that takes longer than we wait, and one that cannot be asked for.
    for (background, answer) in [(Some(Ok(10_000)), None), (None, Some("{\"import\": 5}"))] {
        let (harness, config) = (Harness::new(FRAMES), config("label-studio", &[]));
        harness.targets.borrow_mut().background = background;
        let first = answer.map(|text| says(201, None, text));
        harness.script.borrow_mut().extend(first);
        let answer = harness.deliver(&config).unwrap();
        assert!(retry(&answer).1.contains("import 5"), "{answer:?}");
        assert_eq!(answer.retry_after, 600);
        assert!(harness.ending("receipt.json").is_empty());
        assert_eq!(retry(&harness.deliver(&config).unwrap()).0, "label_busy");
    }
}

#[test]
fn an_import_in_the_background_that_fails_is_a_refusal() {
    let (harness, config) = (Harness::new(FRAMES), config("label-studio", &[]));
    harness.targets.borrow_mut().background = Some(Err(()));
    let answer = harness.deliver(&config).unwrap();
    let Outcome::Rejected { message, .. } = &answer.outcome else {
        panic!("{answer:?}");
    };
    assert!(message.contains("disk is full"), "{message}");
}

#[test]
fn answers_that_are_not_understood_are_not_taken_for_success() {
    for target in ["label-studio", "cvat", "custom-company"] {
        let (harness, answer) = first_says(target, says(200, None, "<html>login</html>"));
        assert_eq!(retry(&answer).0, "label_target", "{target}");
        assert!(harness.ending("receipt.json").is_empty());
    }
}

#[test]
fn a_manifest_without_frames_has_a_receipt_without_tasks() {
    for target in TARGETS {
        let (harness, config) = (Harness::new(0), config(target, &[]));
        let answer = harness.deliver(&config).unwrap();
        assert!(
            matches!(
                answer.outcome,
                Outcome::Requested {
                    tasks: 0,
                    existing: 0,
                    ..
                }
            ),
            "{answer:?}"
        );
        assert_eq!(harness.json("receipt.json")["frames"], 0);
        assert!(harness.targets.borrow().bodies.is_empty());
    }
}

#[test]
fn hostile_manifests_are_rejected_before_anything_is_sent() {
    let mut wrong_schema = manifest(FRAMES);
    wrong_schema["schema"] = "framemill.manifest/9".into();
    let mut upwards = manifest(FRAMES);
    upwards["frames"][1]["name"] = "../../secrets/key.jpg".into();
    let mut deep = String::new();
    for _ in 0..100_000 {
        deep.push('[');
    }
    for bytes in [
        wrong_schema.to_string(),
        upwards.to_string(),
        "not json".to_owned(),
        String::new(),
        "{}".to_owned(),
        deep,
    ] {
        let harness = Harness::new(FRAMES);
        harness.put(harness::MANIFEST, bytes.as_bytes());
        let answer = harness.deliver(&config("webhook", &[])).unwrap();
        let Outcome::Rejected { code, .. } = &answer.outcome else {
            panic!("{answer:?}");
        };
        assert_eq!(code, "bad_manifest");
        assert_eq!(
            harness.json(&harness.failures().concat())["code"],
            "bad_manifest"
        );
        assert!(harness.targets.borrow().bodies.is_empty());
        assert!(harness.ending("intent.json").is_empty());
    }
}

#[test]
fn a_huge_manifest_is_rejected_without_being_read() {
    let harness = Harness::new(FRAMES);
    harness.put(harness::MANIFEST, &vec![b' '; (128 << 20) + 1]);
    let answer = harness.deliver(&config("webhook", &[])).unwrap();
    let Outcome::Rejected { code, message, .. } = &answer.outcome else {
        panic!("{answer:?}");
    };
    assert_eq!(code, "bad_manifest");
    assert!(message.contains("limit"), "{message}");
}

#[test]
fn an_intent_that_cannot_be_read_holds_until_its_lease_ends() {
    let (harness, config) = (Harness::new(FRAMES), config("label-studio", &[]));
    harness.deliver(&config).unwrap();
    let (intent, receipt) = (
        harness.ending("intent.json"),
        harness.ending("receipt.json"),
    );
    harness.objects.remove(&receipt.concat());
    harness.put(&intent.concat(), b"{]");
    assert_eq!(retry(&harness.deliver(&config).unwrap()).0, "label_busy");
    harness.deliver_until_settled(&config, "unreadable intent");
    harness.assert_each_once(FRAMES, "unreadable intent");
}

#[test]
fn without_a_target_nothing_happens() {
    let harness = Harness::new(FRAMES);
    let off = framemill_contract::LabelConfig::from_lookup(|_| None).unwrap();
    let answer = harness.deliver(&off).unwrap();
    assert!(
        matches!(answer.outcome, Outcome::Ignored { .. }),
        "{answer:?}"
    );
    assert_eq!(harness.calls.get(), 0);
}

#[test]
fn an_older_manifests_event_is_ignored() {
    let (harness, config) = (Harness::new(FRAMES), config("webhook", &[]));
    let event = harness::event(Some(99));
    let mut delivery = Box::pin(request_labeling::handle(
        &harness, &harness, &config, &event,
    ));
    let answer = harness.poll_to_end(&mut delivery).unwrap();
    assert!(
        matches!(answer.outcome, Outcome::Ignored { .. }),
        "{answer:?}"
    );
    assert!(harness.targets.borrow().bodies.is_empty());
}

/// The bodies that a target got for three frames in two batches.
fn bodies(target: &str) -> Vec<Value> {
    let harness = Harness::new(FRAMES);
    harness.deliver(&config(target, &[])).unwrap();
    let targets = harness.targets.borrow();
    targets.bodies.clone()
}

#[test]
fn predictions_are_passed_on_in_the_targets_form() {
    let studio = &bodies("label-studio")[0];
    assert!(studio[0].get("predictions").is_none());
    let prediction = &studio[1]["predictions"][0];
    assert_eq!(prediction["model_version"], "m/1");
    assert_eq!(prediction["score"], 0.5);
    let car = &prediction["result"][0];
    assert_eq!(
        (&car["from_name"], &car["to_name"]),
        (&json!("boxes"), &json!("photo"))
    );
    assert_eq!(
        car["value"],
        json!({
            "x": 25.0, "y": 50.0, "width": 12.5, "height": 25.0, "rotation": 0,
            "rectanglelabels": ["car"],
        })
    );
    let scale = &bodies("scale")[1];
    assert_eq!(
        scale["hypothesis"]["annotations"][0],
        json!({
            "type": "box", "label": "car", "left": 50.0, "top": 50.0, "width": 25.0, "height": 25.0,
        })
    );
    assert_eq!(
        scale["geometries"],
        json!({"box": {"objects_to_annotate": ["car", "dog"]}})
    );
    assert_eq!(
        bodies("webhook")[0]["frames"][1]["predictions"][0]["label"],
        "car"
    );
}

#[test]
fn images_are_named_as_configured() {
    let image = "gs://b/images/cam 1/50%41 \"x\".mp4/000030.jpg";
    assert_eq!(bodies("label-studio")[0][1]["data"]["picture"], image);
    assert_eq!(bodies("scale")[1]["attachment"], image);
    assert_eq!(bodies("pubsub")[0]["frames"][1]["image"], image);
    let file = "images/cam 1/50%41 \"x\".mp4/000030.jpg";
    assert_eq!(bodies("cvat")[0]["server_files"][1], file);
}

#[test]
fn images_are_found_in_the_folder_of_their_manifest() {
    let harness = Harness::new(FRAMES);
    let mut other = manifest(FRAMES);
    other["image_folder"] = "cam 1/x.mp4@5-0123456789ab".into();
    harness.put(harness::MANIFEST, other.to_string().as_bytes());
    harness.deliver(&config("webhook", &[])).unwrap();
    let image = "images/cam 1/x.mp4@5-0123456789ab/000030.jpg";
    let object = harness.targets.borrow().bodies[0]["frames"][1]["object"].clone();
    assert_eq!(object, image);
}
