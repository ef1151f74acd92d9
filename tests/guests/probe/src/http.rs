//! Requests and answers.

use spin_sdk::http::{Request, Response};

/// An answer in words.
pub fn text(status: u16, body: impl Into<String>) -> Response {
    Response::new(status, body.into())
}

/// A header of a request; empty where it has none.
pub fn header(request: &Request, name: &str) -> String {
    let value = request.header(name);
    value
        .and_then(|value| value.as_str())
        .unwrap_or_default()
        .to_owned()
}
