//! Why there is no page.

use axum::http::StatusCode;
use framemill_dataset_host::DatasetError;
use framemill_objects::StoreError;
use thiserror::Error;

/// Why there is no page.
#[derive(Debug, Error)]
pub(crate) enum PageError {
    /// The bucket.
    #[error("the bucket does not answer: {0}")]
    Store(#[from] StoreError),
    /// There is no such thing.
    #[error("there is no such {0}: it may have been removed")]
    Gone(&'static str),
    /// A record of the bucket.
    #[error("{name} cannot be read: {reason}")]
    Record {
        /// Its object.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A dataset.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// An image.
    #[error("no picture of this image: {0}")]
    Image(String),
}

impl PageError {
    /// HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Gone(_)
            | Self::Dataset(
                DatasetError::Unknown(_) | DatasetError::Name(_) | DatasetError::Address(_),
            ) => StatusCode::NOT_FOUND,
            Self::Image(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Store(_) | Self::Record { .. } | Self::Dataset(_) => StatusCode::BAD_GATEWAY,
        }
    }
}
