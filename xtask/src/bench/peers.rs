//! What a user gets: the sample that framemill replaces, ffmpeg and framemill, side by side.

use super::clips::{AV1, CAMERA, Clip, Footage, HEVC, WEB};
use super::process::{Used, empty, file_mib, images, mib, timed};
use super::progress::{Progress, best};
use super::table::{head, ratio, row};
use crate::step::step;
use crate::{build, sh};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const CLIPS: [&Clip; 4] = [&CAMERA, &WEB, &HEVC, &AV1];

const COLUMNS: [&str; 12] = [
    "clip",
    "program",
    "wall s",
    "÷ sample",
    "÷ ffmpeg",
    "CPU s",
    "÷ sample",
    "÷ ffmpeg",
    "peak MiB",
    "read MiB",
    "frames decoded",
    "images",
];

/// What one program took for one clip.
struct Measured {
    used: Used,
    read_mib: f64,
    decoded: u64,
    images: usize,
}

/// Where things are.
struct Bench<'a> {
    framemill: PathBuf,
    python: PathBuf,
    folder: &'a Path,
    /// Frames of each clip.
    frames: u64,
}

/// Each program on each clip, `runs` times; the fastest counts.
///
/// # Errors
/// Where a program is missing or fails, but for the sample, which cannot decode everything.
pub fn bench(folder: &Path, footage: &Footage, runs: u32) -> Result<()> {
    let paths = footage.make(folder, &CLIPS)?;
    build::components()?;
    let bench = Bench {
        framemill: build::host()?,
        python: python(folder)?,
        folder,
        frames: u64::from(footage.seconds) * 30,
    };
    // The first run compiles the component; that cost is paid once per version, not per video.
    let [first, ..] = paths.as_slice() else {
        anyhow::bail!("no clip");
    };
    bench.framemill(first, "exact")?;
    let mut progress = Progress::new("peers", CLIPS.len() * 4);
    println!("{}", head(&COLUMNS, 2));
    for (clip, path) in CLIPS.iter().zip(&paths) {
        let mut measure = |program: &str, run: &dyn Fn() -> Result<Measured>| {
            let what = format!("{program}: {}", clip.what);
            progress.step(&what, || best(runs, |it: &Measured| it.used.wall, run))
        };
        let sample = measure("sample", &|| bench.sample(path))?;
        let ffmpeg = measure("ffmpeg", &|| bench.ffmpeg(path))?;
        let exact = measure("framemill", &|| bench.framemill(path, "exact"))?;
        let keyframe = measure("framemill", &|| bench.framemill(path, "keyframe"))?;
        for (program, measured) in [
            ("sample (Python, OpenCV)", &sample),
            ("ffmpeg -vf fps=1", &ffmpeg),
            ("framemill", &exact),
            ("framemill --snap keyframe", &keyframe),
        ] {
            let cells = cells(clip.what, program, measured, [&sample, &ffmpeg]);
            println!("{}", row(&cells));
        }
    }
    Ok(())
}

fn cells(clip: &str, program: &str, measured: &Measured, peers: [&Measured; 2]) -> Vec<String> {
    let mut cells = vec![clip.to_owned(), program.to_owned()];
    if measured.images == 0 {
        cells.push("cannot decode it".to_owned());
        cells.resize(COLUMNS.len() - 1, String::new());
        cells.push("0".to_owned());
        return cells;
    }
    let mut time = |of: fn(&Used) -> f64| {
        let value = of(&measured.used);
        cells.push(format!("{value:.1}"));
        for peer in peers {
            // A peer that made nothing was not fast.
            let peer = if peer.images == 0 {
                0.0
            } else {
                of(&peer.used)
            };
            cells.push(ratio(value, peer));
        }
    };
    time(|used| used.wall);
    time(|used| used.cpu);
    cells.push(format!("{:.0}", measured.used.peak_mib));
    cells.push(format!("{:.1}", measured.read_mib));
    cells.push(measured.decoded.to_string());
    cells.push(measured.images.to_string());
    cells
}

/// A Python with OpenCV, in an environment of its own.
fn python(folder: &Path) -> Result<PathBuf> {
    let python = folder.join("venv/bin/python");
    let has_cv2 = || {
        Command::new(&python)
            .args(["-c", "import cv2"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    if !has_cv2() {
        let mut create = sh::command("python3");
        create.args(["-m", "venv"]).arg(folder.join("venv"));
        let mut pip = sh::command(&python);
        pip.args(["-m", "pip", "install", "--quiet", "opencv-python-headless"]);
        step(
            "installing OpenCV for Python (opencv-python-headless)",
            || {
                sh::run(&mut create)
                    .context("install Python 3 with venv (Debian: python3-venv)")?;
                sh::run(&mut pip)
            },
        )?;
    }
    Ok(python)
}

impl Bench<'_> {
    fn out(&self) -> Result<PathBuf> {
        empty(self.folder, "out")
    }

    /// Both peers read the whole file and decode every frame: there is nothing to ask them for.
    fn whole(&self, command: &mut Command, video: &Path, out: &Path) -> Result<Measured> {
        Ok(Measured {
            used: timed(command)?,
            read_mib: file_mib(video)?,
            decoded: self.frames,
            images: images(out)?,
        })
    }

    fn sample(&self, video: &Path) -> Result<Measured> {
        let out = self.out()?;
        let script = sh::root().join("benches/sample_extract.py");
        let mut sample = Command::new(&self.python);
        sample.arg(script).arg(video).arg(&out);
        // It says about each frame that it cannot decode it.
        self.whole(sample.stderr(Stdio::null()), video, &out)
    }

    fn ffmpeg(&self, video: &Path) -> Result<Measured> {
        let out = self.out()?;
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-nostdin", "-i"]).arg(video);
        ffmpeg.args(["-vf", "fps=1", "-q:v", "2"]);
        self.whole(ffmpeg.arg(out.join("%06d.jpg")), video, &out)
    }

    fn framemill(&self, video: &Path, snap: &str) -> Result<Measured> {
        let out = self.out()?;
        let mut extract = Command::new(&self.framemill);
        extract.args(["extract", "--snap", snap, "-o"]).arg(&out);
        let used = timed(extract.arg(video).stderr(Stdio::null()))?;
        let name = video.file_name().context("no name")?;
        let manifest = out.join(name).join("manifest.json");
        let text = fs::read(&manifest).with_context(|| format!("no {}", manifest.display()))?;
        let manifest: serde_json::Value = serde_json::from_slice(&text)?;
        let stat = |key: &str| manifest["stats"][key].as_u64().context("no stats");
        Ok(Measured {
            used,
            read_mib: mib(stat("bytes_read")?),
            decoded: stat("access_units_decoded")?,
            images: images(&out)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(wall: f64, images: usize) -> Measured {
        Measured {
            used: Used {
                wall,
                cpu: wall * 2.0,
                peak_mib: 79.4,
            },
            read_mib: 4.7,
            decoded: 60,
            images,
        }
    }

    #[test]
    fn a_peer_that_made_nothing_is_compared_with_nobody() {
        let (ours, ffmpeg, none) = (measured(2.0, 60), measured(4.0, 60), measured(0.1, 0));
        let row = |it| cells("clip", "x", it, [&none, &ffmpeg]).join("|");
        assert_eq!(row(&ours), "clip|x|2.0|–|0.50|4.0|–|0.50|79|4.7|60|60");
        assert_eq!(row(&none), "clip|x|cannot decode it|||||||||0");
        assert_eq!(
            cells("clip", "x", &none, [&none, &none]).len(),
            COLUMNS.len()
        );
    }
}
