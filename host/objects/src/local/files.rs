//! Files as objects: from names to paths, from a file's metadata to [`ObjectMeta`], and the atomic
//! step that gives a finished file its name.

use super::layout::PRIVATE_FOLDER;
use super::place::{Place, leads_out};
use super::unfinished::Unfinished;
use crate::content_type;
use crate::error::StoreError;
use crate::store::ObjectMeta;
use cap_std::fs::Metadata;
use cap_std::time::SystemTime;
use framemill_gcs_api::Precondition;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

/// Where an object lies: a folder, the path below it, whether links may lead out of the folder, and
/// the path below it that they may lead to where not.
#[derive(Clone)]
pub(super) struct Location {
    pub(super) folder: PathBuf,
    pub(super) below: PathBuf,
    pub(super) follow_links: bool,
    pub(super) within: PathBuf,
}

impl Location {
    /// The file that is there.
    pub(super) fn find(&self) -> io::Result<Place> {
        Place::find(&self.folder, &self.below, self.follow_links, &self.within)
    }

    /// Its name, which may be given up.
    pub(super) fn name(&self) -> io::Result<Place> {
        Place::name(&self.folder, &self.below, self.follow_links)
    }
}

/// Gives the finished file its name, if the precondition holds.
pub(super) fn publish(
    name: &str,
    unfinished: &Unfinished,
    location: &Location,
    precondition: Precondition,
    one_at_a_time: &Mutex<()>,
) -> Result<Metadata, StoreError> {
    let io = |what| move |error| failed(what, name, error);
    let target = Place::make(&location.folder, &location.below, location.follow_links)
        .map_err(io("create folder"))?;
    let _held = one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
    let current = match target.metadata() {
        Ok(metadata) => Some(generation(&metadata)),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(failed("look up", name, error)),
    };
    check_generation(name, precondition, current)?;
    if let Some(current) = current {
        step_past(&unfinished.place, current).map_err(io("set time of"))?;
    }
    let create_only = precondition == Precondition::Generation(0);
    let moved = unfinished.place.move_to(&target, create_only);
    moved.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => StoreError::PreconditionFailed {
            name: name.to_owned(),
        },
        _ => failed("write", name, error),
    })?;
    if name.ends_with(".json") {
        // A manifest is a commit: its name must be on the disk before a queue forgets the work.
        target.sync_folder().map_err(io("commit"))?;
    }
    target.metadata().map_err(io("look up"))
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

/// Makes a replacement's modification time later than what it replaces: file systems stamp
/// with a clock that may stand still for milliseconds.
fn step_past(place: &Place, generation_before: i64) -> io::Result<()> {
    if generation(&place.metadata()?) <= generation_before {
        let micros = u64::try_from(generation_before)
            .unwrap_or(0)
            .saturating_add(1);
        let time = UNIX_EPOCH + Duration::from_micros(micros);
        place.open_for_changes()?.set_modified(time)?;
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

/// What a failure at something that should be there means. What lies behind a link that leads out of
/// the folder is no object.
pub(super) fn missing_or_failed(what: &'static str, name: &str, source: io::Error) -> StoreError {
    if leads_out(&source) {
        return not_found(name);
    }
    failed(what, name, source)
}

pub(super) fn failed(what: &'static str, name: &str, source: io::Error) -> StoreError {
    let name = name.to_owned();
    if leads_out(&source) {
        return StoreError::Forbidden(format!(
            "a link leads out of the bucket's folder: remove it, or set follow_links = true: {name}"
        ));
    }
    match source.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => not_found(&name),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            StoreError::Denied { what, name, source }
        }
        _ => StoreError::Io { what, name, source },
    }
}

/// Generation of a file: modification time in microseconds, at least 1.
pub(super) fn generation(metadata: &Metadata) -> i64 {
    let modified = metadata.modified().map(SystemTime::into_std).ok();
    modified
        .and_then(|modified| modified.duration_since(UNIX_EPOCH).ok())
        .and_then(|since| i64::try_from(since.as_micros()).ok())
        .unwrap_or(1)
        .max(1)
}

/// Generation of a file of which the standard library knows.
pub fn generation_of(metadata: &fs::Metadata) -> i64 {
    generation(&Metadata::from_just_metadata(metadata.clone()))
}

pub(super) fn describe(name: &str, metadata: &Metadata) -> ObjectMeta {
    let generation = generation(metadata);
    ObjectMeta {
        name: name.to_owned(),
        generation,
        size: metadata.len(),
        crc32c: None,
        content_type: content_type::of_name(name).to_owned(),
        updated_micros: arrived(metadata).max(generation),
    }
}

/// When a file came to be what it is under its name, microseconds after 1970: a file that is moved
/// keeps its time of modification.
#[cfg(unix)]
fn arrived(metadata: &Metadata) -> i64 {
    use cap_std::fs::MetadataExt as _;
    let micros = metadata.ctime().saturating_mul(1_000_000);
    micros.saturating_add(metadata.ctime_nsec() / 1000)
}

/// Where no file system says so.
#[cfg(not(unix))]
fn arrived(_: &Metadata) -> i64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply;

    /// What the system refuses is no outage, which would pass.
    #[test]
    fn a_refusal_of_the_system_has_its_own_status() {
        // The system's own refusals have a number: 13 is EACCES, 5 is EIO.
        for (number, status) in [(13, 403), (30, 403), (5, 503), (2, 404)] {
            let error = failed("read", "images/x", io::Error::from_raw_os_error(number));
            assert_eq!(reply::error(&error).status(), status, "{error}");
        }
    }
}
