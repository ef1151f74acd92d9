//! The component's only I/O: objects through the GCS JSON API, and itself for segments.

use crate::gcs;
use crate::store::{Created, ObjectMeta, Objects, SegmentAnswer, Segments, StoreError};
use framemill_contract::{JobError, ObjectRef, SegmentRequest};
use framemill_video::ByteRange;
use spin_sdk::http::{ErrorCode, Request, Response, SendError, send};

/// Objects of the GCS JSON API at a base URL. Credentials are added by the host.
pub struct GcsObjects<'a> {
    base: &'a str,
}

impl<'a> GcsObjects<'a> {
    /// For the API at `base`, without trailing slash.
    pub fn new(base: &'a str) -> Self {
        Self { base }
    }
}

/// Sends a request and gives status and body; `what` names it in errors.
async fn call(request: Request, what: &str) -> Result<Response, StoreError> {
    send(request)
        .await
        .map_err(|error| failed(what, error.to_string()))
}

fn failed(what: &str, reason: String) -> StoreError {
    StoreError::Failed(JobError::Storage {
        what: what.to_owned(),
        reason,
    })
}

/// An answer that no case expects: its status and the start of what it says.
fn unexpected(what: &str, response: &Response) -> StoreError {
    let text: String = String::from_utf8_lossy(response.body())
        .chars()
        .take(300)
        .collect();
    failed(
        what,
        format!("status {}: {}", response.status(), text.trim()),
    )
}

impl Objects for GcsObjects<'_> {
    async fn metadata(&self, bucket: &str, name: &str) -> Result<ObjectMeta, StoreError> {
        let what = format!("metadata of gs://{bucket}/{name}");
        let url = gcs::object_url(self.base, bucket, name);
        let response = call(Request::get(url).build(), &what).await?;
        match response.status() {
            200 => gcs::parse_metadata(response.body()).map_err(|reason| failed(&what, reason)),
            404 => Err(StoreError::Gone),
            _ => Err(unexpected(&what, &response)),
        }
    }

    async fn read(&self, object: &ObjectRef, range: ByteRange) -> Result<Vec<u8>, StoreError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let what = format!("reading gs://{}/{}", object.bucket, object.name);
        let url = gcs::media_url(self.base, &object.bucket, &object.name, object.generation);
        let bytes = format!("bytes={}-{}", range.start, range.end - 1);
        let response = call(Request::get(url).header("range", bytes).build(), &what).await?;
        match response.status() {
            206 | 200 if response.body().len() as u64 > range.len() => Err(failed(
                &what,
                "the store answered with more than was asked for".to_owned(),
            )),
            206 => Ok(response.into_body()),
            // A store may answer a range that covers the object with the whole object.
            200 if range.start == 0 => Ok(response.into_body()),
            416 => Ok(Vec::new()),
            404 => Err(StoreError::Gone),
            _ => Err(unexpected(&what, &response)),
        }
    }

    async fn read_all(&self, bucket: &str, name: &str) -> Result<Vec<u8>, StoreError> {
        let what = format!("reading gs://{bucket}/{name}");
        let url = gcs::media_url(self.base, bucket, name, None);
        let response = call(Request::get(url).build(), &what).await?;
        match response.status() {
            200 => Ok(response.into_body()),
            404 => Err(StoreError::Gone),
            _ => Err(unexpected(&what, &response)),
        }
    }

    async fn create(
        &self,
        bucket: &str,
        name: &str,
        content_type: &str,
        bytes: &[u8],
    ) -> Result<Created, StoreError> {
        let what = format!("writing gs://{bucket}/{name}");
        let (multipart, body) = gcs::multipart(name, content_type, bytes);
        let request = Request::post(gcs::create_url(self.base, bucket), body)
            .header("content-type", multipart)
            .build();
        let response = call(request, &what).await?;
        match response.status() {
            200 => Ok(Created::New),
            412 => Ok(Created::Existed),
            _ => Err(unexpected(&what, &response)),
        }
    }

    async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<String>, StoreError> {
        let what = format!("listing gs://{bucket}/{prefix}");
        let (mut names, mut page) = (Vec::new(), None);
        loop {
            let url = gcs::list_url(self.base, bucket, prefix, page.as_deref());
            let response = call(Request::get(url).build(), &what).await?;
            if *response.status() != 200 {
                return Err(unexpected(&what, &response));
            }
            let (found, next) =
                gcs::parse_page(response.body()).map_err(|reason| failed(&what, reason))?;
            names.extend(found);
            match next {
                Some(next) => page = Some(next),
                None => return Ok(names),
            }
        }
    }

    async fn delete(&self, bucket: &str, name: &str) -> Result<(), StoreError> {
        let what = format!("deleting gs://{bucket}/{name}");
        let url = gcs::object_url(self.base, bucket, name);
        let response = call(Request::delete(url).build(), &what).await?;
        match response.status() {
            200 | 204 | 404 => Ok(()),
            _ => Err(unexpected(&what, &response)),
        }
    }
}

/// This component's own `/segments` route, each request in a sandbox of its own.
pub struct SelfSegments<'a> {
    url: &'a str,
}

impl<'a> SelfSegments<'a> {
    /// At this URL: Spin's service chaining, which framemill understands too.
    pub fn new(url: &'a str) -> Self {
        Self { url }
    }
}

impl Segments for SelfSegments<'_> {
    async fn run(&self, request: &SegmentRequest) -> Result<SegmentAnswer, StoreError> {
        let failed = |reason: String| StoreError::Failed(JobError::Segment { reason });
        let body = serde_json::to_vec(request).map_err(|error| failed(error.to_string()))?;
        let request = Request::post(self.url, body)
            .header("content-type", "application/json")
            .build();
        let response: Response = match send(request).await {
            Ok(response) => response,
            // A sandbox that stops without an answer.
            Err(SendError::Http(
                error @ (ErrorCode::InternalError(_) | ErrorCode::HttpResponseIncomplete),
            )) => return Ok(SegmentAnswer::Crashed(format!("{error:?}"))),
            Err(error) => return Err(failed(error.to_string())),
        };
        match (*response.status(), serde_json::from_slice(response.body())) {
            (200, Ok(reply)) => Ok(SegmentAnswer::Reply(reply)),
            // Other 5xx are a gateway's or a busy host's: they pass.
            (500, _) => Ok(SegmentAnswer::Crashed(crash_words(response.body()))),
            (status, _) => Err(failed(format!("status {status}"))),
        }
    }
}

/// What the host says of a crash; framemill answers `{"crash": "words"}`.
fn crash_words(body: &[u8]) -> String {
    let answer: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let words = answer
        .as_ref()
        .and_then(|answer| answer.get("crash")?.as_str());
    words.unwrap_or("no reason given").to_owned()
}
