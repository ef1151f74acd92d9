//! The bucket as a [`Store`].

use super::bucket::Bucket;
use super::transport::{HOW_TO_LOG_IN, Identity, RetryPolicy, Transport};
use super::{check, download};
use crate::access::Access;
use crate::error::StoreError;
use crate::store::{ByteStream, NewObject, Notification, ObjectMeta, Reading, Store};
use framemill_gcs_api::{Precondition, RangeSpec};
use framemill_support::finding::Finding;
use google_cloud_auth::build_errors::Error as BuildError;
use google_cloud_auth::credentials::{self, Credentials};
use std::sync::Arc;
use thiserror::Error;

const ENDPOINT: &str = "https://storage.googleapis.com";
const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_write";
/// What all of Google's tools read: host and port of an emulator, with or without a scheme.
const EMULATOR: &str = "STORAGE_EMULATOR_HOST";

/// Why a bucket cannot be opened.
#[derive(Debug, Error)]
pub enum OpenGcsError {
    /// There are no usable credentials.
    #[error("no Google credentials ({0}): {HOW_TO_LOG_IN}")]
    Credentials(#[from] BuildError),
    /// No HTTP client can be made.
    #[error("HTTP client cannot be made: {0}")]
    Client(#[from] reqwest::Error),
}

/// A bucket of Google Cloud Storage.
#[derive(Clone)]
pub struct GcsStore(Arc<Bucket>);

impl GcsStore {
    /// With the environment's credentials: a key file, gcloud's user credentials, the metadata
    /// server, or workload identity federation; without any where `STORAGE_EMULATOR_HOST` names
    /// an emulator. Call it inside tokio's runtime.
    ///
    /// # Errors
    /// Where there are no credentials.
    pub fn open(bucket: &str) -> Result<Self, OpenGcsError> {
        let retry_policy = RetryPolicy::default();
        if let Some(host) = std::env::var(EMULATOR).ok().filter(|host| !host.is_empty()) {
            let anonymous = credentials::anonymous::Builder::new().build();
            return Self::at(&emulator_endpoint(&host), bucket, anonymous, retry_policy);
        }
        framemill_support::net::install_tls();
        let identity =
            Identity::built(|| credentials::Builder::default().with_scopes([SCOPE]).build())?;
        Self::new(ENDPOINT, bucket, identity, retry_policy)
    }

    /// At another endpoint, with these credentials.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub fn at(
        endpoint: &str,
        bucket: &str,
        credentials: Credentials,
        retry_policy: RetryPolicy,
    ) -> Result<Self, OpenGcsError> {
        Self::new(endpoint, bucket, Identity::given(credentials), retry_policy)
    }

    fn new(
        endpoint: &str,
        bucket: &str,
        identity: Identity,
        retry_policy: RetryPolicy,
    ) -> Result<Self, OpenGcsError> {
        Ok(Self(Arc::new(Bucket {
            name: bucket.to_owned(),
            transport: Transport::new(endpoint, identity, retry_policy)?,
        })))
    }
}

/// `http://127.0.0.1:4443` from `127.0.0.1:4443`, `http://127.0.0.1:4443/` or the same with
/// `/storage/v1/`.
fn emulator_endpoint(host: &str) -> String {
    let host = host.trim().trim_end_matches('/');
    let host = host.strip_suffix("/storage/v1").unwrap_or(host);
    if host.contains("://") {
        host.to_owned()
    } else {
        format!("http://{host}")
    }
}

#[async_trait::async_trait]
impl Store for GcsStore {
    async fn head(&self, name: &str) -> Result<ObjectMeta, StoreError> {
        self.0.head(name).await
    }

    /// Bytes of one generation. A read resumes where its connection breaks. A whole object is
    /// checked against its crc32c; a part of one cannot be.
    async fn read(
        &self,
        name: &str,
        generation: Option<i64>,
        range: RangeSpec,
    ) -> Result<Reading, StoreError> {
        download::read(Arc::clone(&self.0), name, generation, range).await
    }

    async fn write(
        &self,
        name: &str,
        precondition: Precondition,
        object: NewObject,
        bytes: ByteStream,
    ) -> Result<ObjectMeta, StoreError> {
        self.0.write(name, precondition, object, bytes).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ObjectMeta>, StoreError> {
        self.0.list(prefix, after.unwrap_or_default(), limit).await
    }

    async fn delete(&self, name: &str, precondition: Precondition) -> Result<(), StoreError> {
        self.0.delete(name, precondition).await
    }

    async fn check(&self, access: &Access) -> Vec<Finding> {
        check::check(self, &self.0, access).await
    }

    async fn notifications(&self) -> Result<Option<Vec<Notification>>, StoreError> {
        check::notifications(&self.0).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emulators_are_named_in_several_ways() {
        for host in [
            "127.0.0.1:4443",
            "http://127.0.0.1:4443",
            "http://127.0.0.1:4443/",
            " http://127.0.0.1:4443/storage/v1/",
        ] {
            assert_eq!(emulator_endpoint(host), "http://127.0.0.1:4443", "{host}");
        }
        assert_eq!(emulator_endpoint("https://gcs.test"), "https://gcs.test");
    }
}
