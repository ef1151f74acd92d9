//! The headers of an answer that carries bytes of an object.

use crate::checksum::{ChecksumError, Crc32c};
use crate::object::parse_generation;
use crate::range::{ContentRange, Span};
use crate::{OCTET_STREAM, digits, time};
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use std::time::SystemTime;
use thiserror::Error;

const GENERATION: HeaderName = HeaderName::from_static("x-goog-generation");

/// What the headers say of an object and of the bytes that follow them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// The object's generation.
    pub generation: i64,
    /// The object's size in bytes.
    pub size: u64,
    /// Which of its bytes follow.
    pub span: Span,
    /// Whether a range was asked for: then the status is 206.
    pub partial: bool,
    /// Media type.
    pub content_type: String,
    /// Checksum of the whole object, where the store has one.
    pub crc32c: Option<Crc32c>,
    /// Time of the last write, whole seconds; `None` where the answer does not say.
    pub updated: Option<SystemTime>,
}

/// Why headers are not as documented.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MediaError {
    /// A header that must be there is not.
    #[error("{0} is missing")]
    Missing(HeaderName),
    /// A header stands twice and says two things, or is no text.
    #[error("{0} is not one value")]
    Ambiguous(HeaderName),
    /// A header's value is none that it can have.
    #[error("{0} cannot be read")]
    Unreadable(HeaderName),
    /// The checksum is none.
    #[error(transparent)]
    Checksum(#[from] ChecksumError),
    /// Two headers contradict each other.
    #[error("content-length is not the length of the range")]
    Length,
}

impl Media {
    /// Reads an answer of success.
    ///
    /// # Errors
    /// [`MediaError`]: which header is wrong.
    pub fn parse(status: StatusCode, headers: &HeaderMap) -> Result<Self, MediaError> {
        let generation = required(headers, GENERATION)?;
        let length = number(headers, header::CONTENT_LENGTH)?;
        let partial = status == StatusCode::PARTIAL_CONTENT;
        let (span, size) = if partial {
            content_range(headers)?
        } else {
            let size = length.ok_or(MediaError::Missing(header::CONTENT_LENGTH))?;
            (
                Span {
                    start: 0,
                    end: size,
                },
                size,
            )
        };
        if length.is_some_and(|length| length != span.length()) {
            return Err(MediaError::Length);
        }
        let updated = one(headers, header::LAST_MODIFIED)?;
        Ok(Self {
            generation: parse_generation(generation).ok_or(MediaError::Unreadable(GENERATION))?,
            size,
            span,
            partial,
            content_type: one(headers, header::CONTENT_TYPE)?
                .unwrap_or(OCTET_STREAM)
                .to_owned(),
            crc32c: Crc32c::from_headers(headers)?,
            updated: updated.and_then(|text| httpdate::parse_http_date(text).ok()),
        })
    }

    /// Status and headers of the answer. A media type that is no header value is given as
    /// [`OCTET_STREAM`].
    pub fn write(&self) -> (StatusCode, HeaderMap) {
        let kind = HeaderValue::from_str(&self.content_type);
        let kind = kind.unwrap_or(HeaderValue::from_static(OCTET_STREAM));
        let mut headers = HeaderMap::from_iter([
            (header::CONTENT_TYPE, kind),
            (header::CONTENT_LENGTH, self.span.length().into()),
            (GENERATION, self.generation.into()),
        ]);
        let mut text = |name: HeaderName, text: String| {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        };
        if let Some(updated) = self.updated {
            text(header::LAST_MODIFIED, time::http_date(updated));
        }
        if let Some(crc32c) = self.crc32c {
            let (name, value) = crc32c.header();
            text(HeaderName::from_static(name), value);
        }
        if !self.partial {
            return (StatusCode::OK, headers);
        }
        let range = ContentRange::Bytes(self.span, self.size);
        text(header::CONTENT_RANGE, range.to_string());
        (StatusCode::PARTIAL_CONTENT, headers)
    }
}

/// A header's value; several that say the same are one.
fn one(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, MediaError> {
    let mut values = headers.get_all(&name).iter();
    let Some(first) = values.next() else {
        return Ok(None);
    };
    match first.to_str() {
        Ok(text) if values.all(|value| value == first) => Ok(Some(text)),
        _ => Err(MediaError::Ambiguous(name)),
    }
}

fn required(headers: &HeaderMap, name: HeaderName) -> Result<&str, MediaError> {
    one(headers, name.clone())?.ok_or(MediaError::Missing(name))
}

fn number(headers: &HeaderMap, name: HeaderName) -> Result<Option<u64>, MediaError> {
    let Some(text) = one(headers, name.clone())? else {
        return Ok(None);
    };
    // No object has as many bytes as the largest number.
    let number = digits(text).filter(|number| *number < u64::MAX);
    number.map(Some).ok_or(MediaError::Unreadable(name))
}

fn content_range(headers: &HeaderMap) -> Result<(Span, u64), MediaError> {
    match required(headers, header::CONTENT_RANGE)?.parse() {
        Ok(ContentRange::Bytes(span, size)) => Ok((span, size)),
        _ => Err(MediaError::Unreadable(header::CONTENT_RANGE)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Google answers a request for bytes 3 to 9.
    const ANSWER: [(&str, &str); 6] = [
        ("x-goog-generation", "1760000000000001"),
        ("content-type", "video/mp4"),
        ("content-range", "bytes 3-9/20"),
        ("content-length", "7"),
        ("last-modified", "Sun, 22 Nov 2026 12:00:00 GMT"),
        ("x-goog-hash", "crc32c=ipE2qg==,md5=AAAA"),
    ];

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn answers_are_those_of_google() {
        let media = Media::parse(StatusCode::PARTIAL_CONTENT, &headers(&ANSWER)).unwrap();
        assert_eq!(media.span, Span { start: 3, end: 10 });
        assert_eq!((media.size, media.generation), (20, 1_760_000_000_000_001));
        assert_eq!(media.crc32c, "ipE2qg==".parse().ok());
        let (status, written) = media.write();
        assert_eq!(Media::parse(status, &written), Ok(media));
    }

    #[test]
    fn headers_that_lie_are_named() {
        let parse = |status, change: (&'static str, &'static str), add: bool| {
            let mut pairs = ANSWER.to_vec();
            if !add {
                pairs.retain(|pair| pair.0 != change.0);
            }
            if !change.1.is_empty() {
                pairs.push(change);
            }
            let error = Media::parse(status, &headers(&pairs));
            error
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default()
        };
        let (part, whole) = (StatusCode::PARTIAL_CONTENT, StatusCode::OK);
        for (status, change, add, expected) in [
            (
                part,
                ("x-goog-generation", ""),
                false,
                "x-goog-generation is missing",
            ),
            (
                part,
                ("x-goog-generation", "0"),
                false,
                "x-goog-generation cannot be read",
            ),
            (
                part,
                ("x-goog-generation", "7"),
                true,
                "x-goog-generation is not one value",
            ),
            (
                part,
                ("content-range", ""),
                false,
                "content-range is missing",
            ),
            (
                part,
                ("content-range", "bytes */20"),
                false,
                "content-range cannot be read",
            ),
            (part, ("content-range", "bytes 3-9/20"), true, ""),
            (
                part,
                ("content-range", "bytes 3-8/20"),
                true,
                "content-range is not one value",
            ),
            (
                part,
                ("content-length", "8"),
                false,
                "content-length is not the length",
            ),
            (part, ("content-length", "7"), true, ""),
            (
                part,
                ("content-length", "8"),
                true,
                "content-length is not one value",
            ),
            (part, ("content-length", ""), false, ""),
            (
                whole,
                ("content-length", ""),
                false,
                "content-length is missing",
            ),
            (
                whole,
                ("content-length", "-1"),
                false,
                "content-length cannot be read",
            ),
            (
                whole,
                ("content-length", "18446744073709551616"),
                false,
                "content-length cannot",
            ),
            (
                whole,
                ("x-goog-hash", "crc32c=AAAA"),
                false,
                "crc32c `AAAA`",
            ),
            (whole, ("content-length", "20"), false, ""),
        ] {
            let error = parse(status, change, add);
            assert!(error.starts_with(expected), "{change:?}: {error}");
            assert_eq!(error.is_empty(), expected.is_empty(), "{change:?}: {error}");
        }
    }

    #[test]
    fn a_media_type_that_is_no_header_is_not_sent() {
        let mut media = Media::parse(StatusCode::PARTIAL_CONTENT, &headers(&ANSWER)).unwrap();
        media.content_type = "image/png\r\nx: y".to_owned();
        assert_eq!(media.write().1[header::CONTENT_TYPE], OCTET_STREAM);
    }
}
