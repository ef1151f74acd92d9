//! The traits over `wasi:http`, and what the doors of components have in common.

mod objects;

pub use objects::GcsObjects;

use crate::http::{HttpRequest, HttpResponse, Method, Web};
use framemill_contract::{ConfigError, Event, JobError, Outcome};
use spin_sdk::http::{Method as SpinMethod, Request, Response, send};
use spin_sdk::variables;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Other hosts, as far as the host lets us reach them.
pub struct WasiWeb;

impl Web for WasiWeb {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, String> {
        let method = match request.method {
            Method::Get => SpinMethod::Get,
            Method::Post => SpinMethod::Post,
        };
        let mut outgoing = Request::builder();
        outgoing.method(method).uri(request.url).body(request.body);
        for (name, value) in request.headers {
            outgoing.header(name, value);
        }
        let response: Response = send(outgoing.build())
            .await
            .map_err(|error| error.to_string())?;
        let retry_after = response.header("retry-after");
        Ok(HttpResponse {
            status: *response.status(),
            retry_after: retry_after.and_then(|value| value.as_str().map(str::to_owned)),
            body: response.into_body(),
        })
    }

    fn now(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs())
    }

    async fn sleep(&self, seconds: u64) {
        // The sandbox has nothing else to do.
        std::thread::sleep(Duration::from_secs(seconds));
    }
}

/// The event in a request's body, or the outcome where there is none.
///
/// # Errors
/// [`Outcome::NotAnEvent`].
pub fn event(request: &Request) -> Result<Event, Outcome> {
    let header = |name: &str| request.header(name)?.as_str().map(str::to_owned);
    Event::parse(header, request.body()).map_err(|error| Outcome::NotAnEvent {
        message: error.to_string(),
    })
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
