//! A Google Cloud Storage that is stricter than the emulators, and fails on demand.
//!
//! It speaks the JSON API: preconditions on every kind of upload, checksums compared, pages,
//! ranges, generations, bearer tokens that expire, permissions. Faults are programmed one by
//! one: each is used up by the next request that it fits.

mod answer;
mod bucket;
mod fault;
mod request;
mod seen;
mod state;

pub use fault::Fault;
pub use seen::{On, Seen};

use crate::listener::Listener;
use axum::Router;
use axum::extract::{Request as HttpRequest, State};
use axum::response::Response;
use framemill_gcs_api::memory::{Bucket, Stored};
use serde_json::Value;
use state::{Inner, Shared};
use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard};

/// The server; it ends when it is dropped.
pub struct FakeGcs {
    inner: Shared,
    listener: Listener,
}

impl FakeGcs {
    /// Starts one with one empty bucket.
    pub fn start(bucket: &str) -> Self {
        let inner = Shared::default();
        let app = Router::new().fallback(serve).with_state(Arc::clone(&inner));
        let listener = Listener::start(app);
        let server = Self { inner, listener };
        server.lock().buckets.entry(bucket.to_owned()).or_default();
        server
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        state::lock(&self.inner)
    }

    /// For `STORAGE_EMULATOR_HOST`: with the scheme, without a slash at the end.
    pub fn endpoint(&self) -> String {
        self.listener.origin()
    }

    /// The next request of this kind has this fault.
    pub fn fault(&self, on: On, fault: Fault) {
        self.lock().faults.push((on, fault));
    }

    /// From now on requests need a token; this one is good for so many.
    pub fn accept_token(&self, token: &str, requests: u64) {
        let mut inner = self.lock();
        let tokens = inner.tokens.get_or_insert_default();
        tokens.insert(token.to_owned(), requests);
    }

    /// Takes a permission away, such as `storage.objects.create`.
    pub fn deny(&self, permission: &str) {
        self.lock().denied.insert(permission.to_owned());
    }

    /// What `notificationConfigs` lists.
    pub fn set_notifications(&self, notifications: Vec<Value>) {
        self.lock().notifications = notifications;
    }

    /// Forgets everything; then there is one empty bucket, and generations are counted anew.
    pub fn reset(&self, bucket: &str) {
        let mut inner = self.lock();
        *inner = Inner::default();
        inner.buckets.entry(bucket.to_owned()).or_default();
    }

    /// Most objects on a page of a list.
    pub fn set_page(&self, page: usize) {
        self.lock().page = Some(page);
    }

    /// Places an object and gives its generation.
    pub fn put(&self, bucket: &str, name: &str, bytes: &[u8]) -> i64 {
        let object = Stored {
            bytes: bytes.to_vec(),
            generation: 0,
            content_type: "application/octet-stream".to_owned(),
            metadata: BTreeMap::new(),
            updated: None,
        };
        self.lock().store(bucket, name, object)
    }

    /// An object as it lies there.
    pub fn get(&self, bucket: &str, name: &str) -> Option<Stored> {
        self.lock().buckets.get(bucket)?.get(name).cloned()
    }

    /// Names of all objects.
    pub fn names(&self, bucket: &str) -> Vec<String> {
        let inner = self.lock();
        let bucket = inner.buckets.get(bucket);
        bucket.map(Bucket::names).unwrap_or_default()
    }

    /// All requests so far, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.lock().seen.clone()
    }

    /// How many requests of a kind have come.
    pub fn count(&self, on: On) -> usize {
        let inner = self.lock();
        inner.seen.iter().filter(|seen| seen.on == on).count()
    }

    /// How many writes and deletes have changed something.
    pub fn writes(&self) -> i64 {
        self.lock().writes
    }

    /// Faults that no request has met yet.
    pub fn faults_left(&self) -> usize {
        self.lock().faults.len()
    }
}

async fn serve(State(inner): State<Shared>, request: HttpRequest) -> Response {
    answer::answer(&inner, request).await
}
