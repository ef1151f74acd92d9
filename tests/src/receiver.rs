//! A labeling system of our own: takes the webhook's batches, or answers with what a test wants.

use crate::listener::Listener;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use framemill_contract::{LabelRequest, webhook_signature};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// Path and query.
    pub uri: String,
    /// Headers, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// Body.
    pub body: Bytes,
}

impl Arrived {
    /// The batch that it carries.
    pub fn request(&self) -> LabelRequest {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Whether the signature is that of the body, with this secret.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let timestamp = self.headers.get("x-framemill-timestamp");
        let timestamp = timestamp.and_then(|text| text.parse().ok());
        let expected = timestamp.map(|time| webhook_signature(secret, time, &self.body));
        expected.is_some() && self.headers.get("x-framemill-signature") == expected.as_ref()
    }
}

/// What it answers next, instead of 200.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Status.
    pub status: u16,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// Body.
    pub body: &'static str,
}

#[derive(Default)]
struct Shared {
    arrived: Mutex<Vec<Arrived>>,
    refusals: Mutex<VecDeque<Refusal>>,
}

/// Listens on 127.0.0.1 as long as it lives.
pub struct Receiver {
    listener: Listener,
    shared: Arc<Shared>,
}

impl Receiver {
    /// Starts one that takes everything.
    pub fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let router = Router::new().fallback(take).with_state(Arc::clone(&shared));
        Self {
            listener: Listener::start(router),
            shared,
        }
    }

    /// Its scheme, host and port.
    pub fn origin(&self) -> String {
        self.listener.origin()
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("{}/batches", self.origin())
    }

    /// Answers the next requests so.
    pub fn refuse(&self, refusals: &[Refusal]) {
        let mut next = self.shared.refusals.lock().unwrap();
        next.extend(refusals.iter().cloned());
    }

    /// All requests so far, refused ones too.
    pub fn arrived(&self) -> Vec<Arrived> {
        self.shared.arrived.lock().unwrap().clone()
    }

    /// Forgets what arrived and what it should refuse.
    pub fn reset(&self) {
        self.shared.arrived.lock().unwrap().clear();
        self.shared.refusals.lock().unwrap().clear();
    }

    /// How often each frame was asked for, by its key, over distinct idempotency keys.
    pub fn frames(&self) -> BTreeMap<String, usize> {
        let mut batches: BTreeMap<String, LabelRequest> = BTreeMap::new();
        for arrived in self.arrived() {
            let request = arrived.request();
            batches.insert(request.idempotency_key.clone(), request);
        }
        let mut frames = BTreeMap::new();
        for frame in batches.values().flat_map(|request| &request.batch.frames) {
            *frames.entry(frame.key.clone()).or_default() += 1;
        }
        frames
    }
}

async fn take(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        let value = value.to_str().unwrap_or_default();
        (name.as_str().to_owned(), value.to_owned())
    };
    shared.arrived.lock().unwrap().push(Arrived {
        uri: uri.to_string(),
        headers: headers.iter().map(text).collect(),
        body,
    });
    let Some(refusal) = shared.refusals.lock().unwrap().pop_front() else {
        return StatusCode::OK.into_response();
    };
    let status = StatusCode::from_u16(refusal.status).unwrap();
    let mut response = (status, refusal.body).into_response();
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    response
}
