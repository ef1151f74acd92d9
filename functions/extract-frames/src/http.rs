//! The component's door: `wasi:http/incoming-handler`.

use crate::objects::{GcsObjects, SelfSegments};
use crate::{coordinate, segment};
use framemill_contract::{Config, Event, JobError, Outcome, SegmentError, SegmentReply};
use spin_sdk::http::{Method, Request, Response};
use spin_sdk::variables;

/// Seconds after which a message may come back.
const RETRY_AFTER: &str = "10";

#[spin_sdk::http_component]
async fn handle(request: Request) -> Response {
    match (request.method(), request.path().trim_end_matches('/')) {
        (Method::Post, "") => answer(&message(&request).await),
        (Method::Post, "/segments") => segment(&request).await,
        (Method::Post, path) => plain(404, &format!("no route {path}: POST / or /segments")),
        _ => plain(405, "only POST is understood"),
    }
}

/// The variables interface. An undefined variable is one that is not set; a provider that does
/// not answer is no reason to work with defaults.
fn config() -> Result<Config, JobError> {
    let failed = std::cell::Cell::new(None);
    let lookup = |key: &str| match variables::get(key) {
        Ok(value) => Some(value),
        Err(variables::Error::Undefined(_)) => None,
        Err(error) => {
            failed.set(Some((key.to_owned(), error.to_string())));
            None
        }
    };
    let config = Config::from_lookup(lookup);
    match failed.take() {
        Some((key, reason)) => Err(JobError::Storage {
            what: format!("variable {key}"),
            reason,
        }),
        None => Ok(config?),
    }
}

async fn message(request: &Request) -> Outcome {
    let header = |name: &str| request.header(name)?.as_str().map(str::to_owned);
    let event = match Event::parse(header, request.body()) {
        Ok(event) => event,
        Err(error) => {
            return Outcome::NotAnEvent {
                message: error.to_string(),
            };
        }
    };
    match config() {
        Ok(config) => {
            let objects = GcsObjects::new(&config.objects_url);
            let segments = SelfSegments::new(&config.segments_url);
            coordinate::handle(&objects, &segments, &config, &event).await
        }
        Err(error) => Outcome::Retry {
            code: error.code().to_owned(),
            message: error.to_string(),
        },
    }
}

fn answer(outcome: &Outcome) -> Response {
    let mut response = json(outcome.status(), outcome);
    if let Outcome::Retry { .. } = outcome {
        response.set_header("retry-after", RETRY_AFTER);
    }
    response
}

async fn segment(request: &Request) -> Response {
    let parsed = serde_json::from_slice(request.body());
    let reply = match (parsed, config()) {
        (Ok(work), Ok(config)) => {
            segment::handle(&GcsObjects::new(&config.objects_url), &work).await
        }
        (Err(error), _) => return plain(400, &format!("not a segment request: {error}")),
        (_, Err(error)) => SegmentReply::Failed(SegmentError::from(&error)),
    };
    json(200, &reply)
}

fn json(status: u16, body: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => {
            let mut response = Response::new(status, body);
            response.set_header("content-type", "application/json");
            response
        }
        Err(error) => plain(500, &error.to_string()),
    }
}

fn plain(status: u16, message: &str) -> Response {
    let mut response = Response::new(status, message.to_owned());
    response.set_header("content-type", "text/plain; charset=utf-8");
    response
}
