//! What a bucket says of a video: its manifest or failure record, and whether labels were asked
//! for. The names are the contract's.

use bytes::Bytes;
use framemill_contract::{Claim, FailureRecord, Folder, Job, JobError, LabelJob, ObjectRef, Tool};
use framemill_objects::{NewObject, ObjectMeta, Precondition, RangeSpec, Store, StoreError};
use futures::{StreamExt as _, TryStreamExt as _};
use serde::de::DeserializeOwned;

/// Records are small; a manifest of 100 000 frames has about 30 MiB.
const MOST_RECORD: u64 = 256 << 20;

/// How far a video is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VideoState {
    /// Neither manifest nor failure record.
    Open,
    /// Its manifest.
    Done(String),
    /// Its failure record.
    Failed(String),
}

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

/// The folder that a generation of a video has, or would get.
async fn folder(store: &dyn Store, job: &Job, generation: i64) -> Result<Folder, StoreError> {
    let ours = Claim::new(&job.video.name, generation);
    let claim = read(store, &job.folder.claim()).await?;
    let is_ours = |bytes: Bytes| serde_json::from_slice::<Claim>(&bytes).is_ok_and(|c| c == ours);
    if claim.is_none_or(is_ours) {
        return Ok(job.folder.clone());
    }
    Ok(job.folder.for_generation(generation))
}

/// When work on a generation of a video began: the claim of its folder.
///
/// # Errors
/// Where the store does not answer.
pub async fn claimed(
    store: &dyn Store,
    job: &Job,
    generation: i64,
) -> Result<Option<ObjectMeta>, StoreError> {
    let folder = folder(store, job, generation).await?;
    match store.head(&folder.claim()).await {
        Ok(meta) => Ok(Some(meta)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// How far a generation of a video is.
///
/// # Errors
/// Where the store does not answer.
pub async fn video_state(
    store: &dyn Store,
    job: &Job,
    generation: i64,
) -> Result<VideoState, StoreError> {
    let folder = folder(store, job, generation).await?;
    if exists(store, &folder.manifest()).await? {
        return Ok(VideoState::Done(folder.manifest()));
    }
    // Without a claim the record may be that of another generation, or of another video.
    let record: Option<FailureRecord> = read_json(store, &folder.failure()).await?;
    let is_ours = |record: FailureRecord| {
        record.source.name == job.video.name
            && record
                .source
                .generation
                .is_none_or(|there| there == generation)
    };
    if record.is_some_and(is_ours) {
        return Ok(VideoState::Failed(folder.failure()));
    }
    Ok(VideoState::Open)
}

/// Writes the failure record of a video whose message was given up, so that it is listed with
/// the failures and no sweep queues it again.
///
/// # Errors
/// Where the store does not take it.
pub async fn give_up_video(
    store: &dyn Store,
    job: &Job,
    error: &JobError,
) -> Result<(), StoreError> {
    let meta = store.head(&job.video.name).await?;
    let generation = job.video.generation.unwrap_or(meta.generation);
    let folder = folder(store, job, generation).await?;
    if exists(store, &folder.manifest()).await? {
        // A late delivery of what was done long ago.
        return Ok(());
    }
    let video = ObjectRef {
        generation: Some(generation),
        ..job.video.clone()
    };
    write_failure(store, &folder.failure(), &video, error).await
}

/// The same for labels that could not be asked for.
///
/// # Errors
/// Where the store does not take it.
pub async fn give_up_labels(
    store: &dyn Store,
    job: &LabelJob,
    error: &JobError,
) -> Result<(), StoreError> {
    if exists(store, &job.receipt()).await? {
        return Ok(());
    }
    write_failure(store, &job.failure(), &job.manifest, error).await
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
