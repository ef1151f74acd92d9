//! The body of a multipart upload: metadata in JSON, then the object's bytes.

use crate::multipart::{Event, MultipartError, Reader, boundary_outside};
use crate::name::{NameError, check_object};
use crate::object::UploadMetadata;
use crate::{JSON, OCTET_STREAM};
use bytes::Bytes;
use http::HeaderValue;
use thiserror::Error;

/// Most bytes of an upload's metadata.
pub const LARGEST_METADATA: usize = 64 << 10;

/// What is wrong with an upload's body.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UploadError {
    /// Its parts.
    #[error(transparent)]
    Multipart(#[from] MultipartError),
    /// The name is one that no object can have.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A part is not there.
    #[error("multipart upload has no {0} part")]
    Missing(&'static str),
    /// There is more behind the object's bytes.
    #[error("multipart upload has more than two parts")]
    TooManyParts,
    /// The metadata is longer than any has to be.
    #[error("metadata part is too long, limit {LARGEST_METADATA} bytes")]
    TooLong,
    /// The metadata cannot be read.
    #[error("metadata part is not JSON: {0}")]
    Metadata(String),
}

/// The body of an upload, but for the object's bytes, which are not copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultipartUpload {
    /// Media type of the whole.
    pub content_type: String,
    /// What stands before the bytes.
    pub head: Vec<u8>,
    /// What stands behind them.
    pub tail: Vec<u8>,
}

impl MultipartUpload {
    /// The frame around these bytes. The media type stands in both parts: Google reads the
    /// metadata's, some emulators the other.
    ///
    /// # Errors
    /// [`UploadError`] where no one would take the name or the metadata.
    pub fn frame(metadata: &UploadMetadata, bytes: &[u8]) -> Result<Self, UploadError> {
        if let Some(name) = &metadata.name {
            check_object(name)?;
        }
        let json = serde_json::to_string(metadata)
            .map_err(|error| UploadError::Metadata(error.to_string()))?;
        if json.len() > LARGEST_METADATA {
            return Err(UploadError::TooLong);
        }
        // A line break in it would end the part's headers. The JSON holds none either, so no
        // boundary can stand there.
        let kind = metadata.content_type.as_deref().unwrap_or(OCTET_STREAM);
        let kind = HeaderValue::from_str(kind).map_or(OCTET_STREAM, |_| kind);
        let boundary = boundary_outside(bytes);
        let head = format!(
            "--{boundary}\r\ncontent-type: {JSON}\r\n\r\n{json}\r\n--{boundary}\r\ncontent-type: {kind}\r\n\r\n"
        );
        Ok(Self {
            content_type: format!("multipart/related; boundary={boundary}"),
            head: head.into_bytes(),
            tail: format!("\r\n--{boundary}--\r\n").into_bytes(),
        })
    }
}

/// What comes next in an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadEvent {
    /// Nothing before more of the body is pushed.
    NeedData,
    /// The metadata, once and first; the media type of the bytes' part is taken where it names
    /// none.
    Metadata(UploadMetadata),
    /// Bytes of the object.
    Data(Bytes),
    /// All bytes were given.
    End,
}

/// The body of an upload, taken apart while it arrives.
#[derive(Debug)]
pub struct UploadReader {
    parts: Reader,
    state: State,
}

#[derive(Debug)]
enum State {
    Start,
    Metadata(Vec<u8>),
    Data,
}

impl UploadReader {
    /// For the body of a request with this content type.
    ///
    /// # Errors
    /// [`UploadError`] where it is not that of such a body.
    pub fn new(content_type: &str) -> Result<Self, UploadError> {
        Ok(Self {
            parts: Reader::new(content_type)?,
            state: State::Start,
        })
    }

    /// Takes more of the body.
    pub fn push(&mut self, bytes: &[u8]) {
        self.parts.push(bytes);
    }

    /// Says that all of the body is pushed.
    pub fn finish(&mut self) {
        self.parts.finish();
    }

    /// What comes next.
    ///
    /// # Errors
    /// [`UploadError`]: why there is no next.
    pub fn next_event(&mut self) -> Result<UploadEvent, UploadError> {
        loop {
            match (&mut self.state, self.parts.next_event()?) {
                (_, Event::NeedData) => return Ok(UploadEvent::NeedData),
                (State::Start, Event::Part(_)) => self.state = State::Metadata(Vec::new()),
                (State::Start, _) => return Err(UploadError::Missing("metadata")),
                (State::Metadata(text), Event::Data(bytes)) => {
                    if text.len().saturating_add(bytes.len()) > LARGEST_METADATA {
                        return Err(UploadError::TooLong);
                    }
                    text.extend_from_slice(&bytes);
                }
                (State::Metadata(text), Event::Part(kind)) => {
                    let metadata = read_metadata(text, kind)?;
                    self.state = State::Data;
                    return Ok(UploadEvent::Metadata(metadata));
                }
                (State::Metadata(_), Event::End) => return Err(UploadError::Missing("media")),
                (State::Data, Event::Data(bytes)) => return Ok(UploadEvent::Data(bytes)),
                (State::Data, Event::End) => return Ok(UploadEvent::End),
                (State::Data, Event::Part(_)) => return Err(UploadError::TooManyParts),
            }
        }
    }
}

fn read_metadata(text: &[u8], kind: String) -> Result<UploadMetadata, UploadError> {
    let mut metadata: UploadMetadata =
        serde_json::from_slice(text).map_err(|error| UploadError::Metadata(error.to_string()))?;
    if metadata.content_type.is_none() && !kind.is_empty() {
        metadata.content_type = Some(kind);
    }
    Ok(metadata)
}

/// Metadata and bytes of an upload that is here as a whole.
///
/// # Errors
/// [`UploadError`]: what is wrong with it.
pub fn read_upload(
    content_type: &str,
    body: &[u8],
) -> Result<(UploadMetadata, Vec<u8>), UploadError> {
    let mut reader = UploadReader::new(content_type)?;
    reader.push(body);
    reader.finish();
    let (mut metadata, mut bytes) = (UploadMetadata::default(), Vec::new());
    loop {
        match reader.next_event()? {
            UploadEvent::Metadata(read) => metadata = read,
            UploadEvent::Data(data) => bytes.extend_from_slice(&data),
            UploadEvent::End => return Ok((metadata, bytes)),
            UploadEvent::NeedData => return Err(MultipartError::Truncated.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_is_that_of_an_upload() {
        let metadata = UploadMetadata {
            name: Some("n".to_owned()),
            content_type: Some("image/jpeg".to_owned()),
            ..UploadMetadata::default()
        };
        let upload = MultipartUpload::frame(&metadata, b"\xff\xd8").unwrap();
        let body = [&upload.head[..], b"\xff\xd8", &upload.tail].concat();
        let expected = b"--framemill-part-00000000\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n{\"name\":\"n\",\"contentType\":\"image/jpeg\"}\r\n--framemill-part-00000000\r\ncontent-type: image/jpeg\r\n\r\n\xff\xd8\r\n--framemill-part-00000000--\r\n";
        assert_eq!(body, expected);
        assert_eq!(
            upload.content_type,
            "multipart/related; boundary=framemill-part-00000000"
        );
    }

    #[test]
    fn a_media_type_cannot_break_the_frame() {
        let metadata = UploadMetadata {
            content_type: Some("a/b\r\n\r\nevil".to_owned()),
            ..UploadMetadata::default()
        };
        let upload = MultipartUpload::frame(&metadata, b"x").unwrap();
        let body = [&upload.head[..], b"x", &upload.tail].concat();
        let (read, bytes) = read_upload(&upload.content_type, &body).unwrap();
        assert_eq!((read, &bytes[..]), (metadata, &b"x"[..]));
    }

    #[test]
    fn uploads_have_two_parts() {
        let kind = "multipart/related; boundary=b";
        let read = |parts: &[&str]| {
            let parts: String = parts
                .iter()
                .map(|it| format!("--b\r\n\r\n{it}\r\n"))
                .collect();
            read_upload(kind, format!("{parts}--b--\r\n").as_bytes())
        };
        assert_eq!(read(&["{}", "x"]).unwrap().1, b"x");
        assert_eq!(read(&[]), Err(UploadError::Missing("metadata")));
        assert_eq!(read(&["{}"]), Err(UploadError::Missing("media")));
        assert_eq!(read(&["{}", "x", "y"]), Err(UploadError::TooManyParts));
        let long = format!("{{\"name\":\"{}\"}}", "n".repeat(LARGEST_METADATA));
        assert_eq!(read(&[&long, "x"]), Err(UploadError::TooLong));
        for text in ["{not json", "7", "{\"name\":7}", "{\"crc32c\":\"AAAA\"}"] {
            assert!(
                matches!(read(&[text, "x"]), Err(UploadError::Metadata(_))),
                "{text}"
            );
        }
        let mut metadata = UploadMetadata::default();
        let long = "n".repeat(LARGEST_METADATA);
        metadata.metadata.insert("n".to_owned(), long);
        let frame = MultipartUpload::frame(&metadata, b"");
        assert_eq!(frame, Err(UploadError::TooLong));
        metadata.name = Some("..".to_owned());
        let frame = MultipartUpload::frame(&metadata, b"");
        assert_eq!(frame, Err(UploadError::Name(NameError::Dots("object"))));
    }
}
