//! `cargo xtask demo --dataset`: the whole way of some videos, in a folder: images, labeling requests,
//! answers of people by webhook, annotations, a dataset with splits, and its exports.
//!
//! The labeling system is this program's own, after Label Studio's API; the people are a function that looks
//! for the yellow square of the sample videos, and says of other videos that there is nothing.

use framemill_tests::label_server::LabelServer;
use framemill_tests::servers::{free_port, try_send};
use framemill_tests::{framemill, signal, succeed, tree, wait_for};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use ureq::http::Request;

const TOKEN: &str = "a token of the demo";
const SECRET: &str = "a secret of the demo";
/// The exports that are made.
const FORMATS: [&str; 2] = ["coco", "yolo"];

fn main() {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.expect("usage: dataset FOLDER, with videos in FOLDER/bucket/videos");
    let data = folder.join("bucket");
    let server = LabelServer::start(TOKEN);
    let toml = folder.join("framemill.toml");
    let text = format!(
        "[labeling]\ntarget = 'label-studio'\ntarget_url = '{}'\nproject = '1'\n\n[annotations]\nsync_every = '1h'\n",
        server.origin()
    );
    println!("framemill.toml:\n{text}");
    std::fs::write(&toml, text).unwrap();

    let port = free_port();
    let up = start(&data, &toml, port);
    let webhooks = format!("http://127.0.0.1:{port}/annotations/label-studio");
    let connected = succeed(with_secrets(
        framemill().args(["annotations", "connect", &webhooks]),
        &data,
        &toml,
    ));
    print!("{}", String::from_utf8_lossy(&connected.stdout));
    answer(&server, &data);
    stop(up);
    report(&data, &folder, &toml);
}

fn with_secrets<'c>(command: &'c mut Command, data: &Path, toml: &Path) -> &'c mut Command {
    command.arg("--data").arg(data).arg("--config").arg(toml);
    command.env("FRAMEMILL_LABELING_TOKEN", TOKEN);
    command.env("FRAMEMILL_ANNOTATIONS_WEBHOOK_SECRET", SECRET)
}

fn start(data: &Path, toml: &Path, port: u16) -> Child {
    let mut up = framemill();
    // What happens to each frame would hide what there is to see.
    up.env("RUST_LOG", "warn");
    up.args([
        "up",
        "--stable-for",
        "100ms",
        "--listen",
        &format!("127.0.0.1:{port}"),
    ]);
    let up = with_secrets(&mut up, data, toml).spawn().unwrap();
    let health = format!("http://127.0.0.1:{port}/healthz");
    wait_for("framemill up", || {
        try_send(Request::get(&health).body(Vec::new()).unwrap()).is_ok()
    });
    up
}

fn stop(mut up: Child) {
    signal(&up, "TERM");
    assert!(up.wait().unwrap().success(), "framemill up ended badly");
}

/// People answer each task as it comes, until all images of all videos have an answer in the bucket.
fn answer(server: &LabelServer, data: &Path) {
    let videos = tree(&data.join("videos")).len();
    let named = |start: &str, end: &str| {
        let names = tree(data).into_keys();
        names
            .filter(|name| name.starts_with(start) && name.ends_with(end))
            .count()
    };
    let mut answered = BTreeSet::new();
    wait_for("annotations of all images", || {
        for (task, image) in server.images() {
            if answered.insert(task) {
                look(server, data, task, &image);
            }
        }
        let asked = named("records/labels/", "/receipt.json");
        let failed = named("records/failures/", ".json");
        let current = named("records/annotations/", "/current.json");
        asked + failed >= videos && current == answered.len()
    });
    println!(
        "{} tasks answered, each by a webhook and read again",
        answered.len()
    );
}

/// What a person says about an image.
fn look(server: &LabelServer, data: &Path, task: u64, image: &str) {
    let (_, name) = image
        .split_once("/images/")
        .expect("an image of the bucket");
    let picture = image::open(data.join("images").join(name))
        .unwrap()
        .to_rgb8();
    let (width, height) = picture.dimensions();
    let yellow = |rgb: &image::Rgb<u8>| rgb.0[0] > 220 && rgb.0[1] > 190 && rgb.0[2] < 90;
    let found: Vec<(u32, u32)> = picture
        .enumerate_pixels()
        .filter(|(_, _, rgb)| yellow(rgb))
        .map(|(x, y, _)| (x, y))
        .collect();
    let percent = |pixels: u32, of: u32| f64::from(pixels) * 100.0 / f64::from(of);
    let edges = || {
        let (xs, ys) = (found.iter().map(|it| it.0), found.iter().map(|it| it.1));
        let (left, right) = (xs.clone().min()?, xs.max()? + 1);
        let (top, bottom) = (ys.clone().min()?, ys.max()? + 1);
        Some([
            percent(left, width),
            percent(top, height),
            percent(right - left, width),
            percent(bottom - top, height),
        ])
    };
    match edges() {
        Some(edges) => server.mark_all(task, (width, height), &[("square", edges)]),
        None => server.mark_all(task, (width, height), &[]),
    }
}

/// Builds the dataset, exports it, and says what there is to see.
fn report(data: &Path, folder: &Path, toml: &Path) {
    let dataset = |arguments: &[&str]| {
        let mut command = framemill();
        command.arg("dataset").args(arguments);
        let output = succeed(with_secrets(&mut command, data, toml));
        println!("\n$ framemill dataset {}", arguments.join(" "));
        print!("{}", String::from_utf8_lossy(&output.stdout));
    };
    dataset(&["build", "squares", "--split", "train=0.6,val=0.2,test=0.2"]);
    for format in FORMATS {
        let to = folder.join(format);
        dataset(&[
            "export",
            "squares",
            "--format",
            format,
            "-o",
            to.to_str().unwrap(),
        ]);
    }
    println!("\nWhat to look at:");
    println!("  {}", data.join("datasets/squares").display());
    for format in FORMATS {
        println!("  {}", folder.join(format).display());
    }
}
