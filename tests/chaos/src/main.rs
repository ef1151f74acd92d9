//! `cargo xtask chaos`: attacks the real host with the real components, and checks each outcome.

mod bucket;
mod check;
#[cfg(test)]
mod check_tests;
mod corpus;
mod disk;
mod elements;
mod host;
mod kills;
mod mutate;
mod report;
mod videos;

use anyhow::{Context as _, Result};
use clap::Parser;
use corpus::Corpus;
use report::Report;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::UNIX_EPOCH;

/// Attacks the real host: mutated videos, kills at random moments, full disks. Each outcome is
/// checked. The exit status is 1 where something is not as it must be; files are kept in
/// target/chaos/kept
#[derive(Parser)]
#[command(name = "cargo xtask chaos", bin_name = "cargo xtask chaos")]
struct Chaos {
    /// What all random numbers follow from; without it another one each time
    #[arg(long)]
    seed: Option<u64>,
    /// Mutated videos; 0 for none
    #[arg(long, default_value_t = 300)]
    videos: u64,
    /// Kills; 0 for none
    #[arg(long, default_value_t = 20)]
    kills: u64,
    /// Disks that fill up; 0 for none. Mounting one needs root [default: 1, or 0 where none can be
    /// mounted]
    #[arg(long)]
    disks: Option<u64>,
    /// Instead: only the mutated video with this number, its log shown and its file kept
    #[arg(long, requires = "seed")]
    only: Option<u64>,
}

fn main() -> Result<ExitCode> {
    let chaos = Chaos::parse();
    let seed = chaos.seed.unwrap_or_else(any_seed);
    let folder = folder()?;
    let _lock = lock(&folder)?;
    let mut report = Report::new(seed, &folder);
    eprintln!("seed {seed}");
    let disks = match chaos.only {
        // Before hours of other attacks.
        None => disk::possible(chaos.disks, &folder, &mut report)?,
        Some(_) => 0,
    };
    let corpus = Corpus::make()?;
    match chaos.only {
        Some(number) => videos::only(&corpus, number, &folder, &mut report)?,
        None => {
            videos::run(&corpus, chaos.videos, &folder, &mut report)?;
            kills::run(&corpus, chaos.kills, &folder, &mut report)?;
            disk::run(&corpus, disks, &folder, &mut report)?;
        }
    }
    Ok(if report.summary() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Two runs would take each other's folders away. The file is unlocked when it is closed.
fn lock(folder: &Path) -> Result<File> {
    let lock = File::create(folder.join("lock"))?;
    lock.try_lock()
        .context("another run is at work in target/chaos: wait for its end")?;
    Ok(lock)
}

fn any_seed() -> u64 {
    let now = UNIX_EPOCH.elapsed().unwrap_or_default();
    // Short enough to be typed.
    now.as_millis() as u64 % 1_000_000_000
}

/// `target/chaos`, without detours: the host is told it from elsewhere.
fn folder() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/chaos");
    std::fs::create_dir_all(&folder).context("target/chaos cannot be made")?;
    Ok(std::fs::canonicalize(folder)?)
}
