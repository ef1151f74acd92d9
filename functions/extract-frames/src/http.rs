//! The component's handler: `wasi:http/incoming-handler`.

use crate::clock::SinceRequest;
use crate::objects::SelfSegments;
use crate::{coordinate, segment};
use framemill_component_sdk::gcs::GcsObjects;
use framemill_component_sdk::google::Authorized;
use framemill_component_sdk::wasi::{
    AuthenticatedRequest, WasiWeb, answer, configured, json, plain,
};
use framemill_contract::{
    Config, JobError, Outcome, SegmentError, SegmentReply, SegmentRequest, SizeLimits,
};
use spin_sdk::http::{IncomingRequest, Response};

/// Seconds after which a message may come back.
const RETRY_AFTER: u64 = 10;

#[spin_sdk::http_component]
async fn handle(request: IncomingRequest) -> Response {
    let clock = SinceRequest::start();
    let request = match AuthenticatedRequest::of(request).await {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    match request.path.as_str() {
        "" => {
            let outcome = message(&request, &clock).await;
            answer(&outcome.unwrap_or_else(retry), RETRY_AFTER)
        }
        "/segments" => match segment(&request).await {
            Ok(reply) => json(200, &reply),
            Err((status, words)) => plain(status, &words),
        },
        path => plain(404, &format!("no route {path}: POST / or /segments")),
    }
}

fn config() -> Result<Config, JobError> {
    configured(|lookup| Config::from_lookup(lookup))
}

fn retry(error: JobError) -> Outcome {
    Outcome::Retry {
        code: error.code().to_owned(),
        message: error.to_string(),
    }
}

/// The way to objects, with credentials where the host does not add them.
fn web<'a>(
    request: &AuthenticatedRequest,
    config: &'a Config,
) -> Result<Authorized<'a, WasiWeb>, JobError> {
    Authorized::new(&WasiWeb, &request.platform, [config.objects_url.as_str()])
}

fn objects<'a>(
    web: &'a Authorized<'a, WasiWeb>,
    config: &'a Config,
    limits: SizeLimits,
) -> GcsObjects<'a, Authorized<'a, WasiWeb>> {
    let largest = config.segment_budget.map(|budget| budget.bytes);
    GcsObjects::new(web, &config.objects_url, limits, largest)
}

async fn message(
    request: &AuthenticatedRequest,
    clock: &SinceRequest,
) -> Result<Outcome, JobError> {
    let event = match request.event() {
        Ok(event) => event,
        Err(outcome) => return Ok(outcome),
    };
    let config = config()?;
    let web = web(request, &config)?;
    let budget = config.segment_budget.map(|budget| budget.bytes);
    let segments = SelfSegments {
        url: &config.segments_url,
        authorization: request.header("authorization"),
        largest_body: request.limits.with_bodies_of(budget).body,
    };
    let objects = objects(&web, &config, request.limits);
    Ok(coordinate::handle(&objects, &segments, clock, &config, &event).await)
}

/// The reply to a segment's request; or a status and what is wrong with the request. Whoever
/// reaches the component may send one, so it is held against the configuration first.
async fn segment(request: &AuthenticatedRequest) -> Result<SegmentReply, (u16, String)> {
    let work: SegmentRequest = serde_json::from_slice(&request.body)
        .map_err(|error| (400, format!("not a segment request: {error}")))?;
    let failed = |error: JobError| SegmentReply::Failed(SegmentError::from(&error));
    let config = match config() {
        Ok(config) => config,
        Err(error) => return Ok(failed(error)),
    };
    work.check(&config)
        .map_err(|refused| (403, refused.to_string()))?;
    Ok(match web(request, &config) {
        Ok(web) => segment::handle(&objects(&web, &config, request.limits), &work).await,
        Err(error) => failed(error),
    })
}
