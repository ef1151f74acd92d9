//! Requests to Google: credentials and retries.
//!
//! Follows Google's retry strategy (<https://cloud.google.com/storage/docs/retry-strategy>):
//! 408, 429, 5xx and broken connections are retried with exponential backoff and full jitter,
//! `Retry-After` is a lower bound, and calls that are not idempotent are never retried.

use backon::Retryable;
use bytes::Bytes;
use framemill_gcs_api::{
    ContentRange, ErrorResponse, Operation, Precondition, Request, RetryAfter,
};
use framemill_support::net;
use google_cloud_auth::build_errors::Error as BuildError;
use google_cloud_auth::credentials::{CacheableResource, Credentials};
use http::{Extensions, HeaderMap, Method, StatusCode, header};
use reqwest::Response;
use serde::de::DeserializeOwned;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};
use thiserror::Error;

/// Uploads slower than this are given up, bytes per second.
const SLOWEST_UPLOAD: u64 = 64 * 1024;
/// Longer than any upload takes at that speed.
const LONGEST_UPLOAD: Duration = Duration::from_secs(3600);
const MOST_ERROR: usize = 16 * 1024;
const MOST_JSON: usize = 16 << 20;

/// What helps where there are no credentials.
pub(super) const HOW_TO_LOG_IN: &str = "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a key file";

/// How often and how long a call is retried.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Upper bound of the first wait; the bound doubles with each further one.
    pub first_wait: Duration,
    /// Upper bound of all waits.
    pub longest_wait: Duration,
    /// No new attempt starts later than this after the first.
    pub deadline: Duration,
}

impl Default for RetryPolicy {
    /// What Google's own clients do.
    fn default() -> Self {
        Self {
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(32),
            deadline: Duration::from_secs(120),
        }
    }
}

impl RetryPolicy {
    /// The waits before further attempts: full jitter, so that many callers do not come back at
    /// the same moment.
    pub fn backoff(self) -> impl Iterator<Item = Duration> + Send + Sync + Unpin {
        let bounds = std::iter::successors(Some(self.first_wait), move |bound| {
            Some(bound.saturating_mul(2).min(self.longest_wait))
        });
        bounds.map(|bound| bound.mul_f64(fastrand::f64()))
    }
}

/// Who we are to Google.
pub(super) struct Identity {
    current: RwLock<Credentials>,
    /// Makes new credentials where the current ones are refused.
    build: Option<fn() -> Result<Credentials, BuildError>>,
}

impl Identity {
    pub(super) fn given(credentials: Credentials) -> Self {
        Self {
            current: RwLock::new(credentials),
            build: None,
        }
    }

    pub(super) fn built(
        build: fn() -> Result<Credentials, BuildError>,
    ) -> Result<Self, BuildError> {
        Ok(Self {
            current: RwLock::new(build()?),
            build: Some(build),
        })
    }

    async fn headers(&self) -> Result<HeaderMap, Failure> {
        let credentials = {
            let current = self.current.read();
            current.unwrap_or_else(PoisonError::into_inner).clone()
        };
        let headers = credentials.headers(Extensions::new());
        match tokio::time::timeout(net::SILENCE, headers).await {
            Ok(Ok(CacheableResource::New { data, .. })) => Ok(data),
            Ok(Ok(CacheableResource::NotModified)) => Ok(HeaderMap::new()),
            Ok(Err(error)) => Err(Failure::Credentials(net::root(&error))),
            Err(_) => Err(Failure::Credentials("nobody answers".to_owned())),
        }
    }

    /// Headers after `refused` were refused: those of another caller who was faster, or new
    /// ones; the same where there are no others.
    async fn renewed(&self, refused: &HeaderMap) -> Result<HeaderMap, Failure> {
        let headers = self.headers().await?;
        let Some(build) = self.build.filter(|_| headers == *refused) else {
            return Ok(headers);
        };
        let credentials = build().map_err(|error| Failure::Credentials(net::root(&error)))?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = credentials;
        self.headers().await
    }
}

/// A request that can be sent several times.
pub(super) struct Call {
    pub(super) method: Method,
    /// Path and query.
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Whether carrying it out twice has the same effect as once.
    pub(super) idempotent: bool,
}

impl Call {
    /// Of this request, without headers and body. A change is idempotent only where a
    /// precondition keeps it from having a second effect.
    pub(super) fn of(request: &Request) -> Self {
        let operation = request.operation();
        let changes = matches!(operation, Operation::Insert(_) | Operation::Delete { .. });
        Self {
            method: request.method(),
            target: request.target(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            idempotent: !changes || operation.precondition() != Precondition::None,
        }
    }
}

/// Why a call has no good answer.
#[derive(Debug, Error)]
pub(super) enum Failure {
    /// The server refuses.
    #[error("status {}: {message}", status.as_u16())]
    Status {
        status: StatusCode,
        message: String,
        retry_after: Option<Duration>,
        /// The size in `Content-Range: bytes */size`.
        size: Option<u64>,
        /// An attempt before this one may have been carried out.
        after_indeterminate: bool,
    },
    /// No answer, or only a part of one.
    #[error("{0}")]
    Connection(String),
    /// There are no credentials.
    #[error("no Google credentials ({0}): {HOW_TO_LOG_IN}")]
    Credentials(String),
}

impl Failure {
    fn is_transient(&self) -> bool {
        match self {
            Self::Status { status, .. } => {
                matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
            }
            Self::Connection(_) => true,
            // Google's library has retried by itself.
            Self::Credentials(_) => false,
        }
    }

    /// Whether the server may have done what was asked.
    fn is_indeterminate(&self) -> bool {
        match self {
            Self::Status { status, .. } => {
                status.is_server_error() || *status == StatusCode::REQUEST_TIMEOUT
            }
            Self::Connection(_) => true,
            Self::Credentials(_) => false,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// The connection to one endpoint.
pub(super) struct Transport {
    /// For calls without a body.
    reads: reqwest::Client,
    /// For calls with a body: silence is no sign of trouble while we send, so each call has a
    /// timeout by its size.
    writes: reqwest::Client,
    endpoint: String,
    identity: Identity,
    retry_policy: RetryPolicy,
}

impl Transport {
    pub(super) fn new(
        endpoint: &str,
        identity: Identity,
        retry_policy: RetryPolicy,
    ) -> Result<Self, reqwest::Error> {
        // HTTP/2 would put all downloads into one connection and its flow control.
        let client = || net::client().http1_only();
        Ok(Self {
            reads: client().build()?,
            writes: client().read_timeout(LONGEST_UPLOAD).build()?,
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            identity,
            retry_policy,
        })
    }

    pub(super) fn retry_policy(&self) -> RetryPolicy {
        self.retry_policy
    }

    /// The answer to a call, with the status of a success; its body is not read yet.
    pub(super) async fn send(&self, call: &Call) -> Result<Response, Failure> {
        self.with_retries(call, || self.attempt(call)).await
    }

    /// The JSON answer to a call.
    pub(super) async fn json<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Failure> {
        self.with_retries(call, async || {
            let body = read_limited(self.attempt(call).await?, MOST_JSON).await?;
            serde_json::from_slice(&body).map_err(|error| {
                Failure::Connection(format!("answer is not as documented: {error}"))
            })
        })
        .await
    }

    async fn with_retries<T, F>(
        &self,
        call: &Call,
        attempt: impl FnMut() -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let start = Instant::now();
        let mut indeterminate = false;
        let deadline = self.retry_policy.deadline;
        let answer = attempt
            .retry(self.retry_policy.backoff())
            .when(|failure| call.idempotent && failure.is_transient())
            .notify(|failure, wait| {
                indeterminate |= failure.is_indeterminate();
                tracing::debug!(%failure, ?wait, method = %call.method, "storage call is retried");
            })
            .adjust(|failure, wait| {
                let wait = wait?.max(failure.retry_after().unwrap_or_default());
                (start.elapsed().saturating_add(wait) < deadline).then_some(wait)
            })
            .await;
        answer.map_err(|mut failure| {
            if let Failure::Status {
                after_indeterminate,
                ..
            } = &mut failure
            {
                *after_indeterminate = indeterminate;
            }
            failure
        })
    }

    async fn attempt(&self, call: &Call) -> Result<Response, Failure> {
        let headers = self.identity.headers().await?;
        let response = self.send_as(call, headers.clone()).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return judge(response).await;
        }
        let renewed = self.identity.renewed(&headers).await?;
        if renewed == headers {
            return judge(response).await;
        }
        judge(self.send_as(call, renewed).await?).await
    }

    async fn send_as(&self, call: &Call, identity: HeaderMap) -> Result<Response, Failure> {
        let url = format!("{}{}", self.endpoint, call.target);
        let client = if call.body.is_empty() {
            &self.reads
        } else {
            &self.writes
        };
        let mut request = client
            .request(call.method.clone(), url)
            .headers(call.headers.clone())
            .headers(identity);
        if !call.body.is_empty() {
            let sending = Duration::from_secs(call.body.len() as u64 / SLOWEST_UPLOAD);
            request = request
                .timeout(net::SILENCE.saturating_add(sending))
                .body(call.body.clone());
        } else if call.method == Method::POST {
            request = request.header(header::CONTENT_LENGTH, 0);
        }
        let answer = request.send().await;
        answer.map_err(|error| Failure::Connection(net::problem(error)))
    }
}

/// Turns an answer with the status of an error into a failure.
async fn judge(response: Response) -> Result<Response, Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let text = |name| {
        let value = response.headers().get(name)?;
        value.to_str().ok()
    };
    let retry_after = text(header::RETRY_AFTER)
        .and_then(|text| text.parse().ok())
        .map(|after: RetryAfter| after.wait(SystemTime::now()));
    let size = match text(header::CONTENT_RANGE).map(str::parse) {
        Some(Ok(ContentRange::Unsatisfied(size))) => Some(size),
        _ => None,
    };
    // The status is known even where the message is lost.
    let body = read_limited(response, MOST_ERROR).await.unwrap_or_default();
    Err(Failure::Status {
        status,
        message: ErrorResponse::message_in(&body),
        retry_after,
        size,
        after_indeterminate: false,
    })
}

async fn read_limited(mut response: Response, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    let broken = |error| Failure::Connection(net::problem(error));
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len().saturating_add(chunk.len()) > limit {
            return Err(Failure::Connection(format!(
                "answer is over {limit} bytes, the most that is read"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound() {
        let retry_policy = RetryPolicy {
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(5),
            deadline: Duration::MAX,
        };
        for _ in 0..100 {
            for (wait, most) in retry_policy.backoff().zip([1, 2, 4, 5, 5, 5]) {
                assert!(wait <= Duration::from_secs(most));
            }
        }
        assert!(
            retry_policy
                .backoff()
                .take(100)
                .any(|wait| wait > Duration::from_secs(1))
        );
    }
}
