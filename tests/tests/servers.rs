//! The servers that other tests stand on really do what those tests rely on.

#[cfg(feature = "label-studio")]
use framemill_tests::servers::LabelStudio;
use framemill_tests::servers::{Gcs, PubSub, RabbitMq, S3};
use framemill_tests::wait_for;
use serde_json::json;

#[test]
fn pubsub_gives_each_message_and_again_after_a_nack() {
    let pubsub = PubSub::start();
    pubsub.create_queue("work");
    let id = pubsub.publish("work", b"hello", &[("eventType", "TEST")]);
    let first = pubsub.take_unacked("work");
    assert_eq!(
        (&first.message_id, first.data.as_slice()),
        (&id, &b"hello"[..])
    );
    pubsub.nack("work", std::slice::from_ref(&first));
    let again = pubsub.take("work", 1);
    assert_eq!(again[0].message_id, id);
    assert_eq!(again[0].attributes["eventType"], "TEST");
    assert!(pubsub.pull("work", 1).is_empty(), "acked for good");
}

#[test]
fn pubsub_counts_deliveries_and_moves_dead_letters() {
    let pubsub = PubSub::start();
    pubsub.create_queue("dead");
    pubsub.create_topic("work");
    let policy = json!({ "deadLetterTopic": PubSub::topic("dead"), "maxDeliveryAttempts": 5 });
    pubsub.create_subscription("work", "work", json!({ "deadLetterPolicy": policy }));
    let id = pubsub.publish("work", b"poison", &[]);
    for attempt in 1..=5 {
        let message = pubsub.take_unacked("work");
        assert_eq!(
            (message.message_id.as_str(), message.delivery_attempt),
            (id.as_str(), Some(attempt))
        );
        pubsub.nack("work", &[message]);
    }
    // The emulator looks at the policy when the next one asks for work.
    let mut dead = Vec::new();
    wait_for("the dead letter", || {
        assert!(pubsub.pull("work", 1).is_empty(), "a sixth delivery");
        dead = pubsub.pull("dead", 1);
        !dead.is_empty()
    });
    assert_eq!(dead[0].data, b"poison");
}

#[test]
fn an_upload_to_gcs_arrives_as_an_event() {
    let pubsub = PubSub::start();
    pubsub.create_queue("events");
    let gcs = Gcs::with_events(&pubsub, "events");
    gcs.create_bucket("dataset");
    let object = gcs.upload("dataset", "videos/a b.mp4", "video/mp4", b"not a video");
    assert_eq!(
        gcs.get("dataset", "videos/a b.mp4").unwrap(),
        b"not a video"
    );
    assert_eq!(
        gcs.list("dataset", "videos/"),
        std::slice::from_ref(&object)
    );
    assert_eq!(gcs.get("dataset", "videos/none.mp4"), Err(404));

    let event = &pubsub.take("events", 1)[0].attributes;
    assert_eq!(event["eventType"], "OBJECT_FINALIZE");
    assert_eq!(event["bucketId"], "dataset");
    assert_eq!(event["objectId"], "videos/a b.mp4");
    assert_eq!(event["objectGeneration"], object.generation.to_string());

    gcs.delete("dataset", "videos/a b.mp4");
    let event = &pubsub.take("events", 1)[0].attributes;
    assert_eq!(event["eventType"], "OBJECT_DELETE");
    assert!(gcs.list("dataset", "").is_empty());
}

#[test]
fn s3_keeps_objects() {
    let s3 = S3::start();
    s3.create_bucket("dataset");
    s3.put("dataset", "videos/a b.mp4", b"not a video");
    assert_eq!(s3.get("dataset", "videos/a b.mp4").unwrap(), b"not a video");
    assert_eq!(s3.get("dataset", "videos/none.mp4"), Err(404));
}

#[test]
fn rabbitmq_speaks_amqp_and_two_nodes_live_side_by_side() {
    let (one, two) = (RabbitMq::start(), RabbitMq::start());
    assert_ne!(one.host_port(), two.host_port());
    for node in [&one, &two] {
        let greeting = String::from_utf8_lossy(&node.greeting()).into_owned();
        assert!(greeting.contains("RabbitMQ"), "{greeting}");
    }
}

/// Only with `cargo xtask test --with label-studio`, which sets the feature; it fails, like the
/// others, where the server is missing.
#[cfg(feature = "label-studio")]
#[test]
fn label_studio_takes_tasks_and_lists_them() {
    let studio = LabelStudio::start();
    let project = studio.create_project("frames");
    assert!(studio.tasks(project).is_empty());
    let tasks = json!([{ "data": { "image": "gs://dataset/a.jpg" } }, { "data": { "image": "gs://dataset/b.jpg" } }]);
    let import = format!("/api/projects/{project}/import");
    studio.call("POST", &import, Some(&tasks)).ok();
    let mut images: Vec<String> = studio
        .tasks(project)
        .iter()
        .map(|task| task["data"]["image"].as_str().unwrap().to_owned())
        .collect();
    images.sort();
    assert_eq!(images, ["gs://dataset/a.jpg", "gs://dataset/b.jpg"]);
}

#[test]
fn a_server_ends_with_everything_that_it_started() {
    let node = RabbitMq::start();
    let group = node.process_group();
    let members = || {
        let listed = std::process::Command::new("ps")
            .args(["-eo", "pgid="])
            .output()
            .unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        listed.split_whitespace().filter(|id| *id == group).count()
    };
    assert!(members() > 1, "the node and its helpers");
    drop(node);
    wait_for("the end of the group", || members() == 0);
}
