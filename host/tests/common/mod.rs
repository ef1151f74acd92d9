//! What several tests need.
#![allow(dead_code, reason = "each test uses its part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

pub mod conformance;

use bytes::Bytes;
use framemill::objects::{Access, Body, Gateway, Layout, LocalStore, ObjectsApi as _, Store};
use framemill::runtime::{
    Component, Engine, Limits, Observer, OutboundClient, Runtime, RuntimeParts, component_variables,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A body that is there whole.
pub fn body(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// The component `probe`, which misbehaves on request.
pub fn probe_path() -> PathBuf {
    let folder = std::env::var_os("FRAMEMILL_TEST_COMPONENTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/components"),
        PathBuf::from,
    );
    let path = folder.join("probe.wasm");
    assert!(
        path.is_file(),
        "test component is missing: run `cargo xtask build`, or set FRAMEMILL_TEST_COMPONENTS to the folder that holds probe.wasm; looked at {}",
        path.display()
    );
    path
}

/// The probe, compiled once per test process.
pub fn probe() -> (Engine, Component) {
    static PROBE: OnceLock<(Engine, Component)> = OnceLock::new();
    PROBE
        .get_or_init(|| {
            let engine = Engine::new(None).unwrap();
            let component = Component::load(&engine, &probe_path()).unwrap();
            (engine, component)
        })
        .clone()
}

pub const LIMITS: Limits = Limits {
    memory: 64 << 20,
    time: Duration::from_secs(60),
    wall: None,
    body: None,
};

/// The probe over a folder that is the bucket `local`.
pub fn runtime(data: &Path, limits: Limits, observer: Observer) -> Runtime {
    runtime_reaching(data, limits, observer, OutboundClient::default())
}

/// The same, which may reach other servers too.
pub fn runtime_reaching(
    data: &Path,
    limits: Limits,
    observer: Observer,
    outbound: OutboundClient,
) -> Runtime {
    let (engine, component) = probe();
    let store: Arc<dyn Store> = Arc::new(LocalStore::new(Layout::folder(data)));
    let access = Access {
        read: vec!["videos/".into()],
        write: vec!["images/".into()],
    };
    let parts = RuntimeParts {
        variables: component_variables(&BTreeMap::new(), &component.sha256, 3),
        component,
        gateway: Arc::new(Gateway::new(
            HashMap::from([("local".into(), store)]),
            access,
        )),
        outbound,
        limits,
        parallel: 2,
        observer,
    };
    Runtime::new(&engine, parts).unwrap()
}

/// A request to the probe.
pub fn request(path: &str) -> Request<Bytes> {
    Request::builder()
        .uri(format!("http://probe.test{path}"))
        .body(Bytes::new())
        .unwrap()
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

#[async_trait::async_trait]
impl ObjectsApi for Gateway {
    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.handle(request, &|_| {}).await
    }
}
