//! Answers, and what goes wrong with them.

use super::bucket::Refusal;
use super::request::{self, Target, Upload};
use super::state::{Inner, Shared, lock};
use super::{Fault, On, Seen};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use framemill_gcs_api::memory::Stored;
use framemill_gcs_api::{
    ContentRange, Crc32c, ErrorResponse, JSON, Listing, Media, ObjectName, Operation, RangeSpec,
};
use futures::{Stream, StreamExt, stream};
use serde::Serialize;
use serde_json::Value;
use std::io;

/// The answer before faults.
type Plain = Response<Vec<u8>>;

pub(super) async fn answer(shared: &Shared, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let target = request::parse(&parts.method, &parts.uri);
    let range = text(&parts.headers, header::RANGE);
    let seen = lock(shared).note(&target, range.clone());
    let fault = lock(shared).take_fault(request::on(&target));
    if let Some(Fault::CutRequest(bytes)) = fault {
        take_some(body, bytes).await;
        cut();
    }
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let mut inner = lock(shared);
    let plain = match fault {
        Some(Fault::Status(status, wait)) => {
            let status = StatusCode::from_u16(status).unwrap();
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
        self.seen.push(Seen {
            on: request::on(target),
            name: request::name(target).to_owned(),
            status: 0,
            range: range.map(|range| range.replace("bytes=", "")),
            conditional: request::is_conditional(target),
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
        let request = target
            .as_ref()
            .map_err(|error| (error.status(), error.to_string()))?;
        let bucket = request.bucket();
        match request.operation() {
            Operation::Insert(insert) => {
                let upload = Upload::parse(insert, headers, body);
                let upload = upload.map_err(|why| (StatusCode::BAD_REQUEST, why))?;
                self.seen[seen].name.clone_from(&upload.name);
                let object = self.upload(bucket, insert.precondition, upload)?;
                Ok(json_answer(StatusCode::OK, &object))
            }
            Operation::Media(get) => media(self.find(bucket, get)?, headers),
            Operation::Metadata(get) => {
                let resource = self.find(bucket, get)?.resource(bucket, &get.object);
                Ok(json_answer(StatusCode::OK, &resource))
            }
            Operation::List(list) => {
                let page = self.list(bucket, list)?;
                Ok(match list.names_only {
                    true => json_answer(StatusCode::OK, &names_of(page)),
                    false => json_answer(StatusCode::OK, &page),
                })
            }
            Operation::Delete {
                object,
                precondition,
            } => {
                self.delete(bucket, object, *precondition)?;
                let answer = Response::builder().status(StatusCode::NO_CONTENT);
                Ok(answer.body(Vec::new()).unwrap())
            }
            Operation::TestPermissions(asked) => {
                Ok(json_answer(StatusCode::OK, &self.permissions(asked)))
            }
            Operation::Notifications => Ok(json_answer(StatusCode::OK, &self.notifications()?)),
        }
    }
}

/// A page of which nothing but names is wanted.
fn names_of(page: Listing) -> Listing<ObjectName> {
    let names = page
        .items
        .into_iter()
        .map(|object| ObjectName { name: object.name });
    Listing {
        items: names.collect(),
        prefixes: page.prefixes,
        next_page_token: page.next_page_token,
    }
}

fn json_answer(status: StatusCode, value: &impl Serialize) -> Plain {
    let answer = Response::builder().status(status);
    let body = serde_json::to_vec(value).unwrap();
    let answer = answer.header(header::CONTENT_TYPE, JSON);
    answer.body(body).unwrap()
}

fn refuse((status, message): Refusal) -> Plain {
    json_answer(status, &ErrorResponse::new(status, message))
}

fn media(object: &Stored, headers: &HeaderMap) -> Result<Plain, Refusal> {
    let range = RangeSpec::from_headers(headers);
    assert_eq!(
        headers.contains_key(header::RANGE),
        range != RangeSpec::Whole,
        "{headers:?}"
    );
    let size = object.bytes.len() as u64;
    let Ok(span) = range.resolve(size) else {
        let message = "Request range not satisfiable".to_owned();
        let mut refused = refuse((StatusCode::RANGE_NOT_SATISFIABLE, message));
        let range = ContentRange::Unsatisfied(size).to_string();
        let headers = refused.headers_mut();
        headers.insert(header::CONTENT_RANGE, range.parse().unwrap());
        return Ok(refused);
    };
    let media = Media {
        generation: object.generation,
        size,
        span,
        partial: range != RangeSpec::Whole,
        content_type: object.content_type.clone(),
        crc32c: Some(Crc32c::of(&object.bytes)),
        updated: object.updated,
    };
    let (status, headers) = media.write();
    let bytes = object.bytes[span.start as usize..span.end as usize].to_vec();
    let mut answer = Response::new(bytes);
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    // As Google does: one header for each hash.
    let md5 = HeaderValue::from_static("md5=AAAAAAAAAAAAAAAAAAAAAA==");
    answer.headers_mut().append("x-goog-hash", md5);
    Ok(answer)
}

/// Sends an answer with its fault.
fn spoil(plain: Plain, fault: Option<Fault>) -> Response<Body> {
    let (mut parts, mut bytes) = plain.into_parts();
    let wrong = Crc32c::of(b"something else").to_string();
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
