//! What is in the bucket, by listings: one look for all pages of some seconds.

mod entry;
mod listing;
mod records;

pub(crate) use entry::{VideoEntry, VideoState};
pub(crate) use listing::Listing;
pub(crate) use records::Records;

use crate::bucket::Bucket;
use crate::error::PageError;
use framemill_annotations::FrameAnnotation;
use framemill_contract::Manifest;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, RwLock, watch};

/// Age at which a look is renewed, at least.
const FRESH: Duration = Duration::from_secs(2);
/// A look that took long is kept so many times as long: a large bucket is not listed all the time.
const REST: u32 = 10;

/// The bucket as it was looked at last.
pub(crate) struct Index {
    shared: Arc<Shared>,
}

struct Shared {
    bucket: Bucket,
    records: Records,
    seen: RwLock<Option<Seen>>,
    /// Held by who looks.
    looking: Mutex<()>,
    is_looking: AtomicBool,
    /// Hash of the last listing.
    version: watch::Sender<u64>,
}

#[derive(Clone)]
struct Seen {
    listing: Arc<Listing>,
    at: Instant,
    took: Duration,
}

impl Seen {
    fn is_fresh(&self) -> bool {
        self.at.elapsed() < FRESH.max(self.took.saturating_mul(REST))
    }
}

impl Index {
    pub(crate) fn new(bucket: Bucket) -> Self {
        let shared = Shared {
            records: Records::new(Arc::clone(&bucket.store), bucket.layout.clone()),
            bucket,
            seen: RwLock::new(None),
            looking: Mutex::new(()),
            is_looking: AtomicBool::new(false),
            version: watch::Sender::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The bucket as it was some seconds ago. Where the last look is older, another one begins, and who
    /// asks gets the last one; the first who asks waits.
    pub(crate) async fn listing(&self) -> Result<Arc<Listing>, PageError> {
        let seen = self.shared.seen.read().await.clone();
        let Some(seen) = seen else {
            return self.shared.look().await;
        };
        if !seen.is_fresh() && !self.shared.is_looking.swap(true, Ordering::AcqRel) {
            let shared = Arc::clone(&self.shared);
            tokio::spawn(async move {
                if let Err(error) = shared.look().await {
                    tracing::warn!("console: {error}");
                }
                shared.is_looking.store(false, Ordering::Release);
            });
        }
        Ok(seen.listing)
    }

    /// Looks again where the last look is not fresh, and waits for it.
    pub(crate) async fn look_again(&self) -> Result<Arc<Listing>, PageError> {
        match self.shared.seen.read().await.as_ref() {
            Some(seen) if seen.is_fresh() => return Ok(Arc::clone(&seen.listing)),
            _ => {}
        }
        self.shared.look().await
    }

    /// Changes when something in the bucket does.
    pub(crate) fn versions(&self) -> watch::Receiver<u64> {
        self.shared.version.subscribe()
    }

    /// A video by its name.
    pub(crate) async fn video(&self, name: &str) -> Result<(Arc<Listing>, usize), PageError> {
        let listing = self.listing().await?;
        let place = listing.place_of(name).ok_or(PageError::Gone("video"))?;
        Ok((listing, place))
    }

    /// The manifest of a video; `None` where it has none.
    pub(crate) async fn manifest(
        &self,
        video: &VideoEntry,
    ) -> Result<Option<Arc<Manifest>>, PageError> {
        match video.manifest {
            Some(stamp) => Ok(Some(
                self.shared.records.manifest(&video.name, stamp).await?,
            )),
            None => Ok(None),
        }
    }

    /// What targets answered about a frame.
    pub(crate) async fn annotations(
        &self,
        video: &VideoEntry,
        index: u64,
    ) -> Vec<Arc<FrameAnnotation>> {
        self.shared.records.annotations(video, index).await
    }
}

impl Shared {
    async fn look(&self) -> Result<Arc<Listing>, PageError> {
        let _looking = self.looking.lock().await;
        // Another one may have looked while this one waited.
        if let Some(seen) = self.seen.read().await.as_ref().filter(|it| it.is_fresh()) {
            return Ok(Arc::clone(&seen.listing));
        }
        let start = Instant::now();
        let listing = Arc::new(Listing::read(&self.bucket, &self.records).await?);
        let version = listing.version();
        *self.seen.write().await = Some(Seen {
            listing: Arc::clone(&listing),
            at: Instant::now(),
            took: start.elapsed(),
        });
        self.version.send_if_modified(|before| {
            let changed = *before != version;
            *before = version;
            changed
        });
        Ok(listing)
    }
}
