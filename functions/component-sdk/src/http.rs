//! Other hosts and the time, as a trait; and what their answers mean for a message.

use crate::account::ServiceAccount;
use base64::Engine as _;
use framemill_contract::{JobError, SizeLimits};
use framemill_gcs_api::RetryAfter;
use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, UNIX_EPOCH};
use thiserror::Error;

/// Longest wait that an answer can ask for, in seconds.
const LONGEST_WAIT: u64 = 3600;
/// Most characters of an answer that are passed on.
const LONGEST_TEXT: usize = 500;
/// Most bytes of an answer where the request does not say.
const LARGEST_ANSWER: u64 = SizeLimits::STANDARD.body;

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Asks.
    Get,
    /// Changes something.
    Post,
    /// Removes something.
    Delete,
}

/// A request to another host.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest<'a> {
    /// What it does.
    pub method: Method,
    /// Where.
    pub url: String,
    /// Headers; may hold credentials. `content-length` is added.
    pub headers: Vec<(&'static str, String)>,
    /// Body, in parts that are sent one after the other.
    pub body: Vec<Cow<'a, [u8]>>,
    /// Most bytes of the answer to a request that succeeds; more are an error.
    pub largest_answer: u64,
}

impl<'a> HttpRequest<'a> {
    /// A request without body.
    pub fn new(method: Method, url: String) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            body: Vec::new(),
            largest_answer: LARGEST_ANSWER,
        }
    }

    /// A question.
    pub fn get(url: String) -> Self {
        Self::new(Method::Get, url)
    }

    /// A change, with JSON.
    pub fn post(url: String, body: Vec<u8>) -> Self {
        Self {
            body: vec![body.into()],
            ..Self::new(Method::Post, url)
        }
        .header("content-type", "application/json".to_owned())
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With this body.
    #[must_use]
    pub fn parts(mut self, parts: impl IntoIterator<Item = Cow<'a, [u8]>>) -> Self {
        self.body = parts.into_iter().collect();
        self
    }

    /// With an answer of at most this many bytes.
    #[must_use]
    pub fn at_most(mut self, bytes: u64) -> Self {
        self.largest_answer = bytes;
        self
    }

    /// Length of the body.
    pub fn length(&self) -> usize {
        self.body.iter().map(|part| part.len()).sum()
    }
}

/// Without the values of headers: they may be secret.
impl fmt::Debug for HttpRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.method, self.url)
    }
}

/// The header `Authorization` with a key as the user name and no password (RFC 7617).
pub fn basic_authorization(key: &str) -> String {
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{key}:"));
    format!("Basic {encoded}")
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpResponse {
    /// Status.
    pub status: u16,
    /// The header `Retry-After`, as it stands.
    pub retry_after: Option<String>,
    /// The header `Cache-Control`, as it stands.
    pub cache_control: Option<String>,
    /// Body; where the status is not one of success, perhaps only its start.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// Seconds that the other side asks to wait, from seconds or a date; capped.
    pub fn wait(&self, now: u64) -> Option<u64> {
        let after: RetryAfter = self.retry_after.as_deref()?.parse().ok()?;
        let now = UNIX_EPOCH.checked_add(Duration::from_secs(now))?;
        Some(after.wait(now).as_secs().min(LONGEST_WAIT))
    }

    /// The start of what it says, in one line.
    pub fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let words: Vec<&str> = text.split_whitespace().take(LONGEST_TEXT).collect();
        words.join(" ").chars().take(LONGEST_TEXT).collect()
    }
}

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WebError {
    /// It was not sent: there are no credentials for it.
    #[error(transparent)]
    Unsent(JobError),
    /// No one knows whether it arrived: what is known, in words.
    #[error("{0}")]
    Unanswered(String),
    /// It arrived, and its answer is larger than it says.
    #[error("the answer has {bytes} bytes or more, limit {most}")]
    TooLarge {
        /// As many as are announced, or were seen.
        bytes: u64,
        /// Most bytes.
        most: u64,
    },
}

/// Other hosts, and the time. Futures need not be `Send`: a sandbox has one thread.
#[allow(async_fn_in_trait)]
pub trait Web {
    /// Sends a request and gives the whole answer.
    ///
    /// # Errors
    /// [`WebError`], also where the answer ends early or is larger than the request says.
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, WebError>;

    /// Seconds after 1970.
    fn now(&self) -> u64;

    /// Waits.
    async fn sleep(&self, seconds: u64);

    /// The service account whose key is at hand, so that nothing has to be signed elsewhere.
    fn account(&self) -> Option<&ServiceAccount> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_seconds_or_dates_and_capped() {
        for (text, expected) in [
            (Some("7"), Some(7)),
            (Some(" 90000 "), Some(3600)),
            (Some("Sun, 06 Nov 1994 08:49:37 GMT"), Some(37)),
            (Some("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0)),
            (Some("-3"), None),
            (Some("soon"), None),
            (None, None),
        ] {
            let response = HttpResponse {
                retry_after: text.map(str::to_owned),
                ..HttpResponse::default()
            };
            assert_eq!(response.wait(784_111_740), expected, "{text:?}");
        }
    }

    #[test]
    fn texts_are_short_and_secrets_do_not_show() {
        let body = "x y\n".repeat(10_000).into_bytes();
        let response = HttpResponse {
            body,
            ..HttpResponse::default()
        };
        assert_eq!(response.text().chars().count(), 500);
        let request = HttpRequest::get("http://h/".to_owned());
        let request = request.header("authorization", "hush".to_owned());
        assert!(!format!("{request:?}").contains("hush"));
    }
}
