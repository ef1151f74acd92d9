//! Work over several requests: a component that did a part of the work is called again at once. Elsewhere the
//! event of its checkpoint object brings the continuation.

use bytes::Bytes;
use framemill_contract::Outcome;
use framemill_runtime::{ComponentEvent, ComponentResponse, Crash, Runtime};
use framemill_sources::Message;
use http::{Request, StatusCode, header};
use tokio_util::sync::CancellationToken;

/// Why there is no last answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContinuationError {
    /// A turn has none.
    #[error("{0}")]
    Crash(#[from] Crash),
    /// A turn brought nothing: it would go on for ever.
    #[error("a turn left the checkpoint of the one before ({checkpoint})")]
    Stuck { checkpoint: String },
    /// The stop came between two continuations: the checkpoint object says how far the work is.
    #[error("stopped between two continuations")]
    Stopped,
}

/// Sends a message to the component, again and again while it answers `continued`, and gives the
/// last answer.
///
/// # Errors
/// [`ContinuationError`]; the message should come back.
pub(crate) async fn run(
    runtime: &Runtime,
    name: &str,
    message: &Message,
    stop: &CancellationToken,
) -> Result<ComponentResponse, ContinuationError> {
    let mut before = None::<String>;
    loop {
        let request = push_request(message.push_body().to_string());
        let answer = runtime.call(name, request).await?;
        let Some((checkpoint, done, of)) = continued(&answer) else {
            return Ok(answer);
        };
        tracing::info!(checkpoint, done, of, "continued: {name}");
        // Not how much is done: a turn may only have found out which segment crashes.
        if before.as_ref() == Some(&checkpoint) {
            return Err(ContinuationError::Stuck { checkpoint });
        }
        before = Some(checkpoint);
        runtime.observe(name, ComponentEvent::Continued { done, of });
        if stop.is_cancelled() {
            return Err(ContinuationError::Stopped);
        }
    }
}

fn continued(answer: &ComponentResponse) -> Option<(String, u64, u64)> {
    let response = &answer.response;
    let outcome = serde_json::from_slice(response.body());
    match outcome {
        Ok(Outcome::Continued {
            checkpoint,
            done,
            of,
        }) if response.status() == StatusCode::OK => Some((checkpoint, done, of)),
        _ => None,
    }
}

/// A message as Pub/Sub would push it.
pub(crate) fn push_request(body: String) -> Request<Bytes> {
    let mut request = Request::new(Bytes::from(body));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = http::Uri::from_static("http://framemill.internal/");
    let json = http::HeaderValue::from_static("application/json");
    request.headers_mut().insert(header::CONTENT_TYPE, json);
    request
}
