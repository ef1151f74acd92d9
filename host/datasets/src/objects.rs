//! Objects as a whole: read, compared, created, replaced.

use crate::error::DatasetError;
use bytes::Bytes;
use framemill_objects::{NewObject, ObjectMeta, Precondition, RangeSpec, Store, StoreError};
use futures::{StreamExt as _, TryStreamExt as _};
use sha2::{Digest as _, Sha256};

/// Most bytes of a file of a snapshot: some 10 million frames.
pub(crate) const LARGEST_FILE: u64 = 8 << 30;
/// Most bytes of an image or a record.
pub(crate) const LARGEST_OBJECT: u64 = 128 << 20;
/// Bytes of a piece of what is written.
const PIECE: usize = 1 << 20;

/// Reads an object; `None` where there is none.
pub(crate) async fn read(
    store: &dyn Store,
    name: &str,
    limit: u64,
) -> Result<Option<(ObjectMeta, Bytes)>, DatasetError> {
    let reading = match store.read(name, None, RangeSpec::Whole).await {
        Err(StoreError::NotFound { .. }) => return Ok(None),
        reading => reading?,
    };
    if reading.meta.size > limit {
        let size = reading.meta.size;
        let reason = format!("object of {size} bytes, limit {limit}: {name}");
        return Err(StoreError::TooLarge(reason).into());
    }
    let chunks: Vec<Bytes> = reading.stream.try_collect().await?;
    let bytes = match <[Bytes; 1]>::try_from(chunks) {
        Ok([bytes]) => bytes,
        Err(chunks) => chunks.concat().into(),
    };
    Ok(Some((reading.meta, bytes)))
}

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
    match write(
        store,
        name,
        Precondition::Generation(0),
        content_type,
        bytes,
    )
    .await
    {
        Err(StoreError::PreconditionFailed { .. }) => {
            match sha256(store, name)
                .await?
                .is_some_and(|there| there == expected)
            {
                true => Ok(()),
                false => Err(DatasetError::Changed(name.to_owned())),
            }
        }
        written => Ok(written.map(drop)?),
    }
}

/// Writes an object.
pub(crate) async fn write(
    store: &dyn Store,
    name: &str,
    precondition: Precondition,
    content_type: &str,
    bytes: Bytes,
) -> Result<ObjectMeta, StoreError> {
    let object = NewObject {
        content_type: Some(content_type.to_owned()),
        crc32c: Some(crc32c::crc32c(&bytes)),
        ..NewObject::default()
    };
    let pieces = (0..bytes.len()).step_by(PIECE).map(move |start| {
        let end = start.saturating_add(PIECE).min(bytes.len());
        Ok(bytes.slice(start..end))
    });
    let stream = futures::stream::iter(pieces).boxed();
    store.write(name, precondition, object, stream).await
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
