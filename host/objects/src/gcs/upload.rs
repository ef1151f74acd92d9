//! Writes an object with one multipart request: it carries the checksum, and even emulators honour
//! its preconditions (they ignore those of other kinds of upload).

use super::bucket::Bucket;
use super::resource;
use super::transport::{Call, Failure};
use crate::collect::{Collected, collect};
use crate::content_type;
use crate::error::StoreError;
use crate::store::{ByteStream, NewObject, ObjectMeta};
use framemill_gcs_api::{
    Crc32c, Insert, MultipartUpload, Object, Operation, Precondition, UploadMetadata, UploadType,
};
use http::{HeaderValue, StatusCode, header};

const WHAT: &str = "write";

impl Bucket {
    /// Writes an object. With a precondition it is retried. Where a retry fails because the
    /// precondition no longer holds, an object with the same bytes counts as ours: an earlier
    /// attempt wrote it, and its answer was lost.
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
        let answer: Result<Object, _> = self.transport.json(&call).await;
        match answer {
            Ok(object) => self.verify(resource::meta(object), &content).await,
            Err(
                failure @ Failure::Status {
                    status: StatusCode::PRECONDITION_FAILED,
                    after_indeterminate: true,
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
        let content_type = object
            .content_type
            .unwrap_or_else(|| content_type::of_name(name).to_owned());
        let metadata = UploadMetadata {
            name: Some(name.to_owned()),
            content_type: Some(content_type),
            crc32c: Some(Crc32c(content.crc32c)),
            metadata: object.metadata,
        };
        let insert = Operation::Insert(Insert {
            upload: UploadType::Multipart,
            name: None,
            precondition,
        });
        let mut call = self.call(name, insert)?;
        let upload = MultipartUpload::frame(&metadata, &content.bytes);
        let upload =
            upload.map_err(|error| StoreError::Invalid(format!("{error}: {}", self.url(name))))?;
        let kind = HeaderValue::try_from(upload.content_type)
            .map_err(|error| StoreError::Invalid(error.to_string()))?;
        call.headers.insert(header::CONTENT_TYPE, kind);
        call.body = [&upload.head, &content.bytes[..], &upload.tail]
            .concat()
            .into();
        Ok(call)
    }

    /// Compares what the store says it has with what was sent. A damaged object is deleted:
    /// later attempts would find the name taken.
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

/// The first difference between an object and the bytes that it should have: what it is, and
/// what it should be.
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
