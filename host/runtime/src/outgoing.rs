//! A component's HTTP requests. Objects are answered by the gateway and requests to itself by a
//! fresh sandbox, without a socket; configured servers are reached; all others are refused.

use super::allowed_host::chained_component;
use super::bodies::{capped, from_objects, full, to_objects, whole};
use super::crash::Crash;
use super::events::{ComponentEvent, Observer};
use super::outbound_client::OutboundClient;
use super::response::ComponentResponse;
use super::stopwatch::{Segment, Stopwatch};
use bytes::Bytes;
use framemill_objects::{ObjectsApi, json};
use futures::future::BoxFuture;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt as _;
use serde_json::json;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tracing::{Instrument as _, Span};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody as Body, WasiHttpHooks};

/// What a component's requests are answered by.
pub(super) struct Outgoing {
    /// Answers object requests.
    pub(super) gateway: Arc<dyn ObjectsApi>,
    /// Where the component finds objects.
    pub(super) objects: Uri,
    /// Authority under which it reaches itself, where it does.
    pub(super) itself: Option<String>,
    /// Other servers.
    pub(super) outbound: OutboundClient,
    /// Largest body in any direction.
    pub(super) body_limit: Option<u64>,
    /// Sandboxes at the same time that the component starts of itself.
    pub(super) fan_out: Semaphore,
    /// Who watches.
    pub(super) observer: Observer,
}

/// The way from a component to itself: another sandbox.
pub(super) trait Chain: Send + Sync {
    /// Sends a request to a fresh instance, once there is memory for it.
    fn request<'a>(
        &'a self,
        label: &'a str,
        request: Request<Bytes>,
        segment: Segment,
    ) -> BoxFuture<'a, Result<ComponentResponse, Crash>>;
}

/// Sends the requests of one sandbox.
pub(super) struct Hooks {
    outgoing: Arc<Outgoing>,
    chain: Arc<dyn Chain>,
    sandbox: Requester,
}

/// The sandbox that sends a request.
#[derive(Clone)]
pub(super) struct Requester {
    /// What its request is about.
    pub(super) label: String,
    /// Whether the component started it itself.
    pub(super) segment: bool,
    /// Its time.
    pub(super) watch: Arc<Stopwatch>,
    /// Counts the bytes of objects that it reads.
    pub(super) bytes_read: Arc<AtomicU64>,
    /// Requests run in tasks of their own, which do not know whom they are for.
    pub(super) span: Span,
}

impl Hooks {
    pub(super) fn new(outgoing: Arc<Outgoing>, chain: Arc<dyn Chain>, sandbox: Requester) -> Self {
        Self {
            outgoing,
            chain,
            sandbox,
        }
    }
}

type Worker = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(Response<Body>, Worker), Error>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: Request<Body>,
        options: Option<RequestOptions>,
        _processed: Worker,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let (outgoing, chain) = (Arc::clone(&self.outgoing), Arc::clone(&self.chain));
        let sandbox = self.sandbox.clone();
        let span = sandbox.span.clone();
        let sent = async move {
            let wait = options.and_then(|options| options.first_byte_timeout);
            let most = outgoing.body_limit;
            let (parts, body) = request.into_parts();
            let body = capped(body, &parts.headers, most, Error::HttpRequestBodySize)?;
            let request = Request::from_parts(parts, body);
            let response = outgoing.send(&*chain, &sandbox, request, wait).await?;
            let (parts, body) = response.into_parts();
            let body = capped(body, &parts.headers, most, Error::HttpResponseBodySize)?;
            let response = Response::from_parts(parts, body);
            Ok((response, Box::new(async { Ok(()) }) as Worker))
        };
        Box::new(sent.instrument(span))
    }
}

impl Outgoing {
    async fn send(
        &self,
        chain: &dyn Chain,
        sandbox: &Requester,
        request: Request<Body>,
        wait: Option<Duration>,
    ) -> Result<Response<Body>, Error> {
        let label = sandbox.label.as_str();
        let destination = authority(request.uri());
        if self.itself.as_ref() == Some(&destination) {
            if sandbox.segment {
                tracing::warn!(
                    label,
                    "refused: a sandbox that was fanned out to fans out again"
                );
                return Err(Error::LoopDetected);
            }
            return self.chained(chain, sandbox, request).await;
        }
        if destination == authority(&self.objects) {
            let request = self.below_objects_url(request)?;
            let written = |written| (self.observer)(label, ComponentEvent::Written(written));
            let media = asks_for_media(&request);
            let request = request.map(to_objects);
            let response = self.gateway.handle(request, label, &written).await;
            let response = response.map(from_objects);
            return Ok(match media && response.status().is_success() {
                true => response.map(|body| counted(body, Arc::clone(&sandbox.bytes_read))),
                false => response,
            });
        }
        if let Some(name) = chained_component(request.uri().host().unwrap_or_default()) {
            tracing::warn!(
                label,
                "refused: there is no component `{name}` to chain to: a component reaches itself only, at segments_url"
            );
            return Err(Error::DestinationNotFound);
        }
        if self.outbound.allows(request.uri()) {
            return self.outbound.send(request, wait).await;
        }
        tracing::warn!(
            label,
            host = destination,
            "refused: a component may reach objects, itself, and the hosts of `allow` or its function.toml"
        );
        Err(Error::HttpRequestDenied)
    }

    /// A request of the component to itself. A crash is an answer, so that the caller can try
    /// with less.
    async fn chained(
        &self,
        chain: &dyn Chain,
        sandbox: &Requester,
        request: Request<Body>,
    ) -> Result<Response<Body>, Error> {
        let label = sandbox.label.as_str();
        let segment = sandbox.watch.segment();
        // The permit first: each request is held in memory.
        let permit = self.fan_out.acquire().await;
        let _permit = permit.map_err(|_| Error::ConnectionTerminated)?;
        let (parts, body) = request.into_parts();
        let body = whole(body, self.body_limit).await?;
        (self.observer)(label, ComponentEvent::SegmentDispatched(body.clone()));
        let request = Request::from_parts(parts, body);
        match chain.request(label, request, segment).await {
            Ok(answer) => Ok(answer.response.map(full)),
            Err(crash) => {
                tracing::warn!(label, "segment crashed: {crash}");
                let body = json!({ "crash": crash.to_string(), "code": crash.reason.code() });
                Ok(json(StatusCode::INTERNAL_SERVER_ERROR, &body).map(from_objects))
            }
        }
    }
}

/// Whether a request is for an object's bytes.
fn asks_for_media(request: &Request<Body>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    request.method() == Method::GET && query.split('&').any(|part| part == "alt=media")
}

/// A body whose bytes are counted as they pass.
fn counted(body: Body, count: Arc<AtomicU64>) -> Body {
    let counted = body.map_frame(move |frame| {
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        count.fetch_add(bytes, Ordering::Relaxed);
        frame
    });
    counted.boxed_unsync()
}

impl Outgoing {
    /// Takes the path of `objects_url` off a request's path.
    fn below_objects_url(&self, mut request: Request<Body>) -> Result<Request<Body>, Error> {
        let base = self.objects.path().trim_end_matches('/');
        if base.is_empty() {
            return Ok(request);
        }
        let path = request
            .uri()
            .path_and_query()
            .map_or("", |path| path.as_str());
        let below: Uri = path
            .strip_prefix(base)
            .and_then(|below| below.parse().ok())
            .ok_or(Error::HttpRequestDenied)?;
        *request.uri_mut() = below;
        Ok(request)
    }
}

/// The server that a URL names, in lower case.
pub(super) fn authority(uri: &Uri) -> String {
    uri.authority()
        .map(|authority| authority.as_str().to_ascii_lowercase())
        .unwrap_or_default()
}
