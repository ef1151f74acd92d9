//! Plain HTTP, as small as tests need it.

use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use ureq::http::{HeaderName, HeaderValue, Request, Response};
use ureq::{Agent, Body};

/// What a server answered.
#[derive(Debug)]
pub struct HttpResponse {
    /// HTTP status.
    pub status: u16,
    /// Headers, by lower-case name; those that are no text are left out.
    pub headers: BTreeMap<String, String>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// The body as JSON; anything but success fails the test.
    pub fn json(&self) -> Value {
        serde_json::from_slice(self.ok()).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body; anything but success fails the test.
    pub fn ok(&self) -> &[u8] {
        assert!(
            (200..300).contains(&self.status),
            "status {}: {}",
            self.status,
            String::from_utf8_lossy(&self.body)
        );
        &self.body
    }
}

/// Sends a request with a JSON body and waits for the whole answer, whatever its status.
pub fn call(method: &str, url: &str, body: Option<&Value>) -> HttpResponse {
    try_call(method, url, body).unwrap_or_else(|error| panic!("{method} {url}: {error}"))
}

pub(super) fn try_call(
    method: &str,
    url: &str,
    body: Option<&Value>,
) -> Result<HttpResponse, ureq::Error> {
    let mut request = Request::builder().method(method).uri(url);
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let bytes = body.map_or_else(Vec::new, |body| serde_json::to_vec(body).unwrap());
    try_send(request.body(bytes)?)
}

/// Sends any request and waits for the whole answer, whatever its status.
pub fn send(request: Request<Vec<u8>>) -> HttpResponse {
    let shown = format!("{} {}", request.method(), request.uri());
    try_send(request).unwrap_or_else(|error| panic!("{shown}: {error}"))
}

/// Sends any request; an error where no whole answer comes.
///
/// # Errors
/// Why there is no answer.
pub fn try_send(request: Request<Vec<u8>>) -> Result<HttpResponse, ureq::Error> {
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(120)))
        .proxy(None)
        .build()
        .into();
    let mut answer: Response<Body> = agent.run(request)?;
    let body = answer.body_mut().with_config().limit(u64::MAX);
    let body = body.read_to_vec()?;
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    Ok(HttpResponse {
        status: answer.status().as_u16(),
        headers: answer.headers().iter().filter_map(text).collect(),
        body,
    })
}

/// A name as one segment of an address or as a query value.
pub(super) fn escaped(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    name.bytes()
        .map(|byte| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}
