//! What labeling systems answer, read into [`Answer`](crate::Answer)s: one file per system. What they
//! answer is bytes from outside: what is no shape becomes a fault of its answer and the rest counts.

pub mod cvat;
pub mod label_studio;
pub mod report;
pub mod scale;

use thiserror::Error;

/// A body that is not what the system answers.
#[derive(Debug, Error)]
#[error("{what} of {system} is not what it should be: {reason}")]
pub struct NotAnAnswer {
    /// Whose.
    pub system: &'static str,
    /// Which.
    pub what: &'static str,
    /// Why.
    pub reason: String,
}

/// Parses a body.
fn parse<T: serde::de::DeserializeOwned>(
    system: &'static str,
    what: &'static str,
    body: &[u8],
) -> Result<T, NotAnAnswer> {
    serde_json::from_slice(body).map_err(|error| NotAnAnswer {
        system,
        what,
        reason: error.to_string(),
    })
}
