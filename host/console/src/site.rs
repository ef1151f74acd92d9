//! What all pages share.

use crate::bucket::Bucket;
use crate::index::Index;
use crate::thumbnails::Thumbnails;
use framemill_contract::Layout;
use framemill_objects::Store;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// What all pages share.
pub(crate) struct Site {
    pub(crate) index: Index,
    pub(crate) thumbnails: Thumbnails,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) layout: Layout,
    pub(crate) bucket: String,
    /// Places of those who listen for changes.
    pub(crate) listeners: Arc<Semaphore>,
    /// When the listener closes.
    pub(crate) closing: CancellationToken,
}

/// Those who listen for changes, at most.
const LISTENERS: usize = 32;

impl Site {
    pub(crate) fn new(bucket: Bucket, closing: CancellationToken) -> Self {
        Self {
            store: Arc::clone(&bucket.store),
            layout: bucket.layout.clone(),
            bucket: bucket.name.clone(),
            index: Index::new(bucket),
            thumbnails: Thumbnails::default(),
            listeners: Arc::new(Semaphore::new(LISTENERS)),
            closing,
        }
    }
}
