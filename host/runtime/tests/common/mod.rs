//! What several tests need.
#![allow(dead_code, reason = "each test uses its part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use bytes::Bytes;
use framemill_contract::SizeLimits;
use framemill_objects::{Access, Body, FileLayout, Gateway, LocalStore, Store};
use framemill_runtime::{
    Component, Engine, Limits, Observer, OutboundClient, Runtime, RuntimeParts, with_host,
};
use http::Request;
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

/// A component that was built for the tests.
pub fn component_path(name: &str) -> PathBuf {
    let folder = std::env::var_os("FRAMEMILL_TEST_COMPONENTS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/components"),
        PathBuf::from,
    );
    let path = folder.join(format!("{name}.wasm"));
    assert!(
        path.is_file(),
        "component is missing: run `cargo xtask test`, which builds it, or set FRAMEMILL_TEST_COMPONENTS to the folder that holds {name}.wasm; looked at {}",
        path.display()
    );
    path
}

/// The component `probe`, which misbehaves on request.
pub fn probe_path() -> PathBuf {
    component_path("probe")
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

/// Where the probe finds objects and itself.
pub fn variables() -> BTreeMap<String, String> {
    let urls = [
        ("objects_url", "https://storage.googleapis.com"),
        (
            "segments_url",
            "http://extract-frames.spin.internal/segments",
        ),
        ("every", "1s"),
        ("parallel_segments", "3"),
    ];
    urls.map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

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
    let parts = RuntimeParts {
        outbound,
        ..parts(component, data, limits, observer)
    };
    Runtime::new(&engine, parts).unwrap()
}

/// What a runtime of the probe over a folder is made of.
pub fn parts(
    component: Component,
    data: &Path,
    limits: Limits,
    observer: Observer,
) -> RuntimeParts {
    let store: Arc<dyn Store> = Arc::new(LocalStore::new(FileLayout::folder(data)));
    let access = Access {
        read: vec!["videos/".into()],
        write: vec!["images/".into()],
    };
    RuntimeParts {
        variables: with_host(variables(), &component.sha256, SizeLimits::STANDARD),
        component,
        gateway: Arc::new(Gateway::new(
            HashMap::from([("local".into(), store)]),
            access,
        )),
        outbound: OutboundClient::default(),
        limits,
        parallel: 2,
        memory: None,
        observer,
    }
}

/// A request to the probe.
pub fn request(path: &str) -> Request<Bytes> {
    Request::builder()
        .uri(format!("http://probe.test{path}"))
        .body(Bytes::new())
        .unwrap()
}
