//! The component's door: `wasi:http/incoming-handler`.

use crate::objects::SelfSegments;
use crate::{coordinate, segment};
use framemill_contract::{Config, JobError, Outcome, SegmentError, SegmentReply};
use framemill_functions::wasi::{GcsObjects, answer, configured, event, json, plain};
use spin_sdk::http::{Method, Request, Response};

/// Seconds after which a message may come back.
const RETRY_AFTER: u64 = 10;

#[spin_sdk::http_component]
async fn handle(request: Request) -> Response {
    match (request.method(), request.path().trim_end_matches('/')) {
        (Method::Post, "") => answer(&message(&request).await, RETRY_AFTER),
        (Method::Post, "/segments") => segment(&request).await,
        (Method::Post, path) => plain(404, &format!("no route {path}: POST / or /segments")),
        _ => plain(405, "only POST is understood"),
    }
}

fn config() -> Result<Config, JobError> {
    configured(|lookup| Config::from_lookup(lookup))
}

async fn message(request: &Request) -> Outcome {
    let event = match event(request) {
        Ok(event) => event,
        Err(outcome) => return outcome,
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
