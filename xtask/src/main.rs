//! `cargo xtask`: everything that a person or CI runs.

mod bench;
mod boundary;
mod build;
mod chaos;
mod demo;
mod dist;
mod documents;
mod infra;
mod sample;
mod servers;
mod sh;
mod step;
mod test;
mod toolchain;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

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
    /// Set everything up, turn a video into images on the embedded defaults, show where they are
    Demo {
        /// A video, or a folder of videos; without it a sample is made
        #[arg(long)]
        video: Option<PathBuf>,
        /// The same on emulators of a cloud, labeling request included
        #[arg(long)]
        cloud: bool,
        /// The same under the `spin` on the PATH, with fake-gcs-server as the bucket
        #[arg(long, conflicts_with = "cloud")]
        spin: bool,
        /// From videos to an exported dataset, with a labeling system of the demo's own
        #[arg(long, conflicts_with_all = ["cloud", "spin"])]
        dataset: bool,
    },
    /// Set everything up and run every test
    Test {
        /// Also run what takes minutes to install
        #[arg(long)]
        with: Vec<test::With>,
        /// Passed to the test programs, for example a part of a test's name
        filter: Vec<String>,
    },
    /// Measure framemill beside the Python sample it replaces and ffmpeg; prints tables
    Bench(bench::Options),
    /// Attack the host with mutated videos, kills and full disks, and check each outcome
    #[command(disable_help_flag = true)]
    Chaos {
        /// --seed, --videos, --kills, --disks, --only: see `cargo xtask chaos --help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Flip bits of coded pictures: where ffmpeg's decoder reports an error, framemill must have said
    /// which frames are damaged or missing. The tests do so with 200 flips of each kind of stream
    Flips {
        /// Flips of each kind of stream
        #[arg(long, default_value_t = 2500)]
        count: u32,
        /// Only the kinds whose names contain this, as h264
        #[arg(long, default_value = "")]
        kind: String,
    },
    /// Build the archive of a release into target/dist, and try it out
    Dist,
    /// Check infra/ and the Dockerfile; `cargo xtask build` comes first
    CheckInfra,
    /// Check that every link in the documents leads somewhere, and that the README is short
    CheckDocs,
    /// Check the source tree: crates/ without I/O, no long file, no modules in a circle
    Boundary,
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
        Task::Demo {
            video, cloud: true, ..
        } => demo::cloud(video.as_deref()),
        Task::Demo {
            video, spin: true, ..
        } => demo::spin(video.as_deref()),
        Task::Demo {
            video,
            dataset: true,
            ..
        } => demo::dataset(video.as_deref()),
        Task::Demo { video, .. } => demo::demo(video.as_deref()),
        Task::Test { with, filter } => test::test(&with, &filter),
        Task::Bench(options) => bench::bench(&options),
        Task::Chaos { arguments } => chaos::chaos(&arguments),
        Task::Flips { count, kind } => test::flips(count, &kind),
        Task::Dist => dist::dist(),
        Task::CheckInfra => infra::check(),
        Task::CheckDocs => documents::check(),
        Task::Boundary => boundary::check(),
    }
}
