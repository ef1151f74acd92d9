//! The cases of `tests/cases` and the demo under a real `spin up`: `cargo xtask test --with spin`.
#![cfg(feature = "spin")]

use framemill_tests::conformance::{run, spin::Spin};
use framemill_tests::servers::Gcs;
use framemill_tests::spin_demo::{BUCKET, Demo};
use framemill_tests::{h264_clip, indices};
use std::path::Path;

#[test]
fn the_cases_pass_under_spin() {
    let failures = run(&mut Spin::find());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// `cargo xtask demo --spin` is this with a sample video.
#[test]
fn the_demo_passes_under_spin() {
    let gcs = Gcs::start();
    gcs.create_bucket(BUCKET);
    let demo = Demo::upload(&gcs.endpoint(), &h264_clip("four-seconds.mp4", 4));
    let mut spin = Spin::find();
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spin.toml");
    spin.serve(&manifest, &demo.variables());
    let extracted = demo.extract(|request| spin.post(request)).unwrap();
    assert_eq!(indices(&extracted), [0, 30, 60, 90]);
}
