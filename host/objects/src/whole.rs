//! Listings of any length, and small objects whole.

use crate::error::StoreError;
use crate::store::{NewObject, ObjectMeta, Store};
use bytes::Bytes;
use framemill_contract::SizeLimits;
use framemill_gcs_api::{Precondition, RangeSpec};
use futures::{Stream, StreamExt as _, TryStreamExt as _};

/// Objects per page of a listing. Google gives 1000 at most, the last one of the page before among
/// them: one more would cost a second request for each page.
pub const PAGE: usize = 999;
/// Bytes of a piece of what is written.
const PIECE: usize = 1 << 20;

/// All objects whose names start with `prefix`, by name, a page at a time.
pub fn pages(
    store: &dyn Store,
    prefix: String,
) -> impl Stream<Item = Result<Vec<ObjectMeta>, StoreError>> {
    futures::stream::try_unfold(Some(String::new()), move |after| {
        let prefix = prefix.clone();
        async move {
            let Some(after) = after else { return Ok(None) };
            let after = Some(after.as_str()).filter(|name| !name.is_empty());
            let page = store.list(&prefix, after, PAGE).await?;
            let last = page.last().filter(|_| page.len() == PAGE);
            let next = last.map(|meta| meta.name.clone());
            Ok(Some((page, next)))
        }
    })
}

/// Reads a small object whole; `None` where there is none.
///
/// # Errors
/// Where the store does not answer, or the object is larger than any record.
pub async fn read_whole(store: &dyn Store, name: &str) -> Result<Option<Bytes>, StoreError> {
    let found = read_up_to(store, name, SizeLimits::STANDARD.object).await?;
    Ok(found.map(|(_, bytes)| bytes))
}

/// Reads an object of `limit` bytes at most; `None` where there is none.
///
/// # Errors
/// Where the store does not answer, and [`StoreError::Invalid`] where the object is larger.
pub async fn read_up_to(
    store: &dyn Store,
    name: &str,
    limit: u64,
) -> Result<Option<(ObjectMeta, Bytes)>, StoreError> {
    let reading = match store.read(name, None, RangeSpec::Whole).await {
        Err(StoreError::NotFound { .. }) => return Ok(None),
        reading => reading?,
    };
    let size = reading.meta.size;
    if size > limit {
        let reason = format!("object has {size} bytes, limit {limit}: {name}");
        return Err(StoreError::Invalid(reason));
    }
    let chunks: Vec<Bytes> = reading.stream.try_collect().await?;
    let bytes = match <[Bytes; 1]>::try_from(chunks) {
        Ok([bytes]) => bytes,
        Err(chunks) => chunks.concat().into(),
    };
    Ok(Some((reading.meta, bytes)))
}

/// Writes an object from bytes at hand.
///
/// # Errors
/// Where the store does not take it, or the precondition does not hold.
pub async fn write_whole(
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
