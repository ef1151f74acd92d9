//! `cargo xtask chaos`: builds what is attacked and what attacks it.

use crate::toolchain::cargo_command;
use crate::{build, sh, test};
use anyhow::Result;

/// Builds host, components and the harness (tests/chaos), and runs it with these arguments.
pub fn chaos(arguments: &[String]) -> Result<()> {
    let mut run = cargo_command()?;
    // Not `--package`: with the features that everything else is built with.
    run.args(["run", "--release", "--locked", "--bin", "framemill-chaos"]);
    run.arg("--").args(arguments);
    let asks = |argument: &String| argument == "--help" || argument == "-h";
    if !arguments.iter().any(asks) {
        test::ffmpeg()?;
        build::components()?;
        run.env("FRAMEMILL_BIN", build::host()?);
        run.env("FRAMEMILL_COMPONENTS", build::components_dir());
    }
    sh::run(&mut run)
}
