//! A disk that fills up while videos come, and has space again: nothing is lost, the service goes
//! on, and no unfinished file stays.

use crate::bucket::{self, Bucket, VIDEOS};
use crate::check::{self, Violation};
use crate::corpus::{Corpus, random_of};
use crate::host::{Host, Running};
use crate::kills::{broken, given_up};
use crate::report::Report;
use anyhow::{Context as _, Result, bail};
use fastrand::Rng;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Large enough for queue, videos and images, small enough to be full at once.
const SIZE: &str = "16m";
const VIDEOS_EACH: u64 = 6;
/// The embedded queue tries again after 2, 8, 32 and 128 s: what waits longer than all of them
/// together does not come.
const PATIENCE: Duration = Duration::from_secs(300);
const GLANCE: Duration = Duration::from_millis(100);
const KIND: &str = "full disk";

/// How many disks there can be: those that were asked for, else one where one can be mounted.
///
/// # Errors
/// Where some were asked for and none can be mounted.
pub fn possible(asked: Option<u64>, folder: &Path, report: &mut Report) -> Result<u64> {
    if asked == Some(0) {
        return Ok(0);
    }
    match (Disk::mount(&folder.join("disk")), asked) {
        (Ok(_), asked) => Ok(asked.unwrap_or(1)),
        (Err(error), Some(_)) => Err(error),
        (Err(error), None) => {
            report.left_out(KIND, &format!("{error:#}"));
            Ok(0)
        }
    }
}

/// Fills a disk so often.
///
/// # Errors
/// Where the harness itself cannot work, or no small disk can be mounted.
pub fn run(corpus: &Corpus, count: u64, folder: &Path, report: &mut Report) -> Result<()> {
    for number in 0..count {
        let disk = Disk::mount(&folder.join("disk"))?;
        let log = folder.join("disk.log");
        if log.exists() {
            fs::remove_file(&log)?;
        }
        let host = Host::with_log(&disk.0, &log);
        let mut random = random_of(report.seed, "disk", number);
        let mut found = fill(corpus, &disk.0, &host, &mut random, report)?;
        found.extend(finish(&disk.0, &host)?);
        report.count(KIND, "disks");
        if !found.is_empty() {
            let kept = report.keep(&format!("disk-{number}"), &disk.0, &log)?;
            for found in &found {
                let repeat = format!("--videos 0 --kills 0 --disks {}", number + 1);
                report.violation(found, &repeat, &kept);
            }
        }
        report.progress("disks", number + 1, count);
    }
    Ok(())
}

/// A small file system in memory; unmounted where it is dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(place: &Path) -> Result<Self> {
        fs::create_dir_all(place)?;
        // What a run that was killed has left.
        let _ = unmount(place);
        let mut mount = Command::new("mount");
        mount.args([
            "-t",
            "tmpfs",
            "-o",
            &format!("size={SIZE}"),
            "framemill-chaos",
        ]);
        let output = mount.arg(place).output().context("mount")?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr);
            bail!(
                "no small disk to fill ({}): run it as root, or leave it out with --disks 0",
                why.trim()
            );
        }
        Ok(Self(place.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Err(error) = unmount(&self.0) {
            eprintln!("unmount it by hand ({error:#}): {}", self.0.display());
        }
    }
}

fn unmount(place: &Path) -> Result<()> {
    let output = Command::new("umount")
        .arg(place)
        .output()
        .context("umount")?;
    if !output.status.success() {
        bail!(
            "{}",
            String::from_utf8_lossy(&output.stderr).trim().to_owned()
        );
    }
    Ok(())
}

/// From an empty disk over a full one to one with space, under one service.
fn fill(
    corpus: &Corpus,
    data: &Path,
    host: &Host,
    random: &mut Rng,
    report: &mut Report,
) -> Result<Vec<Violation>> {
    let (videos, incoming) = (data.join(VIDEOS), data.join("incoming"));
    fs::create_dir_all(&videos)?;
    fs::create_dir_all(&incoming)?;
    for number in 0..VIDEOS_EACH {
        let bytes = &corpus.any(random).bytes;
        fs::write(incoming.join(format!("{number}.mp4")), bytes)?;
    }
    let arrive = |number: u64| {
        let name = format!("{number}.mp4");
        fs::rename(incoming.join(&name), videos.join(&name)).context(name)
    };
    let mut up = host.start(&[])?;
    // One while there is space, so that the service is known to work.
    arrive(0)?;
    let mut found: Vec<Violation> = wait(data, &mut up)?.into_iter().collect();
    let ballast = data.join("ballast");
    let left = random.u64(..96 << 10);
    fill_up(&ballast, left)?;
    for number in 1..VIDEOS_EACH {
        arrive(number)?;
        std::thread::sleep(Duration::from_millis(random.u64(20..400)));
    }
    std::thread::sleep(Duration::from_millis(random.u64(500..4000)));
    let full = Bucket::read(data)?;
    let done = full.manifests.len() + full.failures.len();
    report.add(
        KIND,
        "videos done on the full disk",
        done.saturating_sub(1) as u64,
    );
    found.extend(check::records(&full));
    fs::remove_file(&ballast)?;
    found.extend(wait(data, &mut up)?);
    if up.ended()?.is_none() {
        match up.stop()? {
            Some(status) if status.success() => {}
            status => found.push(service(format!("did not end in order ({status:?})"))),
        }
        // Before another start, which would remove them.
        found.extend(check::unfinished(&Bucket::read(data)?));
    }
    Ok(found)
}

/// Takes all space but this many bytes.
fn fill_up(ballast: &Path, left: u64) -> Result<()> {
    let mut file = File::create(ballast)?;
    let block = [1_u8; 4096];
    while file.write_all(&block).is_ok() {}
    let full = file.metadata()?.len();
    file.set_len(full.saturating_sub(left))?;
    Ok(())
}

/// Waits until each video that is there has its outcome.
fn wait(data: &Path, up: &mut Running) -> Result<Option<Violation>> {
    let begun = Instant::now();
    loop {
        let bucket = Bucket::read(data)?;
        let videos = bucket::videos(data)?;
        let open = videos
            .iter()
            .find_map(|it| check::outcome(&bucket, it).err());
        let Some(open) = open else {
            return Ok(None);
        };
        if let Some(status) = up.ended()? {
            return Ok(Some(service(format!("ended by itself ({status})"))));
        }
        if begun.elapsed() > PATIENCE {
            return Ok(Some(open));
        }
        std::thread::sleep(GLANCE);
    }
}

fn service(what: String) -> Violation {
    Violation {
        about: "the service".to_owned(),
        what,
    }
}

/// Whatever came before: after another start everything is there.
fn finish(data: &Path, host: &Host) -> Result<Vec<Violation>> {
    let ended = host.until_idle()?;
    let mut found: Vec<Violation> = broken(&ended).into_iter().collect();
    let bucket = Bucket::read(data)?;
    found.extend(check::records(&bucket));
    found.extend(check::strays(&bucket));
    found.extend(check::unfinished(&bucket));
    for version in bucket::videos(data)? {
        found.extend(check::outcome(&bucket, &version).err());
    }
    if broken(&ended).is_none() {
        found.extend(given_up(host)?);
    }
    Ok(found)
}
