//! Why a store does not do what it is asked.

use framemill_gcs_api::Unsatisfiable;
use thiserror::Error;

/// Why a store does not do what it is asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// No such object, or no longer in that generation.
    #[error("no such object: {name}")]
    NotFound {
        /// Object name.
        name: String,
    },
    /// The precondition does not hold.
    #[error("at least one of the pre-conditions you specified did not hold: {name}")]
    PreconditionFailed {
        /// Object name.
        name: String,
    },
    /// The range lies outside the object.
    #[error("requested range is outside the object of {size} bytes")]
    Unsatisfiable {
        /// The object's size.
        size: u64,
    },
    /// Bytes changed in transit or in the store.
    #[error("{what}: bytes are not those that were written ({seen}, not {expected}): {name}")]
    Corrupt {
        /// What was tried.
        what: &'static str,
        /// Object name.
        name: String,
        /// Size or checksum of what is there.
        seen: String,
        /// Size or checksum that it should have.
        expected: String,
    },
    /// The request is wrong.
    #[error("{0}")]
    Invalid(String),
    /// More bytes than an object, or the body of a request, may have; whose limit it is.
    #[error("{0}")]
    TooLarge(String),
    /// The caller may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// The system refuses it to whoever framemill runs as.
    #[error("{what}: {source}: {name}")]
    Denied {
        /// What was tried.
        what: &'static str,
        /// Object name.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The store fails; trying again may help.
    #[error("{what}: {source}: {name}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Object name.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl StoreError {
    /// Whether there is no space to write: it may come again.
    pub fn is_full(&self) -> bool {
        use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        matches!(self, Self::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge))
    }
}

impl From<Unsatisfiable> for StoreError {
    fn from(Unsatisfiable { size }: Unsatisfiable) -> Self {
        Self::Unsatisfiable { size }
    }
}
