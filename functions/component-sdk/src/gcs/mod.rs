//! Objects through the GCS JSON API: [`GcsObjects`], and the API as bytes (URLs, the multipart
//! upload body, and what answers mean). <https://cloud.google.com/storage/docs/json_api/v1>

mod objects;

pub use objects::GcsObjects;

use crate::store::ObjectInfo;
use crate::time;
use base64::Engine as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

/// Everything but unreserved characters: object names stand in one path segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Text as one segment of a path, or as a value in a query.
pub fn encoded(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, SEGMENT)
}

/// URL of an object's metadata.
pub fn object_url(base: &str, bucket: &str, name: &str) -> String {
    format!(
        "{base}/storage/v1/b/{}/o/{}",
        encoded(bucket),
        encoded(name)
    )
}

/// URL of an object's content, of one generation where one is given.
pub fn media_url(base: &str, bucket: &str, name: &str, generation: Option<i64>) -> String {
    let url = object_url(base, bucket, name);
    match generation {
        Some(generation) => format!("{url}?alt=media&generation={generation}"),
        None => format!("{url}?alt=media"),
    }
}

/// URL of an upload that replaces exactly this generation; 0 creates only.
pub fn upload_url(base: &str, bucket: &str, generation: i64) -> String {
    format!(
        "{base}/upload/storage/v1/b/{}/o?uploadType=multipart&ifGenerationMatch={generation}",
        encoded(bucket)
    )
}

/// URL of one page of a listing; only names are asked for.
pub fn list_url(base: &str, bucket: &str, prefix: &str, page: Option<&str>) -> String {
    let mut url = format!(
        "{base}/storage/v1/b/{}/o?prefix={}&fields=items(name),nextPageToken",
        encoded(bucket),
        encoded(prefix)
    );
    if let Some(page) = page {
        url.push_str(&format!("&pageToken={}", encoded(page)));
    }
    url
}

/// The body of an upload, but for the content itself, which is not copied.
pub struct Multipart {
    /// Media type of the whole.
    pub content_type: String,
    /// What stands before the content.
    pub head: Vec<u8>,
    /// What stands behind it.
    pub tail: Vec<u8>,
}

/// Frames `bytes` for a multipart upload. The store checks the checksum on arrival.
pub fn multipart(name: &str, content_type: &str, bytes: &[u8]) -> Multipart {
    let checksum = crc32c::crc32c(bytes);
    // A boundary may be 70 characters of this alphabet and must not occur in a part; the
    // checksum makes it depend on the content, so no image can be made to hold it by chance.
    let boundary = format!("framemill-part-{checksum:08x}-{}", bytes.len());
    let resource = serde_json::json!({
        "name": name,
        "contentType": content_type,
        "crc32c": checksum_text(checksum),
    });
    let head = format!(
        "--{boundary}\r\ncontent-type: application/json; charset=utf-8\r\n\r\n{resource}\r\n--{boundary}\r\ncontent-type: {content_type}\r\n\r\n"
    );
    Multipart {
        head: head.into_bytes(),
        tail: format!("\r\n--{boundary}--\r\n").into_bytes(),
        content_type: format!("multipart/related; boundary={boundary}"),
    }
}

/// A CRC32C as GCS writes it: big endian, base64.
fn checksum_text(checksum: u32) -> String {
    base64::engine::general_purpose::STANDARD.encode(checksum.to_be_bytes())
}

/// An object resource, as far as we read it. GCS writes 64-bit numbers as strings.
#[derive(Deserialize)]
struct Resource {
    size: String,
    generation: String,
    crc32c: Option<String>,
    updated: Option<String>,
}

/// Metadata from an object resource.
///
/// # Errors
/// What is wrong with the answer.
pub fn parse_metadata(body: &[u8]) -> Result<ObjectInfo, String> {
    let resource: Resource = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok(ObjectInfo {
        size: resource
            .size
            .parse()
            .map_err(|_| format!("size `{}`", resource.size))?,
        generation: resource
            .generation
            .parse()
            .map_err(|_| format!("generation `{}`", resource.generation))?,
        crc32c: resource.crc32c,
        updated: resource
            .updated
            .and_then(|text| time::parse_rfc3339(&text))
            .unwrap_or(0),
    })
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    items: Vec<Item>,
    #[serde(rename = "nextPageToken")]
    next: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    name: String,
}

/// Names and next page token of a listing.
///
/// # Errors
/// What is wrong with the answer.
pub fn parse_page(body: &[u8]) -> Result<(Vec<String>, Option<String>), String> {
    let page: Page = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok((
        page.items.into_iter().map(|item| item.name).collect(),
        page.next,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_path_segment() {
        assert_eq!(
            media_url("https://h", "b", "videos/a b+ü?.mp4", Some(7)),
            "https://h/storage/v1/b/b/o/videos%2Fa%20b%2B%C3%BC%3F.mp4?alt=media&generation=7"
        );
        assert!(list_url("https://h", "b", "images/x/", Some("t=")).ends_with("&pageToken=t%3D"));
    }

    #[test]
    fn multipart_frames_the_bytes() {
        let multipart = multipart("n", "image/jpeg", b"\xff\xd8");
        let boundary = multipart.content_type.split_once("boundary=").unwrap().1;
        let body = [&multipart.head[..], b"\xff\xd8", &multipart.tail].concat();
        let text = String::from_utf8_lossy(&body);
        assert!(text.starts_with(&format!("--{boundary}\r\n")));
        assert!(text.ends_with(&format!("\r\n--{boundary}--\r\n")));
        assert!(text.contains("\"name\":\"n\""));
        assert!(body.windows(6).any(|window| window == b"\r\n\r\n\xff\xd8"));
    }

    #[test]
    fn checksums_are_those_of_gcs() {
        // From the CRC32C test vector of RFC 3720, B.4: 32 bytes of zeros.
        assert_eq!(checksum_text(crc32c::crc32c(&[0; 32])), "ipE2qg==");
    }

    #[test]
    fn answers_are_read() {
        let expected = |updated| ObjectInfo {
            size: 3,
            generation: 9,
            crc32c: None,
            updated,
        };
        let meta = parse_metadata(br#"{"size":"3","generation":"9"}"#).unwrap();
        assert_eq!(meta, expected(0));
        let dated = br#"{"size":"3","generation":"9","updated":"1970-01-02T00:00:01.5Z"}"#;
        assert_eq!(parse_metadata(dated).unwrap(), expected(86_401));
        assert!(parse_metadata(br#"{"size":"x","generation":"9"}"#).is_err());
        assert_eq!(parse_page(b"{}").unwrap(), (vec![], None));
    }
}
