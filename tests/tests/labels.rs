//! Labeling requests, through the whole pipeline: upload, event, images, event, tasks.

use framemill_contract::{LabelReceipt, Manifest};
use framemill_tests::cloud::{BUCKET, Cloud, UPLOADS, Worker};
use framemill_tests::receiver::{Receiver, Refusal};
use framemill_tests::servers::{PubSub, call};
use framemill_tests::*;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

const SECRET: &str = "only-for-tests";

/// A worker that asks `target` for labels; `keys` are lines of `[labeling]`.
fn worker(cloud: &Cloud, keys: &str, flags: &[&str]) -> Worker {
    worker_with(cloud, SECRET, keys, flags)
}

/// As [`worker`], with this credential.
fn worker_with(cloud: &Cloud, token: &str, keys: &str, flags: &[&str]) -> Worker {
    let toml = cloud.folder().join("framemill.toml");
    fs::write(&toml, format!("[labeling]\ntoken_file = 'token'\n{keys}\n")).unwrap();
    fs::write(cloud.folder().join("token"), token).unwrap();
    let mut all = vec!["--sweep-every", "off"];
    all.extend(flags);
    cloud.worker("labels", &all)
}

/// The one record whose name starts and ends so, once it is there.
fn wait_for_record(cloud: &Cloud, prefix: &str, ending: &str) -> String {
    let mut found = None;
    wait_for(&format!("{prefix}…{ending}"), || {
        let objects = cloud.gcs.list(BUCKET, prefix);
        found = objects
            .into_iter()
            .map(|object| object.name)
            .find(|name| name.ends_with(ending));
        found.is_some()
    });
    found.unwrap()
}

fn receipt(cloud: &Cloud, video: &str) -> LabelReceipt {
    let name = wait_for_record(cloud, "records/labels/", &format!("/{video}/receipt.json"));
    serde_json::from_slice(&cloud.gcs.get(BUCKET, &name).unwrap()).unwrap()
}

/// Delivers the events of a video and of its manifest again.
fn tell_again(cloud: &Cloud, video: &str, manifest: &Manifest, times: usize) {
    let generation = manifest.source.generation.to_string();
    let objects = [
        (format!("videos/{video}"), Some(generation)),
        (format!("manifests/{video}.json"), None),
    ];
    for (name, generation) in objects {
        let mut attributes = vec![
            ("eventType", "OBJECT_FINALIZE"),
            ("bucketId", BUCKET),
            ("objectId", name.as_str()),
        ];
        attributes.extend(generation.as_deref().map(|it| ("objectGeneration", it)));
        for _ in 0..times {
            cloud.pubsub.publish(UPLOADS, b"{}", &attributes);
        }
    }
}

#[test]
fn a_webhook_gets_each_frame_once_signed_outside_the_sandbox() {
    let cloud = Cloud::start();
    let receiver = Receiver::start();
    // Overloaded, then broken: the message comes back.
    let later = |status| Refusal {
        status,
        retry_after: Some(1),
        body: "",
    };
    receiver.refuse(&[later(429), later(503)]);
    let keys = format!(
        "target = 'webhook'\ntarget_url = '{}'\nbatch_size = 2\nimage_urls = 'proxied'\nimage_url_base = 'http://images.test'",
        receiver.url()
    );
    let worker = worker(&cloud, &keys, &[]);
    let video = h264_clip("four-seconds.mp4", 4);
    cloud.upload(&video, "cam/x.mp4");
    let manifest = cloud.manifest("cam/x.mp4");
    let receipt = receipt(&cloud, "cam/x.mp4");
    assert_eq!((receipt.frames, receipt.batches.len()), (4, 2));
    tell_again(&cloud, "cam/x.mp4", &manifest, 3);
    wait_for("six deliveries that find all done", || {
        worker.log().matches("unchanged: ").count() >= 6
    });
    let frames = receiver.frames();
    assert_eq!(frames.len(), 4, "{frames:?}");
    assert!(frames.values().all(|times| *times == 1), "{frames:?}");
    let arrived = receiver.arrived();
    assert_eq!(arrived.len(), 4, "two refused, two taken, none again");
    assert!(arrived.iter().all(|request| request.is_signed_with(SECRET)));
    assert!(
        !arrived
            .iter()
            .any(|request| request.is_signed_with("another"))
    );
    let image = &arrived[3].request().batch.frames[0].image;
    assert!(
        image.starts_with("http://images.test/footage/images/cam/x.mp4/0000"),
        "{image}"
    );
    worker.stop();
}

#[test]
fn a_wrong_credential_names_the_setting_and_waits_for_a_person() {
    let cloud = Cloud::start();
    let receiver = Receiver::start();
    let refusal = Refusal {
        status: 401,
        retry_after: None,
        body: "who are you?",
    };
    receiver.refuse(&vec![refusal; 2]);
    let keys = format!("target = 'webhook'\ntarget_url = '{}'", receiver.url());
    let worker = worker(&cloud, &keys, &["--max-attempts", "2"]);
    cloud.upload(&h264_clip("four-seconds.mp4", 4), "x.mp4");
    let list = || -> Value {
        let output = cloud.run(&["failures", "list", "--json"]);
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    };
    wait_for("the dead letter", || {
        list()["dead_letters"]
            .as_array()
            .is_some_and(|dead| dead.len() == 1)
    });
    let reason = list()["dead_letters"][0]["reason"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        reason.contains("configuration") && reason.contains("401"),
        "{reason}"
    );
    assert!(!worker.log().contains(SECRET), "a secret is in the log");
    // Mended: the retry asks for the labels.
    assert!(cloud.run(&["failures", "retry", "--all"]).status.success());
    assert_eq!(receipt(&cloud, "x.mp4").frames, 4);
    worker.stop();
}

#[test]
fn what_a_target_refuses_becomes_a_failure_record_with_its_words() {
    let cloud = Cloud::start();
    let receiver = Receiver::start();
    receiver.refuse(&[Refusal {
        status: 422,
        retry_after: None,
        body: "images must be square",
    }]);
    let keys = format!("target = 'webhook'\ntarget_url = '{}'", receiver.url());
    let worker = worker(&cloud, &keys, &[]);
    cloud.upload(&h264_clip("four-seconds.mp4", 4), "x.mp4");
    let failures = "records/failures/request-labeling/webhook-";
    let name = wait_for_record(&cloud, failures, "/x.mp4.json");
    let record: Value = serde_json::from_slice(&cloud.gcs.get(BUCKET, &name).unwrap()).unwrap();
    let message = record["message"].as_str().unwrap();
    assert!(message.contains("images must be square"), "{message}");
    assert!(cloud.run(&["failures", "retry", "--all"]).status.success());
    assert_eq!(receipt(&cloud, "x.mp4").frames, 4);
    worker.stop();
}

#[test]
fn a_topic_gets_the_batches_of_an_in_house_system() {
    let cloud = Cloud::start();
    cloud.pubsub.create_queue("labels");
    let keys = format!(
        "target = 'pubsub'\ntopic = '{}'\ntarget_url = '{}'",
        PubSub::topic("labels"),
        cloud.pubsub.endpoint()
    );
    let worker = worker(&cloud, &keys, &[]);
    cloud.upload(&h264_clip("four-seconds.mp4", 4), "x.mp4");
    let batch = cloud.pubsub.take("labels", 1).remove(0);
    let request: Value = serde_json::from_slice(&batch.data).unwrap();
    assert_eq!(request["frames"].as_array().unwrap().len(), 4);
    assert_eq!(receipt(&cloud, "x.mp4").frames, 4);
    worker.stop();
}

#[test]
fn a_component_of_ones_own_takes_the_place_of_ours() {
    let cloud = Cloud::start();
    let receiver = Receiver::start();
    let taken = |body| Refusal {
        status: 200,
        retry_after: None,
        body,
    };
    receiver.refuse(&[taken(r#"{"frames":{}}"#), taken(r#"{"number":"order-7"}"#)]);
    let keys = format!(
        "component = 'custom-company'\ntarget = 'custom-company'\ntarget_url = '{}'",
        receiver.url()
    );
    let worker = worker(&cloud, &keys, &[]);
    cloud.upload(&h264_clip("four-seconds.mp4", 4), "x.mp4");
    let receipt = receipt(&cloud, "x.mp4");
    assert_eq!(receipt.batches[0].ids, ["order-7"]);
    let arrived = receiver.arrived();
    assert_eq!(arrived.len(), 2);
    for request in &arrived {
        let credential = request.headers.get("authorization").unwrap();
        assert_eq!(credential, &format!("Bearer {SECRET}"));
    }
    worker.stop();
}

/// Everything on one machine: a folder, the embedded queue, and images that framemill serves.
#[test]
fn a_folder_asks_for_labels_and_serves_its_images() {
    let data = tempfile::tempdir().unwrap();
    let receiver = Receiver::start();
    let port = servers::free_port();
    let toml = data.path().join("framemill.toml");
    fs::write(
        &toml,
        format!(
            "data = '{}'\nlisten = '127.0.0.1:{port}'\n\
             [labeling]\ntarget = 'webhook'\ntarget_url = '{}'\n\
             image_urls = 'proxied'\nimage_url_base = 'http://127.0.0.1:{port}/images'\n",
            data.path().display(),
            receiver.url()
        ),
    )
    .unwrap();
    upload(
        data.path(),
        &h264_clip("four-seconds.mp4", 4),
        "a b.mp4",
        MODIFIED,
    );
    let mut up = framemill()
        .args(["up", "--config"])
        .arg(&toml)
        .env("FRAMEMILL_LABELING_TOKEN", SECRET)
        .spawn()
        .unwrap();
    wait_for("a batch", || receiver.frames().len() == 4);
    let request = receiver.arrived()[0].request();
    let folder = data.path().join("images/a b.mp4");
    let kept = stored_manifest(data.path(), "a b.mp4").frames;
    for (frame, kept) in request.batch.frames.iter().zip(kept) {
        let served = call("GET", &frame.image, None);
        assert_eq!(served.ok(), fs::read(folder.join(&kept.name)).unwrap());
    }
    let base = format!("http://127.0.0.1:{port}/images/local");
    for name in [
        "manifests/a%20b.mp4.json",
        "images/../manifests/a%20b.mp4.json",
        "videos/a%20b.mp4",
        "images/../videos/a%20b.mp4",
        "images/%2e%2e/videos/a%20b.mp4",
        "images/none.jpg",
    ] {
        assert_eq!(
            call("GET", &format!("{base}/{name}"), None).status,
            404,
            "{name}"
        );
    }
    signal(&up, "TERM");
    assert!(up.wait().unwrap().success());
    let keys: BTreeSet<String> = receiver.frames().into_keys().collect();
    assert_eq!((keys.len(), receiver.arrived().len()), (4, 1));
}

/// `cargo xtask test --with label-studio`: tasks in a real Label Studio, once each.
#[cfg(feature = "label-studio")]
#[test]
fn label_studio_has_each_frame_once() {
    use framemill_tests::servers::LabelStudio;
    let studio = LabelStudio::start();
    let project = studio.create_project("frames");
    let cloud = Cloud::start();
    let keys = format!(
        "target = 'label-studio'\ntarget_url = '{}'\nproject = {project}\nbatch_size = 3",
        studio.endpoint()
    );
    let worker = worker_with(&cloud, studio.token(), &keys, &[]);
    let names = ["cam/one.mp4", "cam/two 100%.mp4"];
    for name in names {
        cloud.upload(&h264_clip("ten-seconds.mp4", 10), name);
    }
    for name in names {
        let manifest = cloud.manifest(name);
        assert_eq!(receipt(&cloud, name).frames, 10);
        tell_again(&cloud, name, &manifest, 2);
    }
    wait_for("deliveries that find all done", || {
        worker.log().matches("unchanged: ").count() >= 8
    });
    let tasks = studio.tasks(project);
    let keys: BTreeSet<String> = tasks
        .iter()
        .map(|task| task["data"]["framemill_frame"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        (tasks.len(), keys.len()),
        (20, 20),
        "each frame is one task"
    );
    worker.stop();
}
