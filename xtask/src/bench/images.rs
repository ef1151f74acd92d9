//! What a decoded frame costs on its way to an image.

use super::clips::{CAMERA, Footage};
use super::process::mib;
use super::progress::Progress;
use super::sandbox::{Sandbox, Units, Work, ffmpeg};
use super::table::{head, ratio, row};
use anyhow::{Result, ensure};
use std::path::Path;

const COLUMNS: [&str; 5] = [
    "step, 1080p",
    "frames",
    "framemill ms each",
    "ffmpeg -threads 1 ms each",
    "÷ ffmpeg",
];

/// Sync samples of the camera's clip become images; what decoding them costs is taken off.
///
/// # Errors
/// Where a segment or ffmpeg fails.
pub fn bench(folder: &Path, footage: &Footage, runs: u32) -> Result<()> {
    let paths = footage.make(folder, &[&CAMERA])?;
    let sandbox = Sandbox::build(folder, runs)?;
    let mut progress = Progress::new("images", 5);
    println!("{}", head(&COLUMNS, 1));
    for path in &paths {
        let mut ours = |work: Work| {
            let what = format!("framemill: {work:?}");
            progress.step(&what, || sandbox.segment(path, Units::Key, work))
        };
        let (decode, score, images) =
            (ours(Work::Decode)?, ours(Work::Score)?, ours(Work::Images)?);
        let frames = images.images;
        ensure!(frames > 0, "no image was made");
        ensure!(
            score.dropped == frames,
            "{} frames scored, {frames} images",
            score.dropped
        );
        let each = |more: f64, less: f64| (more - less) / frames as f64;
        let key = ["-skip_frame", "nokey"];
        let decoded = progress.step("ffmpeg: decode", || ffmpeg(runs, &key, path, &[]))?;
        let jpeg = ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "2"];
        let encoded = progress.step("ffmpeg: images", || ffmpeg(runs, &key, path, &jpeg))?;
        let theirs = each(encoded, decoded);
        let size = mib(images.image_bytes) * 1024.0 / frames as f64;
        let scored = each(score.cpu_ms, decode.cpu_ms);
        let made = each(images.cpu_ms, score.cpu_ms);
        let jpeg = format!("JPEG of quality 95 ({size:.0} KiB), SHA-256, written");
        for (step, ours, theirs) in [
            ("scored".to_owned(), scored, 0.0),
            (jpeg, made, theirs),
            ("both".to_owned(), scored + made, theirs),
        ] {
            println!("{}", row(&cells(&step, frames, ours, theirs)));
        }
    }
    Ok(())
}

fn cells(step: &str, frames: u64, ours: f64, theirs: f64) -> Vec<String> {
    let peer = match theirs > 0.0 {
        true => format!("{theirs:.2}"),
        false => "–".to_owned(),
    };
    vec![
        step.to_owned(),
        frames.to_string(),
        format!("{ours:.2}"),
        peer,
        ratio(ours, theirs),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_without_a_peer_has_no_ratio() {
        assert_eq!(
            cells("scored", 30, 6.0, 0.0).join("|"),
            "scored|30|6.00|–|–"
        );
        let row = cells("both", 30, 66.0, 22.0);
        assert_eq!(row.join("|"), "both|30|66.00|22.00|3.00");
        assert_eq!(row.len(), COLUMNS.len());
    }
}
