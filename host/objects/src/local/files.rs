//! Files as objects: names to paths, metadata to what is known of an object, and the one step that
//! gives a finished file its name.

use super::{PRIVATE_FOLDER, WriteTarget};
use crate::{ObjectMeta, Precondition, StoreError};
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Gives the finished file its name, if the precondition holds.
pub(super) fn publish(
    name: &str,
    target: &WriteTarget,
    precondition: Precondition,
    one_at_a_time: &Mutex<()>,
) -> Result<Metadata, StoreError> {
    let io = |what| move |error| failed(what, name, error);
    if let Some(parent) = target.path.parent() {
        fs::create_dir_all(parent).map_err(io("create folder"))?;
    }
    let _held = one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
    let current = match fs::metadata(&target.path) {
        Ok(metadata) => Some(generation(&metadata)),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(failed("look up", name, error)),
    };
    check_generation(name, precondition, current)?;
    if let Some(current) = current {
        step_past(&target.temporary, current).map_err(io("set time of"))?;
    }
    let create_only = precondition == Precondition::Generation(0);
    place_file(&target.temporary, &target.path, create_only).map_err(|error| {
        match error.kind() {
            ErrorKind::AlreadyExists => StoreError::PreconditionFailed {
                name: name.to_owned(),
            },
            _ => failed("write", name, error),
        }
    })?;
    if let (Some(folder), true) = (target.path.parent(), name.ends_with(".json")) {
        // A manifest is a commit: its name must be on the disk before a queue forgets the work.
        fs::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(io("commit"))?;
    }
    fs::metadata(&target.path).map_err(io("look up"))
}

pub(super) fn temporary_folder(folder: &Path) -> PathBuf {
    folder.join(PRIVATE_FOLDER).join("tmp")
}

/// The path of a name below its folder. Nothing that could lead out of the folder, into our
/// private one, or to two names for one file.
pub(super) fn relative_path(below: &str, name: &str) -> Result<PathBuf, StoreError> {
    let fits = |part: &str| {
        let separates = cfg!(windows) && part.contains('\\');
        !matches!(part, "" | "." | ".." | PRIVATE_FOLDER)
            && part.len() <= 255
            && !part.contains('\0')
            && !separates
    };
    if below.split('/').all(fits) {
        Ok(below.split('/').collect())
    } else {
        Err(StoreError::Invalid(format!(
            "object name cannot be a file (empty, `.` or `..` part, or over 255 bytes): {name}"
        )))
    }
}

/// Moves a file to its name; with `create_only` it fails where the name is taken.
pub(super) fn place_file(from: &Path, to: &Path, create_only: bool) -> io::Result<()> {
    match link_or_rename(from, to, create_only) {
        // The folder is a link to another disk: copy beside the destination, then it is one step.
        Err(error) if error.kind() == ErrorKind::CrossesDevices => {
            let name = from.file_name().unwrap_or_default().to_string_lossy();
            let beside = to.with_file_name(format!("{PRIVATE_FOLDER}-{name}"));
            let placed = fs::copy(from, &beside)
                .and_then(|_| fs::File::open(&beside)?.sync_data())
                .and_then(|()| link_or_rename(&beside, to, create_only));
            if placed.is_err() {
                let _ = fs::remove_file(&beside);
            }
            placed?;
            fs::remove_file(from)
        }
        other => other,
    }
}

pub(super) fn link_or_rename(from: &Path, to: &Path, create_only: bool) -> io::Result<()> {
    if !create_only {
        return fs::rename(from, to);
    }
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::AlreadyExists | ErrorKind::CrossesDevices
            ) =>
        {
            Err(error)
        }
        // No hard links here. The caller has seen that the name is free, and holds the lock.
        Err(_) if !to.exists() => fs::rename(from, to),
        Err(error) => Err(error),
    }
}

/// Makes a replacement's modification time later than what it replaces: file systems stamp
/// with a clock that may stand still for milliseconds.
pub(super) fn step_past(path: &Path, generation_before: i64) -> io::Result<()> {
    let file = fs::File::options().write(true).open(path)?;
    if generation(&file.metadata()?) <= generation_before {
        let micros = u64::try_from(generation_before)
            .unwrap_or(0)
            .saturating_add(1);
        file.set_modified(UNIX_EPOCH + Duration::from_micros(micros))?;
    }
    Ok(())
}

pub(super) fn check_generation(
    name: &str,
    precondition: Precondition,
    current: Option<i64>,
) -> Result<(), StoreError> {
    match precondition {
        Precondition::Generation(wanted) if wanted != current.unwrap_or(0) => {
            Err(StoreError::PreconditionFailed {
                name: name.to_owned(),
            })
        }
        _ => Ok(()),
    }
}

pub(super) fn not_found(name: &str) -> StoreError {
    StoreError::NotFound {
        name: name.to_owned(),
    }
}

pub(super) fn failed(what: &'static str, name: &str, source: io::Error) -> StoreError {
    match source.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => not_found(name),
        _ => StoreError::Io {
            what,
            name: name.to_owned(),
            source,
        },
    }
}

/// Generation of a file: modification time in microseconds, at least 1.
pub fn generation(metadata: &Metadata) -> i64 {
    metadata
        .modified()
        .unwrap_or(SystemTime::UNIX_EPOCH)
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_micros()).ok())
        .unwrap_or(1)
        .max(1)
}

pub(super) fn describe(name: &str, metadata: &Metadata) -> ObjectMeta {
    let generation = generation(metadata);
    ObjectMeta {
        name: name.to_owned(),
        generation,
        size: metadata.len(),
        crc32c: None,
        content_type: content_type(name).to_owned(),
        updated_micros: arrived(metadata).max(generation),
    }
}

/// When a file came to be what it is under its name, microseconds after 1970: a file that is moved
/// keeps its time of modification.
#[cfg(unix)]
fn arrived(metadata: &Metadata) -> i64 {
    use std::os::unix::fs::MetadataExt as _;
    let micros = metadata.ctime().saturating_mul(1_000_000);
    micros.saturating_add(metadata.ctime_nsec() / 1000)
}

/// Where no file system says so.
#[cfg(not(unix))]
fn arrived(_: &Metadata) -> i64 {
    0
}

/// Media type by file name ending.
pub(crate) fn content_type(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "webp" => "image/webp",
        "json" => "application/json",
        "mp4" | "m4v" => "video/mp4",
        "mov" | "qt" => "video/quicktime",
        "mkv" => "video/x-matroska",
        "webm" => "video/webm",
        "avi" => "video/x-msvideo",
        "ts" | "m2ts" | "mts" => "video/mp2t",
        _ => "application/octet-stream",
    }
}
