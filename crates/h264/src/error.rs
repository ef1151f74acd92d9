//! What can be wrong with a stream.

use thiserror::Error;

/// Why something could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// A feature that this decoder does not have, by name.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// Syntax that no encoder writes: the data was changed on its way, or a part is missing.
    #[error("{0}")]
    Damaged(String),
}

impl Error {
    /// Shorthand.
    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(what.into())
    }

    /// Shorthand.
    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported(what.into())
    }
}
