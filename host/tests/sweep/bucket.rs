//! A bucket that counts what it is asked. Millions of objects are computed when they are listed.

use async_trait::async_trait;
use bytes::Bytes;
use framemill_contract::Event;
use framemill_objects::{
    Access, ByteStream, NewObject, ObjectMeta, Precondition, RangeSpec, Reading, Span, Store,
    StoreError,
};
use framemill_sources::{DeadLetter, Delivery, Source, SourceError};
use framemill_support::finding::Finding;
use futures::StreamExt as _;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;

/// Objects that are computed: the name and the time of the last write, in microseconds after 1970,
/// of each number. Names grow with the number.
pub struct Many {
    pub numbers: Range<u64>,
    pub object: fn(u64) -> (String, i64),
}

/// An object that is held.
#[derive(Clone, Default)]
pub struct One {
    pub generation: i64,
    pub updated: i64,
    pub bytes: Vec<u8>,
}

/// How often it was asked: listings by prefix, and all else by object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    pub lists: BTreeMap<String, u64>,
    pub reads: Vec<String>,
    pub heads: Vec<String>,
}

#[derive(Default)]
pub struct Bucket {
    pub many: Vec<Many>,
    pub one: BTreeMap<String, One>,
    pub calls: Mutex<Calls>,
}

impl Many {
    /// The first number whose name is not before `name`, or not up to it.
    fn from(&self, name: &str, after: bool) -> u64 {
        let (mut low, mut high) = (self.numbers.start, self.numbers.end);
        while low < high {
            let middle = low + (high - low) / 2;
            let (there, _) = (self.object)(middle);
            match there.as_str() < name || (after && there == name) {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low
    }

    fn list(&self, prefix: &str, after: &str, limit: usize) -> Vec<ObjectMeta> {
        let first = self.from(prefix, false).max(self.from(after, true));
        (first..self.numbers.end)
            .map(|number| (self.object)(number))
            .take_while(|(name, _)| name.starts_with(prefix))
            .take(limit)
            .map(|(name, updated)| meta(name, 1, updated))
            .collect()
    }
}

fn meta(name: String, generation: i64, updated_micros: i64) -> ObjectMeta {
    ObjectMeta {
        name,
        generation,
        size: 0,
        crc32c: None,
        content_type: String::new(),
        updated_micros,
    }
}

impl Bucket {
    pub fn calls(&self) -> Calls {
        self.calls.lock().unwrap().clone()
    }
}

#[async_trait]
impl Store for Bucket {
    async fn head(&self, name: &str) -> Result<ObjectMeta, StoreError> {
        self.calls.lock().unwrap().heads.push(name.to_owned());
        Err(StoreError::NotFound {
            name: name.to_owned(),
        })
    }

    async fn read(&self, name: &str, _: Option<i64>, _: RangeSpec) -> Result<Reading, StoreError> {
        self.calls.lock().unwrap().reads.push(name.to_owned());
        let one = self.one.get(name).ok_or_else(|| StoreError::NotFound {
            name: name.to_owned(),
        })?;
        let bytes = Bytes::from(one.bytes.clone());
        Ok(Reading {
            meta: meta(name.to_owned(), one.generation, one.updated),
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
        _: Precondition,
        _: NewObject,
        _: ByteStream,
    ) -> Result<ObjectMeta, StoreError> {
        Err(StoreError::Forbidden(name.to_owned()))
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ObjectMeta>, StoreError> {
        let mut calls = self.calls.lock().unwrap();
        *calls.lists.entry(prefix.to_owned()).or_default() += 1;
        let after = after.unwrap_or_default();
        let mut found: Vec<ObjectMeta> = self
            .many
            .iter()
            .flat_map(|many| many.list(prefix, after, limit))
            .collect();
        let ones = self.one.range(after.to_owned()..);
        let ones = ones.filter(|(name, _)| name.starts_with(prefix) && *name != after);
        found.extend(
            ones.take(limit)
                .map(|(name, one)| meta(name.clone(), one.generation, one.updated)),
        );
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found.truncate(limit);
        Ok(found)
    }

    async fn delete(&self, name: &str, _: Precondition) -> Result<(), StoreError> {
        Err(StoreError::Forbidden(name.to_owned()))
    }

    async fn check(&self, _: &Access) -> Vec<Finding> {
        Vec::new()
    }
}

/// Keeps what is published.
#[derive(Default)]
pub struct Published(pub Mutex<Vec<Event>>);

impl Published {
    pub fn names(&self) -> Vec<String> {
        let events = self.0.lock().unwrap();
        events
            .iter()
            .map(|event| event.object.name.clone())
            .collect()
    }
}

#[async_trait]
impl Source for Published {
    fn name(&self) -> String {
        "test".to_owned()
    }

    async fn next(&self) -> Result<Delivery, SourceError> {
        std::future::pending().await
    }

    async fn publish(&self, event: &Event) -> Result<(), SourceError> {
        self.0.lock().unwrap().push(event.clone());
        Ok(())
    }

    async fn dead_letters(&self, _: usize) -> Result<Vec<DeadLetter>, SourceError> {
        Ok(Vec::new())
    }

    async fn redrive(&self, _: Option<&[String]>) -> Result<usize, SourceError> {
        Ok(0)
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }

    async fn stop(&self) {}

    async fn close(&self) {}
}
