//! Traces over OTLP, where the usual environment variables name a receiver.
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>

use anyhow::Context as _;
use async_trait::async_trait;
use bytes::Bytes;
use framemill_support::net;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Limited};
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::runtime::Handle;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::registry::LookupSpan;

/// Either of them says where traces go.
const ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];
const PROTOCOLS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
];
const PROTOCOL: &str = "http/protobuf";
/// What we are called where OTEL_SERVICE_NAME says nothing else.
const SERVICE: &str = "framemill";
/// How the targets of our spans start; libraries have spans of their own, which say nothing of a
/// message.
const TARGET: &str = "framemill";
/// The receiver's answer to a batch has some bytes.
const LARGEST_ANSWER: usize = 1 << 20;
/// Longest wait for the receiver of one batch; the exporter's own is mostly shorter.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Longest wait at the end for spans that are not sent yet.
const FLUSH: Duration = Duration::from_secs(5);
/// Attributes of a message that name the span that sent it: Google's client libraries use the
/// first one.
const PARENTS: [&str; 2] = ["googclient_traceparent", "traceparent"];

/// Sends spans to the receiver.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// As the environment says; `None` where it names no receiver, or switches traces off.
    ///
    /// # Errors
    /// Naming the variable that cannot be followed.
    pub fn from_env(runtime: &Handle) -> anyhow::Result<Option<Self>> {
        let variable = |name: &str| {
            std::env::var(name)
                .ok()
                .filter(|text| !text.trim().is_empty())
        };
        let is = |name: &str, value: &str| {
            variable(name).is_some_and(|text| text.trim().eq_ignore_ascii_case(value))
        };
        let switched_off = is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none");
        if switched_off || !ENDPOINTS.iter().any(|name| variable(name).is_some()) {
            return Ok(None);
        }
        if let Some((name, protocol)) = PROTOCOLS
            .iter()
            .find_map(|name| Some((name, variable(name)?)))
        {
            anyhow::ensure!(
                protocol.trim() == PROTOCOL,
                "environment variable {name}: `{protocol}` is not spoken here: use {PROTOCOL}, mostly on port 4318"
            );
        }
        let client = OtlpClient {
            client: net::client().timeout(LONGEST_WAIT).build()?,
            runtime: runtime.clone(),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .build()
            .context("environment variables OTEL_EXPORTER_OTLP_…")?;
        // What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say goes before this.
        let name = opentelemetry::KeyValue::new("service.name", SERVICE);
        let named = is_named(&variable);
        let mut resource = Resource::builder();
        if !named {
            resource = resource.with_attribute(name);
        }
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_batch_exporter(exporter)
            .build();
        Ok(Some(Self(provider)))
    }

    /// Takes our spans, and what is logged inside of them.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer(SERVICE))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(TARGET, LevelFilter::INFO))
    }

    /// Sends what is not sent yet. Blocks, for some seconds at most.
    pub fn shutdown(&self) {
        if let Err(error) = self.0.shutdown_with_timeout(FLUSH) {
            tracing::warn!("the last spans may be lost: {error}");
        }
    }
}

/// Whether the environment says what we are called.
fn is_named(variable: &impl Fn(&str) -> Option<String>) -> bool {
    let attributes = variable("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let mut names = attributes
        .split(',')
        .filter_map(|pair| pair.split('=').next());
    variable("OTEL_SERVICE_NAME").is_some() || names.any(|name| name.trim() == "service.name")
}

/// Makes `span` a child of the one that the attributes of a message name, if they name one.
pub fn continue_trace(span: &Span, attributes: &BTreeMap<String, String>) {
    let Some(parent) = PARENTS.iter().find_map(|name| attributes.get(*name)) else {
        return;
    };
    let context = TraceContextPropagator::new().extract(&Traceparent(parent));
    if context.span().span_context().is_valid() {
        // An error says that nobody takes spans.
        let _ = span.set_parent(context);
    }
}

/// A header `traceparent`.
struct Traceparent<'a>(&'a str);

impl Extractor for Traceparent<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == "traceparent").then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}

/// Our HTTP client. The exporter has a thread of its own, so that requests go to the runtime.
#[derive(Debug)]
struct OtlpClient {
    client: reqwest::Client,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for OtlpClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self
            .runtime
            .spawn(async move { exchange(&client, request).await });
        sent.await?
    }
}

async fn exchange(
    client: &reqwest::Client,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, HttpError> {
    let response = client.execute(request.try_into()?).await;
    let response: Response<reqwest::Body> = response.map_err(net::problem)?.into();
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, LARGEST_ANSWER).collect().await?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_be_an_attribute() {
        let of = |name: &'static str, value: &'static str| {
            is_named(&move |asked: &str| (asked == name).then(|| value.to_owned()))
        };
        assert!(of("OTEL_SERVICE_NAME", "x"));
        assert!(of("OTEL_RESOURCE_ATTRIBUTES", "a=b, service.name=x"));
        assert!(!of("OTEL_RESOURCE_ATTRIBUTES", "a=service.name"));
        assert!(!of("OTHER", "x"));
    }

    #[test]
    fn only_valid_parents_are_read() {
        let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for (text, is_valid) in [
            (valid, true),
            (
                "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                false,
            ),
            ("nonsense", false),
            ("", false),
        ] {
            let context = TraceContextPropagator::new().extract(&Traceparent(text));
            assert_eq!(context.span().span_context().is_valid(), is_valid, "{text}");
        }
    }
}
