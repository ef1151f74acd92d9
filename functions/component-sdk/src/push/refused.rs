//! Why a message is not taken.

use thiserror::Error;

/// Why a message is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// Nobody's messages are taken.
    #[error(
        "push messages are refused because nothing says whose to take: set push_audience and push_email to those of the push subscription (or insecure_push = true for a local try)"
    )]
    Unconfigured,
    /// The token is not that of the subscription: for the log, since it would help a forger.
    #[error("{0}")]
    Token(&'static str),
    /// Nobody can say now: the message should come back.
    #[error("public keys for push messages cannot be had: {0}")]
    NoKeys(String),
}

impl Refused {
    /// HTTP status of the answer.
    pub fn status(&self) -> u16 {
        match self {
            Self::Unconfigured | Self::Token(_) => 401,
            Self::NoKeys(_) => 503,
        }
    }
}
