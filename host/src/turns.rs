//! Work in turns: a component that did a part of the work is called again at once. Elsewhere the
//! event of its cursor object brings the next turn.

use crate::runtime::{Answer, Crash, Progress, Runtime};
use crate::service::push_request;
use crate::sources::Message;
use framemill_contract::Outcome;
use http::StatusCode;
use tokio_util::sync::CancellationToken;

/// Why there is no last answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TurnError {
    /// A turn has none.
    #[error("{0}")]
    Crash(#[from] Crash),
    /// A turn brought nothing: it would go on for ever.
    #[error("a turn left the cursor of the one before ({cursor})")]
    Stuck { cursor: String },
    /// The stop came between two turns: the cursor object says how far the work is.
    #[error("stopped between two turns")]
    Stopped,
}

/// Sends a message to the component, again and again while it answers `continued`, and gives the
/// last answer.
///
/// # Errors
/// [`TurnError`]; the message should come back.
pub(crate) async fn work(
    runtime: &Runtime,
    name: &str,
    message: &Message,
    stop: &CancellationToken,
) -> Result<Answer, TurnError> {
    let mut before = None::<String>;
    loop {
        let request = push_request(message.push_body().to_string());
        let answer = runtime.call(name, request).await?;
        let Some((cursor, done, of)) = continued(&answer) else {
            return Ok(answer);
        };
        tracing::info!(cursor, done, of, "continued: {name}");
        // Not how much is done: a turn may only have found out which segment crashes.
        if before.as_ref() == Some(&cursor) {
            return Err(TurnError::Stuck { cursor });
        }
        before = Some(cursor);
        runtime.observe(name, Progress::Continued { done, of });
        if stop.is_cancelled() {
            return Err(TurnError::Stopped);
        }
    }
}

fn continued(answer: &Answer) -> Option<(String, u64, u64)> {
    let response = &answer.response;
    let outcome = serde_json::from_slice(response.body());
    match outcome {
        Ok(Outcome::Continued { cursor, done, of }) if response.status() == StatusCode::OK => {
            Some((cursor, done, of))
        }
        _ => None,
    }
}
