//! Answers in the form of the GCS JSON API.

use super::{Body, ObjectMeta, Reading, StoreError, checksum};
use bytes::Bytes;
use futures::TryStreamExt;
use http::{Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use serde_json::{Value, json};
use std::time::{Duration, UNIX_EPOCH};

/// The end of the year 9999: times above it have no RFC 3339 form.
const LAST_MICROS: u64 = 253_402_300_799_000_000;

/// An object resource.
pub(super) fn resource(bucket: &str, meta: &ObjectMeta) -> Value {
    let micros = u64::try_from(meta.updated_micros).unwrap_or(0);
    let updated = UNIX_EPOCH + Duration::from_micros(micros.min(LAST_MICROS));
    let mut resource = json!({
        "kind": "storage#object",
        "id": format!("{bucket}/{}/{}", meta.name, meta.generation),
        "name": meta.name,
        "bucket": bucket,
        "generation": meta.generation.to_string(),
        "metageneration": "1",
        "size": meta.size.to_string(),
        "contentType": meta.content_type,
        "updated": humantime::format_rfc3339_millis(updated).to_string(),
    });
    if let Some(crc) = meta.crc32c {
        resource["crc32c"] = checksum::encode(crc).into();
    }
    resource
}

/// A body that is there whole.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A JSON answer.
pub fn json(status: StatusCode, value: &Value) -> Response<Body> {
    let body = value.to_string();
    respond(
        Response::builder()
            .status(status)
            .header(header::CONTENT_TYPE, "application/json; charset=UTF-8")
            .header(header::CONTENT_LENGTH, body.len()),
        full(body),
    )
}

/// No content.
pub(super) fn empty() -> Response<Body> {
    respond(
        Response::builder().status(StatusCode::NO_CONTENT),
        full(Bytes::new()),
    )
}

/// Bytes of an object; `partial` where a range was asked for.
pub(super) fn media(reading: Reading, partial: bool) -> Response<Body> {
    let Reading { meta, span, stream } = reading;
    let length = span.end.saturating_sub(span.start);
    let mut builder = Response::builder()
        .status(StatusCode::OK)
        .header(header::CONTENT_TYPE, &meta.content_type)
        .header(header::CONTENT_LENGTH, length)
        .header("x-goog-generation", meta.generation);
    if partial {
        let last = span.end.saturating_sub(1);
        builder = builder.status(StatusCode::PARTIAL_CONTENT).header(
            header::CONTENT_RANGE,
            format!("bytes {}-{last}/{}", span.start, meta.size),
        );
    }
    let frames = stream.map_ok(Frame::data).map_err(|error| {
        tracing::warn!(%error, "reading an object broke off");
        wasmtime_wasi_http::Error::ConnectionTerminated
    });
    respond(builder, StreamBody::new(frames).boxed_unsync())
}

/// An error, with GCS's status and reason.
pub(super) fn error(error: &StoreError) -> Response<Body> {
    let (status, reason) = match error {
        StoreError::NotFound { .. } => (StatusCode::NOT_FOUND, "notFound"),
        StoreError::PreconditionFailed { .. } => {
            (StatusCode::PRECONDITION_FAILED, "conditionNotMet")
        }
        StoreError::Unsatisfiable { .. } => (
            StatusCode::RANGE_NOT_SATISFIABLE,
            "requestedRangeNotSatisfiable",
        ),
        StoreError::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid"),
        StoreError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "uploadTooLarge"),
        StoreError::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
        StoreError::Io { .. } | StoreError::Corrupt { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, "backendError")
        }
    };
    let message = error.to_string();
    let body = json!({ "error": {
        "code": status.as_u16(),
        "message": message,
        "errors": [{ "message": message, "domain": "global", "reason": reason }],
    }});
    let mut response = json(status, &body);
    if let StoreError::Unsatisfiable { size } = error
        && let Ok(range) = format!("bytes */{size}").parse()
    {
        response.headers_mut().insert(header::CONTENT_RANGE, range);
    }
    response
}

/// Header values above are numbers, constants and media types; should a media type from
/// outside be no header value, the answer is an error instead.
fn respond(builder: http::response::Builder, body: Body) -> Response<Body> {
    builder.body(body).unwrap_or_else(|error| {
        let mut response = Response::new(full(error.to_string()));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
