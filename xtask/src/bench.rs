//! `cargo xtask bench`: the sample that framemill replaces, ffmpeg and framemill, side by side
//! on the same clips in the same run. Prints a table of ratios; asserts nothing.

use crate::step::step;
use crate::{build, sh, test};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use wait4::Wait4;

/// A clip: name, seconds, ffmpeg's encoder arguments.
struct Clip {
    name: &'static str,
    what: &'static str,
    seconds: u32,
    encoder: &'static [&'static str],
}

const CLIPS: &[Clip] = &[
    Clip {
        name: "camera-h264.mp4",
        what: "camera-like: H.264 1080p30, GOP 1 s",
        seconds: 60,
        encoder: &[
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
            "-bf",
            "0",
            "-g",
            "30",
            "-sc_threshold",
            "0",
            "-b:v",
            "4M",
        ],
    },
    Clip {
        name: "web-h264.mp4",
        what: "web-like: H.264 1080p30, x264 medium, GOP 250",
        seconds: 60,
        encoder: &[
            "-c:v", "libx264", "-preset", "medium", "-g", "250", "-crf", "23",
        ],
    },
    Clip {
        name: "hevc.mp4",
        what: "HEVC Main 1080p30, GOP 250",
        seconds: 20,
        encoder: &[
            "-c:v",
            "libx265",
            "-preset",
            "fast",
            "-x265-params",
            "log-level=error",
            "-tag:v",
            "hvc1",
        ],
    },
    Clip {
        name: "av1.mp4",
        what: "AV1 Main 1080p30, GOP 161",
        seconds: 20,
        encoder: &["-c:v", "libsvtav1", "-preset", "8", "-crf", "35"],
    },
];

/// What one program took for one clip.
struct Measured {
    wall: f64,
    cpu: f64,
    peak_mib: f64,
    read_mib: f64,
    decoded: u64,
    images: usize,
}

/// Runs the benchmark; `runs` times each, the fastest counts.
pub fn bench(runs: u32) -> Result<()> {
    test::ffmpeg()?;
    build::components()?;
    let framemill = build::host()?;
    let folder = sh::root().join("target/bench");
    fs::create_dir_all(&folder)?;
    let python = python(&folder)?;
    let clips: Vec<PathBuf> = CLIPS
        .iter()
        .map(|c| make(c, &folder))
        .collect::<Result<_>>()?;
    // The first run compiles the component; that cost is paid once per version, not per video.
    measure_framemill(&framemill, &clips[0], &folder, "exact")?;
    println!("{}", machine());
    println!("{HEADER}");
    for (clip, path) in CLIPS.iter().zip(&clips) {
        let frames = u64::from(clip.seconds) * 30;
        let best = |measure: &dyn Fn() -> Result<Measured>| -> Result<Measured> {
            let mut best = measure()?;
            for _ in 1..runs {
                let next = measure()?;
                if next.wall < best.wall {
                    best = next;
                }
            }
            Ok(best)
        };
        let sample = best(&|| measure_sample(&python, path, &folder, frames))?;
        let ffmpeg = best(&|| measure_ffmpeg(path, &folder, frames))?;
        let exact = best(&|| measure_framemill(&framemill, path, &folder, "exact"))?;
        let keyframe = best(&|| measure_framemill(&framemill, path, &folder, "keyframe"))?;
        for (program, measured) in [
            ("sample (Python, OpenCV)", &sample),
            ("ffmpeg -vf fps=1", &ffmpeg),
            ("framemill", &exact),
            ("framemill --snap keyframe", &keyframe),
        ] {
            println!("{}", row(clip.what, program, measured, [&sample, &ffmpeg]));
        }
    }
    Ok(())
}

const HEADER: &str = "\
| clip | program | wall s | ÷ sample | ÷ ffmpeg | CPU s | ÷ sample | ÷ ffmpeg | peak MiB | read MiB | frames decoded | images |
|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|";

fn row(clip: &str, program: &str, measured: &Measured, peers: [&Measured; 2]) -> String {
    if measured.images == 0 {
        return format!("| {clip} | {program} | cannot decode it | | | | | | | | | 0 |");
    }
    // A peer that made nothing was not fast.
    let ratios = |of: fn(&Measured) -> f64| {
        peers.map(|peer| match peer.images {
            0 => "–".to_owned(),
            _ => format!("{:.2}", of(measured) / of(peer)),
        })
    };
    format!(
        "| {clip} | {program} | {:.1} | {} | {:.1} | {} | {:.0} | {:.1} | {} | {} |",
        measured.wall,
        ratios(|measured| measured.wall).join(" | "),
        measured.cpu,
        ratios(|measured| measured.cpu).join(" | "),
        measured.peak_mib,
        measured.read_mib,
        measured.decoded,
        measured.images,
    )
}

fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let version = |program: &str| {
        let text = sh::output(Command::new(program).arg("-version")).unwrap_or_default();
        text.lines()
            .next()
            .unwrap_or_default()
            .split(" Copyright")
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    format!(
        "{} × {}, {}\n",
        cores,
        model.map_or("CPU", |(_, model)| model),
        version("ffmpeg")
    )
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

/// Moving camera over detailed content with sensor noise: what codecs find neither trivial nor
/// impossible.
fn make(clip: &Clip, folder: &Path) -> Result<PathBuf> {
    let path = folder.join(clip.name);
    if path.is_file() {
        return Ok(path);
    }
    eprintln!("making {}", path.display());
    let source = format!(
        "mandelbrot=s=1920x1080:r=30:end_scale=0.02:end_pts={},noise=alls=6:allf=t,format=yuv420p",
        clip.seconds * 30
    );
    let part = folder.join(format!("part-{}", clip.name));
    let mut ffmpeg = sh::command("ffmpeg");
    ffmpeg.args([
        "-v",
        "error",
        "-y",
        "-f",
        "lavfi",
        "-i",
        &source,
        "-t",
        &clip.seconds.to_string(),
    ]);
    sh::run(ffmpeg.args(clip.encoder).arg(&part))?;
    fs::rename(&part, &path)?;
    Ok(path)
}

/// Runs a program to its end; wall clock, CPU time, peak memory.
fn timed(command: &mut Command) -> Result<(f64, f64, f64)> {
    let start = Instant::now();
    let mut child = command
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start")?;
    let used = child.wait4()?;
    if !used.status.success() {
        bail!("{command:?} failed ({})", used.status);
    }
    let cpu = (used.rusage.utime + used.rusage.stime).as_secs_f64();
    Ok((
        start.elapsed().as_secs_f64(),
        cpu,
        used.rusage.maxrss as f64 / 1_048_576.0,
    ))
}

fn out(folder: &Path) -> Result<PathBuf> {
    let out = folder.join("out");
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    fs::create_dir_all(&out)?;
    Ok(out)
}

fn images(folder: &Path) -> Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        count += if path.is_dir() {
            images(&path)?
        } else {
            usize::from(path.extension().is_some_and(|extension| extension == "jpg"))
        };
    }
    Ok(count)
}

/// Both peers read the whole file and decode every frame: there is nothing to ask them for.
fn whole(command: &mut Command, video: &Path, out: &Path, frames: u64) -> Result<Measured> {
    let (wall, cpu, peak_mib) = timed(command)?;
    let read_mib = fs::metadata(video)?.len() as f64 / 1_048_576.0;
    Ok(Measured {
        wall,
        cpu,
        peak_mib,
        read_mib,
        decoded: frames,
        images: images(out)?,
    })
}

fn measure_sample(python: &Path, video: &Path, folder: &Path, frames: u64) -> Result<Measured> {
    let out = out(folder)?;
    let script = sh::root().join("benches/sample_extract.py");
    whole(
        Command::new(python).arg(script).arg(video).arg(&out),
        video,
        &out,
        frames,
    )
}

fn measure_ffmpeg(video: &Path, folder: &Path, frames: u64) -> Result<Measured> {
    let out = out(folder)?;
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg
        .args(["-v", "error", "-i"])
        .arg(video)
        .args(["-vf", "fps=1", "-q:v", "2"]);
    whole(ffmpeg.arg(out.join("%06d.jpg")), video, &out, frames)
}

fn measure_framemill(
    framemill: &Path,
    video: &Path,
    folder: &Path,
    snap: &str,
) -> Result<Measured> {
    let out = out(folder)?;
    let mut extract = Command::new(framemill);
    extract
        .args(["extract", "--snap", snap, "-o"])
        .arg(&out)
        .arg(video)
        .stderr(Stdio::null());
    let (wall, cpu, peak_mib) = timed(&mut extract)?;
    let name = video.file_name().context("no name")?;
    let manifest = out.join(name).join("manifest.json");
    let text = fs::read(&manifest).with_context(|| format!("no {}", manifest.display()))?;
    let manifest: serde_json::Value = serde_json::from_slice(&text)?;
    let stat = |key: &str| manifest["stats"][key].as_u64().context("no stats");
    Ok(Measured {
        wall,
        cpu,
        peak_mib,
        read_mib: stat("bytes_read")? as f64 / 1_048_576.0,
        decoded: stat("access_units_decoded")?,
        images: images(&out)?,
    })
}
