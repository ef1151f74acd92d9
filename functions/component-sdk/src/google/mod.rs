//! Google's credentials, for components that stand alone: which token, and which requests
//! it goes with.

mod metadata;
mod token;

use crate::account::ServiceAccount;
use crate::http::{HttpRequest, HttpResponse, Method, Web, WebError};
use framemill_contract::{ConfigError, Credentials, JobError, Platform};
use std::cell::RefCell;
use token::{MARGIN, Token, is_token};

/// Where tokens come from, read and checked.
enum Source {
    /// There are none: the host adds them, or nobody wants any.
    None,
    /// This one.
    Given(String),
    /// Signed here.
    Account(ServiceAccount),
    /// Asked of the metadata server at this URL.
    Metadata(String),
}

impl Source {
    fn new(credentials: &Credentials) -> Result<Self, ConfigError> {
        Ok(match credentials {
            Credentials::None => Self::None,
            Credentials::Token(token) if is_token(token.reveal()) => {
                Self::Given(token.reveal().to_owned())
            }
            Credentials::Token(_) => {
                return Err(ConfigError::new(
                    "google_token",
                    "is not an access token: it has blanks or other characters that none has",
                ));
            }
            Credentials::Key(key) => Self::Account(ServiceAccount::parse(key.reveal())?),
            Credentials::Metadata(url) => Self::Metadata(url.clone()),
        })
    }

    /// What to do where Google does not take the token.
    fn remedy(&self) -> &'static str {
        match self {
            Self::None => {
                "no token was sent: set credentials = auto, with google_key or google_token"
            }
            Self::Given(_) => "google_token is not taken: it may have expired, set a new one",
            Self::Account(_) => {
                "the key in google_key is not taken: check that it is neither disabled nor deleted"
            }
            Self::Metadata(_) => {
                "the metadata server's token is not taken: check the service account of this machine, or set google_key"
            }
        }
    }
}

/// Where the GCS JSON API is, below the URL of an object store.
const OBJECTS: [&str; 2] = ["/storage/v1/b/", "/upload/storage/v1/b/"];

/// Where the IAM Credentials API at `iam_url` signs as `account`.
pub fn sign_url(iam_url: &str, account: &str) -> String {
    format!("{iam_url}/v1/projects/-/serviceAccounts/{account}:signBlob")
}

/// Where Pub/Sub at `url` takes messages for `topic`.
pub fn publish_url(url: &str, topic: &str) -> String {
    format!("{url}/v1/{topic}:publish")
}

/// Requests that get a token of Google's.
pub enum Tokened<'a> {
    /// Those for objects of the store at this URL, without trailing slash.
    Objects(&'a str),
    /// A `POST` to this URL and no other: Google's tokens open more than one door, and one of
    /// them hands out tokens.
    Call(String),
}

impl<'a> From<&'a str> for Tokened<'a> {
    fn from(objects_url: &'a str) -> Self {
        Self::Objects(objects_url)
    }
}

impl Tokened<'_> {
    fn covers(&self, request: &HttpRequest<'_>) -> bool {
        match self {
            Self::Objects(base) => {
                let rest = request.url.strip_prefix(base).filter(|_| !base.is_empty());
                rest.is_some_and(|rest| OBJECTS.iter().any(|path| rest.starts_with(path)))
            }
            Self::Call(url) => request.method == Method::Post && request.url == *url,
        }
    }
}

/// Other hosts, with a token of Google's for those requests that are named, and for no others.
pub struct Authorized<'a, W> {
    web: &'a W,
    source: Source,
    tokened: Vec<Tokened<'a>>,
    /// Not for longer than this instance lives: a store would have to be trusted with it.
    cached: RefCell<Option<Token>>,
}

impl<'a, W: Web> Authorized<'a, W> {
    /// With a token for `tokened`.
    ///
    /// # Errors
    /// [`JobError::Config`] where the credentials cannot be used.
    pub fn new(
        web: &'a W,
        platform: &Platform,
        tokened: impl IntoIterator<Item = impl Into<Tokened<'a>>>,
    ) -> Result<Self, JobError> {
        let source = match platform {
            Platform::Framemill => Source::None,
            Platform::Standalone { credentials, .. } => Source::new(credentials)?,
        };
        Ok(Self {
            web,
            source,
            tokened: tokened.into_iter().map(Into::into).collect(),
            cached: RefCell::default(),
        })
    }

    /// A token, if one is sent at all.
    async fn token(&self) -> Result<Option<String>, JobError> {
        let now = self.web.now();
        if let Some(token) = self.cached.borrow().as_ref()
            && now < token.until
        {
            return Ok(Some(token.text.clone()));
        }
        let token = match &self.source {
            Source::None => return Ok(None),
            Source::Given(token) => return Ok(Some(token.clone())),
            Source::Account(account) => {
                let (text, end) = account.token(now)?;
                let until = end.saturating_sub(MARGIN);
                Token { text, until }
            }
            Source::Metadata(url) => metadata::token(self.web, url).await?,
        };
        let text = token.text.clone();
        *self.cached.borrow_mut() = Some(token);
        Ok(Some(text))
    }
}

impl<W: Web> Web for Authorized<'_, W> {
    async fn send(&self, mut request: HttpRequest<'_>) -> Result<HttpResponse, WebError> {
        let is_header = |(name, _): &(&str, String)| name.eq_ignore_ascii_case("authorization");
        let tokened = self.tokened.iter().any(|it| it.covers(&request));
        if !tokened || request.headers.iter().any(is_header) {
            return self.web.send(request).await;
        }
        if let Some(token) = self.token().await.map_err(WebError::Unsent)? {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut response = self.web.send(request).await?;
        if response.status == 401 {
            let words = format!("{}: {}", self.source.remedy(), response.text());
            response.body = words.into_bytes();
            self.cached.take();
        }
        Ok(response)
    }

    fn now(&self) -> u64 {
        self.web.now()
    }

    async fn sleep(&self, seconds: u64) {
        self.web.sleep(seconds).await;
    }

    fn account(&self) -> Option<&ServiceAccount> {
        match &self.source {
            Source::Account(account) => Some(account),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
