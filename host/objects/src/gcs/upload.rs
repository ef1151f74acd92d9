//! Writing: one multipart request, which carries the checksum and honours preconditions
//! everywhere (emulators ignore them on other kinds of upload).

use super::resource::Resource;
use super::transport::{Call, Failure};
use super::{Bucket, encode};
use crate::collect::{Collected, collect};
use crate::{ByteStream, NewObject, ObjectMeta, Precondition, StoreError, checksum, local};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::json;

const WHAT: &str = "write";

impl Bucket {
    /// Writes an object. With a precondition it is tried again; a repeated attempt that is told
    /// that the precondition no longer holds looks whether the object that is there now has our
    /// bytes: then it is an earlier attempt's, whose answer was lost (or another's with the same
    /// bytes, which is as good).
    pub(super) async fn write(
        &self,
        name: &str,
        precondition: Precondition,
        object: NewObject,
        bytes: ByteStream,
    ) -> Result<ObjectMeta, StoreError> {
        let url = self.url(name);
        let content = collect(&url, object.crc32c, bytes).await?;
        let call = self.upload_call(name, precondition, object, &content)?;
        let answer: Result<Resource, _> = self.transport.json(&call).await;
        match answer {
            Ok(resource) => {
                let meta = self.meta(WHAT, name, resource)?;
                self.verify(meta, &content).await
            }
            Err(
                failure @ Failure::Status {
                    status: StatusCode::PRECONDITION_FAILED,
                    after_unknown: true,
                    ..
                },
            ) => match self.head(name).await {
                Ok(meta) if mismatch(&meta, &content).is_none() => Ok(meta),
                Err(error) if !matches!(error, StoreError::NotFound { .. }) => Err(error),
                _ => Err(self.error(WHAT, name, failure)),
            },
            Err(failure) => Err(self.error(WHAT, name, failure)),
        }
    }

    fn upload_call(
        &self,
        name: &str,
        precondition: Precondition,
        object: NewObject,
        content: &Collected,
    ) -> Result<Call, StoreError> {
        self.object_path(name)?;
        let content_type = object
            .content_type
            .unwrap_or_else(|| local::content_type(name).to_owned());
        let resource = json!({
            "name": name,
            "contentType": content_type,
            "crc32c": checksum::encode(content.crc32c),
            "metadata": object.metadata,
        });
        let boundary = format!("framemill-{:032x}", fastrand::u128(..));
        let kind = HeaderValue::from_str(&format!("multipart/related; boundary={boundary}"))
            .map_err(|error| StoreError::Invalid(error.to_string()))?;
        let mut target = format!(
            "/upload/storage/v1/b/{}/o?uploadType=multipart",
            encode(&self.name)
        );
        if let Precondition::Generation(generation) = precondition {
            target.push_str(&format!("&ifGenerationMatch={generation}"));
        }
        Ok(Call {
            method: Method::POST,
            target,
            headers: HeaderMap::from_iter([(header::CONTENT_TYPE, kind)]),
            body: multipart(
                &boundary,
                &resource.to_string(),
                &content_type,
                &content.bytes,
            ),
            repeatable: precondition != Precondition::None,
        })
    }

    /// Compares what the store says that it has with what we sent. A damaged object is taken
    /// back: later attempts would find the name taken.
    async fn verify(
        &self,
        meta: ObjectMeta,
        content: &Collected,
    ) -> Result<ObjectMeta, StoreError> {
        let Some((seen, expected)) = mismatch(&meta, content) else {
            return Ok(meta);
        };
        let this_one = Precondition::Generation(meta.generation);
        if let Err(error) = self.delete(&meta.name, this_one).await {
            tracing::warn!(%error, "damaged object cannot be deleted: delete it by hand");
        }
        Err(StoreError::Corrupt {
            what: WHAT,
            name: self.url(&meta.name),
            seen,
            expected,
        })
    }
}

/// The first difference between an object and the bytes that it should have: what is there,
/// and what should be.
fn mismatch(meta: &ObjectMeta, content: &Collected) -> Option<(String, String)> {
    let size = content.bytes.len() as u64;
    if meta.size != size {
        return Some((format!("{} bytes", meta.size), size.to_string()));
    }
    match meta.crc32c {
        Some(crc) if crc != content.crc32c => Some((
            format!("crc32c {crc:08x}"),
            format!("{:08x}", content.crc32c),
        )),
        _ => None,
    }
}

/// The body: the resource, then the bytes. The type stands in both: Google reads the resource's,
/// fake-gcs-server the part's.
fn multipart(boundary: &str, resource: &str, content_type: &str, bytes: &Bytes) -> Bytes {
    // A line break in it would end the part's headers.
    let content_type = match HeaderValue::from_str(content_type) {
        Ok(_) => content_type,
        Err(_) => "application/octet-stream",
    };
    let start = format!(
        "--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{resource}\r\n--{boundary}\r\nContent-Type: {content_type}\r\n\r\n"
    );
    let end = format!("\r\n--{boundary}--\r\n");
    [start.as_bytes(), bytes, end.as_bytes()].concat().into()
}
