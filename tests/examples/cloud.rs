//! `cargo xtask demo --cloud`: the pipeline of a cloud on emulators. A video is uploaded to a
//! bucket, which tells Pub/Sub; framemill writes images and manifest; their event makes it ask a
//! labeling system, here a webhook of this program, for labels.

use framemill_tests::cloud::{BUCKET, Cloud, UPLOADS};
use framemill_tests::receiver::Receiver;
use framemill_tests::servers::PubSub;
use framemill_tests::wait_for;
use std::path::PathBuf;

const SHOWN: usize = 5;

fn main() {
    let videos: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    assert!(!videos.is_empty(), "usage: cloud VIDEO…");
    let cloud = Cloud::start();
    let receiver = Receiver::start();
    println!("Pub/Sub emulator  {}", cloud.pubsub.endpoint());
    println!("object server     {}", cloud.gcs.endpoint());
    println!("labeling system   {}", receiver.url());
    let toml = format!(
        "store = 'gs://{BUCKET}'\nsource = 'pubsub://{}'\n\n[labeling]\ntarget = 'webhook'\ntarget_url = '{}'\ntoken_file = 'token'\n",
        PubSub::subscription(UPLOADS),
        receiver.url()
    );
    println!("\nframemill.toml:\n{toml}");
    std::fs::write(cloud.folder().join("framemill.toml"), toml).unwrap();
    std::fs::write(cloud.folder().join("token"), "secret-of-the-demo").unwrap();
    let worker = cloud.worker("demo", &["--sweep-every", "off"]);
    for video in &videos {
        let name = video.file_name().unwrap().to_string_lossy().into_owned();
        cloud.upload(video, &name);
        println!("uploaded gs://{BUCKET}/videos/{name}");
        show(&cloud, &receiver, &name);
    }
    assert!(
        receiver
            .arrived()
            .iter()
            .all(|batch| batch.is_signed_with("secret-of-the-demo")),
        "a batch is not signed"
    );
    worker.stop();
}

/// Waits for a video's images and the request for their labels, and names them.
fn show(cloud: &Cloud, receiver: &Receiver, name: &str) {
    let manifest = cloud.manifest(name);
    let folder = format!("images/{name}/");
    let receipt = format!("/{name}/receipt.json");
    wait_for("the labeling request", || {
        let objects = cloud.gcs.list(BUCKET, "records/labels/");
        objects.iter().any(|it| it.name.ends_with(&receipt))
    });
    println!("{} images in gs://{BUCKET}/{folder}", manifest.frames.len());
    for frame in manifest.frames.iter().take(SHOWN) {
        println!(
            "  {} at {:.2} s, {} bytes",
            frame.name, frame.seconds, frame.bytes
        );
    }
    let asked = receiver.frames().into_keys();
    let asked = asked
        .filter(|key| key.contains(&format!("videos/{name}#")))
        .count();
    assert_eq!(asked, manifest.frames.len(), "labels were asked for");
    println!("labels asked for: {asked} frames, each once\n");
}
