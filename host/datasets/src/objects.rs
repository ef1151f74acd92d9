//! Objects as a whole: read, compared, created, replaced.

use crate::error::DatasetError;
use bytes::Bytes;
use framemill_objects::{ObjectMeta, Precondition, RangeSpec, Store, StoreError, write_whole};
use futures::TryStreamExt as _;
use sha2::{Digest as _, Sha256};

/// Most bytes of a file of a snapshot: some 10 million frames.
pub(crate) const LARGEST_FILE: u64 = 8 << 30;
/// Most bytes of an image or a record.
pub(crate) const LARGEST_OBJECT: u64 = 128 << 20;

/// SHA-256 of an object, read piece by piece; `None` where there is none.
pub(crate) async fn sha256(store: &dyn Store, name: &str) -> Result<Option<String>, DatasetError> {
    let reading = match store.read(name, None, RangeSpec::Whole).await {
        Err(StoreError::NotFound { .. }) => return Ok(None),
        reading => reading?,
    };
    let mut hasher = Sha256::new();
    let mut stream = reading.stream;
    while let Some(piece) = stream.try_next().await? {
        hasher.update(&piece);
    }
    Ok(Some(hex::encode(hasher.finalize())))
}

/// Takes what came of creating an object. One that is there already with the bytes of this checksum is as
/// good as created.
///
/// # Errors
/// [`DatasetError::Changed`] where it has others.
pub(crate) async fn created(
    store: &dyn Store,
    name: &str,
    written: Result<ObjectMeta, StoreError>,
    expected: &str,
) -> Result<(), DatasetError> {
    match written {
        Err(StoreError::PreconditionFailed { .. }) => match sha256(store, name).await? {
            Some(there) if there == expected => Ok(()),
            _ => Err(DatasetError::Changed(name.to_owned())),
        },
        written => Ok(written.map(drop)?),
    }
}

/// Creates an object. One that is there with the same bytes is as good.
///
/// # Errors
/// [`DatasetError::Changed`] where one is there with other bytes.
pub(crate) async fn create(
    store: &dyn Store,
    name: &str,
    content_type: &str,
    bytes: Bytes,
) -> Result<(), DatasetError> {
    let expected = hex::encode(Sha256::digest(&bytes));
    let precondition = Precondition::Generation(0);
    let written = write_whole(store, name, precondition, content_type, bytes).await;
    created(store, name, written, &expected).await
}

/// Media type of a file of this name.
pub(crate) fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("json") => "application/json",
        Some("jsonl") => "application/jsonl",
        Some("jpg") => "image/jpeg",
        Some("png") => "image/png",
        Some("webp") => "image/webp",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        Some("yaml") => "application/yaml",
        Some("tar") => "application/x-tar",
        Some("parquet") => "application/vnd.apache.parquet",
        _ => "application/octet-stream",
    }
}
