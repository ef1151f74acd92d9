//! A folder as a bucket. Generation is the modification time in microseconds.

mod files;
mod walk;

pub(crate) use files::content_type;
pub use files::generation;
pub use walk::walk;

use crate::{
    Access, ByteStream, NewObject, ObjectMeta, Precondition, RangeSpec, Reading, Span, Store,
    StoreError, check,
};
use bytes::{Bytes, BytesMut};
use files::{
    check_generation, describe, failed, not_found, publish, relative_path, temporary_folder,
};
use framemill_support::finding::Finding;
use futures::StreamExt;
use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

/// Folder for what is ours and no object: half-written files, the queue.
pub const PRIVATE_FOLDER: &str = ".framemill";
const CHUNK: usize = 256 * 1024;
const DEEPEST: usize = 64;

/// The name by which an object lies in the folders, where that is not its own.
pub type LiesAs = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Which objects lie where.
#[derive(Clone, Default)]
pub struct FileLayout {
    /// Folder of all objects whose name starts with the prefix; the rest of the name is the
    /// path in it. The first that fits counts.
    pub folders: Vec<(String, PathBuf)>,
    /// Single objects that lie elsewhere, by name. They cannot be written.
    pub files: BTreeMap<String, PathBuf>,
    /// Objects that lie under other names. Listings show them by these.
    pub lies_as: Option<LiesAs>,
}

impl FileLayout {
    /// All objects in one folder.
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self {
            folders: vec![(String::new(), path.into())],
            ..Self::default()
        }
    }
}

/// A bucket made of local files.
pub struct LocalStore {
    layout: FileLayout,
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
    pub fn new(layout: FileLayout) -> Self {
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

    fn place(&self, given: &str) -> Result<(&Path, PathBuf), StoreError> {
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
        let target = store.target("images/x.jpg").unwrap();
        fs::write(&target.temporary, "half").unwrap();
        store.remove_leftovers().unwrap();
        assert!(!target.temporary.exists());
        assert!(!target.path.exists());
    }
}
