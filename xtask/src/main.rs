//! `cargo xtask`: everything that a person or CI runs.

mod build;
mod sh;
mod toolchain;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Builds, demonstrates, tests and measures framemill. Installs what is missing by itself.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the components into target/components and the host into target/release
    Build {
        /// Only the components: what `spin build` needs
        #[arg(long)]
        components: bool,
    },
}

fn main() -> Result<()> {
    match Cli::parse().task {
        Task::Build { components: only } => {
            build::components()?;
            if !only {
                build::host()?;
            }
            Ok(())
        }
    }
}
