//! Decoding alone: the component in its sandbox against ffmpeg in one thread.

use super::clips::{AV1, CAMERA, Clip, Footage, HEVC, MJPEG, VP8, VP9, WEB};
use super::progress::Progress;
use super::sandbox::{Sandbox, Units, Work, ffmpeg};
use super::table::{head, ratio, row};
use anyhow::Result;
use std::path::Path;

/// What is decoded.
const CASES: [(&str, &Clip, Units); 7] = [
    ("H.264, key frames only", &CAMERA, Units::Key),
    ("H.264, all of P and B", &WEB, Units::All),
    ("HEVC", &HEVC, Units::All),
    ("AV1", &AV1, Units::All),
    ("VP9", &VP9, Units::All),
    ("VP8", &VP8, Units::All),
    ("Motion JPEG", &MJPEG, Units::All),
];

const COLUMNS: [&str; 6] = [
    "decoding alone, 1080p",
    "access units",
    "framemill ms each",
    "ns a luma sample",
    "ffmpeg -threads 1 ms each",
    "÷ ffmpeg",
];

/// Processor time of an access unit, what reading costs taken off on both sides.
///
/// # Errors
/// Where a segment or ffmpeg fails.
pub fn bench(folder: &Path, footage: &Footage, runs: u32) -> Result<()> {
    let clips = CASES.map(|(_, clip, _)| clip);
    let paths = footage.make(folder, &clips)?;
    let sandbox = Sandbox::build(folder, runs)?;
    let mut progress = Progress::new("decode", CASES.len() * 2);
    println!("{}", head(&COLUMNS, 1));
    for ((name, _, units), path) in CASES.iter().zip(&paths) {
        let (count, ours) = progress.step(&format!("framemill: {name}"), || {
            let decoded = sandbox.segment(path, *units, Work::Decode)?;
            let read = sandbox.segment(path, *units, Work::Read)?;
            Ok((
                decoded,
                each(decoded.cpu_ms, read.cpu_ms, decoded.access_units),
            ))
        })?;
        let theirs = progress.step(&format!("ffmpeg: {name}"), || {
            let skip: &[&str] = match units {
                Units::All => &[],
                Units::Key => &["-skip_frame", "nokey"],
            };
            let decoded = ffmpeg(runs, skip, path, &[])?;
            let read = ffmpeg(runs, &[], path, &["-c", "copy"])?;
            Ok(each(decoded, read, count.samples))
        })?;
        println!("{}", row(&cells(name, count.access_units, ours, theirs)));
    }
    Ok(())
}

/// Nanoseconds a luma sample, as the cost of a segment is planned with (crates/frames, `Cost`).
fn nanos(ms: f64) -> f64 {
    ms * 1e6 / (1920.0 * 1080.0)
}

/// Milliseconds of one of `count`, less what is needed without any.
fn each(all: f64, without: f64, count: u64) -> f64 {
    (all - without).max(0.0) / count.max(1) as f64
}

fn cells(name: &str, count: u64, ours: f64, theirs: f64) -> Vec<String> {
    vec![
        name.to_owned(),
        count.to_string(),
        format!("{ours:.2}"),
        format!("{:.1}", nanos(ours)),
        format!("{theirs:.2}"),
        ratio(ours, theirs),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reading_costs_is_taken_off() {
        assert_eq!(each(1300.0, 100.0, 30), 40.0);
        assert_eq!((each(90.0, 100.0, 30), each(5.0, 0.0, 0)), (0.0, 5.0));
        let row = cells("VP8", 30, 40.0, 10.0);
        assert_eq!(row.join("|"), "VP8|30|40.00|19.3|10.00|4.00");
        assert_eq!(row.len(), COLUMNS.len());
    }
}
