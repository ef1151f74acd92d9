//! The folder as a [`Store`].

use super::existing::Existing;
use super::files::{
    Location, check_generation, describe, failed, generation, missing_or_failed, not_found,
    publish, relative_path,
};
use super::layout::FileLayout;
use super::unfinished::{self, Unfinished};
use super::walk::{Found, Walk};
use crate::access::Access;
use crate::check;
use crate::error::StoreError;
use crate::store::{ByteStream, NewObject, ObjectMeta, Reading, Store};
use bytes::{Bytes, BytesMut};
use cap_std::fs::Metadata;
use framemill_gcs_api::{Precondition, RangeSpec, Span};
use framemill_support::finding::Finding;
use futures::StreamExt;
use std::fs;
use std::io::{self, ErrorKind, Read as _};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

const CHUNK: usize = 256 * 1024;
/// A disk that was full must take so many bytes to count as having space: those of what did not fit,
/// from the least to the most that is tried.
const PROBE: (u64, u64) = (1 << 20, 64 << 20);

/// A bucket made of local files.
pub struct LocalStore {
    layout: FileLayout,
    /// Makes check and rename one step, where the file system has no hard links.
    commit: Arc<Mutex<()>>,
    /// Bytes for which there was no space; 0 where there is.
    missing: AtomicU64,
}

impl LocalStore {
    /// Over existing folders.
    pub fn new(layout: FileLayout) -> Self {
        Self {
            layout,
            commit: Arc::new(Mutex::new(())),
            missing: AtomicU64::new(0),
        }
    }

    /// Removes what unfinished writes have left. Call it only where no other process writes.
    ///
    /// # Errors
    /// Where a leftover cannot be removed.
    pub fn remove_leftovers(&self) -> io::Result<()> {
        for (_, folder) in &self.layout.folders {
            unfinished::remove_all(folder, self.layout.follow_links)?;
        }
        Ok(())
    }

    fn location(&self, given: &str) -> Result<Location, StoreError> {
        let lies_as = self.layout.lies_as.as_ref();
        let name = lies_as.and_then(|lies_as| lies_as(given));
        let name = name.as_deref().unwrap_or(given);
        let (prefix, folder) = self
            .layout
            .folders
            .iter()
            .find(|(prefix, _)| name.starts_with(prefix))
            .ok_or_else(|| not_found(name))?;
        let below = name.strip_prefix(prefix.as_str()).unwrap_or(name);
        Ok(Location {
            folder: folder.clone(),
            below: relative_path(below, name)?,
            follow_links: self.layout.follow_links,
            within: self.layout.within(prefix),
        })
    }

    /// Says once that there was no space for so many bytes, and once that there is.
    fn note_space<T>(&self, bytes: u64, written: &Result<T, StoreError>) {
        let missing = &self.missing;
        let is_full = written.as_ref().is_err_and(StoreError::is_full);
        if is_full {
            let before = missing.fetch_max(bytes.clamp(PROBE.0, PROBE.1), Ordering::Relaxed);
            match written {
                Err(error) if before == 0 => {
                    tracing::error!(%error, "no space for objects, work waits for some");
                }
                _ => tracing::debug!("work still waits for space"),
            }
            return;
        }
        // Small objects fit long after large ones do not.
        let fits = written.is_ok() && bytes >= missing.load(Ordering::Relaxed);
        if fits && missing.swap(0, Ordering::Relaxed) > 0 {
            tracing::info!("there is space for objects again, work goes on");
        }
    }

    /// Writes a whole object; `taken` is how much of it came.
    async fn put(
        &self,
        name: &str,
        precondition: Precondition,
        object: NewObject,
        bytes: ByteStream,
        taken: &mut u64,
    ) -> Result<ObjectMeta, StoreError> {
        let (location, given) = (self.location(name)?, name.to_owned());
        let (folder, follow_links) = (location.folder.clone(), location.follow_links);
        let (unfinished, file) = blocking(move || {
            Unfinished::create(&folder, follow_links)
                .map_err(|error| failed("write", &given, error))
        })
        .await?;
        let crc = write_all(file, name, object.crc32c, bytes, taken).await?;
        let (given, commit) = (name.to_owned(), Arc::clone(&self.commit));
        let publish = move || publish(&given, &unfinished, &location, precondition, &commit);
        let metadata = blocking(publish).await?;
        let mut meta = describe(name, &metadata);
        meta.crc32c = Some(crc);
        meta.content_type = object.content_type.unwrap_or(meta.content_type);
        Ok(meta)
    }

    fn existing(&self, name: &str) -> Result<Existing, StoreError> {
        match self.layout.files.get(name) {
            Some(path) => Ok(Existing::Input(path.clone())),
            // A name that can be no path is no object either.
            None => self
                .location(name)
                .map(Existing::Below)
                .map_err(|_| not_found(name)),
        }
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
        let (existing, name) = (self.existing(name)?, name.to_owned());
        blocking(move || existing.describe(&name)).await
    }

    async fn read(
        &self,
        name: &str,
        generation: Option<i64>,
        range: RangeSpec,
    ) -> Result<Reading, StoreError> {
        let (existing, name) = (self.existing(name)?, name.to_owned());
        let io = |error| failed("read", &name, error);
        let opened = {
            let name = name.clone();
            blocking(move || existing.open(&name))
        };
        let (file, meta) = opened.await?;
        let mut file = tokio::fs::File::from_std(file);
        if generation.is_some_and(|wanted| wanted != meta.generation) {
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
        if self.layout.files.contains_key(name) {
            return Err(StoreError::Forbidden(format!(
                "object is an input file and cannot be written: {name}"
            )));
        }
        let mut taken = 0;
        let written = self
            .put(name, precondition, object, bytes, &mut taken)
            .await;
        self.note_space(taken, &written);
        written
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
            let mut found: Vec<ObjectMeta> = Vec::new();
            let wanted = |name: &str| name.starts_with(&prefix) && *name > *after;
            for (name, path) in layout.files.iter().filter(|(name, _)| wanted(name)) {
                match Existing::Input(path.clone()).describe(name) {
                    Ok(meta) => found.push(meta),
                    Err(StoreError::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            // Of each folder the first names are enough: more than `limit` are never among all.
            for (start, folder) in &layout.folders {
                let walk = Walk {
                    folder,
                    prefix: &prefix,
                    follow_links: layout.follow_links,
                };
                let mut left = limit;
                let mut failure = None;
                walk.visit_after(start, &after, &mut |there| {
                    let described = match there {
                        Found::File { name, below } if wanted(&name) => {
                            let location = Location {
                                folder: folder.clone(),
                                below,
                                follow_links: layout.follow_links,
                                within: layout.within(start),
                            };
                            Existing::Below(location).describe(&name)
                        }
                        // Left out, it would be taken for empty.
                        Found::Unreadable { name, kind } => Err(failed("list", &name, kind.into())),
                        Found::File { .. } | Found::LeadsOut { .. } => {
                            return ControlFlow::Continue(());
                        }
                    };
                    match described {
                        Ok(meta) => {
                            found.push(meta);
                            left = left.saturating_sub(1);
                        }
                        Err(StoreError::NotFound { .. }) => {}
                        Err(error) => failure = Some(error),
                    }
                    match left == 0 || failure.is_some() {
                        true => ControlFlow::Break(()),
                        false => ControlFlow::Continue(()),
                    }
                });
                if let Some(error) = failure {
                    return Err(error);
                }
            }
            found.sort_by(|a, b| a.name.cmp(&b.name));
            found.dedup_by(|a, b| a.name == b.name);
            found.truncate(limit);
            Ok(found)
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
        let (location, name) = (self.location(name)?, name.to_owned());
        blocking(move || {
            let removed = location.name().and_then(|place| place.remove());
            removed.map_err(|error| missing_or_failed("delete", &name, error))
        })
        .await
    }

    /// The folders are there: a list would take one that is not for empty.
    async fn reachable(&self) -> Result<(), StoreError> {
        for (_, folder) in &self.layout.folders {
            let opened = tokio::fs::read_dir(folder).await.map(drop);
            let name = folder.display().to_string();
            opened.map_err(|source| match source.kind() {
                // `failed` would call it an object.
                ErrorKind::NotFound | ErrorKind::NotADirectory => StoreError::Io {
                    what: "open folder",
                    name,
                    source,
                },
                _ => failed("open folder", &name, source),
            })?;
        }
        Ok(())
    }

    async fn has_space(&self) -> bool {
        let Some((_, folder)) = self.layout.folders.first() else {
            return true;
        };
        let missing = self.missing.load(Ordering::Relaxed);
        if missing == 0 {
            return true;
        }
        let (folder, follow_links) = (folder.clone(), self.layout.follow_links);
        let io = |error| failed("write", "a file to see whether there is space", error);
        let tried = blocking(move || {
            let (_unfinished, mut file) = Unfinished::create(&folder, follow_links).map_err(io)?;
            let written = io::copy(&mut io::repeat(0).take(missing), &mut file);
            written.and_then(|_| file.sync_data()).map_err(io)
        });
        let tried = tried.await;
        self.note_space(missing, &tried);
        tried.is_ok()
    }

    fn with_links_within(&self, prefix: &str) -> Option<Arc<dyn Store>> {
        Some(Arc::new(Self::new(FileLayout {
            links_within: prefix.to_owned(),
            ..self.layout.clone()
        })))
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
            return if generation(&Metadata::from_just_metadata(metadata)) == meta.generation {
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
async fn write_all(
    file: fs::File,
    name: &str,
    expected: Option<u32>,
    mut bytes: ByteStream,
    taken: &mut u64,
) -> Result<u32, StoreError> {
    let io = |error| failed("write", name, error);
    let mut file = tokio::fs::File::from_std(file);
    let mut crc = 0;
    while let Some(chunk) = bytes.next().await {
        let chunk = chunk?;
        *taken = taken.saturating_add(chunk.len() as u64);
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

    #[tokio::test]
    async fn objects_lie_under_other_names_where_told() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::new(FileLayout {
            folders: vec![("images/".to_owned(), folder.path().to_owned())],
            lies_as: Some(Arc::new(|name| {
                let video = name.strip_prefix("manifests/")?.strip_suffix(".json")?;
                Some(format!("images/{video}/manifest.json"))
            })),
            ..FileLayout::default()
        });
        let write = |name: &'static str| {
            let bytes = futures::stream::iter([Ok(Bytes::from_static(b"{}"))]).boxed();
            let create_only = Precondition::Generation(0);
            store.write(name, create_only, NewObject::default(), bytes)
        };
        let meta = write("manifests/x.mp4.json").await.unwrap();
        assert_eq!(meta.name, "manifests/x.mp4.json");
        assert!(folder.path().join("x.mp4/manifest.json").is_file());
        let again = write("manifests/x.mp4.json").await;
        assert!(matches!(again, Err(StoreError::PreconditionFailed { .. })));
        let there = store.head("manifests/x.mp4.json").await.unwrap();
        assert_eq!(there.generation, meta.generation);
        assert!(write("manifests/../x.json").await.is_err());
        store
            .delete("manifests/x.mp4.json", Precondition::None)
            .await
            .unwrap();
        assert!(!folder.path().join("x.mp4/manifest.json").exists());
    }

    #[test]
    fn leftovers_of_a_crash_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::new(FileLayout::folder(folder.path()));
        let (unfinished, _) = Unfinished::create(folder.path(), false).unwrap();
        std::mem::forget(unfinished);
        let left = || fs::read_dir(folder.path().join(".framemill/tmp")).map(Iterator::count);
        assert_eq!(left().unwrap(), 1);
        store.remove_leftovers().unwrap();
        assert!(left().is_err());
        store.remove_leftovers().unwrap();
    }
}
