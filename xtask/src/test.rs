//! `cargo xtask test`: everything there is to test, with everything it needs.

use crate::toolchain::cargo_command;
use crate::{build, sh};
use anyhow::Result;

/// Builds the components, installs what the tests compare with, runs all tests.
pub fn test(filter: &[String]) -> Result<()> {
    ffmpeg()?;
    build::all_components()?;
    let mut test = cargo_command()?;
    // The release profile: see Cargo.toml.
    test.args([
        "test",
        "--release",
        "--workspace",
        "--locked",
        "--no-fail-fast",
        "--",
    ]);
    test.args(filter);
    // Built with the tests; a build of its own would compile wasmtime with other features.
    test.env("FRAMEMILL_BIN", build::host_path());
    test.env("FRAMEMILL_COMPONENTS", build::components_dir());
    test.env("FRAMEMILL_TEST_COMPONENTS", build::components_dir());
    sh::run(&mut test)
}

/// ffmpeg and ffprobe: they make the clips, and their pictures are the reference.
pub fn ffmpeg() -> Result<()> {
    sh::apt_install(&["ffmpeg"], || {
        sh::on_path("ffmpeg") && sh::on_path("ffprobe")
    })
}
