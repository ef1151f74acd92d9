//! Requests to BigQuery: credentials, limits and retries.

use super::error::LoadError;
use backon::Retryable as _;
use framemill_objects::RetryPolicy;
use framemill_support::net;
use framemill_warehouse::bigquery::problem_of;
use google_cloud_auth::build_errors::Error as BuildError;
use google_cloud_auth::credentials::{self, CacheableResource, Credentials};
use http::{Extensions, HeaderMap, Method};
use serde_json::Value;
use std::time::{Duration, Instant};
use thiserror::Error;

const ENDPOINT: &str = "https://bigquery.googleapis.com";
/// A load reads the bucket with the same token.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const MOST_ANSWER: usize = 4 << 20;

/// Why BigQuery cannot be asked.
#[derive(Debug, Error)]
pub enum OpenError {
    /// There are no usable credentials.
    #[error(
        "no Google credentials ({0}): run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a key file"
    )]
    Credentials(#[from] BuildError),
    /// No HTTP client can be made.
    #[error("HTTP client cannot be made: {0}")]
    Client(#[from] reqwest::Error),
}

/// How often BigQuery is asked.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// After a failure.
    pub retry: RetryPolicy,
    /// How a job stands.
    pub poll: RetryPolicy,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            poll: RetryPolicy {
                first_wait: Duration::from_secs(2),
                longest_wait: Duration::from_secs(20),
                deadline: Duration::from_secs(1800),
            },
        }
    }
}

/// BigQuery, as one account sees it.
pub struct BigQuery {
    endpoint: String,
    http: reqwest::Client,
    credentials: Credentials,
    pub(super) pace: Pace,
}

impl BigQuery {
    /// With the environment's credentials; without any at an emulator, which speaks HTTP. `None` is
    /// Google's own endpoint. Call it inside tokio's runtime.
    ///
    /// # Errors
    /// Where there are no credentials.
    pub fn open(endpoint: Option<&str>) -> Result<Self, OpenError> {
        let endpoint = endpoint.unwrap_or(ENDPOINT);
        net::install_tls();
        let credentials = match endpoint.starts_with("http://") {
            true => credentials::anonymous::Builder::new().build(),
            false => credentials::Builder::default()
                .with_scopes([SCOPE])
                .build()?,
        };
        Self::at(endpoint, credentials, Pace::default())
    }

    /// At an endpoint, with these credentials.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub fn at(endpoint: &str, credentials: Credentials, pace: Pace) -> Result<Self, OpenError> {
        Ok(Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            http: net::client().build()?,
            credentials,
            pace,
        })
    }

    /// The body of an answer, or `None` where there is such a job already (409). Only requests that may
    /// be sent twice: lookups, and inserts of jobs with ids.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Option<Vec<u8>>, LoadError> {
        let start = Instant::now();
        let attempt = || self.attempt(method.clone(), path, query, body);
        attempt
            .retry(self.pace.retry.backoff())
            .when(LoadError::is_transient)
            .notify(|error, wait| tracing::debug!(%error, ?wait, "bigquery is asked again"))
            .adjust(|_, wait| {
                let late = start.elapsed().saturating_add(wait?) > self.pace.retry.deadline;
                (!late).then_some(wait?)
            })
            .await
    }

    async fn attempt(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Option<Vec<u8>>, LoadError> {
        let headers = self.headers().await?;
        let url = format!("{}{path}", self.endpoint);
        let mut request = self.http.request(method, url).headers(headers).query(query);
        if let Some(body) = body {
            request = request.json(body);
        }
        let broken = |error| LoadError::Unavailable(net::problem(error));
        let mut response = request.send().await.map_err(broken)?;
        let status = response.status();
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if answer.len().saturating_add(chunk.len()) > MOST_ANSWER {
                let reason = format!("answer is over {MOST_ANSWER} bytes, the most that is read");
                return Err(LoadError::Unavailable(reason));
            }
            answer.extend_from_slice(&chunk);
        }
        match status.as_u16() {
            200..=299 => Ok(Some(answer)),
            409 => Ok(None),
            status => Err(LoadError::of_status(status, problem_of(&answer))),
        }
    }

    async fn headers(&self) -> Result<HeaderMap, LoadError> {
        let headers = self.credentials.headers(Extensions::new());
        match tokio::time::timeout(net::SILENCE, headers).await {
            Ok(Ok(CacheableResource::New { data, .. })) => Ok(data),
            Ok(Ok(CacheableResource::NotModified)) => Ok(HeaderMap::new()),
            Ok(Err(error)) => Err(LoadError::Credentials(net::root(&error))),
            Err(_) => Err(LoadError::Credentials("nobody answers".to_owned())),
        }
    }
}
