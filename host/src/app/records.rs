//! What a bucket says of a video: its manifest or failure record, and whether labels were asked
//! for. The names are the contract's.

use bytes::Bytes;
use framemill_contract::{FailureRecord, JobError, ObjectRef, Tool};
use framemill_function_spec::{Function, Records};
use framemill_objects::{NewObject, Precondition, RangeSpec, Store, StoreError};
use futures::{StreamExt as _, TryStreamExt as _};
use serde::de::DeserializeOwned;

/// Records are small; a manifest of 100 000 frames has about 30 MiB.
const MOST_RECORD: u64 = 256 << 20;

/// Reads a small object whole; `None` where there is none.
///
/// # Errors
/// Where the store does not answer, or the object is larger than any record.
pub async fn read(store: &dyn Store, name: &str) -> Result<Option<Bytes>, StoreError> {
    let reading = match store.read(name, None, RangeSpec::Whole).await {
        Err(StoreError::NotFound { .. }) => return Ok(None),
        reading => reading?,
    };
    if reading.meta.size > MOST_RECORD {
        return Err(StoreError::Invalid(format!(
            "record has {} bytes, more than {MOST_RECORD}: {name}",
            reading.meta.size
        )));
    }
    let chunks: Vec<Bytes> = reading.stream.try_collect().await?;
    Ok(Some(chunks.concat().into()))
}

/// As [`read`], parsed; `None` also for what is no such record.
///
/// # Errors
/// As [`read`].
pub async fn read_json<T: DeserializeOwned>(
    store: &dyn Store,
    name: &str,
) -> Result<Option<T>, StoreError> {
    let bytes = read(store, name).await?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// Whether an object is there.
///
/// # Errors
/// Where the store does not answer.
pub async fn exists(store: &dyn Store, name: &str) -> Result<bool, StoreError> {
    match store.head(name).await {
        Ok(_) => Ok(true),
        Err(StoreError::NotFound { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Writes the failure record of an object whose message became a dead letter, so that it is
/// listed with the failures and no sweep queues it again. Functions without records leave none.
///
/// # Errors
/// Where the store does not take it.
pub async fn give_up(
    store: &dyn Store,
    function: &Function,
    object: &ObjectRef,
    error: &JobError,
) -> Result<(), StoreError> {
    let stem = function.trigger.stem(&object.name);
    let (Some(records), Some(stem)) = (&function.records, stem) else {
        return Ok(());
    };
    if exists(store, &Records::name(&records.done, stem)).await? {
        // A late delivery of what was done long ago.
        return Ok(());
    }
    write_failure(store, &Records::name(&records.failure, stem), object, error).await
}

async fn write_failure(
    store: &dyn Store,
    name: &str,
    object: &ObjectRef,
    error: &JobError,
) -> Result<(), StoreError> {
    let record = FailureRecord::new(object, error, Tool::new(None));
    let bytes = serde_json::to_vec_pretty(&record)
        .map_err(|error| StoreError::Invalid(error.to_string()))?;
    let new = NewObject {
        content_type: Some("application/json".to_owned()),
        crc32c: Some(crc32c::crc32c(&bytes)),
        ..NewObject::default()
    };
    let bytes = futures::stream::iter([Ok(Bytes::from(bytes))]).boxed();
    match store
        .write(name, Precondition::Generation(0), new, bytes)
        .await
    {
        // One that is there already says as much.
        Ok(_) | Err(StoreError::PreconditionFailed { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
