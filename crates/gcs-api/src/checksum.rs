//! CRC32C as the API writes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Most characters of a text that an error quotes.
const QUOTED: usize = 40;
const HASHES: &str = "x-goog-hash";

/// The CRC32C of an object's bytes. As text: base64 of its four bytes, big endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Crc32c(pub u32);

/// A text that is no checksum.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("crc32c `{0}` is not base64 of 4 bytes")]
pub struct ChecksumError(String);

impl Crc32c {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(crc32c::crc32c(bytes))
    }

    /// Of what this is the checksum of, followed by these bytes.
    #[must_use]
    pub fn append(self, bytes: &[u8]) -> Self {
        Self(crc32c::crc32c_append(self.0, bytes))
    }

    /// From `x-goog-hash: crc32c=…,md5=…`, or from one such header for each hash; `None` where
    /// there is none.
    ///
    /// # Errors
    /// Where it is not a checksum, or there are two that differ.
    pub fn from_headers(headers: &HeaderMap) -> Result<Option<Self>, ChecksumError> {
        let mut found: Option<Self> = None;
        for value in headers.get_all(HASHES) {
            for hash in String::from_utf8_lossy(value.as_bytes()).split(',') {
                let Some(text) = hash.trim().strip_prefix("crc32c=") else {
                    continue;
                };
                let checksum = text.parse()?;
                if found.is_some_and(|found| found != checksum) {
                    return Err(ChecksumError::new(text));
                }
                found = Some(checksum);
            }
        }
        Ok(found)
    }

    /// The value of `x-goog-hash`.
    pub(crate) fn header(self) -> (&'static str, String) {
        (HASHES, format!("crc32c={self}"))
    }
}

impl ChecksumError {
    fn new(text: &str) -> Self {
        Self(text.chars().take(QUOTED).collect())
    }
}

impl fmt::Display for Crc32c {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0.to_be_bytes()))
    }
}

impl FromStr for Crc32c {
    type Err = ChecksumError;

    fn from_str(text: &str) -> Result<Self, ChecksumError> {
        // Four bytes are eight characters: nothing longer is decoded.
        let bytes = (text.len() == 8).then(|| STANDARD.decode(text).ok());
        let bytes: Option<[u8; 4]> = bytes.flatten().and_then(|bytes| bytes.try_into().ok());
        bytes
            .map(|bytes| Self(u32::from_be_bytes(bytes)))
            .ok_or_else(|| ChecksumError::new(text))
    }
}

impl TryFrom<String> for Crc32c {
    type Error = ChecksumError;

    fn try_from(text: String) -> Result<Self, ChecksumError> {
        text.parse()
    }
}

impl From<Crc32c> for String {
    fn from(checksum: Crc32c) -> Self {
        checksum.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_gcs() {
        // From the CRC32C test vector of RFC 3720, B.4: 32 bytes of zeros.
        let zeros = Crc32c::of(&[0; 32]);
        assert_eq!(zeros.to_string(), "ipE2qg==");
        assert_eq!(Crc32c::of(&[0; 9]).append(&[0; 23]), zeros);
    }

    #[test]
    fn checksums_come_in_one_header_or_two() {
        let crc = Crc32c(7).to_string();
        let read = |values: &[String]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(HASHES, value.parse().unwrap());
            }
            Crc32c::from_headers(&headers)
        };
        let together = [format!("crc32c={crc},md5=AAAA")];
        let apart = ["md5=AAAA".to_owned(), format!("crc32c={crc}")];
        for values in [
            &together[..],
            &apart[..],
            &[together[0].clone(), apart[1].clone()],
        ] {
            assert_eq!(read(values), Ok(Some(Crc32c(7))), "{values:?}");
        }
        assert_eq!(read(&[]), Ok(None));
        let two = [format!("crc32c={crc}"), format!("crc32c={}", Crc32c(8))];
        assert!(read(&two).is_err());
        assert!(read(&["crc32c=".to_owned()]).is_err());
    }

    #[test]
    fn what_is_no_checksum_is_named_and_not_repeated_at_length() {
        for text in [
            "",
            "ipE2qg",
            "ipE2qg=",
            "ipE2q===",
            "AAAAAAA=",
            "ipE2qg==\n",
        ] {
            assert!(text.parse::<Crc32c>().is_err(), "{text:?}");
        }
        let long = "A".repeat(100_000).parse::<Crc32c>().unwrap_err();
        assert!(long.to_string().len() < 100, "{long}");
    }
}
