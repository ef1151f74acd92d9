//! The cases of `tests/cases` on framemill's runtime, in process and with the limits of a small
//! cloud: it does what Spin does. With `trusted`, as a pipeline of framemill instead.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod common;

use bytes::Bytes;
use framemill_contract::SizeLimits;
use framemill_objects::{Access, Body, Gateway, GcsStore, ObjectsApi, RetryPolicy, Store, Written};
use framemill_runtime::{
    AllowedHost, Component, Engine, Limits, OutboundClient, Runtime, RuntimeParts, with_host,
};
use framemill_tests::conformance::{
    Case, Demand, Harness, Host, cases, cases_folder, harness, resolved, run,
};
use framemill_tests::servers::HttpResponse;
use framemill_tests::spin_demo::Demo;
use framemill_tests::{h264_clip, indices};
use google_cloud_auth::credentials::anonymous;
use http::{Request, Response, header};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What Akamai Functions gives a request.
fn small_cloud(case: &Case) -> Limits {
    let cloud = Limits::akamai();
    Limits {
        body: cloud.body.filter(|_| !case.large_bodies),
        ..cloud
    }
}

/// One try: what goes wrong with the store is for the component to see.
const NO_RETRIES: RetryPolicy = RetryPolicy {
    first_wait: Duration::ZERO,
    longest_wait: Duration::ZERO,
    deadline: Duration::ZERO,
};

/// The gateway, behind what looks at the credentials that come.
struct AuthenticatedGateway {
    gateway: Gateway,
    demand: Arc<Mutex<Demand>>,
}

#[async_trait::async_trait]
impl ObjectsApi for AuthenticatedGateway {
    async fn handle(
        &self,
        request: Request<Body>,
        about: &str,
        written: &(dyn Fn(Written) + Send + Sync),
    ) -> Response<Body> {
        let came = request.headers().get(header::AUTHORIZATION).cloned();
        let demand = self.demand.lock().unwrap().clone();
        let wanted = demand.token.map(|token| format!("Bearer {token}"));
        let refused = demand.no_credentials && came.is_some()
            || wanted.is_some_and(|wanted| came.is_none_or(|came| came != wanted));
        if refused {
            let refusal = Response::builder().status(401);
            return refusal.body(common::body("Invalid Credentials")).unwrap();
        }
        self.gateway.handle(request, about, written).await
    }
}

struct InProcess {
    tokio: tokio::runtime::Runtime,
    engine: Engine,
    components: HashMap<String, Component>,
    demand: Arc<Mutex<Demand>>,
    runtime: Option<Runtime>,
}

impl InProcess {
    fn new() -> Self {
        Self {
            tokio: tokio::runtime::Runtime::new().unwrap(),
            engine: Engine::new(None).unwrap(),
            components: HashMap::new(),
            demand: Arc::default(),
            runtime: None,
        }
    }

    fn component(&mut self, name: &str) -> Component {
        let engine = &self.engine;
        let load = || {
            let path = component_path(name);
            Component::load(engine, &path).unwrap()
        };
        let entry = self.components.entry(name.to_owned());
        entry.or_insert_with(load).clone()
    }
}

fn component_path(name: &str) -> PathBuf {
    common::probe_path().with_file_name(format!("{name}.wasm"))
}

/// What a component reads, and the hosts that it may reach.
fn told(
    case: &Case,
    component: &Component,
    manifest: &Path,
    application: &BTreeMap<String, String>,
) -> (BTreeMap<String, String>, Vec<String>) {
    let (mut variables, hosts) = resolved(manifest, &case.component, application);
    if case.component == "extract-frames" {
        // Where Spin finds a component by its name, the runtime looks at this key.
        let own = "http://extract-frames.spin.internal/segments";
        variables.insert("segments_url".to_owned(), own.to_owned());
    }
    if case.trusted {
        variables = with_host(variables, &component.sha256, SizeLimits::STANDARD);
    }
    (variables, hosts)
}

impl Host for InProcess {
    fn name(&self) -> &'static str {
        "framemill"
    }

    fn takes(&self, _case: &Case) -> bool {
        true
    }

    fn start(
        &mut self,
        case: &Case,
        manifest: &Path,
        application: &BTreeMap<String, String>,
        harness: &Harness,
    ) {
        let component = self.component(&case.component);
        let (variables, hosts) = told(case, &component, manifest, application);
        let objects = harness.gcs.endpoint();
        let others = hosts.into_iter();
        let others = others.filter(|host| *host != objects && !host.contains(".spin.internal"));
        let allowed: Vec<AllowedHost> = others
            .map(|host| AllowedHost { host, path: None })
            .collect();
        let _inside = self.tokio.enter();
        let anonymous = anonymous::Builder::new().build();
        let store = GcsStore::at(&objects, harness::BUCKET, anonymous, NO_RETRIES).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let buckets = HashMap::from([(harness::BUCKET.to_owned(), store)]);
        let parts = RuntimeParts {
            component,
            variables,
            gateway: Arc::new(AuthenticatedGateway {
                gateway: Gateway::new(buckets, Access::all()),
                demand: Arc::clone(&self.demand),
            }),
            // As Spin: where one of them is wrong, none is reached.
            outbound: OutboundClient::new(&allowed, &[]).unwrap_or_default(),
            limits: small_cloud(case),
            parallel: 2,
            memory: None,
            observer: Arc::new(|_, _| {}),
        };
        self.runtime = Some(Runtime::new(&self.engine, parts).unwrap());
    }

    fn demand(&mut self, demand: &Demand, harness: &Harness) {
        *self.demand.lock().unwrap() = demand.clone();
        demand.prepare(&harness.gcs);
    }

    fn send(&mut self, request: Request<Vec<u8>>) -> Result<HttpResponse, String> {
        let runtime = self.runtime.as_ref().ok_or("no component is loaded")?;
        let (mut parts, body) = request.into_parts();
        let url = format!("http://framemill.test{}", parts.uri);
        parts.uri = url.parse().map_err(|error| format!("{url}: {error}"))?;
        let request = Request::from_parts(parts, Bytes::from(body));
        let answer = self.tokio.block_on(runtime.call("case", request));
        Ok(match answer {
            Ok(answer) => {
                let text = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
                    Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
                };
                let (parts, body) = answer.response.into_parts();
                HttpResponse {
                    status: parts.status.as_u16(),
                    headers: parts.headers.iter().filter_map(text).collect(),
                    body: body.to_vec(),
                }
            }
            // What Spin answers for a component that stops.
            Err(crash) => HttpResponse {
                status: 500,
                headers: BTreeMap::new(),
                body: crash.to_string().into_bytes(),
            },
        })
    }
}

#[test]
fn the_cases_pass_on_framemill() {
    let failures = run(&mut InProcess::new());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// `cargo xtask demo --spin`, with this host in Spin's place.
#[test]
fn the_demo_of_spin_passes_on_framemill() {
    let harness = Harness::start();
    harness.reset();
    let video = h264_clip("four-seconds.mp4", 4);
    let demo = Demo::upload(&harness.gcs.endpoint(), &video);
    let cases = cases(&cases_folder()).unwrap();
    let mut cases = cases.iter();
    let case = cases.find(|case| case.name == "extract-h264").unwrap();
    let mut host = InProcess::new();
    host.start(case, &case.manifest(), &demo.variables(), &harness);
    let extracted = demo.extract(|request| host.send(request)).unwrap();
    assert_eq!(indices(&extracted), [0, 30, 60, 90]);
}
