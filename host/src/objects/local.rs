//! A folder as a bucket. Generation is the modification time in microseconds.

use super::{
    Access, ByteStream, NewObject, ObjectMeta, Precondition, RangeSpec, Reading, Span, Store,
    StoreError, check,
};
use crate::finding::Finding;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

/// Folder for what is ours and no object: half-written files, the queue.
pub const PRIVATE_FOLDER: &str = ".framemill";
const CHUNK: usize = 256 * 1024;
const DEEPEST: usize = 64;

/// Which objects lie where.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// Folder of all objects whose name starts with the prefix; the rest of the name is the
    /// path in it. The first that fits counts.
    pub folders: Vec<(String, PathBuf)>,
    /// Single objects that lie elsewhere, by name. They cannot be written.
    pub files: BTreeMap<String, PathBuf>,
}

impl Layout {
    /// All objects in one folder.
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self {
            folders: vec![(String::new(), path.into())],
            files: BTreeMap::new(),
        }
    }
}

/// A bucket made of local files.
pub struct LocalStore {
    layout: Layout,
    /// Makes check and rename one step, where the file system has no hard links.
    commit: Arc<Mutex<()>>,
    next_temporary: AtomicU64,
}

/// Where a new object goes: its final path and the unfinished file.
#[derive(Clone)]
struct WriteTarget {
    path: PathBuf,
    temporary: PathBuf,
}

impl LocalStore {
    /// Over existing folders.
    pub fn new(layout: Layout) -> Self {
        Self {
            layout,
            commit: Arc::new(Mutex::new(())),
            next_temporary: AtomicU64::new(0),
        }
    }

    /// Removes what writes that never finished have left. Only where no other process writes.
    ///
    /// # Errors
    /// Where a leftover cannot be removed.
    pub fn remove_leftovers(&self) -> io::Result<()> {
        for (_, folder) in &self.layout.folders {
            match fs::remove_dir_all(temporary_folder(folder)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn place(&self, name: &str) -> Result<(&Path, PathBuf), StoreError> {
        let (prefix, folder) = self
            .layout
            .folders
            .iter()
            .find(|(prefix, _)| name.starts_with(prefix))
            .ok_or_else(|| not_found(name))?;
        let below = name.strip_prefix(prefix.as_str()).unwrap_or(name);
        Ok((folder, folder.join(relative_path(below, name)?)))
    }

    fn existing(&self, name: &str) -> Result<PathBuf, StoreError> {
        match self.layout.files.get(name) {
            Some(path) => Ok(path.clone()),
            // A name that can be no path is no object either.
            None => self
                .place(name)
                .map(|(_, path)| path)
                .map_err(|_| not_found(name)),
        }
    }

    fn target(&self, name: &str) -> Result<WriteTarget, StoreError> {
        if self.layout.files.contains_key(name) {
            return Err(StoreError::Forbidden(format!(
                "object is an input file and cannot be written: {name}"
            )));
        }
        let (folder, path) = self.place(name)?;
        let folder = temporary_folder(folder);
        fs::create_dir_all(&folder).map_err(|e| failed("create folder", name, e))?;
        let number = self.next_temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = folder.join(format!("{}-{number}.tmp", std::process::id()));
        Ok(WriteTarget { path, temporary })
    }
}

/// Gives the finished file its name, if the precondition holds.
fn publish(
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

fn temporary_folder(folder: &Path) -> PathBuf {
    folder.join(PRIVATE_FOLDER).join("tmp")
}

/// The path of a name below its folder. Nothing that could lead out of the folder, into our
/// private one, or to two names for one file.
fn relative_path(below: &str, name: &str) -> Result<PathBuf, StoreError> {
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
fn place_file(from: &Path, to: &Path, create_only: bool) -> io::Result<()> {
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

fn link_or_rename(from: &Path, to: &Path, create_only: bool) -> io::Result<()> {
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
fn step_past(path: &Path, generation_before: i64) -> io::Result<()> {
    let file = fs::File::options().write(true).open(path)?;
    if generation(&file.metadata()?) <= generation_before {
        let micros = u64::try_from(generation_before)
            .unwrap_or(0)
            .saturating_add(1);
        file.set_modified(UNIX_EPOCH + Duration::from_micros(micros))?;
    }
    Ok(())
}

fn check_generation(
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

fn not_found(name: &str) -> StoreError {
    StoreError::NotFound {
        name: name.to_owned(),
    }
}

fn failed(what: &'static str, name: &str, source: io::Error) -> StoreError {
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

fn describe(name: &str, metadata: &Metadata) -> ObjectMeta {
    let generation = generation(metadata);
    ObjectMeta {
        name: name.to_owned(),
        generation,
        size: metadata.len(),
        crc32c: None,
        content_type: content_type(name).to_owned(),
        updated_micros: generation,
    }
}

/// Media type by file name ending.
pub(super) fn content_type(name: &str) -> &'static str {
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

/// Runs file system calls where they may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| StoreError::Invalid(format!("file work was cut off: {error}")))?
}

#[async_trait::async_trait]
impl Store for LocalStore {
    async fn head(&self, name: &str) -> Result<ObjectMeta, StoreError> {
        let (path, name) = (self.existing(name)?, name.to_owned());
        blocking(move || {
            let metadata = fs::metadata(path).map_err(|e| failed("look up", &name, e))?;
            if !metadata.is_file() {
                return Err(not_found(&name));
            }
            Ok(describe(&name, &metadata))
        })
        .await
    }

    async fn read(
        &self,
        name: &str,
        generation: Option<i64>,
        range: RangeSpec,
    ) -> Result<Reading, StoreError> {
        let (path, name) = (self.existing(name)?, name.to_owned());
        let io = |error| failed("read", &name, error);
        let mut file = tokio::fs::File::open(path).await.map_err(io)?;
        let metadata = file.metadata().await.map_err(io)?;
        let meta = describe(&name, &metadata);
        let replaced = generation.is_some_and(|wanted| wanted != meta.generation);
        if !metadata.is_file() || replaced {
            return Err(not_found(&name));
        }
        let span = range.resolve(meta.size)?;
        file.seek(io::SeekFrom::Start(span.start))
            .await
            .map_err(io)?;
        let stream = file_stream(file, meta.clone(), span).boxed();
        Ok(Reading { meta, span, stream })
    }

    async fn write(
        &self,
        name: &str,
        precondition: Precondition,
        object: NewObject,
        bytes: ByteStream,
    ) -> Result<ObjectMeta, StoreError> {
        let target = self.target(name)?;
        let written = write_temporary(&target.temporary, name, object.crc32c, bytes).await;
        let published = match written {
            Ok(crc) => {
                let (name, target) = (name.to_owned(), target.clone());
                let commit = Arc::clone(&self.commit);
                blocking(move || {
                    publish(&name, &target, precondition, &commit).map(|metadata| (crc, metadata))
                })
                .await
            }
            Err(error) => Err(error),
        };
        match published {
            Ok((crc, metadata)) => {
                let mut meta = describe(name, &metadata);
                meta.crc32c = Some(crc);
                meta.content_type = object.content_type.unwrap_or(meta.content_type);
                Ok(meta)
            }
            Err(error) => {
                let _ = tokio::fs::remove_file(&target.temporary).await;
                Err(error)
            }
        }
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ObjectMeta>, StoreError> {
        let layout = self.layout.clone();
        let (prefix, after) = (prefix.to_owned(), after.unwrap_or_default().to_owned());
        blocking(move || {
            let mut found: Vec<(String, PathBuf)> = Vec::new();
            let wanted = |name: &str| name.starts_with(&prefix) && *name > *after;
            for (name, path) in &layout.files {
                if wanted(name) {
                    found.push((name.clone(), path.clone()));
                }
            }
            for (start, folder) in &layout.folders {
                walk(folder, start, &prefix, 0, &mut |name, path| {
                    if wanted(&name) {
                        found.push((name, path));
                    }
                });
            }
            found.sort();
            found.dedup_by(|a, b| a.0 == b.0);
            let describe = |(name, path): (String, PathBuf)| {
                let metadata = fs::metadata(path).ok().filter(Metadata::is_file)?;
                Some(describe(&name, &metadata))
            };
            Ok(found.into_iter().filter_map(describe).take(limit).collect())
        })
        .await
    }

    async fn delete(&self, name: &str, precondition: Precondition) -> Result<(), StoreError> {
        if self.layout.files.contains_key(name) {
            return Err(StoreError::Forbidden(format!(
                "object is an input file and cannot be deleted: {name}"
            )));
        }
        let current = self.head(name).await?.generation;
        check_generation(name, precondition, Some(current))?;
        tokio::fs::remove_file(self.existing(name)?)
            .await
            .map_err(|error| failed("delete", name, error))
    }

    async fn check(&self, access: &Access) -> Vec<Finding> {
        let folder = self.layout.folders.first();
        let folder = folder.map_or(Path::new(""), |(_, folder)| folder);
        let remedy = |_: &StoreError| format!("see who owns the folder: {}", folder.display());
        check::check(self, &folder.display().to_string(), access, &remedy).await
    }
}

/// The bytes of a span. Ends with an error where the file shrank or was changed meanwhile: no
/// reader may mix two generations.
fn file_stream(
    file: tokio::fs::File,
    meta: ObjectMeta,
    span: Span,
) -> impl futures::Stream<Item = Result<Bytes, StoreError>> + Send {
    let left = span.end.saturating_sub(span.start);
    futures::stream::try_unfold((file, left, meta), |(mut file, left, meta)| async move {
        if left == 0 {
            let metadata = file.metadata().await;
            let metadata = metadata.map_err(|e| failed("read", &meta.name, e))?;
            return if generation(&metadata) == meta.generation {
                Ok(None)
            } else {
                Err(not_found(&meta.name))
            };
        }
        let size = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        let mut chunk = BytesMut::with_capacity(size);
        let mut limited = (&mut file).take(size as u64);
        let count = limited.read_buf(&mut chunk).await;
        let count = count.map_err(|e| failed("read", &meta.name, e))?;
        if count == 0 {
            return Err(not_found(&meta.name));
        }
        let left = left.saturating_sub(count as u64);
        Ok(Some((chunk.freeze(), (file, left, meta))))
    })
}

/// Writes the bytes to a file and to the disk; gives their checksum.
async fn write_temporary(
    path: &Path,
    name: &str,
    expected: Option<u32>,
    mut bytes: ByteStream,
) -> Result<u32, StoreError> {
    let io = |error| failed("write", name, error);
    let mut file = tokio::fs::File::create(path).await.map_err(io)?;
    let mut crc = 0;
    while let Some(chunk) = bytes.next().await {
        let chunk = chunk?;
        crc = crc32c::crc32c_append(crc, &chunk);
        file.write_all(&chunk).await.map_err(io)?;
    }
    if let Some(expected) = expected
        && expected != crc
    {
        return Err(StoreError::Invalid(format!(
            "crc32c of the bytes is {crc:08x}, not {expected:08x} as given: {name}"
        )));
    }
    file.flush().await.map_err(io)?;
    file.sync_data().await.map_err(io)?;
    Ok(crc)
}

/// Whether a link leads to `folder` or a folder above it.
fn is_above(link: &Path, folder: &Path) -> io::Result<bool> {
    Ok(fs::canonicalize(folder)?.starts_with(fs::canonicalize(link)?))
}

/// Visits all files below a folder whose names can start with `prefix`; our own are no objects.
pub(crate) fn walk(
    folder: &Path,
    name: &str,
    prefix: &str,
    depth: usize,
    visit: &mut dyn FnMut(String, PathBuf),
) {
    let relevant = name.starts_with(prefix) || prefix.starts_with(name);
    if depth > DEEPEST || !relevant {
        return;
    }
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(file_name) = entry.file_name().into_string() else {
            tracing::warn!(path = %entry.path().display(), "file name is not UTF-8: left out, rename it");
            continue;
        };
        if file_name.starts_with(PRIVATE_FOLDER) {
            continue;
        }
        let child = format!("{name}{file_name}");
        let is_folder = match entry.file_type() {
            // A link to a folder that we are in has no end.
            Ok(kind) if kind.is_symlink() => {
                let path = entry.path();
                path.is_dir() && !(is_above(&path, folder).unwrap_or(true))
            }
            Ok(kind) => kind.is_dir(),
            Err(_) => false,
        };
        if is_folder {
            walk(
                &entry.path(),
                &format!("{child}/"),
                prefix,
                depth + 1,
                visit,
            );
        } else {
            visit(child, entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_the_folder() {
        for name in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a//b",
            "a/./b",
            "a/",
            "a\0b",
            ".framemill/queue.redb",
            "a/.framemill/x",
        ] {
            assert!(relative_path(name, name).is_err(), "{name}");
        }
        assert_eq!(
            relative_path("a b/ü.mp4", "").unwrap(),
            Path::new("a b").join("ü.mp4")
        );
    }

    #[test]
    fn leftovers_of_a_crash_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::new(Layout::folder(folder.path()));
        let target = store.target("images/x.jpg").unwrap();
        fs::write(&target.temporary, "half").unwrap();
        store.remove_leftovers().unwrap();
        assert!(!target.temporary.exists());
        assert!(!target.path.exists());
    }
}
