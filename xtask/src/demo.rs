//! `cargo xtask demo`: from nothing to images in a folder.

use crate::step::step;
use crate::toolchain::cargo_command;
use crate::{build, sample, servers, sh};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the demo's bucket is.
const DATA: &str = "target/demo";
/// Videos that are made for a dataset: fewer would leave a split without any.
const SAMPLES: u32 = 12;
/// Their length: an image a second.
const SAMPLE_SECONDS: u32 = 3;
/// Images named at the end, at most.
const SHOWN: usize = 5;

/// Builds everything, runs `framemill up` over `video` (a file, a folder, or a sample that is
/// made here) until all is done, and says where the images are.
pub fn demo(video: Option<&Path>) -> Result<()> {
    let framemill = step("building what the demo needs", build::for_demo)?;
    let data = sh::root().join(DATA);
    if data.exists() {
        fs::remove_dir_all(&data).with_context(|| format!("cannot empty {}", data.display()))?;
    }
    let videos = data.join("videos");
    fs::create_dir_all(&videos)?;
    match video {
        Some(from) => place(from, &videos)?,
        None => make_sample(&videos.join("sample.avi"))?,
    }
    let mut up = sh::command(&framemill);
    up.args(["up", "--until-idle", "--data"]).arg(&data);
    up.env("FRAMEMILL_COMPONENTS", build::components_dir());
    let what = format!("running framemill up --data {DATA} --until-idle");
    let ran = step(&what, || sh::run(&mut up));
    show(&data)?;
    ran
}

/// Builds everything, installs the emulators, and runs one video through the whole pipeline on
/// them.
pub fn cloud(video: Option<&Path>) -> Result<()> {
    build::components()?;
    let framemill = build::host()?;
    let video = one_video(video, &sh::root().join("target/demo-cloud"))?;
    let mut run = example("cloud")?;
    run.arg(video);
    servers::provide(&mut run)?;
    run.env("FRAMEMILL_BIN", framemill);
    run.env("FRAMEMILL_COMPONENTS", build::components_dir());
    sh::run(&mut run)
}

/// Builds everything and takes videos from upload to dataset: images, labeling requests, answers,
/// annotations, exports.
pub fn dataset(video: Option<&Path>) -> Result<()> {
    build::components()?;
    let framemill = build::host()?;
    let folder = sh::root().join("target/demo-dataset");
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    let videos = folder.join("bucket/videos");
    fs::create_dir_all(&videos)?;
    match video {
        Some(from) => place(from, &videos)?,
        None => make_samples(&videos)?,
    }
    let mut run = example("dataset")?;
    run.arg(folder);
    run.env("FRAMEMILL_BIN", framemill);
    run.env("FRAMEMILL_COMPONENTS", build::components_dir());
    sh::run(&mut run)
}

/// Videos of two cameras, each with a look of its own.
fn make_samples(folder: &Path) -> Result<()> {
    step("making sample videos, 3 s of Motion JPEG each", || {
        for look in 0..SAMPLES {
            let camera = folder.join(format!("cam{}", look % 2 + 1));
            fs::create_dir_all(&camera)?;
            fs::write(
                camera.join(format!("drive{look}.avi")),
                sample::part(look, SAMPLE_SECONDS)?,
            )?;
        }
        Ok(())
    })
}

/// Builds the components, installs fake-gcs-server, and runs one video through them under
/// `spin up`.
pub fn spin(video: Option<&Path>) -> Result<()> {
    let spin = servers::spin()?;
    build::components()?;
    let folder = sh::root().join("target/demo-spin");
    let video = one_video(video, &folder)?;
    let mut run = example("spin")?;
    run.arg(video).arg(folder);
    servers::provide_fake_gcs(&mut run)?;
    run.env("FRAMEMILL_TEST_SPIN", spin);
    sh::run(&mut run)
}

/// The video that is given, or a sample in `folder`.
fn one_video(video: Option<&Path>, folder: &Path) -> Result<PathBuf> {
    match video {
        Some(video) if video.is_dir() => bail!(
            "this demo takes one video, not a folder: {}",
            video.display()
        ),
        Some(video) => {
            fs::canonicalize(video).with_context(|| format!("cannot read {}", video.display()))
        }
        None => {
            fs::create_dir_all(folder)?;
            let path = folder.join("sample.avi");
            make_sample(&path)?;
            Ok(path)
        }
    }
}

/// Runs an example of the tests' crate; its arguments follow. Without that crate's name: for it alone
/// dependencies would have other features, and be compiled once more beside those of the tests.
fn example(name: &str) -> Result<Command> {
    let mut run = cargo_command()?;
    run.args(["run", "--release", "--locked", "--example", name, "--"]);
    Ok(run)
}

fn make_sample(path: &Path) -> Result<()> {
    let what = format!(
        "making a sample video, 10 s of Motion JPEG: {}",
        path.display()
    );
    step(&what, || Ok(fs::write(path, sample::video()?)?))
}

/// Places a video, or all files below a folder, in the bucket: linked where the file system
/// allows it, else copied.
fn place(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        let name = from
            .file_name()
            .with_context(|| format!("{} has no name", from.display()))?;
        let target = to.join(name);
        let linked = fs::hard_link(from, &target);
        return match linked.or_else(|_| fs::copy(from, &target).map(drop)) {
            Ok(()) => Ok(()),
            Err(error) => bail!("cannot read {}: {error}", from.display()),
        };
    }
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            let below = to.join(path.file_name().unwrap_or_default());
            fs::create_dir_all(&below)?;
            place(&path, &below)?;
        } else {
            place(&path, to)?;
        }
    }
    Ok(())
}

/// Tells what is in the bucket now.
fn show(data: &Path) -> Result<()> {
    let manifests = data.join("manifests");
    let mut records = Vec::new();
    find_records(&manifests, &mut records)?;
    find_records(&data.join("records/failures"), &mut records)?;
    if records.is_empty() {
        bail!("no manifest and no failure record in {}", data.display());
    }
    for record in records {
        let json: serde_json::Value = serde_json::from_slice(&fs::read(&record)?)?;
        let Ok(video) = record.strip_prefix(&manifests) else {
            let message = json["message"].as_str().unwrap_or_default();
            eprintln!("\nfailed: {message}\n  {}", record.display());
            continue;
        };
        // A manifest is called as its folder of images, and .json.
        let folder = data.join("images").join(video.with_extension(""));
        let frames = json["frames"].as_array();
        let names: Vec<&str> = frames
            .into_iter()
            .flatten()
            .filter_map(|frame| frame["name"].as_str())
            .collect();
        eprintln!("\n{} images in {}", names.len(), folder.display());
        for name in names.iter().take(SHOWN) {
            eprintln!("  {name}");
        }
        if names.len() > SHOWN {
            eprintln!("  … and {} more", names.len() - SHOWN);
        }
        eprintln!("manifest: {}", record.display());
    }
    Ok(())
}

fn find_records(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    let mut paths: Vec<PathBuf> = entries.map(|e| Ok(e?.path())).collect::<Result<_>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            find_records(&path, found)?;
        } else if path.extension().is_some_and(|ending| ending == "json") {
            found.push(path);
        }
    }
    Ok(())
}
