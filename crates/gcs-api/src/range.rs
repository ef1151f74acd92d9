//! `Range` and `Content-Range` (RFC 9110, 14).

use crate::digits;
use http::{HeaderMap, header};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Half-open range of an object's bytes, inside its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

impl Span {
    /// How many bytes.
    pub fn length(self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// Which bytes of an object are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeSpec {
    /// All.
    Whole,
    /// From the first byte up to and including the second, or to the end.
    From(u64, Option<u64>),
    /// This many bytes at the end.
    Last(u64),
}

/// None of the bytes that are asked for exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("requested range is outside the object of {size} bytes")]
pub struct Unsatisfiable {
    /// The object's size.
    pub size: u64,
}

impl RangeSpec {
    /// The header `Range` of a request. Anything but one range of bytes is ignored, as RFC 9110
    /// allows.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(header::RANGE).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => {
                let range = value.to_str().ok().and_then(Self::parse);
                range.unwrap_or(Self::Whole)
            }
            _ => Self::Whole,
        }
    }

    /// From `bytes=3-9`, `bytes=3-` or `bytes=-9`; `None` for all else.
    pub fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.trim().strip_prefix("bytes=")?.split_once('-')?;
        match (first.trim(), last.trim()) {
            ("", last) => Some(Self::Last(digits(last)?)),
            (first, "") => Some(Self::From(digits(first)?, None)),
            (first, last) => {
                let (first, last) = (digits(first)?, digits(last)?);
                (first <= last).then_some(Self::From(first, Some(last)))
            }
        }
    }

    /// The value of the header; `None` where all bytes are asked for, or none.
    pub fn header(self) -> Option<String> {
        match self {
            Self::Whole => None,
            _ if self.is_empty() => None,
            Self::From(first, None) => Some(format!("bytes={first}-")),
            Self::From(first, Some(last)) => Some(format!("bytes={first}-{last}")),
            Self::Last(count) => Some(format!("bytes=-{count}")),
        }
    }

    /// Whether no object has any of these bytes.
    pub fn is_empty(self) -> bool {
        match self {
            Self::Whole | Self::From(_, None) => false,
            Self::From(first, Some(last)) => last < first,
            Self::Last(count) => count == 0,
        }
    }

    /// The bytes of an object of `size` bytes.
    ///
    /// # Errors
    /// [`Unsatisfiable`] where none of them exist.
    pub fn resolve(self, size: u64) -> Result<Span, Unsatisfiable> {
        let (start, end) = match self {
            Self::Whole => {
                return Ok(Span {
                    start: 0,
                    end: size,
                });
            }
            Self::From(start, last) => {
                let end = last.map_or(size, |last| last.saturating_add(1).min(size));
                (start, end)
            }
            Self::Last(count) => (size.saturating_sub(count), size),
        };
        if start >= end {
            return Err(Unsatisfiable { size });
        }
        Ok(Span { start, end })
    }
}

/// The header `Content-Range` of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentRange {
    /// `bytes 3-9/20`: these bytes of an object of so many.
    Bytes(Span, u64),
    /// `bytes */20`: none; the object has so many.
    Unsatisfied(u64),
}

/// A text that is no content range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("content-range is not that of one range of bytes inside the object's size")]
pub struct ContentRangeError;

impl FromStr for ContentRange {
    type Err = ContentRangeError;

    fn from_str(text: &str) -> Result<Self, ContentRangeError> {
        parse_content_range(text).ok_or(ContentRangeError)
    }
}

fn parse_content_range(text: &str) -> Option<ContentRange> {
    let (range, size) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let size = digits(size.trim())?;
    if range.trim() == "*" {
        return Some(ContentRange::Unsatisfied(size));
    }
    let (first, last) = range.split_once('-')?;
    let (start, last) = (digits(first.trim())?, digits(last.trim())?);
    let end = last.checked_add(1)?;
    let inside = start < end && end <= size;
    inside.then_some(ContentRange::Bytes(Span { start, end }, size))
}

impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(span, size) => {
                let last = span.end.saturating_sub(1);
                write!(f, "bytes {}-{last}/{size}", span.start)
            }
            Self::Unsatisfied(size) => write!(f, "bytes */{size}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_are_read_or_ignored() {
        for (text, expected) in [
            ("bytes=0-3", Some(RangeSpec::From(0, Some(3)))),
            ("bytes=7-", Some(RangeSpec::From(7, None))),
            ("bytes=-5", Some(RangeSpec::Last(5))),
            (
                "bytes=0-99999999999999999999",
                Some(RangeSpec::From(0, Some(u64::MAX))),
            ),
            (
                "bytes=99999999999999999999-",
                Some(RangeSpec::From(u64::MAX, None)),
            ),
            ("bytes=5-2", None),
            ("bytes=0-1,4-5", None),
            ("bytes=+1-2", None),
            ("bytes=-", None),
            ("lines=1-2", None),
            ("", None),
        ] {
            assert_eq!(RangeSpec::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn several_range_headers_are_ignored() {
        let mut headers = HeaderMap::new();
        assert_eq!(RangeSpec::from_headers(&headers), RangeSpec::Whole);
        let range = http::HeaderValue::from_static("bytes=1-2");
        headers.append(header::RANGE, range.clone());
        assert_eq!(
            RangeSpec::from_headers(&headers),
            RangeSpec::From(1, Some(2))
        );
        headers.append(header::RANGE, range);
        assert_eq!(RangeSpec::from_headers(&headers), RangeSpec::Whole);
        let bytes = http::HeaderValue::from_bytes(b"bytes=\xff").unwrap();
        headers.insert(header::RANGE, bytes);
        assert_eq!(RangeSpec::from_headers(&headers), RangeSpec::Whole);
    }

    #[test]
    fn ranges_are_cut_to_the_object() {
        for (range, size, expected) in [
            (RangeSpec::Whole, 10, Some((0, 10))),
            (RangeSpec::Whole, 0, Some((0, 0))),
            (RangeSpec::From(2, Some(4)), 10, Some((2, 5))),
            (RangeSpec::From(2, None), 10, Some((2, 10))),
            (RangeSpec::From(8, Some(u64::MAX)), 10, Some((8, 10))),
            (RangeSpec::Last(3), 10, Some((7, 10))),
            (RangeSpec::Last(30), 10, Some((0, 10))),
            (RangeSpec::From(10, None), 10, None),
            (RangeSpec::From(5, Some(4)), 10, None),
            (RangeSpec::Last(0), 10, None),
        ] {
            let span = range.resolve(size).ok().map(|span| (span.start, span.end));
            assert_eq!(span, expected, "{range:?} of {size}");
        }
    }

    #[test]
    fn content_ranges_are_read_or_refused() {
        for (text, expected) in [
            ("bytes 3-9/20", Some((3, 10, 20))),
            ("bytes 0-0/1", Some((0, 1, 1))),
            ("bytes 3-9/9", None),
            ("bytes 9-3/20", None),
            ("bytes 0-18446744073709551615/20", None),
            ("bytes 3-9/*", None),
            ("bytes */*", None),
            ("bytes 3-9", None),
            ("", None),
        ] {
            let expected = expected
                .map(|(start, end, size)| ContentRange::Bytes(Span { start, end }, size))
                .ok_or(ContentRangeError);
            assert_eq!(text.parse(), expected, "{text}");
        }
        assert_eq!("bytes */20".parse(), Ok(ContentRange::Unsatisfied(20)));
    }

    fn spec() -> impl Strategy<Value = RangeSpec> {
        prop_oneof![
            any::<u64>().prop_map(|first| RangeSpec::From(first, None)),
            any::<(u64, u64)>().prop_map(|(a, b)| RangeSpec::From(a, Some(b))),
            any::<u64>().prop_map(RangeSpec::Last),
        ]
    }

    proptest! {
        #[test]
        fn ranges_read_what_they_write(range in spec()) {
            match range.header() {
                Some(text) => prop_assert_eq!(RangeSpec::parse(&text), Some(range)),
                None => prop_assert!(range.is_empty()),
            }
        }

        #[test]
        fn content_ranges_read_what_they_write(start: u32, more in 1u64..1 << 40, after: u32) {
            let start = u64::from(start);
            let span = Span { start, end: start + more };
            let size = span.end + u64::from(after);
            for range in [ContentRange::Bytes(span, size), ContentRange::Unsatisfied(size)] {
                prop_assert_eq!(range.to_string().parse(), Ok(range));
            }
        }

        #[test]
        fn a_span_lies_inside_the_object(range in spec(), size: u64) {
            if let Ok(span) = range.resolve(size) {
                prop_assert!(span.start < span.end && span.end <= size);
            }
        }

        #[test]
        fn arbitrary_text_is_read_or_not(text in "(bytes[= ])?[0-9,*/ -]{0,30}") {
            let _ = (RangeSpec::parse(&text), text.parse::<ContentRange>());
        }
    }
}
