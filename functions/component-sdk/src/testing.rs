//! A store in memory, for tests of flows: whoever says what becomes of its calls has all of
//! [`Objects`].

use crate::store::{Created, ObjectError, ObjectInfo, Objects};
use framemill_contract::{JobError, ObjectRef, SizeLimits};
use framemill_gcs_api::memory::{Bucket, Stored};
use framemill_gcs_api::{Precondition, RangeSpec};
use framemill_video::ByteRange;
use std::cell::{Cell, Ref, RefCell};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, UNIX_EPOCH};

/// How a store tells versions of an object apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// As GCS: each write has a number of its own.
    #[default]
    Numbers,
    /// Each object counts its writes: the same writes give the same bucket in whatever order.
    Counts,
    /// As S3: by a hash of the content.
    Hashes,
    /// As a client of GCS that lost the answer to its first try: where the condition no longer
    /// holds and the object has our bytes, our write is taken to have succeeded.
    OwnBytes,
}

/// One bucket in memory, whatever buckets are called.
#[derive(Debug, Default)]
pub struct InMemory {
    bucket: RefCell<Bucket>,
    /// How generations are numbered.
    pub versions: Cell<Versions>,
    writes: Cell<i64>,
}

/// A test's say in what becomes of the calls to its store.
#[allow(async_fn_in_trait)]
pub trait Simulation {
    /// The store.
    fn memory(&self) -> &InMemory;

    /// Seconds after 1970, by the store's clock; 0 where it does not tell when it writes.
    fn store_clock(&self) -> u64 {
        0
    }

    /// Does a call about the object of this name, or those whose names start so; or what happens
    /// in its place.
    async fn perform<T: std::hash::Hash>(
        &self,
        name: &str,
        call: impl FnOnce() -> Result<T, ObjectError>,
    ) -> Result<T, ObjectError> {
        let _ = name;
        call()
    }

    /// Most bytes of an object that is written, or read as a whole.
    fn limit(&self) -> u64 {
        SizeLimits::STANDARD.object
    }

    /// Whether the bucket is not there at all.
    fn bucket_is_missing(&self) -> bool {
        false
    }

    /// Called when a write takes effect, a moment earlier.
    fn before_write(&self, name: &str, bytes: &[u8]) {
        let _ = (name, bytes);
    }
}

/// How a call fails of which no one knows whether it took effect.
///
/// # Errors
/// Always.
pub fn connection_cut<T>() -> Result<T, ObjectError> {
    let (what, reason) = ("test".to_owned(), "connection cut".to_owned());
    Err(ObjectError::Failed(JobError::Storage { what, reason }))
}

impl InMemory {
    /// An empty one.
    pub fn new(versions: Versions) -> Self {
        Self {
            versions: Cell::new(versions),
            ..Self::default()
        }
    }

    /// What is there.
    pub fn borrow(&self) -> Ref<'_, Bucket> {
        self.bucket.borrow()
    }

    /// Places an object in the generation that is due, whatever was there; `clock` is the time,
    /// 0 for none.
    pub fn put(&self, name: &str, bytes: &[u8], clock: u64) -> ObjectInfo {
        self.writes.set(self.writes.get().saturating_add(1));
        let generation = match self.versions.get() {
            Versions::Hashes => hash(bytes),
            Versions::Counts => self.generation(name).saturating_add(1),
            Versions::Numbers | Versions::OwnBytes => self.writes.get(),
        };
        self.put_as(name, bytes, generation, clock)
    }

    /// The same, in this generation.
    pub fn put_as(&self, name: &str, bytes: &[u8], generation: i64, clock: u64) -> ObjectInfo {
        let updated = UNIX_EPOCH.checked_add(Duration::from_secs(clock));
        let stored = Stored {
            bytes: bytes.to_vec(),
            generation,
            content_type: String::new(),
            metadata: BTreeMap::new(),
            updated: updated.filter(|_| clock > 0),
        };
        let meta = meta(&stored);
        self.bucket.borrow_mut().put(name, stored);
        meta
    }

    /// Removes an object, if it is there.
    pub fn remove(&self, name: &str) {
        let _ = self.bucket.borrow_mut().delete(name, Precondition::None);
    }

    /// Names of all objects, in order.
    pub fn names(&self) -> Vec<String> {
        self.bucket.borrow().names()
    }

    /// Generation of an object; 0 where there is none.
    pub fn generation(&self, name: &str) -> i64 {
        let bucket = self.bucket.borrow();
        bucket.get(name).map_or(0, |stored| stored.generation)
    }

    /// An object's bytes.
    ///
    /// # Errors
    /// [`ObjectError::Gone`].
    pub fn bytes(&self, name: &str) -> Result<Vec<u8>, ObjectError> {
        let bucket = self.bucket.borrow();
        let stored = bucket.get(name).ok_or(ObjectError::Gone)?;
        Ok(stored.bytes.clone())
    }

    fn metadata(&self, name: &str) -> Result<ObjectInfo, ObjectError> {
        self.bucket
            .borrow()
            .get(name)
            .map(meta)
            .ok_or(ObjectError::Gone)
    }

    fn read(&self, object: &ObjectRef, range: ByteRange) -> Result<Vec<u8>, ObjectError> {
        let bucket = self.bucket.borrow();
        // Who reads a range must say of which generation.
        let generation = object.generation.unwrap_or_default();
        let stored = bucket.find(&object.name, Some(generation));
        let bytes = stored.map_err(|_| ObjectError::Gone)?.bytes.as_slice();
        let spec = RangeSpec::From(range.start, range.end.checked_sub(1));
        let Ok(span) = spec.resolve(bytes.len() as u64) else {
            return Ok(Vec::new());
        };
        let skip = usize::try_from(span.start).unwrap_or(usize::MAX);
        let take = usize::try_from(span.length()).unwrap_or(usize::MAX);
        Ok(bytes.iter().skip(skip).take(take).copied().collect())
    }

    fn replace(
        &self,
        name: &str,
        generation: i64,
        bytes: &[u8],
        clock: u64,
    ) -> Result<Option<ObjectInfo>, ObjectError> {
        let precondition = Precondition::Generation(generation);
        if self.versions.get() == Versions::OwnBytes && self.bytes(name).is_ok_and(|it| it == bytes)
        {
            return self.metadata(name).map(Some);
        }
        let holds = self.bucket.borrow().check(name, precondition).is_ok();
        Ok(holds.then(|| self.put(name, bytes, clock)))
    }

    fn list(&self, prefix: &str) -> Vec<String> {
        let mut names = self.names();
        names.retain(|name| name.starts_with(prefix));
        names
    }
}

fn meta(stored: &Stored) -> ObjectInfo {
    ObjectInfo {
        // Flows pass the checksum on and do not look at it.
        crc32c: None,
        ..stored.resource("", "").into()
    }
}

fn within(limit: u64, name: &str, bytes: &[u8]) -> Result<(), ObjectError> {
    let size = bytes.len() as u64;
    if size <= limit {
        return Ok(());
    }
    Err(ObjectError::Failed(JobError::ObjectTooLarge {
        name: name.to_owned(),
        bytes: size,
        limit: limit.to_string(),
    }))
}

fn hash(bytes: &[u8]) -> i64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    i64::try_from(hasher.finish() >> 1).unwrap_or(i64::MAX)
}

impl<S: Simulation> Objects for S {
    fn largest_object(&self) -> u64 {
        self.limit()
    }

    async fn has_bucket(&self, _: &str, name: &str) -> Result<bool, ObjectError> {
        self.perform(name, || Ok(!self.bucket_is_missing())).await
    }

    async fn metadata(&self, _: &str, name: &str) -> Result<ObjectInfo, ObjectError> {
        self.perform(name, || self.memory().metadata(name)).await
    }

    async fn read(&self, object: &ObjectRef, range: ByteRange) -> Result<Vec<u8>, ObjectError> {
        self.perform(&object.name, || self.memory().read(object, range))
            .await
    }

    async fn read_all(&self, _: &str, name: &str) -> Result<Vec<u8>, ObjectError> {
        self.perform(name, || {
            let bytes = self.memory().bytes(name)?;
            within(self.limit(), name, &bytes).map(|()| bytes)
        })
        .await
    }

    async fn create(
        &self,
        bucket: &str,
        name: &str,
        content_type: &str,
        bytes: &[u8],
    ) -> Result<Created, ObjectError> {
        let written = self.replace(bucket, name, 0, content_type, bytes).await?;
        Ok(written.map_or(Created::Existed, |_| Created::New))
    }

    async fn replace(
        &self,
        _: &str,
        name: &str,
        generation: i64,
        _: &str,
        bytes: &[u8],
    ) -> Result<Option<ObjectInfo>, ObjectError> {
        self.perform(name, || {
            within(self.limit(), name, bytes)?;
            self.before_write(name, bytes);
            let clock = self.store_clock();
            self.memory().replace(name, generation, bytes, clock)
        })
        .await
    }

    async fn list(&self, _: &str, prefix: &str) -> Result<Vec<String>, ObjectError> {
        self.perform(prefix, || Ok(self.memory().list(prefix)))
            .await
    }

    async fn delete(&self, _: &str, name: &str) -> Result<(), ObjectError> {
        self.perform(name, || {
            self.memory().remove(name);
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;

    impl Simulation for InMemory {
        fn memory(&self) -> &InMemory {
            self
        }
    }

    #[test]
    fn a_store_in_memory_keeps_what_objects_promise() {
        for versions in [
            Versions::Numbers,
            Versions::Counts,
            Versions::Hashes,
            Versions::OwnBytes,
        ] {
            let store = InMemory::new(versions);
            let objects: &dyn Fn(&[u8]) -> Result<Created, ObjectError> =
                &|bytes| block_on(store.create("b", "a/1", "text/plain", bytes));
            assert_eq!(objects(b"0123456789"), Ok(Created::New));
            assert_eq!(objects(b"other"), Ok(Created::Existed));
            let meta = block_on(Objects::metadata(&store, "b", "a/1")).unwrap();
            assert_eq!((meta.size, meta.updated), (10, 0));
            let mut object = ObjectRef {
                bucket: "b".to_owned(),
                name: "a/1".to_owned(),
                generation: Some(meta.generation),
            };
            for (start, end, expected) in [(2, 4, "23"), (8, 99, "89"), (10, 99, ""), (3, 3, "")] {
                let read = block_on(Objects::read(&store, &object, ByteRange { start, end }));
                assert_eq!(read, Ok(expected.as_bytes().to_vec()), "{start}..{end}");
            }
            object.generation = Some(meta.generation.wrapping_add(1));
            let range = ByteRange { start: 0, end: 1 };
            let stale = block_on(Objects::read(&store, &object, range));
            assert_eq!(stale, Err(ObjectError::Gone));
            let replace = |generation, bytes: &[u8]| {
                let written = Objects::replace(&store, "b", "a/1", generation, "", bytes);
                block_on(written).unwrap()
            };
            assert_eq!(replace(meta.generation.wrapping_add(1), b"no"), None);
            let new = replace(meta.generation, b"new").unwrap();
            assert_ne!(new.generation, meta.generation);
            let own = replace(meta.generation, b"new");
            assert_eq!(own.is_some(), versions == Versions::OwnBytes);
            assert_eq!(block_on(Objects::list(&store, "b", "a/")).unwrap(), ["a/1"]);
            block_on(Objects::delete(&store, "b", "a/1")).unwrap();
            assert_eq!(block_on(Objects::delete(&store, "b", "a/1")), Ok(()));
            assert_eq!(store.names(), Vec::<String>::new());
        }
    }

    #[test]
    fn stores_say_when_they_write_if_they_do() {
        let store = InMemory::default();
        assert_eq!(store.put("a", b"x", 1_700_000_000).updated, 1_700_000_000);
        assert_eq!(store.put("a", b"x", 0).updated, 0);
    }
}
