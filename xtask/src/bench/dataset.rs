//! Whether datasets of many frames are built and exported in memory that does not grow with the images.

use super::process::{Used, empty, timed};
use super::progress::Progress;
use super::table::{head, ratio, row};
use crate::{build, sample, sh};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const COLUMNS: [&str; 8] = [
    "frames",
    "boxes",
    "images MiB",
    "what",
    "wall s",
    "CPU s",
    "peak MiB",
    "÷ images",
];
/// Frames of a video.
const FRAMES_OF_VIDEO: usize = 1000;
/// Boxes of a frame.
const BOXES: usize = 5;
/// A time of answers.
const ANSWERED: &str = "2026-11-01T10:00:00Z";

/// A bucket as `framemill up` leaves it, with all frames of one image.
struct Bucket {
    data: PathBuf,
    images_mib: f64,
}

/// Builds and exports datasets of so many frames.
///
/// # Errors
/// Where a bucket cannot be made, or a command fails.
pub fn bench(folder: &Path, frames: &[usize]) -> Result<()> {
    build::components()?;
    let framemill = build::host()?;
    let mut progress = Progress::new("dataset", frames.len());
    println!("{}", head(&COLUMNS, 0));
    for &count in frames {
        let rows = progress.step(&format!("{count} frames"), || {
            let bucket = Bucket::make(folder, &framemill, count)?;
            let out = empty(folder, "dataset-out")?;
            let coco = out.join("coco");
            let mut rows = Vec::new();
            for (what, arguments) in [
                ("build", vec!["build", "bench"]),
                ("coco", vec!["export", "bench", "--format", "coco", "-o"]),
            ] {
                let mut command = Command::new(&framemill);
                command
                    .arg("dataset")
                    .args(arguments)
                    .args((what == "coco").then_some(&coco));
                command
                    .arg("--data")
                    .arg(&bucket.data)
                    .stderr(Stdio::null());
                rows.push(cells(count, bucket.images_mib, what, &timed(&mut command)?));
            }
            ensure!(coco.join("annotations").is_dir(), "nothing was exported");
            empty(folder, "dataset-out")?;
            empty(folder, "dataset")?;
            Ok(rows)
        })?;
        rows.iter().for_each(|cells| println!("{}", row(cells)));
    }
    Ok(())
}

fn cells(frames: usize, images_mib: f64, what: &str, used: &Used) -> Vec<String> {
    vec![
        frames.to_string(),
        (frames * BOXES).to_string(),
        format!("{images_mib:.0}"),
        what.to_owned(),
        format!("{:.1}", used.wall),
        format!("{:.1}", used.cpu),
        format!("{:.0}", used.peak_mib),
        ratio(used.peak_mib, images_mib),
    ]
}

impl Bucket {
    /// One real video is extracted; its manifest and its first image stand for all.
    fn make(folder: &Path, framemill: &Path, frames: usize) -> Result<Self> {
        let work = empty(folder, "dataset")?;
        let (video, out) = (work.join("sample.avi"), work.join("out"));
        fs::write(&video, sample::video()?)?;
        let mut extract = Command::new(framemill);
        extract.args(["extract", "-o"]).arg(&out).arg(&video);
        sh::run(extract.stdout(Stdio::null()))?;
        let one = out.join("sample.avi");
        let manifest: Value = serde_json::from_slice(&fs::read(one.join("manifest.json"))?)?;
        let frame = manifest["frames"]
            .get(0)
            .context("no frame of the sample")?
            .clone();
        let image = one.join(frame["name"].as_str().context("a frame without a name")?);
        let bucket = Self {
            data: work.join("bucket"),
            images_mib: super::process::file_mib(&image)? * frames as f64,
        };
        for number in 0..frames.div_ceil(FRAMES_OF_VIDEO) {
            let of_video = FRAMES_OF_VIDEO.min(frames - number * FRAMES_OF_VIDEO);
            bucket.add_video(number, of_video, &manifest, &frame, &image)?;
        }
        Ok(bucket)
    }

    fn add_video(
        &self,
        number: usize,
        frames: usize,
        manifest: &Value,
        frame: &Value,
        image: &Path,
    ) -> Result<()> {
        let video = format!("cam{}/drive{number:05}.avi", number % 10);
        let images = self.data.join("images").join(&video);
        fs::create_dir_all(&images)?;
        // A file has 65,000 names at most on some file systems.
        let first = images.join("first");
        fs::copy(image, &first)?;
        let mut manifest = manifest.clone();
        let mut kept = Vec::with_capacity(frames);
        for index in 0..frames {
            let name = format!("{index:06}.jpg");
            fs::hard_link(&first, images.join(&name))?;
            let mut frame = frame.clone();
            frame["index"] = index.into();
            frame["seconds"] = (index as f64).into();
            frame["name"] = name.clone().into();
            // Spread evenly: all frames alike would be one near-duplicate.
            let hash = (number * FRAMES_OF_VIDEO + index) as u64;
            frame["phash"] = format!("{:016x}", hash.wrapping_mul(0x9e37_79b9_7f4a_7c15)).into();
            self.annotate(&video, index, &name, &frame)?;
            kept.push(frame);
        }
        fs::remove_file(&first)?;
        manifest["frames"] = kept.into();
        manifest["image_folder"] = video.clone().into();
        manifest["source"]["name"] = format!("videos/{video}").into();
        let path = self.data.join(format!("manifests/{video}.json"));
        fs::create_dir_all(path.parent().context("no folder")?)?;
        Ok(fs::write(path, serde_json::to_vec(&manifest)?)?)
    }

    fn annotate(&self, video: &str, index: usize, name: &str, frame: &Value) -> Result<()> {
        let shape = |number: usize| {
            let at = (index + number * 37) % 400;
            json!({"label": format!("label{}", number % 3), "type": "box", "x": at, "y": at / 2,
                "width": 40.5, "height": 30.25, "id": number.to_string()})
        };
        let shapes: Vec<Value> = (0..BOXES).map(shape).collect();
        let answer = json!({"id": "1", "annotator": "1", "created_at": ANSWERED,
            "updated_at": ANSWERED, "shapes": shapes});
        let annotation = json!({
            "schema": "framemill.annotation/1",
            "target": "label-studio-bench",
            "frame": format!("gs://bench/videos/{video}#1/{index}"),
            "image": {"name": format!("images/{video}/{name}"), "sha256": frame["sha256"],
                "width": frame["width"], "height": frame["height"]},
            "state": "labeled", "shapes": shapes, "counts": "1", "answers": [answer],
            "task": index.to_string(), "updated_at": ANSWERED,
        });
        let folder = format!("records/annotations/label-studio-bench/{video}/{index:06}");
        let folder = self.data.join(folder);
        fs::create_dir_all(&folder)?;
        Ok(fs::write(
            folder.join("current.json"),
            serde_json::to_vec(&annotation)?,
        )?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_all_columns() {
        let used = Used {
            wall: 2.0,
            cpu: 3.0,
            peak_mib: 100.0,
        };
        let cells = cells(1000, 400.0, "build", &used);
        assert_eq!(cells.join("|"), "1000|5000|400|build|2.0|3.0|100|0.25");
        assert_eq!(cells.len(), COLUMNS.len());
    }
}
