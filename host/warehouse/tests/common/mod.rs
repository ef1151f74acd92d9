//! A bucket in memory, and what is put there.
#![allow(dead_code, reason = "each test program takes its part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

#[path = "../../../../crates/warehouse/tests/fixture/mod.rs"]
pub mod fixture;

use async_trait::async_trait;
use bytes::Bytes;
use fixture::{annotation, manifest};
use framemill_annotations::Answer;
use framemill_contract::{Config, Layout, VideoName};
use framemill_objects::{
    Access, ByteStream, NewObject, ObjectMeta, Precondition, RangeSpec, Reading, Span, Store,
    StoreError,
};
use framemill_support::finding::Finding;
use framemill_warehouse_host::{Progress, Refreshed, Warehouse};
use futures::{StreamExt as _, TryStreamExt as _};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Objects by name, with generations that never come again.
#[derive(Default)]
pub struct Memory(Mutex<Objects>);

#[derive(Default)]
struct Objects {
    by_name: BTreeMap<String, (i64, Bytes)>,
    last: i64,
    /// Reads that still succeed.
    reads_left: Option<usize>,
    /// Is called before a write, once.
    before_write: Option<Box<dyn FnOnce() + Send>>,
}

impl Memory {
    pub fn put(&self, name: &str, bytes: impl Into<Bytes>) -> i64 {
        let mut objects = self.0.lock().unwrap();
        objects.last += 1;
        let generation = objects.last;
        objects
            .by_name
            .insert(name.to_owned(), (generation, bytes.into()));
        generation
    }

    pub fn delete(&self, name: &str) -> bool {
        self.0.lock().unwrap().by_name.remove(name).is_some()
    }

    /// Objects below a prefix, without generations.
    pub fn below(&self, prefix: &str) -> BTreeMap<String, Bytes> {
        let objects = self.0.lock().unwrap();
        let below = objects
            .by_name
            .iter()
            .filter(|(name, _)| name.starts_with(prefix));
        below
            .map(|(name, (_, bytes))| (name.clone(), bytes.clone()))
            .collect()
    }

    pub fn generation(&self, name: &str) -> i64 {
        self.0.lock().unwrap().by_name[name].0
    }

    /// Lets reads fail after so many.
    pub fn fail_after(&self, reads: Option<usize>) {
        self.0.lock().unwrap().reads_left = reads;
    }

    pub fn before_write(&self, act: impl FnOnce() + Send + 'static) {
        self.0.lock().unwrap().before_write = Some(Box::new(act));
    }

    fn meta(name: &str, (generation, bytes): &(i64, Bytes)) -> ObjectMeta {
        ObjectMeta {
            name: name.to_owned(),
            generation: *generation,
            size: bytes.len() as u64,
            crc32c: None,
            content_type: String::new(),
            updated_micros: 0,
        }
    }
}

impl Objects {
    fn get(&self, name: &str) -> Result<&(i64, Bytes), StoreError> {
        let name = name.to_owned();
        self.by_name.get(&name).ok_or(StoreError::NotFound { name })
    }

    fn check(&self, name: &str, precondition: Precondition) -> Result<(), StoreError> {
        let there = self.get(name).map_or(0, |object| object.0);
        match precondition {
            Precondition::Generation(wanted) if wanted != there => {
                Err(StoreError::PreconditionFailed {
                    name: name.to_owned(),
                })
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Store for Memory {
    async fn head(&self, name: &str) -> Result<ObjectMeta, StoreError> {
        Ok(Self::meta(name, self.0.lock().unwrap().get(name)?))
    }

    async fn read(&self, name: &str, _: Option<i64>, _: RangeSpec) -> Result<Reading, StoreError> {
        let mut objects = self.0.lock().unwrap();
        if let Some(left) = &mut objects.reads_left {
            let Some(less) = left.checked_sub(1) else {
                let source = std::io::Error::other("away");
                return Err(StoreError::Io {
                    what: "read",
                    name: name.to_owned(),
                    source,
                });
            };
            *left = less;
        }
        let object = objects.get(name)?;
        let bytes = object.1.clone();
        Ok(Reading {
            meta: Self::meta(name, object),
            span: Span {
                start: 0,
                end: bytes.len() as u64,
            },
            stream: futures::stream::iter([Ok(bytes)]).boxed(),
        })
    }

    async fn write(
        &self,
        name: &str,
        precondition: Precondition,
        object: NewObject,
        bytes: ByteStream,
    ) -> Result<ObjectMeta, StoreError> {
        let bytes = bytes.try_collect::<Vec<Bytes>>().await?.concat();
        assert_eq!(object.crc32c, Some(crc32c::crc32c(&bytes)));
        let act = self.0.lock().unwrap().before_write.take();
        if let Some(act) = act {
            act();
        }
        self.0.lock().unwrap().check(name, precondition)?;
        self.put(name, bytes);
        self.head(name).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ObjectMeta>, StoreError> {
        let objects = self.0.lock().unwrap();
        let wanted = |name: &&String| {
            name.starts_with(prefix) && after.is_none_or(|after| name.as_str() > after)
        };
        let names = objects.by_name.keys().filter(wanted).take(limit);
        Ok(names
            .map(|name| Self::meta(name, &objects.by_name[name]))
            .collect())
    }

    async fn delete(&self, name: &str, precondition: Precondition) -> Result<(), StoreError> {
        let mut objects = self.0.lock().unwrap();
        objects.get(name)?;
        objects.check(name, precondition)?;
        objects.by_name.remove(name);
        Ok(())
    }

    async fn check(&self, _: &Access) -> Vec<Finding> {
        Vec::new()
    }
}

pub fn layout() -> Layout {
    Config::from_lookup(|_| None).unwrap().layout
}

pub fn warehouse(store: &Arc<Memory>) -> Warehouse {
    Warehouse {
        store: Arc::clone(store) as Arc<dyn Store>,
        bucket: "b".to_owned(),
        layout: layout(),
        path: "warehouse/".to_owned(),
    }
}

pub async fn refresh(store: &Arc<Memory>) -> Refreshed {
    warehouse(store).refresh(&|_: Progress| {}).await.unwrap()
}

pub async fn rebuild(store: &Arc<Memory>) -> Refreshed {
    warehouse(store).rebuild(&|_: Progress| {}).await.unwrap()
}

/// The tables' files.
pub fn tables(store: &Memory) -> BTreeMap<String, Bytes> {
    let mut files = store.below("warehouse/");
    files.retain(|name, _| name.ends_with(".parquet"));
    files
}

pub fn put_manifest(store: &Memory, video: &str, frames: &[u64]) {
    let manifest = manifest(video, 5, frames).to_string();
    store.put(&layout().manifest(&VideoName::parse(video)), manifest);
}

pub fn put_receipt(store: &Memory, target: &str, video: &str) {
    let name = layout()
        .receipt_names(target)
        .name(&VideoName::parse(video));
    store.put(&name, "{}");
}

pub fn current(target: &str, video: &str, index: u64) -> String {
    layout().current_annotation(target, &VideoName::parse(video), index)
}

pub fn put_annotation(store: &Memory, target: &str, video: &str, index: u64, answers: Vec<Answer>) {
    let annotation = annotation(target, video, index, answers);
    let revision = layout().annotations_of(target, &VideoName::parse(video), index);
    let json = serde_json::to_vec(&annotation).unwrap();
    store.put(
        &format!("{revision}{}.json", annotation.revision().name()),
        json.clone(),
    );
    store.put(&current(target, video, index), json);
}
