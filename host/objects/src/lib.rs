//! Objects: what components read and write. A [`Gateway`] speaks the GCS JSON API over a
//! [`Store`]; each kind of bucket is one [`Store`].

mod aws_profile;
mod check;
mod checksum;
mod collect;
mod gateway;
mod gcs;
mod local;
mod multipart;
mod reply;
mod s3;

pub use gateway::{Access, Body, Gateway, ObjectsApi, Written};
pub use gcs::{GcsStore, OpenGcsError, RetryPolicy};
pub use local::walk;
pub use local::{FileLayout, LiesAs, LocalStore, PRIVATE_FOLDER, generation};
pub use reply::{full, json};
pub use s3::{S3Options, S3Store};

use bytes::Bytes;
use framemill_support::finding::Finding;
use futures::stream::BoxStream;
use std::collections::BTreeMap;
use thiserror::Error;

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

/// Half-open range of an object's bytes, inside its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

/// Which bytes of an object are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeSpec {
    /// All.
    Whole,
    /// From the first byte up to and including the second, or to the end.
    From(u64, Option<u64>),
    /// This many bytes at the end.
    Last(u64),
}

impl RangeSpec {
    /// The bytes of an object of `size` bytes.
    ///
    /// # Errors
    /// [`StoreError::Unsatisfiable`] where none of them exist.
    pub fn resolve(self, size: u64) -> Result<Span, StoreError> {
        let (start, end) = match self {
            Self::Whole => {
                return Ok(Span {
                    start: 0,
                    end: size,
                });
            }
            Self::From(start, last) => {
                let end = last.map_or(size, |last| last.saturating_add(1).min(size));
                (start, end)
            }
            Self::Last(count) => (size.saturating_sub(count), size),
        };
        if start >= end {
            return Err(StoreError::Unsatisfiable { size });
        }
        Ok(Span { start, end })
    }
}

/// Bytes on their way, in order.
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

/// When a write or delete may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Always.
    None,
    /// Only where the object's generation is this one; 0 means that it must not exist.
    Generation(i64),
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

/// Why a store does not do what it is asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// No such object, or no longer in that generation.
    #[error("no such object: {name}")]
    NotFound {
        /// Object name.
        name: String,
    },
    /// The precondition does not hold.
    #[error("at least one of the pre-conditions you specified did not hold: {name}")]
    PreconditionFailed {
        /// Object name.
        name: String,
    },
    /// The range lies outside the object.
    #[error("requested range is outside the object of {size} bytes")]
    Unsatisfiable {
        /// The object's size.
        size: u64,
    },
    /// Bytes changed on their way, or in the store.
    #[error("{what}: bytes are not those that were written ({seen}, not {expected}): {name}")]
    Corrupt {
        /// What was tried.
        what: &'static str,
        /// Object name.
        name: String,
        /// Size or checksum of what is there.
        seen: String,
        /// Size or checksum that it should have.
        expected: String,
    },
    /// The caller is wrong.
    #[error("{0}")]
    Invalid(String),
    /// More bytes than the sandbox may send at once.
    #[error("request body is over {most} bytes, the limit of this host: write smaller objects")]
    TooLarge {
        /// The limit.
        most: u64,
    },
    /// The caller may not do that.
    #[error("{0}")]
    Forbidden(String),
    /// The store is unwell; trying again may help.
    #[error("{what}: {source}: {name}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Object name.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A bucket. Writes are atomic: an object is there whole, or not at all.
#[async_trait::async_trait]
pub trait Store: Send + Sync {
    /// What is known of an object.
    async fn head(&self, name: &str) -> Result<ObjectMeta, StoreError>;

    /// Reads a range of an object; of this generation only, where one is given: a replaced
    /// object is [`StoreError::NotFound`].
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

    /// Looks whether all that `access` allows can be done: objects below the prefixes that are
    /// read, and the right to create and delete below those that are written to.
    async fn check(&self, access: &Access) -> Vec<Finding>;

    /// Which topics are told of new objects; `None` where the store cannot say.
    async fn notifications(&self) -> Result<Option<Vec<Notification>>, StoreError> {
        Ok(None)
    }
}

/// A topic that is told of what happens in a bucket.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_object() {
        for (range, size, expected) in [
            (RangeSpec::Whole, 10, Some((0, 10))),
            (RangeSpec::Whole, 0, Some((0, 0))),
            (RangeSpec::From(2, Some(4)), 10, Some((2, 5))),
            (RangeSpec::From(2, None), 10, Some((2, 10))),
            (RangeSpec::From(8, Some(u64::MAX)), 10, Some((8, 10))),
            (RangeSpec::Last(3), 10, Some((7, 10))),
            (RangeSpec::Last(30), 10, Some((0, 10))),
            (RangeSpec::From(10, None), 10, None),
            (RangeSpec::From(5, Some(4)), 10, None),
            (RangeSpec::Last(0), 10, None),
        ] {
            let span = range.resolve(size).ok().map(|span| (span.start, span.end));
            assert_eq!(span, expected, "{range:?} of {size}");
        }
    }
}
