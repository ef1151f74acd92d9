//! Bodies of requests to the gateway and of its answers.

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use thiserror::Error;

/// A body, read as it comes.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

/// Why a body is not whole.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BodyError {
    /// It has more bytes than the limit.
    #[error("body is over {limit} bytes, the limit")]
    TooLarge {
        /// The limit, bytes.
        limit: u64,
    },
    /// It broke off, for this reason.
    #[error("{0}")]
    Ended(String),
}

/// A body from bytes.
pub(super) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}
