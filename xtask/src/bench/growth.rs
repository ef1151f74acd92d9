//! Whether longer videos cost more a minute: the same footage over and over.

use super::clips::{CAMERA, Footage, repeated};
use super::process::{Used, empty, images, timed};
use super::progress::{Progress, best};
use super::table::{head, ratio, row};
use crate::build;
use anyhow::{Result, ensure};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const COLUMNS: [&str; 8] = [
    "length",
    "images",
    "wall s",
    "CPU s",
    "CPU s a minute",
    "÷ first",
    "peak MiB",
    "÷ first",
];

/// `framemill extract` of videos of these lengths, in minutes.
///
/// # Errors
/// Where a video cannot be made or extracted.
pub fn bench(folder: &Path, footage: &Footage, minutes: &[u32], runs: u32) -> Result<()> {
    let paths = footage.make(folder, &[&CAMERA])?;
    build::components()?;
    let framemill = build::host()?;
    let long = empty(folder, "growth")?;
    let extract = |video: &Path, flags: &[&str]| {
        let out = empty(folder, "out")?;
        let mut extract = Command::new(&framemill);
        extract.args(["extract", "-o"]).arg(&out).args(flags);
        let used = timed(extract.arg(video).stderr(Stdio::null()))?;
        Ok((used, images(&out)?))
    };
    // The first run compiles the component.
    for clip in &paths {
        extract(clip, &["--count", "1"])?;
    }
    let mut progress = Progress::new("growth", minutes.len());
    let mut first = None;
    println!("{}", head(&COLUMNS, 1));
    for (minutes, clip) in minutes.iter().zip(paths.iter().cycle()) {
        let video = long.join(format!("{minutes}min.mp4"));
        repeated(clip, minutes * 60, &video)?;
        let (used, images) = progress.step(&format!("{minutes} min"), || {
            let cpu = |(used, _): &(Used, usize)| used.cpu;
            best(runs, cpu, || extract(&video, &[]))
        })?;
        // One a second.
        let enough = images + 2 >= *minutes as usize * 60;
        ensure!(enough, "{images} images of {minutes} minutes");
        let first = first.get_or_insert((*minutes, used));
        println!("{}", row(&cells(*minutes, images, &used, first)));
        fs::remove_file(&video)?;
    }
    empty(folder, "out")?;
    Ok(())
}

fn cells(minutes: u32, images: usize, used: &Used, first: &(u32, Used)) -> Vec<String> {
    let a_minute = |minutes: u32, used: &Used| used.cpu / f64::from(minutes);
    let cost = a_minute(minutes, used);
    vec![
        format!("{minutes} min"),
        images.to_string(),
        format!("{:.1}", used.wall),
        format!("{:.1}", used.cpu),
        format!("{cost:.2}"),
        ratio(cost, a_minute(first.0, &first.1)),
        format!("{:.0}", used.peak_mib),
        ratio(used.peak_mib, first.1.peak_mib),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_seen_against_the_first() {
        let used = |cpu, peak_mib| Used {
            wall: cpu / 2.0,
            cpu,
            peak_mib,
        };
        let first = (1, used(5.0, 80.0));
        let row = cells(10, 600, &used(60.0, 120.0), &first);
        assert_eq!(row.join("|"), "10 min|600|30.0|60.0|6.00|1.20|120|1.50");
        assert_eq!(row.len(), COLUMNS.len());
    }
}
