//! Listings of any length, and small objects whole.

use crate::error::StoreError;
use crate::store::{ObjectMeta, Store};
use bytes::Bytes;
use framemill_contract::SizeLimits;
use framemill_gcs_api::RangeSpec;
use futures::{Stream, TryStreamExt as _};

/// Objects per page of a listing. Google gives 1000 at most, the last one of the page before among
/// them: one more would cost a second request for each page.
pub const PAGE: usize = 999;

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
    let reading = match store.read(name, None, RangeSpec::Whole).await {
        Err(StoreError::NotFound { .. }) => return Ok(None),
        reading => reading?,
    };
    let limit = SizeLimits::STANDARD.object;
    if reading.meta.size > limit {
        return Err(StoreError::Invalid(format!(
            "record has {} bytes, limit {limit}: {name}",
            reading.meta.size
        )));
    }
    let chunks: Vec<Bytes> = reading.stream.try_collect().await?;
    Ok(Some(chunks.concat().into()))
}
