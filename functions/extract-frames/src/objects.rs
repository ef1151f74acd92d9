//! This component's way to itself: sandboxes for segments. Objects are in `framemill-component-sdk`.

use crate::store::{ObjectError, SegmentAnswer, SegmentCrash, Segments};
use framemill_component_sdk::http::HttpRequest;
use framemill_component_sdk::wasi::{NoAnswer, exchange};
use framemill_contract::{JobError, SegmentRequest};
use serde::Deserialize;

/// This component's own `/segments` route, each request in a sandbox of its own.
pub struct SelfSegments<'a> {
    /// Spin's service chaining, which framemill understands too.
    pub url: &'a str,
    /// What let the message in lets its segments in.
    pub authorization: Option<&'a str>,
    /// Most bytes of a request, and of its answer.
    pub largest_body: u64,
}

impl Segments for SelfSegments<'_> {
    async fn run(&self, request: &SegmentRequest) -> Result<SegmentAnswer, ObjectError> {
        let failed = |reason: String| ObjectError::Failed(JobError::Segment { reason });
        let body = serde_json::to_vec(request).map_err(|error| failed(error.to_string()))?;
        let most = self.largest_body;
        if body.len() as u64 > most {
            return Ok(too_large("request", body.len() as u64, most));
        }
        let mut request = HttpRequest::post(self.url.to_owned(), body).at_most(most);
        if let Some(authorization) = self.authorization {
            request = request.header("authorization", authorization.to_owned());
        }
        let response = match exchange(request).await {
            Ok(response) => response,
            Err(NoAnswer::Crashed(words)) => {
                return Ok(SegmentAnswer::Crashed(SegmentCrash::Unknown(words)));
            }
            Err(NoAnswer::TooLarge { bytes, most }) => return Ok(too_large("answer", bytes, most)),
            Err(NoAnswer::Failed(reason)) => return Err(failed(reason)),
        };
        match (response.status, serde_json::from_slice(&response.body)) {
            (200, Ok(reply)) => Ok(SegmentAnswer::Reply(reply)),
            // Other 5xx are a gateway's or a busy host's: they pass.
            (500, _) => Ok(SegmentAnswer::Crashed(crash(&response.body))),
            (status, _) => Err(failed(format!("status {status}: {}", response.text()))),
        }
    }
}

/// What cannot pass will not pass later either: as after a crash it is tried with less.
fn too_large(what: &str, bytes: u64, most: u64) -> SegmentAnswer {
    SegmentAnswer::Crashed(SegmentCrash::Other(format!(
        "its {what} has {bytes} bytes, limit {most}: lower segment_frames"
    )))
}

/// What framemill's host says of a crash. Spin says nothing.
#[derive(Deserialize)]
struct Said {
    crash: String,
    #[serde(default)]
    code: String,
}

fn crash(body: &[u8]) -> SegmentCrash {
    match serde_json::from_slice(body) {
        Ok(Said { crash, code }) if code == "memory_limit" => SegmentCrash::Memory(crash),
        Ok(Said { crash, .. }) => SegmentCrash::Other(crash),
        Err(_) => SegmentCrash::Unknown("no reason given".to_owned()),
    }
}
