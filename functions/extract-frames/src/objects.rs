//! This component's way to itself: sandboxes for segments. Objects are in `framemill-component-sdk`.

use crate::store::{ObjectError, SegmentAnswer, SegmentCrash, Segments};
use framemill_component_sdk::http::HttpRequest;
use framemill_component_sdk::wasi::{NoAnswer, exchange};
use framemill_contract::{JobError, SegmentRequest};
use serde::Deserialize;

/// This component's own `/segments` route, each request in a sandbox of its own.
pub struct SelfSegments<'a> {
    url: &'a str,
    authorization: Option<&'a str>,
}

impl<'a> SelfSegments<'a> {
    /// At this URL: Spin's service chaining, which framemill understands too. What let the
    /// message in lets its segments in.
    pub fn new(url: &'a str, authorization: Option<&'a str>) -> Self {
        Self { url, authorization }
    }
}

impl Segments for SelfSegments<'_> {
    async fn run(&self, request: &SegmentRequest) -> Result<SegmentAnswer, ObjectError> {
        let failed = |reason: String| ObjectError::Failed(JobError::Segment { reason });
        let body = serde_json::to_vec(request).map_err(|error| failed(error.to_string()))?;
        let mut request = HttpRequest::post(self.url.to_owned(), body);
        if let Some(authorization) = self.authorization {
            request = request.header("authorization", authorization.to_owned());
        }
        let response = match exchange(request).await {
            Ok(response) => response,
            Err(NoAnswer::Crashed(words)) => {
                return Ok(SegmentAnswer::Crashed(SegmentCrash::Unknown(words)));
            }
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
