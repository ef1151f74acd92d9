//! One component, linked to the host: a request is a fresh sandbox.

use crate::bodies;
use crate::crash::{Crash, CrashReason, Side};
use crate::engine::{Component, Engine};
use crate::events::{ComponentEvent, Observer, SandboxUsage};
use crate::key_value::{self, KeyValue};
use crate::limits::{Limits, Meter, Metered};
use crate::memory::MemoryBudget;
use crate::outbound_client::OutboundClient;
use crate::outgoing::{Chain, Hooks, Outgoing, Requester, authority};
use crate::response::ComponentResponse;
use crate::state::{State, StateParts};
use crate::stopwatch::Segment;
use crate::variables;
use anyhow::Context as _;
use bytes::Bytes;
use framemill_objects::ObjectsApi;
use futures::future::{BoxFuture, join};
use http::{Request, Response, Uri};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Semaphore, oneshot};
use tracing::{Instrument as _, Span, field};
use wasmtime::component::Linker;
use wasmtime::{Store, UpdateDeadline};
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

/// Where components find objects that do not say.
const OBJECTS_URL: &str = "https://storage.googleapis.com";

/// One sandbox: what it is for, and what counts its use.
struct Sandbox<'s> {
    label: &'s str,
    /// Whether the component started it itself.
    segment: bool,
    meter: &'s Arc<Meter>,
    bytes_read: &'s Arc<AtomicU64>,
}

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
    /// Memory that its sandboxes share with those of others; `None` where it is not counted.
    pub memory: Option<MemoryBudget>,
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
    key_value: Arc<KeyValue>,
    limits: Limits,
    memory: Option<MemoryBudget>,
    outgoing: Arc<Outgoing>,
}

/// What a component hands over as its answer.
type Answer = Result<Response<HyperOutgoingBody>, ErrorCode>;

/// How a sandbox ended.
struct Ended {
    result: Result<ComponentResponse, Crash>,
    peak_memory: Option<u64>,
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
            variables: Arc::new(parts.variables),
            key_value: Arc::default(),
            limits: parts.limits,
            memory: parts.memory,
            outgoing: Arc::new(Outgoing {
                objects,
                itself,
                outbound: parts.outbound,
                gateway: parts.gateway,
                body_limit: parts.limits.body,
                fan_out: Semaphore::new(parts.parallel.max(1)),
                observer: parts.observer,
            }),
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
        self.run(label, request, None).await
    }

    /// Tells the observer what became of a request.
    pub fn observe(&self, label: &str, progress: ComponentEvent) {
        (self.0.outgoing.observer)(label, progress);
    }

    /// One request in one sandbox: a span of its own, and an event when it ends.
    async fn run(
        &self,
        label: &str,
        request: Request<Bytes>,
        mut started: Option<Segment>,
    ) -> Result<ComponentResponse, Crash> {
        let inner = &self.0;
        let segment = started.is_some();
        let component = inner.name.as_str();
        let span = tracing::info_span!(
            "component",
            component,
            label,
            segment,
            peak_memory = field::Empty,
            crash = field::Empty,
        );
        let _reserved = match &inner.memory {
            Some(memory) => Some(memory.reserve(segment).await),
            None => None,
        };
        if let Some(started) = &mut started {
            started.runs();
        }
        let meter = Meter::new(&inner.limits);
        let bytes_read = Arc::new(AtomicU64::new(0));
        let sandbox = Sandbox {
            label,
            segment,
            meter: &meter,
            bytes_read: &bytes_read,
        };
        let ended = self.run_in(sandbox, request).instrument(span.clone()).await;
        let crash = ended.result.as_ref().err();
        if let Some(crash) = crash {
            span.record("crash", crash.to_string());
        }
        span.record("peak_memory", ended.peak_memory);
        let usage = SandboxUsage {
            segment,
            crash: crash.map(|crash| crash.reason.code()),
            peak_memory: ended.peak_memory,
            guest_time: meter.spent(),
            bytes_read: bytes_read.load(Ordering::Relaxed),
        };
        self.observe(label, ComponentEvent::SandboxEnded(usage));
        ended.result
    }

    async fn run_in(&self, sandbox: Sandbox<'_>, request: Request<Bytes>) -> Ended {
        let inner = &self.0;
        let meter = sandbox.meter;
        let crashed = |crash| Ended {
            result: Err(crash),
            peak_memory: None,
        };
        let plain = |reason| Crash::plain(&inner.name, reason);
        let most = inner.limits.body.unwrap_or(u64::MAX);
        if request.body().len() as u64 > most {
            return crashed(plain(CrashReason::Body(Side::Request, most)));
        }
        let mut store = self.store(&sandbox);
        let broken = |error: &wasmtime::Error| Crash::new(&inner.name, error, None, meter, "");
        let request = request.map(bodies::full);
        let (sender, receiver) = oneshot::channel();
        let mut http = store.data_mut().http_view();
        let request = match http.new_incoming_request(Scheme::Http, request) {
            Ok(request) => request,
            Err(error) => return crashed(broken(&error)),
        };
        let out = match http.new_response_outparam(sender) {
            Ok(out) => out,
            Err(error) => return crashed(broken(&error)),
        };
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
        // The body flows while the component still runs: it may write more than is buffered.
        let guest = Metered::new(Box::pin(guest), meter);
        // Dropped at the end of its time, a sandbox ends with all that it has started.
        let both = meter.within(join(guest, inner.answer(receiver))).await;
        let ((ended, peak_memory, denied, said), answer) = match both {
            Ok(both) => both,
            Err(limit) => return crashed(plain(CrashReason::Wall(limit))),
        };
        let result = match ended {
            Err(error) => Err(Crash::new(&inner.name, &error, denied, meter, &said)),
            Ok(()) => answer.map(|response| ComponentResponse {
                response,
                peak_memory,
                guest_time: meter.spent(),
            }),
        };
        if let Ok(answer) = &result {
            let (label, guest_time) = (sandbox.label, answer.guest_time);
            let status = answer.response.status().as_u16();
            tracing::debug!(
                label,
                status,
                peak_memory,
                ?guest_time,
                "component answered"
            );
        }
        Ended {
            result,
            peak_memory: Some(peak_memory),
        }
    }

    fn store(&self, sandbox: &Sandbox<'_>) -> Store<State> {
        let inner = &self.0;
        let chain: Arc<dyn Chain> = Arc::new(self.clone());
        let requester = Requester {
            label: sandbox.label.to_owned(),
            segment: sandbox.segment,
            watch: Arc::clone(sandbox.meter.watch()),
            bytes_read: Arc::clone(sandbox.bytes_read),
            span: Span::current(),
        };
        let state = State::new(StateParts {
            name: &inner.name,
            label: sandbox.label,
            memory: inner.limits.memory,
            watch: sandbox.meter.watch(),
            variables: Arc::clone(&inner.variables),
            key_value: Arc::clone(&inner.key_value),
            hooks: Box::new(Hooks::new(Arc::clone(&inner.outgoing), chain, requester)),
        });
        let mut store = Store::new(inner.engine.wasmtime(), state);
        store.limiter(|state| &mut state.memory);
        let meter = Arc::clone(sandbox.meter);
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

impl Chain for Runtime {
    fn request<'a>(
        &'a self,
        label: &'a str,
        request: Request<Bytes>,
        segment: Segment,
    ) -> BoxFuture<'a, Result<ComponentResponse, Crash>> {
        Box::pin(self.run(label, request, Some(segment)))
    }
}

impl Inner {
    /// The whole of what a component answers.
    async fn answer(&self, receiver: oneshot::Receiver<Answer>) -> Result<Response<Bytes>, Crash> {
        let no_answer = |reason| Crash::plain(&self.name, CrashReason::NoAnswer(reason));
        match receiver.await {
            Ok(Ok(response)) => {
                let (parts, body) = response.into_parts();
                let body = bodies::whole(body, self.limits.body).await;
                body.map(|body| Response::from_parts(parts, body))
                    .map_err(|broken| Crash::broken_answer(&self.name, &broken))
            }
            Ok(Err(code)) => Err(no_answer(format!("it answered with an error: {code:?}"))),
            Err(_) => Err(no_answer("it ended without an answer".to_owned())),
        }
    }
}
