//! Buckets and queues in the cloud, on Google's Pub/Sub emulator and fake-gcs-server.

use framemill_tests::cloud::{BUCKET, Cloud, UPLOADS};
use framemill_tests::*;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

/// Messages that are neither settled nor in anyone's hands.
fn waiting(cloud: &Cloud) -> usize {
    let messages = cloud.pubsub.pull(UPLOADS, 100);
    cloud.pubsub.nack(UPLOADS, &messages);
    messages.len()
}

#[test]
fn an_upload_becomes_images_however_often_it_is_told_of() {
    let cloud = Cloud::start();
    let worker = cloud.worker("one", &["--sweep-every", "off"]);
    let video = h264_clip("four-seconds.mp4", 4);
    cloud.upload(&video, "cam1/a b.mp4");
    let manifest = cloud.manifest("cam1/a b.mp4");
    assert_eq!(indices(&manifest), [0, 30, 60, 90]);
    assert_eq!(manifest.source.bucket, BUCKET);
    assert!(manifest.source.crc32c.is_some());
    let (_out, _, local) = extracted(&video, &[]);
    assert_eq!(
        manifest.frames, local.frames,
        "the cloud's images are those of the folder"
    );
    let before = cloud.written();
    let generation = manifest.source.generation.to_string();
    for _ in 0..3 {
        let attributes = [
            ("eventType", "OBJECT_FINALIZE"),
            ("bucketId", BUCKET),
            ("objectId", "videos/cam1/a b.mp4"),
            ("objectGeneration", &generation),
            ("payloadFormat", "JSON_API_V1"),
        ];
        cloud.pubsub.publish(UPLOADS, b"{}", &attributes);
    }
    wait_for("three deliveries that find all done", || {
        worker
            .log()
            .matches("unchanged: videos/cam1/a b.mp4")
            .count()
            == 3
    });
    assert_eq!(cloud.written(), before, "nothing was written again");
    let image = &manifest.frames[1];
    let described = cloud
        .gcs
        .describe(BUCKET, &format!("images/cam1/a b.mp4/{}", image.name))
        .json();
    assert_eq!(described["contentType"], "image/jpeg");
    worker.stop();
    assert_eq!(waiting(&cloud), 0, "every message is settled");
}

/// Three processes share one subscription; one is killed, one is stopped, in the middle.
#[test]
fn processes_share_a_subscription_and_lose_nothing_when_they_die() {
    const VIDEOS: usize = 60;
    let cloud = Cloud::start();
    let video = h264_clip("ten-seconds.mp4", 10);
    let flags = ["--sweep-every", "off", "--workers", "1"];
    let done = || {
        let written = cloud.written();
        let manifests = written.keys();
        let manifests = manifests.filter(|name| name.starts_with("manifests/"));
        manifests.count()
    };
    for number in 0..VIDEOS {
        cloud.upload(&video, &format!("{number:02}.mp4"));
    }
    let mut killed = cloud.worker("killed", &flags);
    let stopped = cloud.worker("stopped", &flags);
    let last = cloud.worker("last", &flags);
    wait_for("the first videos", || done() >= 8);
    killed.child.kill().unwrap();
    killed.child.wait().unwrap();
    let at_kill = done();
    wait_for("more videos", || done() >= 20);
    let (stopped_log, at_stop) = (stopped.log(), done());
    stopped.stop();
    assert!(at_kill < VIDEOS && at_stop < VIDEOS, "all was done before");
    wait_for("all videos", || done() == VIDEOS);
    let mut extracted: BTreeMap<String, usize> = BTreeMap::new();
    for log in [killed.log(), stopped_log, last.log()] {
        for line in log.lines().filter(|line| line.contains(" extracted: ")) {
            let name = line.split(" extracted: ").nth(1).unwrap();
            let name = name.split(' ').next().unwrap().to_owned();
            *extracted.entry(name).or_default() += 1;
        }
    }
    let twice: Vec<_> = extracted.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "committed twice: {twice:?}");
    let first = cloud.manifest("00.mp4");
    for number in 0..VIDEOS {
        let name = format!("{number:02}.mp4");
        let manifest = cloud.manifest(&name);
        assert_eq!(manifest.frames, first.frames, "{name}");
        for frame in &manifest.frames {
            let bytes = cloud
                .gcs
                .get(BUCKET, &format!("images/{name}/{}", frame.name));
            assert_eq!(bytes.unwrap().len() as u64, frame.bytes, "{name}");
        }
    }
    let expected = VIDEOS * (first.frames.len() + 2);
    assert_eq!(cloud.written().len(), expected, "nothing else is there");
    eprintln!("done at the kill: {at_kill}, at the stop: {at_stop}, of {VIDEOS}");
    last.stop();
}

#[test]
fn a_lost_message_is_found_by_a_sweep() {
    let cloud = Cloud::start();
    let video = h264_clip("four-seconds.mp4", 4);
    cloud.upload(&video, "lost.mp4");
    cloud.upload(&video, "notes.txt");
    cloud.pubsub.take(UPLOADS, 2);
    let sweep = |age: &str| -> Value {
        let output = cloud.run(&["sweep", "--json", "--sweep-age", age]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let swept: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(swept[0]["function"], "extract-frames");
        swept[0].clone()
    };
    let young = sweep("1h");
    assert_eq!(
        (young["young"].as_u64(), young["queued"].as_u64()),
        (Some(1), Some(0))
    );
    let found = sweep("1ms");
    assert_eq!(
        (found["objects"].as_u64(), found["queued"].as_u64()),
        (Some(1), Some(1))
    );
    let worker = cloud.worker("one", &["--sweep-every", "off"]);
    assert_eq!(cloud.manifest("lost.mp4").frames.len(), 4);
    worker.stop();
    let after = sweep("1ms");
    assert_eq!(
        (after["done"].as_u64(), after["queued"].as_u64()),
        (Some(1), Some(0))
    );
}

#[test]
fn failures_are_listed_shown_and_tried_again() {
    let cloud = Cloud::start();
    let junk = cloud.folder().join("junk.mp4");
    fs::write(&junk, b"this is no video").unwrap();
    cloud.upload(&junk, "cam/junk.mp4");
    cloud.pubsub.publish(UPLOADS, b"not an event", &[]);
    let worker = cloud.worker("one", &["--sweep-every", "off"]);
    let list = || -> Value {
        let output = cloud.run(&["failures", "list", "--json"]);
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    };
    let count = |list: &Value, kind: &str| list[kind].as_array().map_or(0, Vec::len);
    wait_for("a failure record and a dead letter", || {
        let list = list();
        (count(&list, "records"), count(&list, "dead_letters")) == (1, 1)
    });
    let listed = list();
    assert_eq!(listed["records"][0]["record"]["code"], "unknown_container");
    let dead = listed["dead_letters"][0]["id"].as_str().unwrap().to_owned();
    let shown = cloud.run(&["failures", "show", "videos/cam/junk.mp4"]);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["record"]["source"]["name"], "videos/cam/junk.mp4");
    assert!(cloud.run(&["failures", "show", &dead]).status.success());
    let unknown = cloud.run(&["failures", "retry", "videos/none.mp4"]);
    assert!(!unknown.status.success());
    // The uploader replaces the object; the retry finds the new one.
    let retried = cloud.run(&["failures", "retry", "--all"]);
    let words = String::from_utf8_lossy(&retried.stdout).into_owned();
    assert!(
        words.contains("1 failed objects and 1 dead letters"),
        "{words}"
    );
    wait_for("both to fail again", || {
        let list = list();
        (count(&list, "records"), count(&list, "dead_letters")) == (1, 1)
            && worker.log().matches("rejected: ").count() == 2
    });
    worker.stop();
}

#[test]
fn check_says_all_that_is_wrong_in_one_run() {
    let cloud = Cloud::start();
    cloud.upload(&h264_clip("four-seconds.mp4", 4), "a.mp4");
    let good = cloud.run(&["check", "--json"]);
    let words = String::from_utf8_lossy(&good.stdout).into_owned();
    assert!(good.status.success(), "{words}");
    let toml = cloud.folder().join("framemill.toml");
    fs::write(
        &toml,
        "max_attempts = 0\nprefetch = -1\n\
         [extract]\nvideo_path = 'footage/'\nquality = 200\n\
         [labeling]\ntarget = 'webhook'\ntarget_url = 'http://127.0.0.1:9'\n\
         [[labeling.credentials]]\nurl = 'https://nobody.example.com'\nkind = 'bearer'\nenv = 'NOT_SET'\n",
    )
    .unwrap();
    let mut check = framemill();
    check.args(["check", "--json", "--config"]).arg(&toml);
    let bad = run(cloud
        .at(&mut check)
        .env("FRAMEMILL_STORE", "gs://nowhere")
        .env(
            "FRAMEMILL_SOURCE",
            "projects/test-project/subscriptions/nothing",
        ));
    assert_eq!(bad.status.code(), Some(1));
    let findings: Vec<Value> = serde_json::from_slice(&bad.stdout).unwrap();
    let errors: Vec<String> = findings
        .iter()
        .filter(|finding| finding["severity"] == "error")
        .map(|finding| format!("{}: {}", finding["subject"], finding["fact"]))
        .collect();
    for part in [
        "max_attempts",
        "prefetch",
        "quality",
        "nowhere",
        "subscriptions/nothing",
        "NOT_SET",
        "FRAMEMILL_LABELING_TOKEN",
    ] {
        assert!(
            errors.iter().any(|error| error.contains(part)),
            "{part} is not named:\n{}",
            errors.join("\n")
        );
    }
    let wrong_prefix = cloud.run(&["check", "--video-path", "footage/", "--json"]);
    let words = String::from_utf8_lossy(&wrong_prefix.stdout).into_owned();
    assert!(
        words.contains("footage/") && words.contains("warning"),
        "{words}"
    );
}

/// Another component on other objects of the same bucket, beside the standard pipelines.
#[test]
fn a_pipeline_of_ones_own_runs_beside_the_others() {
    let cloud = Cloud::start();
    fs::write(
        cloud.folder().join("framemill.toml"),
        "[[pipeline]]\nname = 'thumbnails'\ncomponent = 'extract-frames'\n\
         prefix = 'extra/'\nsuffix = '.mp4'\nwrite = ['thumbs/', 'thumbs-of/']\n\
         [pipeline.variables]\nbucket = 'footage'\nvideo_path = 'extra/'\n\
         image_path = 'thumbs/'\nmanifest_path = 'thumbs-of/videos/'\n\
         record_path = 'thumbs-of/records/'\nevery = '2s'\nmax_side = 64\n\
         segments_url = 'http://extract-frames.spin.internal/segments'\n",
    )
    .unwrap();
    let worker = cloud.worker("one", &["--sweep-every", "off"]);
    let video = h264_clip("four-seconds.mp4", 4);
    cloud.upload(&video, "x.mp4");
    let bytes = fs::read(&video).unwrap();
    cloud.gcs.upload(BUCKET, "extra/x.mp4", "video/mp4", &bytes);
    assert_eq!(cloud.manifest("x.mp4").frames.len(), 4);
    let mut thumbs = Vec::new();
    wait_for("the thumbnails' manifest", || {
        thumbs = cloud
            .gcs
            .get(BUCKET, "thumbs-of/videos/x.mp4.json")
            .unwrap_or_default();
        !thumbs.is_empty()
    });
    let manifest: framemill_contract::Manifest = serde_json::from_slice(&thumbs).unwrap();
    assert_eq!(indices(&manifest), [0, 60]);
    assert_eq!(manifest.frames[0].width, 64);
    let image = cloud.gcs.get(BUCKET, "thumbs/x.mp4/000060.jpg");
    assert_eq!(image.unwrap().len() as u64, manifest.frames[1].bytes);
    worker.stop();
}
