//! The `framemill` binary.

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    framemill::cli::run(framemill::cli::Cli::parse())
}
