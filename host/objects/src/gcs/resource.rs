//! What Google says of objects: resources in JSON, headers of media.

use crate::{ObjectMeta, Span, checksum};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use std::time::{SystemTime, UNIX_EPOCH};

const ANY_TYPE: &str = "application/octet-stream";

/// An object resource.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resource {
    name: String,
    generation: String,
    #[serde(default)]
    size: Option<String>,
    #[serde(default)]
    crc32c: Option<String>,
    #[serde(default)]
    content_type: Option<String>,
    /// When this generation was written.
    #[serde(default)]
    time_created: Option<String>,
    /// When its metadata were: also by lifecycle rules.
    #[serde(default)]
    updated: Option<String>,
}

/// A page of a list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listing {
    #[serde(default)]
    pub(super) items: Vec<Resource>,
    #[serde(default)]
    pub(super) next_page_token: Option<String>,
}

impl Resource {
    pub(super) fn into_meta(self) -> Result<ObjectMeta, &'static str> {
        let written = self.time_created.as_deref().or(self.updated.as_deref());
        Ok(ObjectMeta {
            generation: parse_generation(&self.generation)?,
            size: self
                .size
                .and_then(|size| size.parse().ok())
                .ok_or("size is no number")?,
            crc32c: self.crc32c.as_deref().and_then(checksum::decode),
            content_type: self.content_type.unwrap_or_else(|| ANY_TYPE.to_owned()),
            updated_micros: humantime::parse_rfc3339(written.unwrap_or_default()).map_or(0, micros),
            name: self.name,
        })
    }
}

fn parse_generation(text: &str) -> Result<i64, &'static str> {
    text.parse()
        .ok()
        .filter(|generation| *generation > 0)
        .ok_or("generation is no number above 0")
}

fn micros(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// The object and the bytes that an answer with media carries.
pub(super) fn media(
    name: &str,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<(ObjectMeta, Span), &'static str> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let generation = text("x-goog-generation").ok_or("x-goog-generation is missing")?;
    let length: Option<u64> = text("content-length").and_then(|length| length.parse().ok());
    let (span, size) = if status == StatusCode::PARTIAL_CONTENT {
        text("content-range")
            .and_then(parse_content_range)
            .ok_or("content-range is missing")?
    } else {
        let size = length.ok_or("content-length is missing")?;
        let span = Span {
            start: 0,
            end: size,
        };
        (span, size)
    };
    if length.is_some_and(|length| length != span.end.saturating_sub(span.start)) {
        return Err("content-length is not the length of the range");
    }
    let updated = text(header::LAST_MODIFIED.as_str()).unwrap_or_default();
    let meta = ObjectMeta {
        name: name.to_owned(),
        generation: parse_generation(generation)?,
        size,
        crc32c: stored_checksum(headers),
        content_type: text("content-type").unwrap_or(ANY_TYPE).to_owned(),
        updated_micros: httpdate::parse_http_date(updated).map_or(0, micros),
    };
    Ok((meta, span))
}

/// `bytes 3-9/20`: the range and the object's size.
fn parse_content_range(text: &str) -> Option<(Span, u64)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (start, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let size: u64 = size.trim().parse().ok()?;
    let end = last.checked_add(1)?;
    (start < end && end <= size).then_some((Span { start, end }, size))
}

/// The whole object's crc32c from `x-goog-hash: crc32c=…,md5=…`, or from two such headers.
fn stored_checksum(headers: &HeaderMap) -> Option<u32> {
    headers
        .get_all("x-goog-hash")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|hash| checksum::decode(hash.trim().strip_prefix("crc32c=")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_are_read_or_refused() {
        for (text, expected) in [
            ("bytes 3-9/20", Some((3, 10, 20))),
            ("bytes 0-0/1", Some((0, 1, 1))),
            ("bytes 3-9/9", None),
            ("bytes 9-3/20", None),
            ("bytes 0-18446744073709551615/20", None),
            ("bytes 3-9/*", None),
            ("bytes */20", None),
            ("", None),
        ] {
            let range = parse_content_range(text);
            let range = range.map(|(span, size)| (span.start, span.end, size));
            assert_eq!(range, expected, "{text}");
        }
    }

    #[test]
    fn checksums_come_in_one_header_or_two() {
        let crc = checksum::encode(7);
        for values in [
            vec![format!("crc32c={crc},md5=AAAA")],
            vec!["md5=AAAA".to_owned(), format!("crc32c={crc}")],
        ] {
            let mut headers = HeaderMap::new();
            for value in &values {
                headers.append("x-goog-hash", value.parse().unwrap());
            }
            assert_eq!(stored_checksum(&headers), Some(7), "{values:?}");
        }
        assert_eq!(stored_checksum(&HeaderMap::new()), None);
    }
}
