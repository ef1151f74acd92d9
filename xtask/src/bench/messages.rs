//! Many messages: what a message costs that asks for nothing, and one about a small video.

use super::process::file_mib;
use super::progress::Progress;
use super::sandbox::example;
use super::table::{head, ratio, row};
use crate::step::step;
use crate::{build, servers, sh};
use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::{Path, PathBuf};

const COLUMNS: [&str; 7] = [
    "messages",
    "source",
    "measured",
    "a second",
    "÷ embedded queue",
    "CPU ms each",
    "peak MiB",
];

/// What host/examples/messages.rs saw.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Settled {
    messages: u64,
    seconds: f64,
    cpu_seconds: f64,
    peak_mib: f64,
}

impl Settled {
    fn rate(&self) -> f64 {
        self.messages as f64 / self.seconds
    }
}

/// A `framemill up` over `ignored` messages that ask for nothing, and one over `videos` uploads of
/// a small video, each out of the embedded queue and out of Pub/Sub's emulator.
///
/// # Errors
/// Where the emulator is missing, or not all messages are settled as done.
pub fn bench(folder: &Path, ignored: usize, videos: usize) -> Result<()> {
    build::components()?;
    let framemill = build::host()?;
    let program = example("messages")?;
    let video = small_video(folder)?;
    let small = format!(
        "small videos: 320x180, 1 s, 1 image, {:.0} KiB",
        file_mib(&video)? * 1024.0
    );
    let mut progress = Progress::new("messages", 4);
    println!("{}", head(&COLUMNS, 2));
    for (what, count, video) in [
        ("ignored events", ignored, None),
        (small.as_str(), videos, Some(&video)),
    ] {
        let mut queue = None;
        for (name, source) in [("embedded queue", "queue"), ("Pub/Sub emulator", "pubsub")] {
            let mut run = sh::command(&program);
            run.args(["--source", source, "--count", &count.to_string()]);
            if let Some(video) = video {
                run.arg("--video").arg(video);
            }
            servers::provide_pubsub(&mut run)?;
            run.env("FRAMEMILL_BIN", &framemill);
            run.env("FRAMEMILL_COMPONENTS", build::components_dir());
            let what_runs = format!("{count} {what}, {name}");
            let line = progress.step(&what_runs, || sh::output(&mut run))?;
            let settled: Settled =
                serde_json::from_str(&line).with_context(|| format!("no figures: {line}"))?;
            let queue = *queue.get_or_insert(settled.rate());
            println!("{}", row(&cells(what, name, &settled, queue)));
        }
    }
    Ok(())
}

fn cells(what: &str, source: &str, settled: &Settled, queue: f64) -> Vec<String> {
    vec![
        what.to_owned(),
        source.to_owned(),
        settled.messages.to_string(),
        format!("{:.1}", settled.rate()),
        ratio(settled.rate(), queue),
        format!(
            "{:.2}",
            settled.cpu_seconds * 1000.0 / settled.messages as f64
        ),
        format!("{:.0}", settled.peak_mib),
    ]
}

fn small_video(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("small.mp4");
    if path.is_file() {
        return Ok(path);
    }
    let part = folder.join("part-small.mp4");
    let mut ffmpeg = sh::command("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i"]);
    ffmpeg.args([
        "mandelbrot=s=320x180:r=30",
        "-t",
        "1",
        "-pix_fmt",
        "yuv420p",
    ]);
    ffmpeg.args(["-c:v", "libx264", "-g", "30"]);
    step("making a small video", || sh::run(ffmpeg.arg(&part)))?;
    std::fs::rename(&part, &path)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_compared_with_the_queues() {
        let settled = Settled {
            messages: 900,
            seconds: 0.5,
            cpu_seconds: 0.9,
            peak_mib: 50.2,
        };
        let row = cells("ignored events", "Pub/Sub emulator", &settled, 3600.0);
        assert_eq!(row[2..].join("|"), "900|1800.0|0.50|1.00|50");
        assert_eq!(row.len(), COLUMNS.len());
    }
}
