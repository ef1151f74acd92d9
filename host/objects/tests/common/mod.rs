//! What several tests need.
#![allow(dead_code, reason = "each test uses its part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

pub mod conformance;

use bytes::Bytes;
use framemill_objects::{Body, Gateway, ObjectsApi as _};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};

/// A body that is there whole.
pub fn body(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// An answer, read.
pub struct Read {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

impl Read {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn reason(&self) -> String {
        let json = self.json();
        json.pointer("/error/errors/0/reason")
            .and_then(|reason| reason.as_str())
            .unwrap_or_default()
            .to_owned()
    }
}

/// Something that answers the GCS JSON API.
#[async_trait::async_trait]
pub trait ObjectsApi: Send + Sync {
    async fn send(&self, request: Request<Body>) -> Response<Body>;

    async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        bytes: &[u8],
    ) -> Read {
        let mut builder = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let request = builder.body(body(Bytes::copy_from_slice(bytes))).unwrap();
        let (parts, body) = self.send(request).await.into_parts();
        let status = parts.status;
        // A body that breaks off is no success.
        let (status, body) = match body.collect().await {
            Ok(body) => (status, body.to_bytes()),
            Err(_) => (StatusCode::BAD_GATEWAY, Bytes::new()),
        };
        Read {
            status: status.as_u16(),
            headers: parts.headers,
            body,
        }
    }

    async fn get(&self, path: &str) -> Read {
        self.call(Method::GET, path, &[], b"").await
    }

    async fn delete(&self, path: &str) -> Read {
        self.call(Method::DELETE, path, &[], b"").await
    }

    /// Simple upload.
    async fn put(&self, name: &str, precondition: &str, bytes: &[u8]) -> Read {
        let name = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
        let path =
            format!("/upload/storage/v1/b/local/o?uploadType=media&name={name}{precondition}");
        self.call(
            Method::POST,
            &path,
            &[("content-type", "image/jpeg")],
            bytes,
        )
        .await
    }

    /// Multipart upload with this metadata.
    async fn put_multipart(&self, precondition: &str, metadata: &str, bytes: &[u8]) -> Read {
        let mut body = format!(
            "--sep\r\nContent-Type: application/json\r\n\r\n{metadata}\r\n--sep\r\nContent-Type: image/jpeg\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n--sep--\r\n");
        let path = format!("/upload/storage/v1/b/local/o?uploadType=multipart{precondition}");
        let kind = ("content-type", "multipart/related; boundary=sep");
        self.call(Method::POST, &path, &[kind], &body).await
    }
}

/// The object that requests are about.
pub const ABOUT: &str = "videos/v.mp4";

#[async_trait::async_trait]
impl ObjectsApi for Gateway {
    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.handle(request, ABOUT, &|_| {}).await
    }
}
