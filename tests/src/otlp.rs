//! A receiver of traces: OTLP over HTTP, as a collector speaks it.

use crate::listener::Listener;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// A span as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Name of the service that sent it.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Ids in lower-case hex: of its trace, its own, and its parent's; empty where it has none.
    pub ids: [String; 3],
    /// Attributes as text.
    pub attributes: BTreeMap<String, String>,
}

type Spans = Arc<Mutex<Vec<Received>>>;

/// Listens on 127.0.0.1 as long as it lives.
pub struct Collector {
    listener: Listener,
    spans: Spans,
}

impl Collector {
    /// With no spans yet.
    pub fn start() -> Self {
        let spans = Spans::default();
        let routes = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&spans));
        Self {
            listener: Listener::start(routes),
            spans,
        }
    }

    /// For `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        self.listener.origin()
    }

    /// Everything that came so far.
    pub fn spans(&self) -> Vec<Received> {
        self.spans.lock().unwrap().clone()
    }
}

async fn take(State(spans): State<Spans>, body: Bytes) -> impl IntoResponse {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    for of_service in request.resource_spans {
        let resource = of_service.resource.unwrap();
        let service = texts(&resource.attributes)["service.name"].clone();
        let found = of_service.scope_spans.into_iter().flat_map(|it| it.spans);
        let received = found.map(|span| received(&service, span));
        spans.lock().unwrap().extend(received);
    }
    let answer = ExportTraceServiceResponse::default().encode_to_vec();
    ([(header::CONTENT_TYPE, "application/x-protobuf")], answer)
}

fn received(service: &str, span: Span) -> Received {
    let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect();
    Received {
        service: service.to_owned(),
        name: span.name,
        ids: [
            hex(&span.trace_id),
            hex(&span.span_id),
            hex(&span.parent_span_id),
        ],
        attributes: texts(&span.attributes),
    }
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |attribute: &KeyValue| (attribute.key.clone(), text(attribute.value.as_ref()));
    attributes.iter().map(text).collect()
}

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BoolValue(flag)) => flag.to_string(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}
