//! Objects through the GCS JSON API.

use crate::gcs;
use crate::store::{Created, ObjectMeta, Objects, StoreError};
use framemill_contract::{JobError, ObjectRef};
use framemill_video::ByteRange;
use spin_sdk::http::{Request, Response, send};

/// Objects of the GCS JSON API at a base URL. Credentials are added by the host.
pub struct GcsObjects<'a> {
    base: &'a str,
}

impl<'a> GcsObjects<'a> {
    /// For the API at `base`, without trailing slash.
    pub fn new(base: &'a str) -> Self {
        Self { base }
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
    ) -> Result<Option<Response>, StoreError> {
        let what = format!("writing gs://{bucket}/{name}");
        let (multipart, body) = gcs::multipart(name, content_type, bytes);
        let request = Request::post(gcs::upload_url(self.base, bucket, generation), body)
            .header("content-type", multipart)
            .build();
        let response = call(request, &what).await?;
        match response.status() {
            200 => Ok(Some(response)),
            412 => Ok(None),
            _ => Err(unexpected(&what, &response)),
        }
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
    ) -> Result<Option<ObjectMeta>, StoreError> {
        let response = self.upload(bucket, name, generation, content_type, bytes);
        let Some(response) = response.await? else {
            return Ok(None);
        };
        gcs::parse_metadata(response.body())
            .map(Some)
            .map_err(|reason| failed(&format!("writing gs://{bucket}/{name}"), reason))
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
