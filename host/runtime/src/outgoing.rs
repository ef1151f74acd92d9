//! A component's HTTP requests. Objects are answered by the gateway and requests to itself by a
//! fresh sandbox, without a socket; configured servers are reached; all others are refused.

use super::allowed_host::chained_component;
use super::bodies::{capped, from_objects, full, to_objects, whole};
use super::{ComponentEvent, Inner, Runtime, authority};
use framemill_objects::json;
use http::{Request, Response, StatusCode, Uri};
use serde_json::json;
use std::future::Future;
use std::time::Duration;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody as Body, WasiHttpHooks};

pub(super) struct Hooks {
    runtime: Runtime,
    label: String,
    chained: bool,
}

impl Hooks {
    pub(super) fn new(runtime: Runtime, label: &str, chained: bool) -> Self {
        Self {
            runtime,
            label: label.to_owned(),
            chained,
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
        let (runtime, label, chained) = (self.runtime.clone(), self.label.clone(), self.chained);
        Box::new(async move {
            let wait = options.and_then(|options| options.first_byte_timeout);
            let most = runtime.0.limits.body;
            let (parts, body) = request.into_parts();
            let body = capped(body, &parts.headers, most, Error::HttpRequestBodySize)?;
            let request = Request::from_parts(parts, body);
            let response = runtime.outgoing(&label, request, chained, wait).await?;
            let (parts, body) = response.into_parts();
            let body = capped(body, &parts.headers, most, Error::HttpResponseBodySize)?;
            let response = Response::from_parts(parts, body);
            Ok((response, Box::new(async { Ok(()) }) as Worker))
        })
    }
}

impl Runtime {
    async fn outgoing(
        &self,
        label: &str,
        request: Request<Body>,
        chained: bool,
        wait: Option<Duration>,
    ) -> Result<Response<Body>, Error> {
        let inner = &self.0;
        let destination = authority(request.uri());
        if inner.itself.as_ref() == Some(&destination) {
            if chained {
                tracing::warn!(
                    label,
                    "refused: a sandbox that was fanned out to fans out again"
                );
                return Err(Error::LoopDetected);
            }
            return self.chained(label, request).await;
        }
        if destination == authority(&inner.objects) {
            let request = inner.below_objects_url(request)?;
            let written = |written| (inner.observer)(label, ComponentEvent::Written(written));
            let request = request.map(to_objects);
            let response = inner.gateway.handle(request, &written).await;
            return Ok(response.map(from_objects));
        }
        if let Some(name) = chained_component(request.uri().host().unwrap_or_default()) {
            tracing::warn!(
                label,
                "refused: there is no component `{name}` to chain to: a component reaches itself only, at segments_url"
            );
            return Err(Error::DestinationNotFound);
        }
        if inner.outbound.allows(request.uri()) {
            return inner.outbound.send(request, wait).await;
        }
        tracing::warn!(
            label,
            host = destination,
            "refused: a component may reach objects, itself, and the hosts of [[credentials]] or `allow`"
        );
        Err(Error::HttpRequestDenied)
    }

    /// A request of the component to itself. A crash is an answer, so that the caller can try
    /// with less.
    async fn chained(&self, label: &str, request: Request<Body>) -> Result<Response<Body>, Error> {
        let inner = &self.0;
        // The permit first: each request is held in memory.
        let permit = inner.fan_out.acquire().await;
        let _permit = permit.map_err(|_| Error::ConnectionTerminated)?;
        let (parts, body) = request.into_parts();
        let body = whole(body, inner.limits.body).await?;
        (inner.observer)(label, ComponentEvent::SegmentDispatched(body.clone()));
        match self
            .run(label, Request::from_parts(parts, body), true)
            .await
        {
            Ok(answer) => Ok(answer.response.map(full)),
            Err(crash) => {
                tracing::warn!(label, "segment crashed: {crash}");
                let body = json!({ "crash": crash.to_string() });
                Ok(json(StatusCode::INTERNAL_SERVER_ERROR, &body).map(from_objects))
            }
        }
    }
}

impl Inner {
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
