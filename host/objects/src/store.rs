//! What every kind of bucket is: a [`Store`] of objects.

use super::access::Access;
use super::error::StoreError;
use async_trait::async_trait;
use bytes::Bytes;
use framemill_gcs_api::{Precondition, RangeSpec, Span};
use framemill_support::finding::Finding;
use futures::stream::BoxStream;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is known of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Name in the bucket, with slashes.
    pub name: String,
    /// Changes with each write; never 0.
    pub generation: i64,
    /// Bytes.
    pub size: u64,
    /// Checksum, where the store knows it without reading the object.
    pub crc32c: Option<u32>,
    /// Media type.
    pub content_type: String,
    /// Time of the last write, microseconds after 1970.
    pub updated_micros: i64,
}

/// Bytes of an object, in order.
pub type ByteStream = BoxStream<'static, Result<Bytes, StoreError>>;

/// An object being read.
pub struct Reading {
    /// The object.
    pub meta: ObjectMeta,
    /// The bytes that `stream` gives.
    pub span: Span,
    /// The bytes.
    pub stream: ByteStream,
}

/// What comes with the bytes of a new object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewObject {
    /// Media type; the store guesses where it is missing.
    pub content_type: Option<String>,
    /// Checksum that the bytes must have.
    pub crc32c: Option<u32>,
    /// Custom metadata; stores that have no place for it drop it.
    pub metadata: BTreeMap<String, String>,
}

/// How no object's name starts.
const NO_OBJECT: &str = ".framemill-reachable/";

/// A bucket. Writes are atomic: an object is there whole, or not at all.
#[async_trait]
pub trait Store: Send + Sync {
    /// What is known of an object.
    async fn head(&self, name: &str) -> Result<ObjectMeta, StoreError>;

    /// Reads a range of an object; where a generation is given, only of that one: once the object
    /// is replaced, it is [`StoreError::NotFound`].
    async fn read(
        &self,
        name: &str,
        generation: Option<i64>,
        range: RangeSpec,
    ) -> Result<Reading, StoreError>;

    /// Writes an object.
    async fn write(
        &self,
        name: &str,
        precondition: Precondition,
        object: NewObject,
        bytes: ByteStream,
    ) -> Result<ObjectMeta, StoreError>;

    /// Up to `limit` objects whose names start with `prefix` and come after `after`, by name.
    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ObjectMeta>, StoreError>;

    /// Deletes an object.
    async fn delete(&self, name: &str, precondition: Precondition) -> Result<(), StoreError>;

    /// Whether the bucket answers, by one cheap request: for probes, which come often.
    async fn reachable(&self) -> Result<(), StoreError> {
        self.list(NO_OBJECT, None, 1).await.map(drop)
    }

    /// The same store, in which links below `prefix` lead to objects below it alone, but where links
    /// are followed anywhere; `None` where there are no links.
    fn with_links_within(&self, _prefix: &str) -> Option<Arc<dyn Store>> {
        None
    }

    /// Whether there is space for new objects, as far as the last write told.
    async fn has_space(&self) -> bool {
        true
    }

    /// Checks that all that `access` allows can be done: whether there are objects below the
    /// prefixes that are read, and whether objects can be created and deleted below those that
    /// are written to.
    async fn check(&self, access: &Access) -> Vec<Finding>;

    /// Which topics are notified of new objects; `None` where the store cannot say.
    async fn notifications(&self) -> Result<Option<Vec<Notification>>, StoreError> {
        Ok(None)
    }
}

/// A topic that is notified of what happens in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// `projects/…/topics/…`
    pub topic: String,
    /// Such as `OBJECT_FINALIZE`; empty for all.
    pub event_types: Vec<String>,
    /// Names of objects start with this; empty for all.
    pub prefix: String,
    /// `JSON_API_V1`, or `NONE`.
    pub payload_format: String,
}
