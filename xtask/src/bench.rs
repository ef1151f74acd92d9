//! `cargo xtask bench`: what framemill costs, beside what it replaces, and where the time goes.
//! Prints markdown tables of ratios; asserts nothing.

mod clips;
mod cold;
mod dataset;
mod decode;
mod growth;
mod images;
mod interruption;
mod messages;
mod peers;
mod process;
mod profile;
mod progress;
mod report;
mod sandbox;
mod scene;
mod table;

use crate::{sh, test};
use anyhow::{Context, Result};
use clips::Footage;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const EXAMPLES: &str = "\
Tables come on stdout, what is being done on stderr. The machine is part of every number: compare what
stands in one table, and call nothing faster that another run on a busy machine says is slower.
Footage is drawn once, with a camera's motion and noise, and kept in target/bench/clips.

Examples:
  cargo xtask bench                                    what a user gets, beside the sample and ffmpeg
  cargo xtask bench --decode --seconds 5 --runs 1      which decoder is slow, in some minutes
  cargo xtask bench --decode --images --video x.mp4    the same with footage of your own
  cargo xtask bench --growth --minutes 1,5             do long videos cost more a minute
  cargo xtask bench --profile                          which functions: target/bench/profile-*.txt
  cargo xtask bench --all >tables.md                   every table, in an hour or so";

/// Which parts, and of what.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// The Python sample, ffmpeg and framemill on the same clips: time, memory, bytes read (this is
    /// what runs if no part is named)
    #[arg(long, help_heading = "Parts")]
    peers: bool,
    /// Decoding alone, each codec: milliseconds an access unit in the sandbox, and in ffmpeg with one
    /// thread
    #[arg(long, help_heading = "Parts")]
    decode: bool,
    /// A decoded frame on its way to a JPEG: scored, converted, encoded, written
    #[arg(long, help_heading = "Parts")]
    images: bool,
    /// The same footage for longer and longer: processor time a minute and the host's memory
    #[arg(long, help_heading = "Parts")]
    growth: bool,
    /// Messages a second, ignored ones and small videos, from the embedded queue and from Pub/Sub's
    /// emulator
    #[arg(long, help_heading = "Parts")]
    messages: bool,
    /// Datasets of many annotated frames, built and exported: time and the host's memory
    #[arg(long, help_heading = "Parts")]
    dataset: bool,
    /// The same work with and without code by which a component can be stopped
    #[arg(long, help_heading = "Parts")]
    interruption: bool,
    /// How large the components are, and what a cold start costs
    #[arg(long, help_heading = "Parts")]
    cold: bool,
    /// Linux perf over host and component: the crates and functions that take the time
    #[arg(long, help_heading = "Parts")]
    profile: bool,
    /// All parts but --profile
    #[arg(long, help_heading = "Parts")]
    all: bool,
    /// Runs of each measurement; the one that took least counts
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Length of each clip
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(2..=3600))]
    seconds: u32,
    /// A video to make the clips of, instead of drawing them: scaled to 1080p30, repeated where it is
    /// short
    #[arg(long, value_name = "FILE")]
    video: Option<PathBuf>,
    /// --growth: lengths in minutes, the first one is what the others are compared with
    #[arg(long, value_delimiter = ',', default_value = "1,10,60", value_parser = clap::value_parser!(u32).range(1..=1440))]
    minutes: Vec<u32>,
    /// --messages: how many that are ignored
    #[arg(long, default_value_t = 5000, value_parser = messages)]
    events: usize,
    /// --messages: how many small videos
    #[arg(long, default_value_t = 200, value_parser = messages)]
    videos: usize,
    /// --dataset: how many frames, each with five boxes
    #[arg(long, value_delimiter = ',', default_value = "10000,100000", value_parser = frames)]
    frames: Vec<usize>,
}

/// Most frames of a dataset that is measured.
const MOST_FRAMES: usize = 10_000_000;

fn frames(text: &str) -> Result<usize> {
    let count: usize = text.parse()?;
    anyhow::ensure!(
        (1..=MOST_FRAMES).contains(&count),
        "is not 1 to {MOST_FRAMES}"
    );
    Ok(count)
}

/// Fewer are settled before anybody has looked.
fn messages(text: &str) -> Result<usize> {
    let count: usize = text.parse()?;
    anyhow::ensure!((20..=1_000_000).contains(&count), "is not 20 to 1000000");
    Ok(count)
}

impl Options {
    fn footage(&self) -> Result<Footage> {
        let video = self.video.as_ref().map(|video| {
            let path = fs::canonicalize(video);
            path.with_context(|| format!("cannot read {}", video.display()))
        });
        Ok(Footage {
            seconds: self.seconds,
            video: video.transpose()?,
        })
    }

    fn part(&self, chosen: bool) -> bool {
        chosen || self.all
    }

    fn peers(&self) -> bool {
        let others = [
            self.decode,
            self.images,
            self.growth,
            self.messages,
            self.dataset,
            self.interruption,
            self.cold,
            self.profile,
        ];
        self.part(self.peers) || !others.contains(&true)
    }
}

/// Measures the parts that are asked for, one after the other.
pub fn bench(options: &Options) -> Result<()> {
    test::ffmpeg()?;
    let folder = sh::root().join("target/bench");
    fs::create_dir_all(&folder)?;
    let (footage, runs) = (options.footage()?, options.runs);
    println!("{}", machine());
    if options.peers() {
        peers::bench(&folder, &footage, runs)?;
    }
    if options.part(options.decode) {
        decode::bench(&folder, &footage, runs)?;
    }
    if options.part(options.images) {
        images::bench(&folder, &footage, runs)?;
    }
    if options.part(options.growth) {
        growth::bench(&folder, &footage, &options.minutes, runs)?;
    }
    if options.part(options.messages) {
        messages::bench(&folder, options.events, options.videos)?;
    }
    if options.part(options.dataset) {
        dataset::bench(&folder, &options.frames)?;
    }
    if options.part(options.interruption) {
        interruption::bench(&folder, &footage, runs)?;
    }
    if options.part(options.cold) {
        cold::bench()?;
    }
    if options.profile {
        profile::bench(&folder, &footage)?;
    }
    Ok(())
}

fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let version = sh::output(Command::new("ffmpeg").arg("-version")).unwrap_or_default();
    let version = version.lines().next().unwrap_or_default();
    format!(
        "{cores} × {}, {}",
        model.map_or("CPU", |(_, model)| model),
        version.split(" Copyright").next().unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Probe {
        #[command(flatten)]
        options: Options,
    }

    fn parse(words: &[&str]) -> Result<Options, clap::Error> {
        let words = std::iter::once("bench").chain(words.iter().copied());
        Ok(Probe::try_parse_from(words)?.options)
    }

    #[test]
    fn parts_are_those_that_are_named() {
        let parts = |words: &[&str]| {
            let it = parse(words).unwrap();
            [
                it.peers(),
                it.part(it.decode),
                it.part(it.growth),
                it.profile,
            ]
        };
        assert_eq!(parts(&[]), [true, false, false, false]);
        assert_eq!(parts(&["--decode"]), [false, true, false, false]);
        assert_eq!(parts(&["--peers", "--growth"]), [true, false, true, false]);
        assert_eq!(parts(&["--profile"]), [false, false, false, true]);
        assert_eq!(parts(&["--all"]), [true, true, true, false]);
    }

    #[test]
    fn numbers_are_held_to_what_makes_sense() {
        let it = parse(&["--minutes", "1,5", "--seconds", "5"]).unwrap();
        assert_eq!((it.minutes, it.seconds, it.runs), (vec![1, 5], 5, 2));
        assert_eq!(parse(&[]).unwrap().minutes, [1, 10, 60]);
        for wrong in [
            ["--runs", "0"],
            ["--seconds", "1"],
            ["--minutes", "0"],
            ["--minutes", "1,x"],
            ["--events", "19"],
            ["--videos", "many"],
            ["--frames", "0"],
        ] {
            assert!(parse(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_video_that_is_not_there_is_named() {
        let options = parse(&["--video", "/nowhere/x.mp4"]).unwrap();
        let error = options.footage().unwrap_err().to_string();
        assert!(error.contains("/nowhere/x.mp4"), "{error}");
    }
}
