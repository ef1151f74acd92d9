//! Other hosts and the time, as a trait; and what their answers mean for a message.

use crate::time;
use std::fmt;

/// Longest wait that an answer can ask for, in seconds.
const LONGEST_WAIT: u64 = 3600;
/// Most characters of an answer that are passed on.
const LONGEST_TEXT: usize = 500;

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Asks.
    Get,
    /// Changes something.
    Post,
}

/// A request to another host.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// What it does.
    pub method: Method,
    /// Where.
    pub url: String,
    /// Headers; may hold credentials.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl HttpRequest {
    /// A question.
    pub fn get(url: String) -> Self {
        Self {
            method: Method::Get,
            url,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A change, with JSON.
    pub fn post(url: String, body: Vec<u8>) -> Self {
        Self {
            method: Method::Post,
            url,
            headers: vec![("content-type", "application/json".to_owned())],
            body,
        }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// Without the values of headers: they may be secret.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.method, self.url)
    }
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpResponse {
    /// Status.
    pub status: u16,
    /// The header `Retry-After`, as it stands.
    pub retry_after: Option<String>,
    /// Body.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// Seconds that the other side asks to wait, from seconds or a date; capped.
    pub fn wait(&self, now: u64) -> Option<u64> {
        let text = self.retry_after.as_deref()?.trim();
        let seconds = text
            .parse()
            .ok()
            .or_else(|| Some(time::parse_http_date(text)?.saturating_sub(now)))?;
        Some(seconds.min(LONGEST_WAIT))
    }

    /// The start of what it says, in one line.
    pub fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let words: Vec<&str> = text.split_whitespace().take(LONGEST_TEXT).collect();
        words.join(" ").chars().take(LONGEST_TEXT).collect()
    }
}

/// Other hosts, and the time. Futures need not be `Send`: a sandbox has one thread.
#[allow(async_fn_in_trait)]
pub trait Web {
    /// Sends a request and gives the whole answer; an error in words where there is none.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, String>;

    /// Seconds after 1970.
    fn now(&self) -> u64;

    /// Waits.
    async fn sleep(&self, seconds: u64);
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
