//! What a bucket says in manifests, claims and failure records, and what the host writes there
//! itself. The names are the contract's.

use bytes::Bytes;
use framemill_contract::{
    Claim, FailureRecord, JobError, Layout, NamePattern, Naming, ObjectRef, Tool, VideoName,
};
use framemill_function_spec::{Function, Records};
use framemill_objects::{ObjectMeta, Precondition, Store, StoreError, write_whole};
pub use framemill_objects::{PAGE, pages, read_whole as read};
use futures::{StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Records that are read at the same time.
const AT_ONCE: usize = 16;

/// A failure record, and where it is.
#[derive(Clone, Debug, Serialize)]
pub struct StoredFailure {
    /// Its object.
    pub name: String,
    /// In this generation.
    #[serde(skip)]
    pub generation: i64,
    /// What it says.
    pub record: FailureRecord,
}

/// The failure records of all functions. Costs a listing of them, and a read of each.
///
/// # Errors
/// Where the store does not answer.
pub async fn failures(
    store: &dyn Store,
    layout: &Layout,
) -> Result<Vec<StoredFailure>, StoreError> {
    let names = layout.all_failure_names();
    let mut found = Vec::new();
    let mut pages = std::pin::pin!(pages(store, names.prefix.clone()));
    while let Some(mut page) = pages.try_next().await? {
        page.retain(|meta| names.key(&meta.name).is_some());
        let read = page.into_iter().map(|meta| async move {
            let record = read_json(store, &meta.name).await?;
            Ok::<_, StoreError>(record.map(|record| StoredFailure {
                name: meta.name,
                generation: meta.generation,
                record,
            }))
        });
        let read = futures::stream::iter(read).buffered(AT_ONCE);
        let read: Vec<Option<StoredFailure>> = read.try_collect().await?;
        found.extend(read.into_iter().flatten());
    }
    Ok(found)
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

/// The current version of an object; `None` where there is none.
async fn head(store: &dyn Store, name: &str) -> Result<Option<ObjectMeta>, StoreError> {
    match store.head(name).await {
        Ok(meta) => Ok(Some(meta)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes the failure record of an object whose message became a dead letter, so that it is
/// listed with the failures and no sweep queues it again. Of an object that is gone or replaced
/// nothing is said, and functions without records leave none.
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
    let Some(meta) = head(store, &object.name).await? else {
        return Ok(());
    };
    let given = object.generation;
    if given.is_some_and(|generation| generation != meta.generation) {
        return Ok(());
    }
    let name = match claims(records) {
        Some(claims) => owned_name(store, &claims, stem, object, meta.generation).await?,
        None => VideoName::parse(stem),
    };
    let done = head(store, &pattern(&records.done).name(&name)).await?;
    if done.is_some_and(|done| done.updated_micros >= meta.updated_micros) {
        // A late delivery of what was done long ago.
        return Ok(());
    }
    let object = ObjectRef {
        generation: Some(meta.generation),
        ..object.clone()
    };
    write_failure(
        store,
        &pattern(&records.failure).name(&name),
        &object,
        error,
    )
    .await
}

/// The name that a generation of an upload has in records, or would get.
async fn owned_name(
    store: &dyn Store,
    claims: &Claims,
    stem: &str,
    object: &ObjectRef,
    generation: i64,
) -> Result<VideoName, StoreError> {
    let plain = VideoName::plain(stem);
    let claim = read(store, &claims.of(&plain)).await?;
    let is_ours = |bytes: Bytes| {
        let claim = serde_json::from_slice::<Claim>(&bytes);
        claim.is_ok_and(|claim| claim.is_of(&object.name, generation))
    };
    Ok(match claim.is_none_or(is_ours) {
        true => plain,
        false => plain.of_generation(generation),
    })
}

/// What says which upload has a name.
pub struct Claims {
    /// Names of claims, by folder of images.
    pub names: NamePattern,
    naming: Naming,
}

impl Claims {
    /// The claim of a name.
    pub fn of(&self, video: &VideoName) -> String {
        self.names.name(&video.folder(self.naming))
    }
}

/// The claims of a function that works on uploads.
pub fn claims(records: &Records) -> Option<Claims> {
    Some(Claims {
        names: pattern(records.claim.as_ref()?),
        naming: match records.claim_without_ending {
            true => Naming::Sample,
            false => Naming::Index,
        },
    })
}

/// Names that begin and end so.
pub fn pattern((prefix, suffix): &(String, String)) -> NamePattern {
    NamePattern {
        prefix: prefix.clone(),
        suffix: suffix.clone().into(),
    }
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
    let precondition = Precondition::Generation(0);
    match write_whole(store, name, precondition, "application/json", bytes.into()).await {
        // One that is there already says as much.
        Ok(_) | Err(StoreError::PreconditionFailed { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
