//! Runs components: one fresh sandbox per request, with its own memory and time limit.

mod allowed_host;
mod bindings;
mod bodies;
mod crash;
mod engine;
mod key_value;
mod limits;
mod logs;
mod outbound_client;
mod outgoing;
mod state;
mod variables;

pub use crash::{Crash, CrashReason, Side};
pub use engine::{Component, Engine, default_cache_dir, find_component};
pub use limits::Limits;
pub use outbound_client::{AllowedHost, HostCredential, OutboundClient, same_origin, server_of};
pub use variables::with_host;

use anyhow::Context as _;
use bytes::Bytes;
use framemill_objects::{ObjectsApi, Written};
use futures::future::join;
use http::{Request, Response, Uri};
use key_value::KeyValue;
use limits::{Meter, Metered};
use state::State;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};
use wasmtime::component::Linker;
use wasmtime::{Store, UpdateDeadline};
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;

/// Largest body of a request to, or an answer of, a component. Objects do not pass here.
const MOST_BODY: u64 = 64 << 20;

/// Where components find objects that do not say.
const OBJECTS_URL: &str = "https://storage.googleapis.com";

/// Something that a component did, for whoever watches a video's progress.
#[derive(Clone, Debug)]
pub enum ComponentEvent {
    /// It sent this body to itself, to work on in another sandbox.
    SegmentDispatched(Bytes),
    /// It wrote an object.
    Written(Written),
    /// It did a part of the work, and is called again for the rest.
    Continued {
        /// Access units that are done.
        done: u64,
        /// Access units that are to be done.
        of: u64,
    },
}

/// Is told what the sandbox of a request does; the first argument is the request's label.
pub type Observer = Arc<dyn Fn(&str, ComponentEvent) + Send + Sync>;

/// What a [`Runtime`] is made of.
pub struct RuntimeParts {
    /// The component.
    pub component: Component,
    /// What the component reads as its configuration.
    pub variables: BTreeMap<String, String>,
    /// Answers its object requests.
    pub gateway: Arc<dyn ObjectsApi>,
    /// Other servers that it may reach.
    pub outbound: OutboundClient,
    /// Per request.
    pub limits: Limits,
    /// Sandboxes at the same time that the component starts of itself.
    pub parallel: usize,
    /// Who watches.
    pub observer: Observer,
}

/// One component, ready to answer requests. Cheap to clone.
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    engine: Engine,
    pre: ProxyPre<State>,
    name: String,
    variables: Arc<BTreeMap<String, String>>,
    gateway: Arc<dyn ObjectsApi>,
    objects: Uri,
    /// Authority under which it reaches itself, where it does.
    itself: Option<String>,
    outbound: OutboundClient,
    key_value: Arc<KeyValue>,
    limits: Limits,
    fan_out: Semaphore,
    observer: Observer,
}

/// What a component answered.
#[derive(Debug)]
pub struct ComponentResponse {
    /// Status, headers and the whole body.
    pub response: Response<Bytes>,
    /// Largest memory of its sandbox.
    pub peak_memory: u64,
    /// Time that it ran.
    pub guest_time: Duration,
}

impl Runtime {
    /// Links the component to the host.
    ///
    /// # Errors
    /// Where the component imports what this host does not have, exports no
    /// `wasi:http/incoming-handler`, or the variables hold no usable URLs.
    pub fn new(engine: &Engine, parts: RuntimeParts) -> anyhow::Result<Self> {
        let mut linker = Linker::new(engine.wasmtime());
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
        variables::add_to_linker(&mut linker)?;
        key_value::add_to_linker(&mut linker)?;
        let Component {
            name, component, ..
        } = parts.component;
        let pre = linker
            .instantiate_pre(&component)
            .and_then(ProxyPre::new)
            .map_err(|error| {
                anyhow::anyhow!("component `{name}` does not fit this host: {error:#}")
            })?;
        let url = |key: &str| -> anyhow::Result<Option<Uri>> {
            let Some(text) = parts.variables.get(key) else {
                return Ok(None);
            };
            let uri: Uri = text
                .parse()
                .with_context(|| format!("configuration `{key}`: `{text}` is not a URL"))?;
            anyhow::ensure!(
                uri.authority().is_some(),
                "configuration `{key}`: `{text}` names no host"
            );
            Ok(Some(uri))
        };
        let objects = url("objects_url")?.unwrap_or(Uri::from_static(OBJECTS_URL));
        let itself = url("segments_url")?.as_ref().map(authority);
        anyhow::ensure!(
            itself.as_ref() != Some(&authority(&objects)),
            "configuration `segments_url`: names the host of objects_url: give it another"
        );
        Ok(Self(Arc::new(Inner {
            engine: engine.clone(),
            pre,
            name,
            objects,
            itself,
            outbound: parts.outbound,
            variables: Arc::new(parts.variables),
            gateway: parts.gateway,
            key_value: Arc::default(),
            limits: parts.limits,
            fan_out: Semaphore::new(parts.parallel.max(1)),
            observer: parts.observer,
        })))
    }

    /// Sends a request to a fresh instance. `label` says in logs and to the observer what the
    /// request is about.
    ///
    /// # Errors
    /// [`Crash`] where the component gave no whole answer.
    pub async fn call(
        &self,
        label: &str,
        request: Request<Bytes>,
    ) -> Result<ComponentResponse, Crash> {
        self.run(label, request, false).await
    }

    /// Tells the observer what became of a request.
    pub fn observe(&self, label: &str, progress: ComponentEvent) {
        (self.0.observer)(label, progress);
    }

    async fn run(
        &self,
        label: &str,
        request: Request<Bytes>,
        chained: bool,
    ) -> Result<ComponentResponse, Crash> {
        let inner = &self.0;
        let plain = |reason| Crash::plain(&inner.name, reason);
        let most = inner.limits.body.unwrap_or(u64::MAX);
        if request.body().len() as u64 > most {
            return Err(plain(CrashReason::Body(Side::Request, most)));
        }
        let meter = Meter::new(&inner.limits);
        let mut store = self.store(label, chained, &meter);
        let broken = |error: &wasmtime::Error| Crash::new(&inner.name, error, None, &meter, "");
        let request = request.map(bodies::full);
        let (sender, receiver) = oneshot::channel();
        let mut http = store.data_mut().http_view();
        let request = http.new_incoming_request(Scheme::Http, request);
        let request = request.map_err(|error| broken(&error))?;
        let out = http.new_response_outparam(sender);
        let out = out.map_err(|error| broken(&error))?;
        // The sandbox goes with this future: whoever still waits for its answer then learns that
        // there is none.
        let guest = async move {
            let ended = match inner.pre.instantiate_async(&mut store).await {
                Ok(proxy) => {
                    let handler = proxy.wasi_http_incoming_handler();
                    handler.call_handle(&mut store, request, out).await
                }
                Err(error) => Err(error),
            };
            let state = store.data();
            let (peak, denied) = (state.memory.peak(), state.memory.denied());
            (ended, peak, denied, state.said())
        };
        let no_answer = |reason| plain(CrashReason::NoAnswer(reason));
        // The body flows while the component still runs: it may write more than is buffered.
        let answer = async {
            match receiver.await {
                Ok(Ok(response)) => {
                    let (parts, body) = response.into_parts();
                    let body = bodies::whole(body, inner.limits.body).await;
                    body.map(|body| Response::from_parts(parts, body))
                        .map_err(|broken| Crash::broken_answer(&inner.name, &broken))
                }
                Ok(Err(code)) => Err(no_answer(format!("it answered with an error: {code:?}"))),
                Err(_) => Err(no_answer("it ended without an answer".to_owned())),
            }
        };
        let guest = Metered::new(Box::pin(guest), &meter);
        // Dropped at the end of its time, a sandbox ends with all that it has started.
        let both = meter.within(join(guest, answer)).await;
        let both = both.map_err(|limit| plain(CrashReason::Wall(limit)))?;
        let ((ended, peak_memory, denied, said), answer) = both;
        if let Err(error) = ended {
            return Err(Crash::new(&inner.name, &error, denied, &meter, &said));
        }
        let response = answer?;
        let guest_time = meter.spent();
        tracing::debug!(
            label,
            status = response.status().as_u16(),
            peak_memory,
            ?guest_time,
            "component answered"
        );
        Ok(ComponentResponse {
            response,
            peak_memory,
            guest_time,
        })
    }

    fn store(&self, label: &str, chained: bool, meter: &Arc<Meter>) -> Store<State> {
        let state = State::new(self.clone(), label, chained);
        let mut store = Store::new(self.0.engine.wasmtime(), state);
        store.limiter(|state| &mut state.memory);
        let meter = Arc::clone(meter);
        // Each tick of the engine's clock: stop, or let others have the thread for a moment.
        store.epoch_deadline_callback(move |_| {
            meter.check()?;
            Ok(UpdateDeadline::YieldCustom(
                1,
                Box::pin(tokio::task::yield_now()),
            ))
        });
        store.set_epoch_deadline(1);
        store
    }
}

fn authority(uri: &Uri) -> String {
    uri.authority()
        .map(|authority| authority.as_str().to_ascii_lowercase())
        .unwrap_or_default()
}
