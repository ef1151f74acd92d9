//! What the doors of components have in common: who may come in, and how they are answered.

use super::{KeyValue, WasiWeb};
use crate::labeling::LabelOutcome;
use crate::push::{self, Admitted, Refused};
use framemill_contract::{ConfigError, Event, JobError, Outcome, Platform, SizeLimits};
use futures::StreamExt as _;
use spin_sdk::http::{IncomingRequest, Method, Response};
use spin_sdk::variables;
use std::pin::pin;

/// Seconds after which a message may come back that nobody could check.
const RETRY_AFTER: u64 = 10;

/// Headers of a request.
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    /// The first of this name, where it is text.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut headers = self.0.iter();
        let (_, value) = headers.find(|(given, _)| given.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }
}

/// A request whose sender nobody has looked at yet.
pub struct OpenRequest {
    /// Path, without trailing slash.
    pub path: String,
    /// Whether it is a `POST`.
    pub is_post: bool,
    headers: Headers,
    request: IncomingRequest,
}

impl OpenRequest {
    /// Nothing of its body is read yet.
    pub fn of(request: IncomingRequest) -> Self {
        let path = request.path_with_query().unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default();
        Self {
            path: path.trim_end_matches('/').to_owned(),
            is_post: matches!(request.method(), Method::Post),
            headers: Headers(request.headers().entries()),
            request,
        }
    }

    /// Headers and body, of at most this many bytes.
    ///
    /// # Errors
    /// The answer to give instead.
    pub async fn read(self, most: u64) -> Result<(Headers, Vec<u8>), Response> {
        let body = body(self.request, most).await?;
        Ok((self.headers, body))
    }

    /// Lets a POST request in, if its sender is who it should be. Nothing of its body is read
    /// before that.
    ///
    /// # Errors
    /// The answer to give instead.
    pub async fn authenticated(self) -> Result<AuthenticatedRequest, Response> {
        if !self.is_post {
            return Err(plain(405, "only POST is understood"));
        }
        let platform =
            configured(|lookup| Platform::of_component(lookup)).map_err(misconfigured)?;
        let limits = configured(|lookup| SizeLimits::from_lookup(lookup)).map_err(misconfigured)?;
        let admitted = admitted(&platform, self.headers.get("authorization")).await?;
        Ok(AuthenticatedRequest {
            path: self.path,
            body: body(self.request, limits.body).await?,
            platform,
            limits,
            headers: self.headers,
            admitted,
        })
    }
}

/// A request whose sender may have it done.
pub struct AuthenticatedRequest {
    /// Where we run.
    pub platform: Platform,
    /// Sizes that the host and we agree on.
    pub limits: SizeLimits,
    /// Path, without trailing slash.
    pub path: String,
    /// Body.
    pub body: Vec<u8>,
    headers: Headers,
    admitted: Admitted,
}

impl AuthenticatedRequest {
    /// As [`OpenRequest::authenticated`].
    ///
    /// # Errors
    /// The answer to give instead.
    pub async fn of(request: IncomingRequest) -> Result<Self, Response> {
        OpenRequest::of(request).authenticated().await
    }

    /// A header of the request.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// The event in the request, or the outcome where there is none.
    ///
    /// # Errors
    /// [`Outcome::NotAnEvent`].
    pub fn event(&self) -> Result<Event, Outcome> {
        if self.admitted == Admitted::Unverified {
            eprintln!(
                "warning: message taken from an unknown sender, as insecure_push = true says: set push_audience and push_email"
            );
        }
        let header = |name: &str| self.header(name).map(str::to_owned);
        Event::parse(header, &self.body).map_err(|error| Outcome::NotAnEvent {
            message: error.to_string(),
        })
    }
}

async fn admitted(platform: &Platform, authorization: Option<&str>) -> Result<Admitted, Response> {
    let Platform::Standalone { push, .. } = platform else {
        return Ok(Admitted::Verified);
    };
    let checked = push::check(push, authorization, &WasiWeb, &KeyValue).await;
    checked.map_err(|refused| {
        eprintln!("push message refused: {refused}");
        let words = match &refused {
            Refused::Token(_) => {
                "push message refused: it has no valid token of the push subscription; the log of the component says what is wrong".to_owned()
            }
            refused => refused.to_string(),
        };
        let mut response = plain(refused.status(), &words);
        match refused {
            Refused::NoKeys(_) => response.set_header("retry-after", RETRY_AFTER.to_string()),
            _ => response.set_header("www-authenticate", "Bearer"),
        }
        response
    })
}

async fn body(request: IncomingRequest, most: u64) -> Result<Vec<u8>, Response> {
    let mut bytes = Vec::new();
    let mut chunks = pin!(request.into_body_stream());
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| plain(400, "the request broke off"))?;
        if bytes.len().saturating_add(chunk.len()) as u64 > most {
            let words = format!("request of more than {most} bytes, which is the limit");
            return Err(plain(413, &words));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn misconfigured(error: JobError) -> Response {
    eprintln!("push message refused: {error}");
    let LabelOutcome {
        outcome,
        retry_after,
    } = LabelOutcome::misconfigured(&error);
    answer(&outcome, retry_after)
}

/// A configuration from the variables interface. An undefined variable is one that is not set;
/// a provider that does not answer is no reason to work with defaults.
///
/// # Errors
/// [`JobError::Storage`] where a variable cannot be read, [`JobError::Config`] where one is
/// wrong.
pub fn configured<C>(
    from_lookup: impl FnOnce(&dyn Fn(&str) -> Option<String>) -> Result<C, ConfigError>,
) -> Result<C, JobError> {
    let failed = std::cell::Cell::new(None);
    let lookup = |key: &str| match variables::get(key) {
        Ok(value) => Some(value),
        Err(variables::Error::Undefined(_)) => None,
        Err(error) => {
            failed.set(Some((key.to_owned(), error.to_string())));
            None
        }
    };
    let config = from_lookup(&lookup);
    match failed.take() {
        Some((key, reason)) => Err(JobError::Storage {
            what: format!("variable {key}"),
            reason,
        }),
        None => Ok(config?),
    }
}

/// The answer to a queue; `retry_after` is the seconds after which a message may come back.
pub fn answer(outcome: &Outcome, retry_after: u64) -> Response {
    let mut response = json(outcome.status(), outcome);
    if let Outcome::Retry { .. } = outcome {
        response.set_header("retry-after", retry_after.to_string());
    }
    response
}

/// An answer in JSON.
pub fn json(status: u16, body: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => {
            let mut response = Response::new(status, body);
            response.set_header("content-type", "application/json");
            response
        }
        Err(error) => plain(500, &error.to_string()),
    }
}

/// An answer in words.
pub fn plain(status: u16, message: &str) -> Response {
    let mut response = Response::new(status, message.to_owned());
    response.set_header("content-type", "text/plain; charset=utf-8");
    response
}
