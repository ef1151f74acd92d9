//! The GCS JSON API, answered in process.

use super::multipart::Multipart;
use super::{ByteStream, NewObject, Precondition, RangeSpec, Store, StoreError, checksum, reply};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Bodies of requests and answers.
pub type Body = UnsyncBoxBody<Bytes, wasmtime_wasi_http::Error>;

const MOST_METADATA: usize = 64 * 1024;
const PAGE: usize = 1000;

/// What a component may touch: name prefixes.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// May be read and listed.
    pub read: Vec<String>,
    /// May be created, replaced and deleted; readable too.
    pub write: Vec<String>,
}

impl Access {
    /// Everything.
    pub fn all() -> Self {
        Self {
            read: Vec::new(),
            write: vec![String::new()],
        }
    }

    fn check(&self, name: &str, write: bool) -> Result<(), StoreError> {
        let read: &[String] = if write { &[] } else { &self.read };
        let mut allowed = self.write.iter().chain(read);
        if allowed.any(|prefix| name.starts_with(prefix)) {
            return Ok(());
        }
        let verb = if write { "write" } else { "read" };
        Err(StoreError::Forbidden(format!(
            "component may not {verb} this object (below its own prefixes only): {name}"
        )))
    }
}

/// An object that was written through the gateway.
#[derive(Clone, Debug)]
pub struct Written {
    /// Its name.
    pub name: String,
    /// Its generation.
    pub generation: i64,
    /// Bytes.
    pub size: u64,
}

/// Answers requests to the GCS JSON API.
#[async_trait]
pub trait ObjectsApi: Send + Sync {
    /// Answers one request. `written` is told of each object that is there now.
    async fn handle(
        &self,
        request: Request<Body>,
        written: &(dyn Fn(Written) + Send + Sync),
    ) -> Response<Body>;
}

/// Answers requests to the GCS JSON API from [`Store`]s.
pub struct Gateway {
    buckets: HashMap<String, Arc<dyn Store>>,
    access: Access,
}

/// A request, taken apart.
struct Call {
    bucket: String,
    object: Option<String>,
    upload: bool,
    query: HashMap<String, String>,
}

impl Gateway {
    /// Over these buckets.
    pub fn new(buckets: HashMap<String, Arc<dyn Store>>, access: Access) -> Self {
        Self { buckets, access }
    }
}

#[async_trait]
impl ObjectsApi for Gateway {
    async fn handle(
        &self,
        request: Request<Body>,
        written: &(dyn Fn(Written) + Send + Sync),
    ) -> Response<Body> {
        match self.answer(request, written).await {
            Ok(response) => response,
            Err(error) => {
                if matches!(
                    error,
                    StoreError::Io { .. } | StoreError::Corrupt { .. } | StoreError::Forbidden(_)
                ) {
                    tracing::warn!(%error, "object request failed");
                }
                reply::error(&error)
            }
        }
    }
}

impl Gateway {
    async fn answer(
        &self,
        request: Request<Body>,
        written: &(dyn Fn(Written) + Send + Sync),
    ) -> Result<Response<Body>, StoreError> {
        let call = Call::parse(request.uri())?;
        let store = self
            .buckets
            .get(&call.bucket)
            .ok_or_else(|| StoreError::NotFound {
                name: format!("bucket {}", call.bucket),
            })?;
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let range = header_text(&request, header::RANGE);
        match (&method, &call.object) {
            (&Method::POST, None) if call.upload => {
                self.upload(store.as_ref(), &call, request, written).await
            }
            (&Method::GET, None) if !call.upload => self.list(store.as_ref(), &call).await,
            (&Method::GET, Some(name)) if !call.upload => {
                self.access.check(name, false)?;
                get(store.as_ref(), &call, name, &range).await
            }
            (&Method::DELETE, Some(name)) if !call.upload => {
                self.access.check(name, true)?;
                store.delete(name, call.precondition()?).await?;
                Ok(reply::empty())
            }
            (method, _) => Err(StoreError::Invalid(format!(
                "{method} is not answered here: {path}"
            ))),
        }
    }

    async fn upload(
        &self,
        store: &dyn Store,
        call: &Call,
        request: Request<Body>,
        written: &(dyn Fn(Written) + Send + Sync),
    ) -> Result<Response<Body>, StoreError> {
        let content_type = header_text(&request, header::CONTENT_TYPE);
        let body = byte_stream(request.into_body());
        let (name, object, bytes) = match call.query("uploadType") {
            Some("multipart") => multipart_upload(&content_type, call, body).await?,
            Some("media") => {
                let object = NewObject {
                    content_type: Some(content_type).filter(|kind| !kind.is_empty()),
                    ..NewObject::default()
                };
                (call.name(None)?, object, body)
            }
            other => {
                return Err(StoreError::Invalid(format!(
                    "uploadType is {}, not multipart or media",
                    other.unwrap_or("missing")
                )));
            }
        };
        self.access.check(&name, true)?;
        let meta = store
            .write(&name, call.precondition()?, object, bytes)
            .await?;
        written(Written {
            name: meta.name.clone(),
            generation: meta.generation,
            size: meta.size,
        });
        Ok(reply::json(
            StatusCode::OK,
            &reply::resource(&call.bucket, &meta),
        ))
    }

    async fn list(&self, store: &dyn Store, call: &Call) -> Result<Response<Body>, StoreError> {
        let prefix = call.query("prefix").unwrap_or_default();
        self.access.check(prefix, false)?;
        let delimiter = call.query("delimiter").filter(|text| !text.is_empty());
        let page = match call.number("maxResults")? {
            Some(0) | None => PAGE,
            Some(most) => usize::try_from(most).unwrap_or(PAGE).min(PAGE),
        };
        let mut after = call.query("pageToken").unwrap_or_default().to_owned();
        let (mut items, mut prefixes) = (Vec::new(), Vec::new());
        let mut full = false;
        'pages: loop {
            let found = store.list(prefix, Some(&after), PAGE).await?;
            let last_page = found.len() < PAGE;
            for meta in found {
                let folder = delimiter.and_then(|text| folder_of(&meta.name, prefix, text));
                let inside = folder.is_some() && prefixes.last() == folder.as_ref();
                // A page token may lie inside a folder that the page before has named.
                let named = folder.as_ref().is_some_and(|folder| {
                    call.query("pageToken")
                        .is_some_and(|token| token.starts_with(folder.as_str()))
                });
                if !inside && !named {
                    if items.len().saturating_add(prefixes.len()) >= page {
                        full = true;
                        break 'pages;
                    }
                    match folder {
                        Some(folder) => prefixes.push(folder),
                        None => items.push(reply::resource(&call.bucket, &meta)),
                    }
                }
                after = meta.name;
            }
            if last_page {
                break;
            }
        }
        let mut answer = json!({ "kind": "storage#objects" });
        if !items.is_empty() {
            answer["items"] = items.into();
        }
        if !prefixes.is_empty() {
            answer["prefixes"] = prefixes.into();
        }
        if full {
            answer["nextPageToken"] = after.into();
        }
        Ok(reply::json(StatusCode::OK, &answer))
    }
}

/// `a/b/` for the name `a/b/c` below the prefix `a/`.
fn folder_of(name: &str, prefix: &str, delimiter: &str) -> Option<String> {
    let below = name.strip_prefix(prefix)?;
    let end = below.find(delimiter)?.saturating_add(delimiter.len());
    Some(format!("{prefix}{}", below.get(..end)?))
}

async fn get(
    store: &dyn Store,
    call: &Call,
    name: &str,
    range: &str,
) -> Result<Response<Body>, StoreError> {
    let generation = call.generation("generation")?;
    let matches = |current: i64| match call.precondition()? {
        Precondition::Generation(wanted) if wanted != current => {
            Err(StoreError::PreconditionFailed {
                name: name.to_owned(),
            })
        }
        _ => Ok(()),
    };
    if call.query("alt") != Some("media") {
        let meta = store.head(name).await?;
        if generation.is_some_and(|wanted| wanted != meta.generation) {
            return Err(StoreError::NotFound {
                name: name.to_owned(),
            });
        }
        matches(meta.generation)?;
        return Ok(reply::json(
            StatusCode::OK,
            &reply::resource(&call.bucket, &meta),
        ));
    }
    let range = parse_range(range);
    let spec = range.unwrap_or(RangeSpec::Whole);
    let reading = store.read(name, generation, spec).await?;
    matches(reading.meta.generation)?;
    Ok(reply::media(reading, range.is_some()))
}

/// A `Range` header with one range of bytes. Anything else is ignored, as RFC 9110 allows.
fn parse_range(text: &str) -> Option<RangeSpec> {
    let (first, last) = text.trim().strip_prefix("bytes=")?.split_once('-')?;
    match (first.trim(), last.trim()) {
        ("", last) => Some(RangeSpec::Last(last.parse().ok()?)),
        (first, "") => Some(RangeSpec::From(first.parse().ok()?, None)),
        (first, last) => {
            let (first, last) = (first.parse().ok()?, last.parse().ok()?);
            (first <= last).then_some(RangeSpec::From(first, Some(last)))
        }
    }
}

/// The JSON part of an upload.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct UploadMetadata {
    name: Option<String>,
    content_type: Option<String>,
    metadata: BTreeMap<String, String>,
    crc32c: Option<String>,
}

async fn multipart_upload(
    content_type: &str,
    call: &Call,
    body: ByteStream,
) -> Result<(String, NewObject, ByteStream), StoreError> {
    let mut parts = Multipart::new(content_type, body)?;
    let missing = |what: &str| StoreError::Invalid(format!("multipart upload has no {what} part"));
    parts
        .next_part()
        .await?
        .ok_or_else(|| missing("metadata"))?;
    let text = parts.text(MOST_METADATA).await?;
    let given: UploadMetadata = serde_json::from_slice(&text)
        .map_err(|error| StoreError::Invalid(format!("metadata part is not JSON: {error}")))?;
    let media_type = parts.next_part().await?.ok_or_else(|| missing("media"))?;
    let crc32c = given.crc32c.as_deref().map(parse_checksum).transpose()?;
    let object = NewObject {
        content_type: given
            .content_type
            .or(Some(media_type).filter(|kind| !kind.is_empty())),
        crc32c,
        metadata: given.metadata,
    };
    Ok((call.name(given.name)?, object, parts.into_stream()))
}

fn parse_checksum(text: &str) -> Result<u32, StoreError> {
    checksum::decode(text)
        .ok_or_else(|| StoreError::Invalid(format!("crc32c `{text}` is not base64 of 4 bytes")))
}

fn header_text<B>(request: &Request<B>, name: header::HeaderName) -> String {
    let value = request.headers().get(name);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned()
}

/// A request's body as the stores take it.
fn byte_stream(body: Body) -> ByteStream {
    body.into_data_stream()
        .map_err(|error| match error {
            wasmtime_wasi_http::Error::HttpRequestBodySize(Some(most)) => {
                StoreError::TooLarge { most }
            }
            error => StoreError::Invalid(format!("request body broke off: {error}")),
        })
        .boxed()
}

impl Call {
    fn parse(uri: &http::Uri) -> Result<Self, StoreError> {
        let unknown = || StoreError::NotFound {
            name: format!("resource {}", uri.path()),
        };
        let decode = |text: &str| {
            percent_decode_str(text)
                .decode_utf8()
                .map(std::borrow::Cow::into_owned)
                .map_err(|_| StoreError::Invalid("name is not UTF-8".to_owned()))
        };
        let path = uri.path();
        let (path, upload) = match path.strip_prefix("/upload") {
            Some(path) => (path, true),
            None => (path.strip_prefix("/download").unwrap_or(path), false),
        };
        let path = path.strip_prefix("/storage/v1/b/").ok_or_else(unknown)?;
        let (bucket, path) = path.split_once('/').ok_or_else(unknown)?;
        let object = match path.strip_prefix('o').ok_or_else(unknown)? {
            "" | "/" => None,
            path => Some(decode(path.strip_prefix('/').ok_or_else(unknown)?)?),
        };
        let mut query = HashMap::new();
        for pair in uri.query().unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            query.insert(name.to_owned(), decode(&value.replace('+', " "))?);
        }
        Ok(Self {
            bucket: decode(bucket)?,
            object,
            upload,
            query,
        })
    }

    fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    fn number(&self, name: &str) -> Result<Option<u64>, StoreError> {
        self.query(name)
            .map(|text| {
                text.parse()
                    .map_err(|_| StoreError::Invalid(format!("{name} `{text}` is not a number")))
            })
            .transpose()
    }

    fn generation(&self, name: &str) -> Result<Option<i64>, StoreError> {
        self.number(name)
            .map(|number| number.map(|number| i64::try_from(number).unwrap_or(i64::MAX)))
    }

    fn precondition(&self) -> Result<Precondition, StoreError> {
        Ok(self
            .generation("ifGenerationMatch")?
            .map_or(Precondition::None, Precondition::Generation))
    }

    /// The name of an upload: from the metadata or the query.
    fn name(&self, given: Option<String>) -> Result<String, StoreError> {
        given
            .or_else(|| self.query("name").map(str::to_owned))
            .filter(|name| !name.is_empty())
            .ok_or_else(|| StoreError::Invalid("upload names no object".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_or_ignored() {
        for (text, expected) in [
            ("bytes=0-3", Some(RangeSpec::From(0, Some(3)))),
            ("bytes=7-", Some(RangeSpec::From(7, None))),
            ("bytes=-5", Some(RangeSpec::Last(5))),
            ("bytes=5-2", None),
            ("bytes=0-1,4-5", None),
            ("lines=1-2", None),
            ("", None),
        ] {
            assert_eq!(parse_range(text), expected, "{text}");
        }
    }

    #[test]
    fn access_is_by_prefix() {
        let access = Access {
            read: vec!["videos/".into()],
            write: vec!["images/".into()],
        };
        for (name, read, write) in [
            ("videos/x.mp4", true, false),
            ("images/x.mp4/000000.jpg", true, true),
            ("secrets/x", false, false),
            ("videosx", false, false),
            ("", false, false),
        ] {
            assert_eq!(access.check(name, false).is_ok(), read, "{name}");
            assert_eq!(access.check(name, true).is_ok(), write, "{name}");
        }
    }
}
