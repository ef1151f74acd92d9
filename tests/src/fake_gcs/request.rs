//! A request, taken apart.

use super::On;
use axum::http::{Method, Uri};
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) struct Target {
    pub(super) on: On,
    pub(super) bucket: String,
    pub(super) object: String,
    query: Vec<(String, String)>,
}

impl Target {
    pub(super) fn parse(method: &Method, uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default().split('&');
        let query: Vec<_> = query
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decode(name), decode(&value.replace('+', " "))))
            .collect();
        let path = uri.path();
        let (upload, path) = match path.strip_prefix("/upload") {
            Some(path) => (true, path),
            None => (false, path),
        };
        let below = path.strip_prefix("/storage/v1/b/").unwrap_or_default();
        let parts: Vec<&str> = below.split('/').collect();
        let media = query
            .iter()
            .any(|(name, value)| name == "alt" && value == "media");
        let (on, object) = match (method, parts.as_slice()) {
            (&Method::POST, [_, "o"]) if upload => (On::Upload, ""),
            (&Method::GET, [_, "o"]) => (On::List, ""),
            (&Method::GET, [_, "o", name]) if media => (On::Read, *name),
            (&Method::GET, [_, "o", name]) => (On::Head, *name),
            (&Method::DELETE, [_, "o", name]) => (On::Delete, *name),
            (&Method::GET, [_, "iam", "testPermissions"]) => (On::Permissions, ""),
            (&Method::GET, [_, "notificationConfigs"]) => (On::Notifications, ""),
            _ => (On::Other, ""),
        };
        Self {
            on,
            bucket: decode(parts[0]),
            object: decode(object),
            query,
        }
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    pub(super) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let pairs = self.query.iter().filter(move |pair| pair.0 == name);
        pairs.map(|pair| pair.1.as_str())
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.query(name).map(|text| text.parse().unwrap())
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = tail;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// What an upload brings.
pub(super) struct Upload {
    pub(super) name: String,
    pub(super) content_type: String,
    pub(super) crc32c: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) bytes: Vec<u8>,
}

impl Upload {
    pub(super) fn parse(target: &Target, kind: &str, body: &[u8]) -> Result<Self, String> {
        let mut upload = Self {
            name: target.query("name").unwrap_or_default().to_owned(),
            content_type: kind.to_owned(),
            crc32c: None,
            metadata: BTreeMap::new(),
            bytes: body.to_vec(),
        };
        match target.query("uploadType") {
            Some("media") => {}
            Some("multipart") => upload.take_parts(kind, body)?,
            other => return Err(format!("uploadType {other:?} is not served")),
        }
        if upload.name.is_empty() {
            return Err("Required".to_owned());
        }
        Ok(upload)
    }

    fn take_parts(&mut self, kind: &str, body: &[u8]) -> Result<(), String> {
        let boundary = kind
            .strip_prefix("multipart/related; boundary=")
            .ok_or("content type is not multipart/related")?;
        let [resource, media] = parts(boundary, body).ok_or("body has not two parts")?;
        let resource: Value = serde_json::from_slice(&resource.1).map_err(|e| e.to_string())?;
        let text = |field: &str| resource[field].as_str().map(str::to_owned);
        self.name = text("name").unwrap_or_else(|| self.name.clone());
        self.content_type = text("contentType").unwrap_or(media.0);
        self.crc32c = text("crc32c");
        for (name, value) in resource["metadata"].as_object().into_iter().flatten() {
            let value = value.as_str().ok_or("metadata is not text")?;
            self.metadata.insert(name.clone(), value.to_owned());
        }
        self.bytes = media.1;
        Ok(())
    }
}

/// Content type and bytes of exactly two parts, closed as they should be.
fn parts(boundary: &str, body: &[u8]) -> Option<[(String, Vec<u8>); 2]> {
    let body = body.strip_prefix(format!("--{boundary}\r\n").as_bytes())?;
    let between = format!("\r\n--{boundary}\r\n");
    let (first, body) = split(body, between.as_bytes())?;
    let end = format!("\r\n--{boundary}--\r\n");
    let second = body.strip_suffix(end.as_bytes())?;
    Some([part(first)?, part(second)?])
}

fn part(part: &[u8]) -> Option<(String, Vec<u8>)> {
    let (headers, bytes) = split(part, b"\r\n\r\n")?;
    let headers = String::from_utf8(headers.to_vec()).ok()?;
    let (name, kind) = headers.split_once(": ")?;
    let is_type = name.eq_ignore_ascii_case("content-type");
    is_type.then(|| (kind.to_owned(), bytes.to_vec()))
}

fn split<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let start = bytes.windows(at.len()).position(|window| window == at)?;
    Some((&bytes[..start], &bytes[start + at.len()..]))
}
