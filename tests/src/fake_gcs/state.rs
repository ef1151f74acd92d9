//! What lies in the buckets, what goes wrong next, and what came.

use super::{Fault, On, Seen};
use framemill_gcs_api::memory::Bucket;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the server knows.
#[derive(Default)]
pub(super) struct Inner {
    pub(super) buckets: BTreeMap<String, Bucket>,
    pub(super) writes: i64,
    /// Tokens and how many requests each is still good for; `None`: no token is asked for.
    pub(super) tokens: Option<BTreeMap<String, u64>>,
    pub(super) denied: BTreeSet<String>,
    pub(super) faults: Vec<(On, Fault)>,
    pub(super) seen: Vec<Seen>,
    pub(super) notifications: Vec<Value>,
    pub(super) page: Option<usize>,
}

/// What all of its connections share.
pub(super) type Shared = Arc<Mutex<Inner>>;

/// A test that failed while it held the state leaves it as it is.
pub(super) fn lock(inner: &Shared) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}
