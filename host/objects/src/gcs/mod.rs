//! A bucket of Google Cloud Storage, over its JSON API.

mod check;
mod download;
mod resource;
mod transport;
mod upload;

pub use transport::RetryPolicy;

use super::{
    Access, ByteStream, NewObject, Notification, ObjectMeta, Precondition, RangeSpec, Reading,
    Store, StoreError,
};
use framemill_gcs_api::{Get, List, Listing, Object, Operation, Request};
use framemill_support::finding::Finding;
use google_cloud_auth::build_errors::Error as BuildError;
use google_cloud_auth::credentials::{self, Credentials};
use std::io;
use std::sync::Arc;
use thiserror::Error;
use transport::{Call, Failure, HOW_TO_LOG_IN, Identity, Transport};

const ENDPOINT: &str = "https://storage.googleapis.com";
const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_write";
/// What all of Google's tools read: host and port of an emulator, with or without a scheme.
const EMULATOR: &str = "STORAGE_EMULATOR_HOST";
/// Most objects on a page of a list.
const PAGE: usize = 1000;

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

struct Bucket {
    name: String,
    transport: Transport,
}

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

impl Bucket {
    /// The object for people: where it lies.
    fn url(&self, name: &str) -> String {
        format!("gs://{}/{name}", self.name)
    }

    /// The call that asks for this, about the object `name`.
    fn call(&self, name: &str, operation: Operation) -> Result<Call, StoreError> {
        let request = Request::new(&self.name, operation);
        let request =
            request.map_err(|error| StoreError::Invalid(format!("{error}: {}", self.url(name))))?;
        Ok(Call::of(&request))
    }

    fn error(&self, what: &'static str, name: &str, failure: Failure) -> StoreError {
        let url = self.url(name);
        let (status, message) = match &failure {
            Failure::Status {
                status, message, ..
            } => (status, message),
            Failure::Connection(_) => return io_error(what, url, failure),
            Failure::Credentials(_) => {
                return StoreError::Forbidden(format!("{what}: {failure}: {url}"));
            }
        };
        match status.as_u16() {
            404 => StoreError::NotFound { name: url },
            412 => StoreError::PreconditionFailed { name: url },
            400 => StoreError::Invalid(format!("{what}: {message}: {url}")),
            401 | 403 => StoreError::Forbidden(format!(
                "{what}: Google Cloud Storage refuses ({status}): {message}: {url}"
            )),
            _ => io_error(what, url, failure),
        }
    }

    async fn head(&self, name: &str) -> Result<ObjectMeta, StoreError> {
        let call = self.call(name, Operation::Metadata(Get::of(name)))?;
        let object: Result<Object, _> = self.transport.json(&call).await;
        let object = object.map_err(|failure| self.error("look up", name, failure))?;
        Ok(resource::meta(object))
    }

    async fn list(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<ObjectMeta>, StoreError> {
        let mut found = Vec::new();
        let mut list = List {
            prefix: prefix.to_owned(),
            start_offset: Some(after.to_owned()).filter(|after| !after.is_empty()),
            ..List::default()
        };
        while found.len() < limit {
            // The start is inclusive, so one may be dropped.
            let missing = limit.saturating_sub(found.len()).saturating_add(1);
            list.max_results = Some(missing.min(PAGE) as u64);
            let call = self.call(prefix, Operation::List(list.clone()))?;
            let page: Result<Listing, _> = self.transport.json(&call).await;
            let page = page.map_err(|failure| match self.error("list", prefix, failure) {
                StoreError::NotFound { .. } => StoreError::NotFound {
                    name: format!("bucket gs://{}", self.name),
                },
                error => error,
            })?;
            let objects = page.items.into_iter().map(resource::meta);
            found.extend(objects.filter(|meta| *meta.name > *after));
            list.page_token = page.next_page_token;
            if list.page_token.is_none() {
                break;
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    /// Deletes; a repeated call that finds nothing has found its own earlier attempt's work.
    async fn delete(&self, name: &str, precondition: Precondition) -> Result<(), StoreError> {
        let delete = Operation::Delete {
            object: name.to_owned(),
            precondition,
        };
        let call = self.call(name, delete)?;
        match self.transport.send(&call).await {
            Ok(_) => Ok(()),
            Err(Failure::Status {
                status: http::StatusCode::NOT_FOUND,
                after_unknown: true,
                ..
            }) => Ok(()),
            Err(failure) => Err(self.error("delete", name, failure)),
        }
    }
}

fn io_error(
    what: &'static str,
    name: String,
    problem: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Io {
        what,
        name,
        source: io::Error::other(problem),
    }
}

#[async_trait::async_trait]
impl Store for GcsStore {
    async fn head(&self, name: &str) -> Result<ObjectMeta, StoreError> {
        self.0.head(name).await
    }

    /// Bytes of one generation. Connections that break are taken up again where they broke.
    /// A whole object is checked against its crc32c; a part of one cannot be.
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
        check::check(self, access).await
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
