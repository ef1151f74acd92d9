//! Google Cloud Storage when things go wrong: nothing is lost, nothing is written twice.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod checks;
mod credentials;
mod reads;
mod retries;
mod writes;

use framemill_objects::{
    GcsStore, NewObject, ObjectMeta, Precondition, RangeSpec, RetryPolicy, Store as _, StoreError,
};
use framemill_tests::fake_gcs::FakeGcs;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use google_cloud_auth::credentials::{
    CacheableResource, Credentials, CredentialsProvider, EntityTag,
};
use google_cloud_auth::errors::CredentialsError;
use http::{Extensions, HeaderMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const BUCKET: &str = "bucket";
const CREATE: Precondition = Precondition::Generation(0);

/// Gives one token after the other, the last for ever; fails where there is none.
#[derive(Debug)]
struct Tokens {
    tokens: Vec<&'static str>,
    next: AtomicUsize,
}

impl CredentialsProvider for Tokens {
    async fn headers(
        &self,
        _: Extensions,
    ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        let Some(last) = self.tokens.len().checked_sub(1) else {
            return Err(CredentialsError::from_msg(true, "metadata server is away"));
        };
        let token = self.tokens[next.min(last)];
        let mut data = HeaderMap::new();
        data.insert("authorization", format!("Bearer {token}").parse().unwrap());
        Ok(CacheableResource::New {
            entity_tag: EntityTag::new(),
            data,
        })
    }

    async fn universe_domain(&self) -> Option<String> {
        None
    }
}

fn store_with(server: &FakeGcs, tokens: &[&'static str]) -> GcsStore {
    let credentials = Credentials::from(Tokens {
        tokens: tokens.to_vec(),
        next: AtomicUsize::new(0),
    });
    let retry_policy = RetryPolicy {
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(10),
        deadline: Duration::from_secs(60),
    };
    GcsStore::at(&server.endpoint(), BUCKET, credentials, retry_policy).unwrap()
}

fn start() -> (FakeGcs, GcsStore) {
    let server = FakeGcs::start(BUCKET);
    server.accept_token("token", u64::MAX);
    let store = store_with(&server, &["token"]);
    (server, store)
}

async fn write(
    store: &GcsStore,
    name: &str,
    precondition: Precondition,
    bytes: &[u8],
) -> Result<ObjectMeta, StoreError> {
    let bytes = stream::iter([Ok(bytes.to_vec().into())]).boxed();
    let object = NewObject::default();
    store.write(name, precondition, object, bytes).await
}

/// Reads all; the error that the stream ends with, or the bytes.
async fn read(store: &GcsStore, name: &str) -> Result<Vec<u8>, StoreError> {
    let reading = store.read(name, None, RangeSpec::Whole).await?;
    let chunks: Vec<_> = reading.stream.try_collect().await?;
    Ok(chunks.concat())
}

fn pattern(size: u32) -> Vec<u8> {
    (0..size).map(|i| (i % 251) as u8).collect()
}
