//! Steps of the real component, alone: host/examples/segment.rs sends it a segment in this or that
//! state of completeness, and differences are what a step costs.

use super::process::timed;
use super::progress::best;
use crate::toolchain::cargo_command;
use crate::{build, sh};
use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How much of a segment's work is done: each step does what those before it do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Bytes are fetched.
    Read,
    /// All access units are decoded.
    Decode,
    /// Frames are scored.
    Score,
    /// Frames become images.
    Images,
}

impl Work {
    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Decode => "decode",
            Self::Score => "score",
            Self::Images => "images",
        }
    }
}

/// Which access units of a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Units {
    /// All.
    All,
    /// Sync samples.
    Key,
}

/// What a segment took.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Segment {
    /// Processor time of sandbox and host, milliseconds.
    pub cpu_ms: f64,
    /// Access units that were to be worked on.
    pub samples: u64,
    /// Access units that were decoded.
    pub access_units: u64,
    /// Images that were made.
    pub images: u64,
    /// Their bytes.
    pub image_bytes: u64,
    /// Frames that were scored and dropped.
    pub dropped: u64,
}

/// Sends segments.
pub struct Sandbox {
    program: PathBuf,
    component: PathBuf,
    cache: PathBuf,
    /// How often; the least processor time counts.
    pub runs: u32,
}

impl Sandbox {
    /// Builds component and program.
    ///
    /// # Errors
    /// Where they cannot be built.
    pub fn build(folder: &Path, runs: u32) -> Result<Self> {
        build::components()?;
        Ok(Self {
            program: example("segment")?,
            component: build::component_path("extract-frames"),
            cache: folder.join("cache"),
            runs,
        })
    }

    /// One segment: the whole video, or its sync samples.
    ///
    /// # Errors
    /// Where the segment fails, or did other work than it was asked for.
    pub fn segment(&self, video: &Path, units: Units, work: Work) -> Result<Segment> {
        self.run(video, units, work, &["--runs", &self.runs.to_string()])
    }

    /// The same once, in code that can be interrupted or not.
    ///
    /// # Errors
    /// As [`Sandbox::segment`].
    pub fn once(
        &self,
        video: &Path,
        units: Units,
        work: Work,
        interruption: bool,
    ) -> Result<Segment> {
        let flags: &[&str] = if interruption {
            &[]
        } else {
            &["--uninterrupted"]
        };
        self.run(video, units, work, flags)
    }

    fn run(&self, video: &Path, units: Units, work: Work, flags: &[&str]) -> Result<Segment> {
        let mut run = sh::command(&self.program);
        run.arg("--component").arg(&self.component);
        run.arg("--cache").arg(&self.cache);
        run.args(["--work", work.name()]).args(flags);
        if units == Units::Key {
            run.arg("--key-frames");
        }
        let line = sh::output(run.arg(video))?;
        serde_json::from_str(&line).with_context(|| format!("no figures: {line}"))
    }
}

/// Builds an example of the host's and gives its path.
///
/// # Errors
/// Where it cannot be built.
pub fn example(name: &str) -> Result<PathBuf> {
    let mut build = cargo_command()?;
    // Not `--package`: with the features that everything else is built with.
    build.args(["build", "--release", "--locked", "--example", name]);
    let what = format!("building example {name}");
    crate::step::step(&what, || sh::run(&mut build))?;
    Ok(sh::root().join("target/release/examples").join(name))
}

/// Processor time of ffmpeg in one thread, milliseconds; `runs` times, the least counts.
/// `input` are its arguments before the video, `output` those after it.
///
/// # Errors
/// Where ffmpeg fails.
pub fn ffmpeg(runs: u32, input: &[&str], video: &Path, output: &[&str]) -> Result<f64> {
    let used = best(
        runs,
        |it: &super::process::Used| it.cpu,
        || {
            let mut ffmpeg = Command::new("ffmpeg");
            ffmpeg.args(["-v", "error", "-nostdin", "-threads", "1"]);
            ffmpeg.args(["-filter_threads", "1"]).args(input);
            ffmpeg.arg("-i").arg(video).args(["-map", "0:v:0"]);
            ffmpeg
                .args(output)
                .args(["-threads", "1", "-f", "null", "-"]);
            timed(&mut ffmpeg)
        },
    )?;
    Ok(used.cpu * 1000.0)
}
