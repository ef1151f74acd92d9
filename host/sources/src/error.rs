//! Why a source does not work.

use super::queue_error::QueueError;
use thiserror::Error;

/// Why a source does not work.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The embedded queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// It cannot be used as configured: fact, remedy, name of the resource.
    #[error("{0}")]
    Configuration(String),
    /// It does not answer; trying again may help.
    #[error("{what}: {reason}")]
    Unreachable {
        /// What was tried, on which resource.
        what: String,
        /// What the other side said.
        reason: String,
    },
}
