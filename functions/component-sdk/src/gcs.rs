//! Objects through the GCS JSON API.

pub use framemill_gcs_api::encoded;

use crate::http::{HttpRequest, HttpResponse, Method, Web, WebError};
use crate::store::{Created, ObjectError, ObjectInfo, Objects};
use framemill_contract::{JobError, ObjectRef, SizeLimits};
use framemill_gcs_api::{
    Crc32c, ErrorResponse, Get, Insert, List, Listing, MultipartUpload, Object, ObjectName,
    Operation, Precondition, RangeSpec, Request, UploadMetadata, UploadType,
};
use framemill_video::ByteRange;
use serde::de::DeserializeOwned;

/// What an upload's body holds besides the content: names of 1024 bytes at most, escaped, and
/// the frame around them.
const UPLOAD_FRAME: u64 = 8 << 10;
/// Most bytes that are set aside before they arrive, for reads of several requests.
const MOST_RESERVED: usize = 32 << 20;

/// Objects of the GCS JSON API at a base URL.
pub struct GcsObjects<'a, W> {
    web: &'a W,
    base: &'a str,
    limits: SizeLimits,
    /// Largest body of any request or answer, by `segment_budget`.
    largest_body: Option<u64>,
}

impl<'a, W: Web> GcsObjects<'a, W> {
    /// For the API at `base`, without trailing slash. Objects over the limit are refused before
    /// they are sent. Where `largest_body` is given, longer reads are split into several requests,
    /// and objects are that much smaller. `web` adds what credentials the API wants.
    pub fn new(web: &'a W, base: &'a str, limits: SizeLimits, largest_body: Option<u64>) -> Self {
        Self {
            web,
            base,
            limits,
            largest_body,
        }
    }

    /// The error of an object over our own limit.
    fn too_large(&self, bucket: &str, name: &str, bytes: u64) -> ObjectError {
        let most = self.largest_object();
        let limit = match most < self.limits.object {
            true => format!("{most} by segment_budget"),
            false => most.to_string(),
        };
        over(bucket, name, bytes, limit)
    }

    /// Uploads under the precondition that `generation` is the current one; `None` where it
    /// is not.
    async fn upload(
        &self,
        bucket: &str,
        name: &str,
        generation: i64,
        content_type: &str,
        bytes: &[u8],
    ) -> Result<Option<HttpResponse>, ObjectError> {
        let what = format!("writing gs://{bucket}/{name}");
        let size = bytes.len() as u64;
        if size > self.largest_object() {
            return Err(self.too_large(bucket, name, size));
        }
        let metadata = UploadMetadata {
            name: Some(name.to_owned()),
            content_type: Some(content_type.to_owned()),
            crc32c: Some(Crc32c::of(bytes)),
            ..UploadMetadata::default()
        };
        let upload = MultipartUpload::frame(&metadata, bytes)
            .map_err(|error| failed(&what, error.to_string()))?;
        let insert = Operation::Insert(Insert {
            upload: UploadType::Multipart,
            name: None,
            precondition: Precondition::Generation(generation),
        });
        let url = self.url(bucket, insert, &what)?;
        let request = HttpRequest::new(Method::Post, url)
            .header("content-type", upload.content_type)
            .parts([upload.head.into(), bytes.into(), upload.tail.into()]);
        let response = self.send(request, &what).await?;
        match response.status {
            200 => Ok(Some(response)),
            412 => Ok(None),
            // The store, or what is before it, has a lower limit, and keeps it.
            413 => {
                let limit = format!("of the store ({})", response.text());
                Err(over(bucket, name, size, limit))
            }
            _ => Err(unexpected(&what, &response)),
        }
    }

    /// The bytes of one range with one request, fewer where the object ends.
    async fn read_part(
        &self,
        object: &ObjectRef,
        range: ByteRange,
        what: &str,
    ) -> Result<Vec<u8>, ObjectError> {
        let start = range.start;
        let media = Operation::Media(Get {
            generation: object.generation,
            ..Get::of(&object.name)
        });
        let mut request =
            HttpRequest::get(self.url(&object.bucket, media, what)?).at_most(range.len());
        let range = RangeSpec::From(range.start, Some(range.end.saturating_sub(1)));
        if let Some(range) = range.header() {
            request = request.header("range", range);
        }
        let response = self.send(request, what).await?;
        match response.status {
            206 => Ok(response.body),
            // A store may answer a range that covers the object with the whole object.
            200 if start == 0 => Ok(response.body),
            416 => Ok(Vec::new()),
            404 => Err(ObjectError::Gone),
            _ => Err(unexpected(what, &response)),
        }
    }

    /// The URL of what is asked for.
    fn url(&self, bucket: &str, operation: Operation, what: &str) -> Result<String, ObjectError> {
        let request = Request::new(bucket, operation);
        let request = request.map_err(|error| failed(what, error.to_string()))?;
        Ok(format!("{}{}", self.base, request.target()))
    }

    async fn send(
        &self,
        request: HttpRequest<'_>,
        what: &str,
    ) -> Result<HttpResponse, ObjectError> {
        let sent = self.web.send(request).await;
        sent.map_err(|error| unsent(error, what))
    }
}

fn unsent(error: WebError, what: &str) -> ObjectError {
    match error {
        WebError::Unsent(error) => error.into(),
        error => failed(what, error.to_string()),
    }
}

fn failed(what: &str, reason: String) -> ObjectError {
    ObjectError::Failed(JobError::Storage {
        what: what.to_owned(),
        reason,
    })
}

fn over(bucket: &str, name: &str, bytes: u64, limit: String) -> ObjectError {
    let name = format!("gs://{bucket}/{name}");
    ObjectError::Failed(JobError::ObjectTooLarge { name, bytes, limit })
}

/// What a JSON answer says.
fn parsed<T: DeserializeOwned>(response: &HttpResponse, what: &str) -> Result<T, ObjectError> {
    serde_json::from_slice(&response.body).map_err(|error| failed(what, error.to_string()))
}

fn metadata(response: &HttpResponse, what: &str) -> Result<ObjectInfo, ObjectError> {
    parsed::<Object>(response, what).map(Into::into)
}

/// An answer that no case expects: its status and the start of what it says.
fn unexpected(what: &str, response: &HttpResponse) -> ObjectError {
    let said = ErrorResponse::message_in(&response.body);
    if matches!(response.status, 401 | 403) {
        return ObjectError::Failed(JobError::Denied {
            what: what.to_owned(),
            reason: said,
        });
    }
    let reason = format!("status {}: {said}", response.status);
    failed(what, reason)
}

impl<W: Web> Objects for GcsObjects<'_, W> {
    fn largest_object(&self) -> u64 {
        let body = self.largest_body.unwrap_or(u64::MAX);
        self.limits.object.min(body.saturating_sub(UPLOAD_FRAME))
    }

    async fn has_bucket(&self, bucket: &str, prefix: &str) -> Result<bool, ObjectError> {
        let what = format!("looking for the bucket gs://{bucket}");
        // An object that is not there and a bucket that is not are the same 404.
        let list = Operation::List(List {
            prefix: prefix.to_owned(),
            max_results: Some(1),
            names_only: true,
            ..List::default()
        });
        let url = self.url(bucket, list, &what)?;
        let response = self.send(HttpRequest::get(url), &what).await?;
        match response.status {
            // Who may not list it is told that it is there.
            200 | 403 => Ok(true),
            404 => Ok(false),
            _ => Err(unexpected(&what, &response)),
        }
    }

    async fn metadata(&self, bucket: &str, name: &str) -> Result<ObjectInfo, ObjectError> {
        let what = format!("metadata of gs://{bucket}/{name}");
        let url = self.url(bucket, Operation::Metadata(Get::of(name)), &what)?;
        let response = self.send(HttpRequest::get(url), &what).await?;
        match response.status {
            200 => metadata(&response, &what),
            404 => Err(ObjectError::Gone),
            _ => Err(unexpected(&what, &response)),
        }
    }

    async fn read(&self, object: &ObjectRef, range: ByteRange) -> Result<Vec<u8>, ObjectError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let what = format!("reading gs://{}/{}", object.bucket, object.name);
        let limit = self.largest_body.unwrap_or(u64::MAX).max(1);
        if range.len() <= limit {
            return self.read_part(object, range, &what).await;
        }
        let reserved = usize::try_from(range.len()).unwrap_or(MOST_RESERVED);
        let mut bytes = Vec::with_capacity(reserved.min(MOST_RESERVED));
        let mut start = range.start;
        while start < range.end {
            let end = range.end.min(start.saturating_add(limit));
            let part = ByteRange { start, end };
            let there = self.read_part(object, part, &what).await?;
            bytes.extend_from_slice(&there);
            if (there.len() as u64) < part.len() {
                break;
            }
            start = end;
        }
        Ok(bytes)
    }

    async fn read_all(&self, bucket: &str, name: &str) -> Result<Vec<u8>, ObjectError> {
        let what = format!("reading gs://{bucket}/{name}");
        let url = self.url(bucket, Operation::Media(Get::of(name)), &what)?;
        let request = HttpRequest::get(url).at_most(self.largest_object());
        let response = match self.web.send(request).await {
            Err(WebError::TooLarge { bytes, .. }) => {
                return Err(self.too_large(bucket, name, bytes));
            }
            Err(error) => return Err(unsent(error, &what)),
            Ok(response) => response,
        };
        match response.status {
            200 => Ok(response.body),
            404 => Err(ObjectError::Gone),
            _ => Err(unexpected(&what, &response)),
        }
    }

    async fn create(
        &self,
        bucket: &str,
        name: &str,
        content_type: &str,
        bytes: &[u8],
    ) -> Result<Created, ObjectError> {
        let response = self.upload(bucket, name, 0, content_type, bytes).await?;
        Ok(response.map_or(Created::Existed, |_| Created::New))
    }

    async fn replace(
        &self,
        bucket: &str,
        name: &str,
        generation: i64,
        content_type: &str,
        bytes: &[u8],
    ) -> Result<Option<ObjectInfo>, ObjectError> {
        let response = self.upload(bucket, name, generation, content_type, bytes);
        let Some(response) = response.await? else {
            return Ok(None);
        };
        metadata(&response, &format!("writing gs://{bucket}/{name}")).map(Some)
    }

    async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<String>, ObjectError> {
        let what = format!("listing gs://{bucket}/{prefix}");
        let mut list = List {
            prefix: prefix.to_owned(),
            names_only: true,
            ..List::default()
        };
        let mut names = Vec::new();
        loop {
            let url = self.url(bucket, Operation::List(list.clone()), &what)?;
            let response = self.send(HttpRequest::get(url), &what).await?;
            if response.status != 200 {
                return Err(unexpected(&what, &response));
            }
            let page: Listing<ObjectName> = parsed(&response, &what)?;
            names.extend(page.items.into_iter().map(|object| object.name));
            list.page_token = page.next_page_token;
            if list.page_token.is_none() {
                return Ok(names);
            }
        }
    }

    async fn delete(&self, bucket: &str, name: &str) -> Result<(), ObjectError> {
        let what = format!("deleting gs://{bucket}/{name}");
        let delete = Operation::Delete {
            object: name.to_owned(),
            precondition: Precondition::None,
        };
        let request = HttpRequest::new(Method::Delete, self.url(bucket, delete, &what)?);
        let response = self.send(request, &what).await?;
        match response.status {
            200 | 204 | 404 => Ok(()),
            _ => Err(unexpected(&what, &response)),
        }
    }
}

#[cfg(test)]
mod tests;
