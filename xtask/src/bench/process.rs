//! Programs that are measured from outside, and what they leave.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use wait4::Wait4;

/// What a program took.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    /// Seconds from start to end.
    pub wall: f64,
    /// Processor time of all its threads, seconds.
    pub cpu: f64,
    /// Largest resident memory, MiB.
    pub peak_mib: f64,
}

/// Runs a program to its end.
///
/// # Errors
/// Where it cannot start, or fails.
pub fn timed(command: &mut Command) -> Result<Used> {
    let start = Instant::now();
    let child = command.stdout(Stdio::null()).spawn();
    let mut child = child.with_context(|| format!("cannot start {command:?}"))?;
    let used = child.wait4()?;
    if !used.status.success() {
        bail!("{command:?} failed ({})", used.status);
    }
    Ok(Used {
        wall: start.elapsed().as_secs_f64(),
        cpu: (used.rusage.utime + used.rusage.stime).as_secs_f64(),
        peak_mib: mib(used.rusage.maxrss),
    })
}

/// Bytes as MiB.
pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}

/// Size of a file in MiB.
///
/// # Errors
/// Where it is not there.
pub fn file_mib(path: &Path) -> Result<f64> {
    let metadata = fs::metadata(path).with_context(|| format!("no {}", path.display()))?;
    Ok(mib(metadata.len()))
}

/// An empty folder of this name in `folder`.
///
/// # Errors
/// Where it cannot be made.
pub fn empty(folder: &Path, name: &str) -> Result<PathBuf> {
    let out = folder.join(name);
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    fs::create_dir_all(&out)?;
    Ok(out)
}

/// JPEG images below a folder.
///
/// # Errors
/// Where it cannot be read.
pub fn images(folder: &Path) -> Result<usize> {
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
