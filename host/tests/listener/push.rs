//! Pushed messages: who may send them, what becomes of them, and how they are answered.

use crate::bench::{Bench, Setup, event, outcome};
use framemill_contract::Push;
use framemill_tests::conformance::issuer::{AUDIENCE, EMAIL, Issuer};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn each_push_is_answered_as_it_ended() {
    let (bench, run) = Bench::started(Setup::default()).await;
    let (status, _, body) = bench.push("ok.mp4").await;
    assert_eq!((status, &body["outcome"]), (200, &json!("extracted")));
    assert!(
        bench
            .data
            .path()
            .join("images/ok.mp4/manifest.json")
            .is_file()
    );
    let (status, _, body) = bench.push("reject.mp4").await;
    assert_eq!((status, &body["outcome"]), (200, &json!("rejected")));
    let (status, after, body) = bench.push("later.mp4").await;
    assert_eq!((status, &body["outcome"]), (503, &json!("retry")));
    assert!(after.is_some_and(|seconds| seconds > 0), "{after:?}");
    assert_eq!(body["message"], "object store: try again");
    let (status, _, body) = bench.push("nonsense.mp4").await;
    assert_eq!((status, &body["outcome"]), (400, &json!("not_an_event")));
    let (status, after, body) = bench.push("trap.mp4").await;
    assert_eq!((status, &body["outcome"]), (503, &json!("retry")));
    assert!(after.is_some());
    bench.stop.cancel();
    let summary = run.await.unwrap();
    assert_eq!((summary.done, summary.rejected), (1, 1));
    assert_eq!((summary.retried, summary.dead_lettered), (2, 1));

    for (outcome, count) in [
        ("extracted", 1.0),
        ("rejected", 1.0),
        ("retry", 2.0),
        ("not_an_event", 1.0),
    ] {
        let labels = [("pipeline", "probe"), ("outcome", outcome)];
        let counted = bench.metric("framemill_messages_total", &labels).await;
        assert_eq!(counted, Some(count), "{outcome}");
    }
    for (status, count) in [("200", 2.0), ("400", 1.0), ("503", 2.0)] {
        let labels = [("status", status)];
        let counted = bench.metric("framemill_push_requests_total", &labels).await;
        assert_eq!(counted, Some(count), "{status}");
    }
    let retried = [("source", "pushes alone"), ("result", "retried")];
    let counted = bench.metric("framemill_deliveries_total", &retried).await;
    assert_eq!(counted, Some(2.0));
    let trapped = [("kind", "message"), ("result", "trap")];
    let counted = bench
        .metric("framemill_component_requests_total", &trapped)
        .await;
    assert_eq!(counted, Some(1.0));
    let counted = bench
        .metric("framemill_component_memory_peak_bytes", &[])
        .await;
    assert_eq!(counted, Some(5.0), "each sandbox has a peak");
    let written = bench
        .metric("framemill_component_written_bytes_total", &[])
        .await;
    let name = event("ok.mp4").object.name;
    assert_eq!(
        written,
        Some(2.0 * name.len() as f64),
        "two objects with its name"
    );
    let in_flight = bench.metric("framemill_messages_in_flight", &[]).await;
    assert_eq!(in_flight, Some(0.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_an_event_is_understood() {
    let (bench, _run) = Bench::started(Setup::default()).await;
    let resource = json!({ "bucket": "local", "name": "videos/ok.mp4", "generation": "1" });
    let finalized = "google.cloud.storage.object.v1.finalized";
    let to = || bench.client.post(bench.url("/push"));
    for request in [
        bench.push_to("/push", "ok.mp4"),
        bench.push_to("/push/probe", "ok.mp4"),
        to().header("eventType", "OBJECT_FINALIZE").json(&resource),
        to().header("ce-type", finalized)
            .header("ce-id", "1")
            .json(&resource),
        to().json(&json!({ "specversion": "1.0", "type": finalized, "data": resource })),
    ] {
        let (status, _, body) = outcome(request.send().await.unwrap()).await;
        assert_eq!(
            (status, &body["outcome"]),
            (200, &json!("extracted")),
            "{body}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_nobody_needs_no_worker() {
    let (bench, _run) = Bench::started(Setup::default()).await;
    let mut elsewhere = event("ok.mp4");
    elsewhere.object.bucket = "other".into();
    let mut deleted = event("ok.mp4").to_push_body("1", "2026-01-01T00:00:00Z", 1);
    deleted["message"]["attributes"]["eventType"] = "OBJECT_DELETE".into();
    for body in [
        elsewhere.to_push_body("1", "2026-01-01T00:00:00Z", 1),
        deleted,
    ] {
        let request = bench.client.post(bench.url("/push/probe")).json(&body);
        let (status, _, body) = outcome(request.send().await.unwrap()).await;
        assert_eq!(
            (status, &body["outcome"]),
            (200, &json!("ignored")),
            "{body}"
        );
    }
    for body in ["", "{}", "[", "{\"message\":{}}"] {
        let request = bench.client.post(bench.url("/push")).body(body);
        let (status, _, answer) = outcome(request.send().await.unwrap()).await;
        assert_eq!(
            (status, &answer["outcome"]),
            (400, &json!("not_an_event")),
            "{body}"
        );
    }
    let unknown = bench
        .push_to("/push/extract%20it", "ok.mp4")
        .send()
        .await
        .unwrap();
    let (status, _, words) = outcome(unknown).await;
    assert_eq!(status, 404);
    assert!(words.as_str().unwrap().contains("`extract it`"), "{words}");
    assert_eq!(bench.get("/push").await.status(), 405);
    let nobody = |outcome| [("pipeline", "none"), ("outcome", outcome)];
    let counted = bench
        .metric("framemill_messages_total", &nobody("ignored"))
        .await;
    assert_eq!(counted, Some(2.0));
    let counted = bench
        .metric("framemill_messages_total", &nobody("not_an_event"))
        .await;
    assert_eq!(counted, Some(4.0));
    let worked = bench.metric("framemill_deliveries_total", &[]).await;
    assert_eq!(worked, None);
}

fn google(keys_url: String) -> Push {
    Push::Google {
        audience: AUDIENCE.to_owned(),
        email: EMAIL.to_owned(),
        keys_url,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_subscription_may_push() {
    let issuer = Issuer::start();
    let push = google(format!("{}/oauth2/v3/certs", issuer.origin()));
    let setup = Setup {
        push,
        ..Setup::default()
    };
    let (bench, _run) = Bench::started(setup).await;
    for kind in [
        "wrong_audience",
        "wrong_issuer",
        "wrong_email",
        "unverified_email",
        "expired",
        "forged",
    ] {
        let token = issuer.token(kind);
        // Whatever is asked for: a stranger learns of no pipeline.
        for path in ["/push", "/push/probe", "/push/none"] {
            let request = bench.push_to(path, "ok.mp4").bearer_auth(&token);
            let response = request.send().await.unwrap();
            assert_eq!(response.headers()["www-authenticate"], "Bearer");
            let (status, _, words) = outcome(response).await;
            assert_eq!(status, 401, "{kind}");
            let words = words.as_str().unwrap();
            assert!(
                words.contains("no valid token") && !words.contains(&token),
                "{words}"
            );
        }
    }
    let (status, _, _) = bench.push("ok.mp4").await;
    assert_eq!(status, 401, "without a token");
    assert!(!bench.data.path().join("images").exists());
    let token = issuer.token("valid");
    let request = bench.push_to("/push", "ok.mp4").bearer_auth(&token);
    let (status, _, body) = outcome(request.send().await.unwrap()).await;
    assert_eq!((status, &body["outcome"]), (200, &json!("extracted")));
    // The keys are kept.
    drop(issuer);
    let request = bench.push_to("/push", "ok.mp4").bearer_auth(&token);
    let (status, _, _) = outcome(request.send().await.unwrap()).await;
    assert_eq!(status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_or_configuration_nothing_is_taken() {
    let issuer = Issuer::start();
    let token = issuer.token("valid");
    let push = google(format!("{}/nothing", issuer.origin()));
    let setup = Setup {
        push,
        ..Setup::default()
    };
    let (bench, _run) = Bench::started(setup).await;
    let request = bench.push_to("/push", "ok.mp4").bearer_auth(&token);
    let (status, after, words) = outcome(request.send().await.unwrap()).await;
    assert_eq!(status, 503, "{words}");
    assert!(after.is_some());
    let setup = Setup {
        push: Push::Unconfigured,
        ..Setup::default()
    };
    let (bench, _run) = Bench::started(setup).await;
    let request = bench.push_to("/push", "ok.mp4").bearer_auth(&token);
    let (status, _, words) = outcome(request.send().await.unwrap()).await;
    assert_eq!(status, 401);
    assert!(words.as_str().unwrap().contains("push_audience"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_all_workers_busy_a_push_goes_elsewhere() {
    let setup = Setup {
        workers: 1,
        ..Setup::default()
    };
    let (bench, run) = Bench::started(setup).await;
    let stuck = tokio::spawn(bench.push_to("/push", "stuck.mp4").send());
    while bench.metric("framemill_messages_in_flight", &[]).await != Some(1.0) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let age = bench
        .metric("framemill_oldest_message_age_seconds", &[])
        .await;
    assert!(age.is_some_and(|age| age > 0.0), "{age:?}");
    let (status, after, words) = bench.push("ok.mp4").await;
    assert_eq!(status, 429, "{words}");
    assert!(
        after.is_some() && words.as_str().unwrap().contains("busy"),
        "{words}"
    );
    // What does not end in time is released, and its sender told to send it again.
    bench.stop.cancel();
    bench.kill.cancel();
    let (status, after, words) = outcome(stuck.await.unwrap().unwrap()).await;
    assert_eq!(status, 503, "{words}");
    assert!(after.is_some());
    assert_eq!(run.await.unwrap().released, 1);
    assert!(
        !bench.data.path().join("images/ok.mp4").exists(),
        "it was withdrawn"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_has_so_many_attempts() {
    let (bench, run) = Bench::started(Setup::default()).await;
    let body = |attempt| event("later.mp4").to_push_body("1", "2026-01-01T00:00:00Z", attempt);
    for attempt in 1..=2 {
        let request = bench.client.post(bench.url("/push")).json(&body(attempt));
        let (status, _, _) = outcome(request.send().await.unwrap()).await;
        assert_eq!(status, 503, "the subscription decides when it gives it up");
    }
    // More deliveries than a message may have: nobody works on it again.
    let request = bench.client.post(bench.url("/push")).json(&body(5));
    let (status, _, answer) = outcome(request.send().await.unwrap()).await;
    assert_eq!(status, 400, "{answer}");
    bench.stop.cancel();
    let summary = run.await.unwrap();
    assert_eq!((summary.retried, summary.dead_lettered), (1, 2));
}
