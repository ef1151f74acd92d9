//! `cargo xtask test`: everything there is to test, with everything it needs.

use crate::toolchain::cargo_command;
use crate::{build, servers, sh};
use anyhow::Result;

/// What is tested only on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum With {
    /// Tests against a real Label Studio: 280 MB of Python packages
    LabelStudio,
    /// The cases of tests/cases under a real `spin up`: Spin 2 or later, on the PATH or at
    /// FRAMEMILL_TEST_SPIN
    Spin,
}

/// Builds the components, installs what the tests compare with, runs all tests.
pub fn test(with: &[With], filter: &[String]) -> Result<()> {
    ffmpeg()?;
    build::all_components()?;
    let mut test = cargo_command()?;
    // The release profile: see Cargo.toml. The default members: guests of the tests are built
    // for wasm alone, and what they depend on would change how everything else is built.
    test.args(["test", "--release", "--locked", "--no-fail-fast"]);
    servers::provide(&mut test)?;
    if with.contains(&With::LabelStudio) {
        servers::provide_label_studio(&mut test)?;
        test.args(["--features", "framemill-tests/label-studio"]);
    }
    if with.contains(&With::Spin) {
        test.env("FRAMEMILL_TEST_SPIN", servers::spin()?);
        test.args(["--features", "framemill-tests/spin"]);
    }
    test.arg("--").args(filter);
    // Built with the tests; a build of its own would compile wasmtime with other features.
    test.env("FRAMEMILL_BIN", build::host_path());
    test.env("FRAMEMILL_COMPONENTS", build::components_dir());
    test.env("FRAMEMILL_TEST_COMPONENTS", build::components_dir());
    sh::run(&mut test)
}

/// Flips `count` bits of each kind of stream, one by one (crates/video/tests/decoders/flips.rs).
pub fn flips(count: u32, kind: &str) -> Result<()> {
    ffmpeg()?;
    let mut tests = cargo_command()?;
    tests.args(["test", "--release", "--locked", "--test", "decoders"]);
    tests
        .arg(format!("flips::{kind}"))
        .args(["--", "--nocapture"]);
    tests.env("FRAMEMILL_FLIPS", count.to_string());
    sh::run(&mut tests)
}

/// ffmpeg and ffprobe: they make the clips, and their pictures are the reference.
pub fn ffmpeg() -> Result<()> {
    sh::apt_install(&["ffmpeg"], || {
        sh::on_path("ffmpeg") && sh::on_path("ffprobe")
    })
}
