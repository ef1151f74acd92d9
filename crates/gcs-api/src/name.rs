//! Names of buckets and objects, and how they stand in URLs.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt::{self, Display};
use thiserror::Error;

/// Most bytes of an object's name.
pub const LONGEST_OBJECT: usize = 1024;
/// Most bytes of a bucket's name: those with dots may be this long.
pub const LONGEST_BUCKET: usize = 222;

/// Everything but unreserved characters: a name stands in one segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A name that no bucket or object can have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// As a segment of a URL's path it would name something else.
    #[error("{0} name cannot be `.`, `..` or empty")]
    Dots(&'static str),
    /// Longer than the API allows.
    #[error("{what} name has {bytes} bytes, limit {limit}")]
    TooLong {
        /// Of what.
        what: &'static str,
        /// How long it is.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

/// Text as one segment of a path, or as a value in a query.
pub fn encoded(text: &str) -> impl Display + '_ {
    utf8_percent_encode(text, SEGMENT)
}

/// `/bucket/name` as the path of a URL, the slashes in the name kept: the form of the XML API
/// and of signed URLs.
pub fn encoded_path(bucket: &str, name: &str) -> String {
    let mut path = format!("/{}", encoded(bucket));
    for part in name.split('/') {
        path.push('/');
        path.extend(utf8_percent_encode(part, SEGMENT));
    }
    path
}

pub(crate) fn check_bucket(name: &str) -> Result<(), NameError> {
    check("bucket", name, LONGEST_BUCKET)
}

pub(crate) fn check_object(name: &str) -> Result<(), NameError> {
    check("object", name, LONGEST_OBJECT)
}

fn check(what: &'static str, name: &str, limit: usize) -> Result<(), NameError> {
    let bytes = name.len();
    match name {
        "" | "." | ".." => Err(NameError::Dots(what)),
        _ if bytes > limit => Err(NameError::TooLong { what, bytes, limit }),
        _ => Ok(()),
    }
}

/// The target of a request while it is written: a path, then pairs of a query.
pub(crate) struct TargetWriter {
    text: String,
    separator: char,
}

impl TargetWriter {
    pub(crate) fn new(path: String) -> Self {
        Self {
            text: path,
            separator: '?',
        }
    }

    pub(crate) fn pair(&mut self, name: &str, value: impl Display) {
        self.text.push(self.separator);
        self.text.push_str(name);
        self.text.push('=');
        let value = value.to_string();
        self.text.extend(utf8_percent_encode(&value, SEGMENT));
        self.separator = '&';
    }

    pub(crate) fn optional(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.pair(name, value);
        }
    }
}

impl Display for TargetWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_segment_or_several() {
        let name = "videos/a b+ü?.mp4";
        assert_eq!(encoded(name).to_string(), "videos%2Fa%20b%2B%C3%BC%3F.mp4");
        assert_eq!(encoded_path("b", name), "/b/videos/a%20b%2B%C3%BC%3F.mp4");
        assert_eq!(encoded_path("b", "/a//b/"), "/b//a//b/");
    }

    #[test]
    fn names_that_urls_cannot_carry_are_refused() {
        for name in ["", ".", ".."] {
            assert_eq!(check_object(name), Err(NameError::Dots("object")));
        }
        for name in ["a", "...", "../a", "a/..", "\n"] {
            assert_eq!(check_object(name), Ok(()), "{name:?}");
        }
        assert_eq!(check_object(&"é".repeat(512)), Ok(()));
        assert!(check_object(&"é".repeat(513)).is_err());
        assert!(check_bucket(&"b".repeat(223)).is_err());
    }
}
