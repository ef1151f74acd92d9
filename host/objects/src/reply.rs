//! Responses in the form of the GCS JSON API.

use super::body::{Body, BodyError, full};
use super::error::StoreError;
use super::store::{ObjectMeta, Reading};
use bytes::Bytes;
use framemill_gcs_api::{ContentRange, Crc32c, ErrorResponse, JSON, Media, Object};
use futures::TryStreamExt;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An object resource.
pub(super) fn resource(bucket: &str, meta: &ObjectMeta) -> Object {
    Object {
        name: meta.name.clone(),
        bucket: bucket.to_owned(),
        generation: meta.generation,
        size: meta.size,
        content_type: Some(meta.content_type.clone()),
        crc32c: meta.crc32c.map(Crc32c),
        updated: Some(updated(meta)),
        metadata: BTreeMap::new(),
    }
}

fn updated(meta: &ObjectMeta) -> SystemTime {
    let micros = u64::try_from(meta.updated_micros).unwrap_or(0);
    UNIX_EPOCH + Duration::from_micros(micros)
}

/// A JSON answer.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let (status, body) = match serde_json::to_vec(value) {
        Ok(body) => (status, body),
        Err(error) => {
            tracing::error!(%error, "answer has no form in JSON");
            (StatusCode::INTERNAL_SERVER_ERROR, b"{}".to_vec())
        }
    };
    let length = body.len();
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
    headers.insert(header::CONTENT_LENGTH, length.into());
    response
}

/// No content.
pub(super) fn empty() -> Response<Body> {
    let mut response = Response::new(full(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Bytes of an object; `partial` where a range was asked for.
pub(super) fn media(reading: Reading, partial: bool) -> Response<Body> {
    let Reading { meta, span, stream } = reading;
    let media = Media {
        generation: meta.generation,
        size: meta.size,
        span,
        partial,
        updated: Some(updated(&meta)),
        content_type: meta.content_type,
        crc32c: meta.crc32c.map(Crc32c),
    };
    let frames = stream.map_ok(Frame::data).map_err(|error| {
        tracing::warn!(%error, "reading an object broke off");
        BodyError::Ended(error.to_string())
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    let (status, headers) = media.write();
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// An error, with GCS's status and reason.
pub(super) fn error(error: &StoreError) -> Response<Body> {
    let status = match error {
        StoreError::NotFound { .. } => StatusCode::NOT_FOUND,
        StoreError::PreconditionFailed { .. } => StatusCode::PRECONDITION_FAILED,
        StoreError::Unsatisfiable { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
        StoreError::Invalid(_) => StatusCode::BAD_REQUEST,
        StoreError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        StoreError::Forbidden(_) | StoreError::Denied { .. } => StatusCode::FORBIDDEN,
        StoreError::Io { .. } | StoreError::Corrupt { .. } => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut response = json(status, &ErrorResponse::new(status, error.to_string()));
    if let StoreError::Unsatisfiable { size } = error
        && let Ok(range) = ContentRange::Unsatisfied(*size).to_string().parse()
    {
        response.headers_mut().insert(header::CONTENT_RANGE, range);
    }
    response
}
