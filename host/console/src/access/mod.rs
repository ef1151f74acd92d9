//! Who sees pages.

mod guard;
mod session;

pub(crate) use guard::{guard, login, login_page};

use axum::http::HeaderName;
use std::net::SocketAddr;
use subtle::ConstantTimeEq as _;
use thiserror::Error;

/// Characters of a token at least: it is all that stands before every picture.
const SHORTEST_TOKEN: usize = 16;

/// Who sees pages.
#[derive(Clone)]
pub struct Access(Kind);

#[derive(Clone)]
enum Kind {
    /// Whoever is on this machine.
    Local,
    /// Whoever has the token, or comes through a proxy that says who he is.
    Known {
        token: Option<String>,
        identity: Option<HeaderName>,
    },
}

/// Why there is no console.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "the console is not served: {0} is reached from elsewhere; set FRAMEMILL_CONSOLE_TOKEN, or console_identity_header behind a proxy that authenticates, or listen on 127.0.0.1"
)]
pub struct Closed(pub SocketAddr);

/// Why a configuration of the access is none.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum AccessError {
    /// Too short to be a secret.
    #[error(
        "FRAMEMILL_CONSOLE_TOKEN has fewer than {SHORTEST_TOKEN} characters: `openssl rand -hex 24` makes one"
    )]
    ShortToken,
    /// No name of a header.
    #[error("console_identity_header: `{0}` is no name of a header")]
    Header(String),
}

impl Access {
    /// At this address, with a token or behind a proxy that sets a header, where these are configured.
    ///
    /// # Errors
    /// [`AccessError`]; [`Closed`] is inside, where nobody could be told from anybody.
    pub fn new(
        address: SocketAddr,
        token: Option<String>,
        identity_header: Option<&str>,
    ) -> Result<Result<Self, Closed>, AccessError> {
        if token.as_ref().is_some_and(|it| it.len() < SHORTEST_TOKEN) {
            return Err(AccessError::ShortToken);
        }
        let header = |name: &str| {
            let parsed = HeaderName::try_from(name);
            parsed.map_err(|_| AccessError::Header(name.to_owned()))
        };
        let identity = identity_header.map(header).transpose()?;
        Ok(match (token, identity) {
            (None, None) if address.ip().is_loopback() => Ok(Self(Kind::Local)),
            (None, None) => Err(Closed(address)),
            (token, identity) => Ok(Self(Kind::Known { token, identity })),
        })
    }
}

/// Whether it is the token, in a time that does not tell how much of it.
fn is_token(given: &str, token: &str) -> bool {
    given.as_bytes().ct_eq(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elsewhere_nobody_is_let_in_unknown() {
        let access = |address: &str, token: Option<&str>, header: Option<&str>| {
            let token = token.map(str::to_owned);
            Access::new(address.parse().unwrap(), token, header).map(|it| it.is_ok())
        };
        let token = Some("0123456789abcdef");
        assert_eq!(access("127.0.0.1:1", None, None), Ok(true));
        assert_eq!(access("[::1]:1", None, None), Ok(true));
        assert_eq!(access("0.0.0.0:1", None, None), Ok(false));
        assert_eq!(access("10.0.0.1:1", token, None), Ok(true));
        assert_eq!(access("10.0.0.1:1", None, Some("x-user")), Ok(true));
        let short = access("127.0.0.1:1", Some("short"), None);
        assert_eq!(short, Err(AccessError::ShortToken));
        let header = access("127.0.0.1:1", None, Some("a b"));
        assert_eq!(header, Err(AccessError::Header("a b".to_owned())));
    }
}
