//! Answers, and what goes wrong with them.

use super::bucket::{Refusal, crc32c, resource};
use super::request::{Target, Upload};
use super::{Fault, Inner, On, Seen, Shared, Stored, lock};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use futures::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use std::io;

/// The answer before faults.
type Plain = Response<Vec<u8>>;

pub(super) async fn answer(shared: &Shared, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let target = Target::parse(&parts.method, &parts.uri);
    let range = text(&parts.headers, header::RANGE);
    let seen = lock(shared).note(&target, range.clone());
    let fault = lock(shared).take_fault(target.on);
    if let Some(Fault::CutRequest(bytes)) = fault {
        take_some(body, bytes).await;
        cut();
    }
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let mut inner = lock(shared);
    let plain = match fault {
        Some(Fault::Status(status, wait)) => {
            let mut refused = refuse((status, "made up".to_owned()));
            if let Some(wait) = wait {
                refused
                    .headers_mut()
                    .insert(header::RETRY_AFTER, wait.into());
            }
            refused
        }
        _ => inner
            .respond(seen, &target, &parts.headers, &body)
            .unwrap_or_else(refuse),
    };
    if fault == Some(Fault::LoseAnswer) {
        drop(inner);
        cut();
    }
    inner.seen[seen].status = plain.status().as_u16();
    drop(inner);
    spoil(plain, fault)
}

/// Ends the connection: hyper drops it with the task. Unlike a panic, this prints nothing.
fn cut() -> ! {
    std::panic::resume_unwind(Box::new("connection cut"))
}

async fn take_some(body: Body, bytes: usize) {
    let mut body = body.into_data_stream();
    let mut left = bytes;
    while left > 0 {
        match body.next().await {
            Some(Ok(chunk)) => left = left.saturating_sub(chunk.len()),
            _ => return,
        }
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(value.to_str().unwrap().to_owned())
}

impl Inner {
    fn note(&mut self, target: &Target, range: Option<String>) -> usize {
        let prefix = target.query("prefix").or(target.query("name"));
        self.seen.push(Seen {
            on: target.on,
            name: match target.object.as_str() {
                "" => prefix.unwrap_or_default().to_owned(),
                name => name.to_owned(),
            },
            status: 0,
            range: range.map(|range| range.replace("bytes=", "")),
            conditional: target.query("ifGenerationMatch").is_some(),
        });
        self.seen.len() - 1
    }

    fn take_fault(&mut self, on: On) -> Option<Fault> {
        let index = self.faults.iter().position(|(kind, _)| *kind == on)?;
        Some(self.faults.remove(index).1)
    }

    fn respond(
        &mut self,
        seen: usize,
        target: &Target,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Plain, Refusal> {
        let authorization = text(headers, header::AUTHORIZATION);
        let token = authorization.as_deref();
        self.authenticate(token.and_then(|value| value.strip_prefix("Bearer ")))?;
        match target.on {
            On::Upload => {
                let kind = text(headers, header::CONTENT_TYPE).unwrap_or_default();
                let upload = Upload::parse(target, &kind, body).map_err(|why| (400, why))?;
                self.seen[seen].name.clone_from(&upload.name);
                Ok(json_answer(200, &self.upload(target, upload)?))
            }
            On::Read => media(self.find(target)?, text(headers, header::RANGE)),
            On::Head => {
                let object = self.find(target)?;
                let resource = resource(&target.bucket, &target.object, object);
                Ok(json_answer(200, &resource))
            }
            On::List => Ok(json_answer(200, &self.list(target)?)),
            On::Delete => {
                self.delete(target)?;
                Ok(json_answer(204, &Value::Null))
            }
            On::Permissions => Ok(json_answer(200, &self.permissions(target))),
            On::Notifications => Ok(json_answer(200, &self.notifications()?)),
            On::Other => Err((404, "Not Found".to_owned())),
        }
    }
}

fn json_answer(status: u16, value: &Value) -> Plain {
    let body = match value {
        Value::Null => Vec::new(),
        value => value.to_string().into_bytes(),
    };
    let answer = Response::builder().status(status);
    let kind = "application/json; charset=UTF-8";
    answer
        .header(header::CONTENT_TYPE, kind)
        .body(body)
        .unwrap()
}

fn refuse((status, message): Refusal) -> Plain {
    let error = json!({ "error": { "code": status, "message": message, "errors": [] } });
    json_answer(status, &error)
}

fn media(object: &Stored, range: Option<String>) -> Result<Plain, Refusal> {
    let size = object.bytes.len();
    let answer = Response::builder()
        .header(header::CONTENT_TYPE, &object.content_type)
        .header(header::LAST_MODIFIED, "Sun, 22 Nov 2026 12:00:00 GMT")
        .header("x-goog-generation", object.generation)
        .header("x-goog-hash", format!("crc32c={}", crc32c(&object.bytes)))
        .header("x-goog-hash", "md5=AAAAAAAAAAAAAAAAAAAAAA==");
    let Some(range) = range else {
        return Ok(answer.body(object.bytes.clone()).unwrap());
    };
    let (first, last) = range
        .strip_prefix("bytes=")
        .unwrap()
        .split_once('-')
        .unwrap();
    let (start, end) = match (first, last) {
        ("", last) => (size.saturating_sub(last.parse().unwrap()), size),
        (first, "") => (first.parse().unwrap(), size),
        (first, last) => (
            first.parse().unwrap(),
            last.parse::<usize>().unwrap().saturating_add(1).min(size),
        ),
    };
    if start >= end {
        let mut refused = refuse((416, "Request range not satisfiable".to_owned()));
        let range = format!("bytes */{size}").parse().unwrap();
        refused.headers_mut().insert(header::CONTENT_RANGE, range);
        return Ok(refused);
    }
    let range = format!("bytes {start}-{}/{size}", end - 1);
    let answer = answer
        .status(StatusCode::PARTIAL_CONTENT)
        .header(header::CONTENT_RANGE, range);
    Ok(answer.body(object.bytes[start..end].to_vec()).unwrap())
}

/// Sends an answer with its fault.
fn spoil(plain: Plain, fault: Option<Fault>) -> Response<Body> {
    let (mut parts, mut bytes) = plain.into_parts();
    let wrong = crc32c(b"something else");
    match fault {
        Some(Fault::WrongChecksum) if parts.headers.contains_key("x-goog-hash") => {
            let wrong = HeaderValue::from_str(&format!("crc32c={wrong}")).unwrap();
            parts.headers.insert("x-goog-hash", wrong);
        }
        Some(Fault::WrongChecksum) => {
            let mut value: Value = serde_json::from_slice(&bytes).unwrap();
            value["crc32c"] = wrong.into();
            bytes = value.to_string().into_bytes();
        }
        _ => {}
    }
    parts
        .headers
        .insert(header::CONTENT_LENGTH, bytes.len().into());
    let body = match fault {
        Some(Fault::CutAnswer(most)) => {
            bytes.truncate(most);
            let lost = stream::once(async { Err(io::Error::other("connection cut")) });
            Body::from_stream(pieces(bytes, 64 * 1024).chain(lost))
        }
        Some(Fault::Slow(size)) => Body::from_stream(pieces(bytes, size)),
        _ => Body::from(bytes),
    };
    Response::from_parts(parts, body)
}

/// Bytes that come piece by piece, each for itself.
fn pieces(bytes: Vec<u8>, size: usize) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::unfold(Bytes::from(bytes), move |mut left| async move {
        if left.is_empty() {
            return None;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        let piece = left.split_to(size.min(left.len()));
        Some((Ok(piece), left))
    })
}
