//! Without any cloud: an S3 server for the objects, RabbitMQ for the messages.

use framemill_contract::Manifest;
use framemill_tests::servers::{RabbitMq, S3};
use framemill_tests::*;
use std::fs;
use std::process::{Command, Output};

const BUCKET: &str = "footage";

struct Site {
    s3: S3,
    rabbit: RabbitMq,
}

impl Site {
    fn start() -> Self {
        let site = Self {
            s3: S3::start(),
            rabbit: RabbitMq::start(),
        };
        site.s3.create_bucket(BUCKET);
        site
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = framemill();
        command
            .args(arguments)
            .env("AWS_ENDPOINT_URL", self.s3.endpoint())
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", "us-east-1")
            .env("AMQP_URL", self.rabbit.url())
            .env("FRAMEMILL_STORE", format!("s3://{BUCKET}"))
            .env("FRAMEMILL_SOURCE", "amqp:uploads");
        command
    }

    fn run(&self, arguments: &[&str]) -> (bool, String) {
        let output: Output = run(&mut self.command(arguments));
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    }
}

#[test]
fn videos_in_s3_become_images_by_messages_of_rabbitmq() {
    let site = Site::start();
    let video = fs::read(h264_clip("four-seconds.mp4", 4)).unwrap();
    site.s3.put(BUCKET, "videos/cam1/a b.mp4", &video);
    site.s3.put(BUCKET, "videos/junk.mp4", b"this is no video");
    let (well, said) = site.run(&["check"]);
    assert!(well, "{said}");
    // Three messages for each.
    for _ in 0..3 {
        let (well, said) = site.run(&["sweep", "--sweep-age", "1ms"]);
        assert!(well && said.contains("2 queued"), "{said}");
    }
    let (well, said) = site.run(&["up", "--until-idle", "--sweep-every", "off"]);
    assert!(!well, "a video failed: {said}");
    assert_eq!(said.matches(" extracted: ").count(), 1, "{said}");
    assert_eq!(said.matches(" unchanged: ").count(), 2, "{said}");
    let object = |name: &str| site.s3.get(BUCKET, name).unwrap();
    let manifest = object("manifests/cam1/a b.mp4.json");
    let manifest: Manifest = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(indices(&manifest), [0, 30, 60, 90]);
    for frame in &manifest.frames {
        let image = object(&format!("images/cam1/a b.mp4/{}", frame.name));
        assert_eq!(image.len() as u64, frame.bytes);
    }
    let (none, said) = site.run(&["failures", "list"]);
    assert!(!none && said.contains("videos/junk.mp4"), "{said}");
    let (_, said) = site.run(&["sweep", "--sweep-age", "1ms"]);
    assert!(
        said.contains("1 done, 1 failed") && said.contains("0 queued"),
        "{said}"
    );
}
