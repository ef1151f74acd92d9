//! Why something is no request.

use crate::name::NameError;
use crate::query::QueryError;
use http::{Method, StatusCode};
use thiserror::Error;

/// Most bytes of path and query: four values of the longest name, each byte escaped, and the rest.
pub const LONGEST_TARGET: usize = 16 << 10;

/// Most characters of a text that an error quotes.
const QUOTED: usize = 200;

/// Why something is no request that is answered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// The path names nothing that there is.
    #[error("no such resource: {0}")]
    UnknownResource(String),
    /// There is such a thing, but this cannot be done to it.
    #[error("{method} is not answered here: {path}")]
    Method {
        /// The method.
        method: Method,
        /// The path.
        path: String,
    },
    /// Path and query are longer than any request needs.
    #[error("path and query have {0} bytes, limit {LONGEST_TARGET}")]
    TooLong(usize),
    /// A name that nothing can have.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A part of the path or query cannot be read.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// An upload whose object has no name.
    #[error("upload names no object")]
    Unnamed,
    /// A kind of upload that is not served.
    #[error("uploadType is {0}, not multipart or media")]
    UploadType(String),
}

impl RequestError {
    /// The status of the answer to it.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::UnknownResource(_) => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// The start of a text from outside.
pub(super) fn quoted(text: &str) -> String {
    text.chars().take(QUOTED).collect()
}
