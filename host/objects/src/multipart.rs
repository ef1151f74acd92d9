//! Multipart uploads, read as they arrive.

use super::error::StoreError;
use super::store::ByteStream;
use framemill_gcs_api::{UploadError, UploadEvent, UploadMetadata, UploadReader};
use futures::StreamExt;

/// A multipart upload that is being read.
struct Upload {
    body: ByteStream,
    reader: UploadReader,
}

/// Metadata and bytes of an upload, from a request's content type and body. The bytes end with
/// an error where the body does not end as it should.
///
/// # Errors
/// Where the body does not start with metadata.
pub(super) async fn read(
    content_type: &str,
    body: ByteStream,
) -> Result<(UploadMetadata, ByteStream), StoreError> {
    let reader = UploadReader::new(content_type)?;
    let mut upload = Upload { body, reader };
    let metadata = match upload.next().await? {
        UploadEvent::Metadata(metadata) => metadata,
        _ => return Err(UploadError::Missing("metadata").into()),
    };
    let bytes = futures::stream::try_unfold(upload, |mut upload| async move {
        Ok(match upload.next().await? {
            UploadEvent::Data(bytes) => Some((bytes, upload)),
            _ => None,
        })
    });
    Ok((metadata, bytes.boxed()))
}

impl Upload {
    /// Waits for the next part of it.
    async fn next(&mut self) -> Result<UploadEvent, StoreError> {
        loop {
            match self.reader.next_event()? {
                UploadEvent::NeedData => match self.body.next().await {
                    Some(bytes) => self.reader.push(&bytes?),
                    None => self.reader.finish(),
                },
                event => return Ok(event),
            }
        }
    }
}

impl From<UploadError> for StoreError {
    fn from(error: UploadError) -> Self {
        Self::Invalid(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use futures::TryStreamExt as _;

    const TYPE: &str = "multipart/related; boundary=\"bound\"";
    const BODY: &[u8] =
        b"--bound\r\n\r\n{\"name\":\"n\"}\r\n--bound\r\ncontent-type: image/jpeg\r\n\r\n\r\n--boun\r\n\r\n--bound--\r\n";

    fn in_pieces(body: &'static [u8], step: usize) -> ByteStream {
        let pieces = body.chunks(step).map(|piece| Ok(Bytes::from_static(piece)));
        futures::stream::iter(pieces).boxed()
    }

    #[tokio::test]
    async fn uploads_are_read_however_they_are_cut() {
        for step in 1..=BODY.len() {
            let (metadata, bytes) = read(TYPE, in_pieces(BODY, step)).await.unwrap();
            assert_eq!(metadata.name.as_deref(), Some("n"));
            assert_eq!(metadata.content_type.as_deref(), Some("image/jpeg"));
            let bytes: Vec<Bytes> = bytes.try_collect().await.unwrap();
            assert_eq!(bytes.concat(), b"\r\n--boun\r\n", "in pieces of {step}");
        }
    }

    #[tokio::test]
    async fn a_body_without_end_is_refused() {
        let end = BODY.len() - 4;
        let (_, bytes) = read(TYPE, in_pieces(&BODY[..end], 7)).await.unwrap();
        let bytes: Result<Vec<Bytes>, _> = bytes.try_collect().await;
        assert!(matches!(bytes, Err(StoreError::Invalid(_))));
        for body in [&b""[..], b"--other\r\n\r\n{}", b"--bound--"] {
            let error = read(TYPE, in_pieces(body, 7)).await.err();
            assert!(matches!(error, Some(StoreError::Invalid(_))));
        }
        let broken = futures::stream::iter([Err(StoreError::TooLarge("3".into()))]).boxed();
        let error = read(TYPE, broken).await.err();
        assert!(matches!(error, Some(StoreError::TooLarge(_))));
    }
}
