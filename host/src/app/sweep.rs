//! Missed events: finds the videos and manifests that nobody has worked on, and queues them.

use super::records;
use framemill_contract::{Event, EventKind, ObjectRef};
use framemill_function_spec::{Function, Records};
use framemill_objects::{ObjectMeta, Store, StoreError};
use framemill_sources::{Source, SourceError};
use futures::{StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use thiserror::Error;

/// Objects per page of a listing.
const PAGE: usize = 1000;
/// Videos that are looked at at the same time.
const AT_ONCE: usize = 16;

/// Why a sweep broke off.
#[derive(Debug, Error)]
pub enum SweepError {
    /// The bucket.
    #[error("bucket: {0}")]
    Store(#[from] StoreError),
    /// The queue.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// What a sweep looks through.
pub struct Sweep {
    /// The bucket.
    pub store: Arc<dyn Store>,
    /// Its name.
    pub bucket: String,
    /// The extraction and the labeling, as far as they are configured, and where what is missing
    /// is queued for each.
    pub pipelines: Vec<(Function, Arc<dyn Source>)>,
    /// Names that are skipped: a folder has unfinished and hidden files.
    pub skip: fn(&str) -> bool,
    /// Younger objects are left alone.
    pub age: Duration,
}

/// What a sweep found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Videos.
    pub videos: u64,
    /// Of these: have a manifest.
    pub done: u64,
    /// Have a failure record.
    pub failed: u64,
    /// Too young to be missing.
    pub young: u64,
    /// Messages queued: videos without a record, manifests without a receipt.
    pub queued: u64,
}

/// What is to be done about one video.
enum Found {
    Done,
    Failed,
    Young,
    Missing(ObjectMeta, Arc<dyn Source>),
}

impl Sweep {
    /// Looks through all videos once. `progress` is told after each page.
    ///
    /// # Errors
    /// Where the bucket or the queue does not answer.
    pub async fn run(&self, progress: &(dyn Fn(Swept) + Sync)) -> Result<Swept, SweepError> {
        let mut swept = Swept::default();
        for (function, source) in &self.pipelines {
            let mut after: Option<String> = None;
            loop {
                let prefix = &function.trigger.prefix;
                let page = self.store.list(prefix, after.as_deref(), PAGE).await?;
                let last = page.len() < PAGE;
                after = page.last().map(|meta| meta.name.clone());
                let named = page.into_iter().filter(|meta| !(self.skip)(&meta.name));
                let found: Vec<Option<Found>> = futures::stream::iter(named)
                    .map(|meta| self.look_at(function, meta, source))
                    .buffer_unordered(AT_ONCE)
                    .try_collect()
                    .await?;
                for found in found.into_iter().flatten() {
                    self.settle(found, &mut swept).await?;
                }
                progress(swept);
                if last {
                    break;
                }
            }
        }
        Ok(swept)
    }

    async fn settle(&self, found: Found, swept: &mut Swept) -> Result<(), SweepError> {
        swept.videos = swept.videos.saturating_add(1);
        let count = match found {
            Found::Done => &mut swept.done,
            Found::Failed => &mut swept.failed,
            Found::Young => &mut swept.young,
            Found::Missing(meta, source) => {
                source.publish(&self.event(&meta)).await?;
                tracing::info!("queued, its message was lost: {}", meta.name);
                &mut swept.queued
            }
        };
        *count = count.saturating_add(1);
        Ok(())
    }

    fn event(&self, meta: &ObjectMeta) -> Event {
        Event {
            kind: EventKind::Finalized,
            object: ObjectRef {
                bucket: self.bucket.clone(),
                name: meta.name.clone(),
                generation: Some(meta.generation),
            },
        }
    }

    async fn look_at(
        &self,
        function: &Function,
        meta: ObjectMeta,
        source: &Arc<dyn Source>,
    ) -> Result<Option<Found>, StoreError> {
        let stem = function.trigger.stem(&meta.name);
        let (Some(stem), Some(names)) = (stem, &function.records) else {
            return Ok(None);
        };
        let store = self.store.as_ref();
        if records::exists(store, &Records::name(&names.done, stem)).await? {
            return Ok(Some(Found::Done));
        }
        if records::exists(store, &Records::name(&names.failure, stem)).await? {
            return Ok(Some(Found::Failed));
        }
        if self.is_young(&meta) {
            return Ok(Some(Found::Young));
        }
        Ok(Some(Found::Missing(meta, Arc::clone(source))))
    }

    fn is_young(&self, meta: &ObjectMeta) -> bool {
        let micros = u64::try_from(meta.updated_micros).unwrap_or(0);
        let updated = UNIX_EPOCH.checked_add(Duration::from_micros(micros));
        let age = updated.and_then(|updated| SystemTime::now().duration_since(updated).ok());
        age.is_none_or(|age| age < self.age)
    }
}
