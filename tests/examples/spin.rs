//! `cargo xtask demo --spin`: the components under a real `spin up`, with fake-gcs-server as their
//! store. Images are left in a folder: the store ends with this program.

use framemill_tests::conformance::spin::Spin;
use framemill_tests::servers::Gcs;
use framemill_tests::spin_demo::{BUCKET, Demo};
use std::path::{Path, PathBuf};

const SHOWN: usize = 5;

fn main() {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(video), Some(folder)) = (arguments.next(), arguments.next()) else {
        panic!("usage: spin VIDEO FOLDER");
    };
    let gcs = Gcs::start();
    gcs.create_bucket(BUCKET);
    let demo = Demo::upload(&gcs.endpoint(), &video);
    let mut spin = Spin::find();
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spin.toml");
    let address = spin.serve(&manifest, &demo.variables());
    println!("object server  {}", gcs.endpoint());
    println!("spin up        {address}");
    for (name, value) in demo.variables() {
        println!("  SPIN_VARIABLE_{}={value}", name.to_uppercase());
    }
    println!("uploaded gs://{BUCKET}/{}", demo.object());
    let extracted = demo.extract(|request| spin.post(request));
    let extracted = extracted.unwrap_or_else(|why| panic!("{why}"));
    let images = folder.join("images");
    std::fs::create_dir_all(&images).unwrap();
    let name = demo.object().trim_start_matches("videos/");
    for frame in &extracted.frames {
        let bytes = demo.read(&format!("images/{name}/{}", frame.name));
        std::fs::write(images.join(&frame.name), bytes).unwrap();
    }
    println!(
        "{} images, copied to {}",
        extracted.frames.len(),
        images.display()
    );
    for frame in extracted.frames.iter().take(SHOWN) {
        println!("  {} at {:.2} s", frame.name, frame.seconds);
    }
    println!("manifest: gs://{BUCKET}/manifests/{name}.json");
}
