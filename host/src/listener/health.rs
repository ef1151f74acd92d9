//! Probes: whether the process lives, and whether it can work.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use framemill_objects::Store;
use framemill_sources::Source;
use serde::Serialize;
use serde_json::json;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// What was found is true for this long: a storm of probes costs nothing.
const CACHED: Duration = Duration::from_secs(3);
/// Longest look at one thing: probes have short deadlines.
const LONGEST_LOOK: Duration = Duration::from_secs(2);

/// What has to work.
pub struct Probes {
    /// The bucket.
    pub store: Arc<dyn Store>,
    /// Where messages come from.
    pub sources: Vec<Arc<dyn Source>>,
}

/// Whether work can be done.
pub struct Readiness {
    stop: CancellationToken,
    probes: OnceLock<Probes>,
    found: Mutex<Option<(Instant, Vec<Check>)>>,
}

/// One thing that has to work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Check {
    name: String,
    ready: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Check {
    fn of(name: impl Into<String>, state: Result<(), String>) -> Self {
        let reason = state.err();
        Self {
            name: name.into(),
            ready: reason.is_none(),
            reason,
        }
    }
}

impl Readiness {
    /// Not ready until [`Readiness::start`], and after `stop` never again.
    pub fn new(stop: CancellationToken) -> Self {
        Self {
            stop,
            probes: OnceLock::new(),
            found: Mutex::new(None),
        }
    }

    /// The components are compiled; from now on it depends on these.
    pub fn start(&self, probes: Probes) {
        // What was there first stays: it is called once.
        let _ = self.probes.set(probes);
    }

    /// Whether messages can be worked on, or what is in the way.
    pub(super) async fn answer(&self) -> Response {
        let checks = self.checks().await;
        let ready = checks.iter().all(|check| check.ready);
        let status = match ready {
            true => StatusCode::OK,
            false => StatusCode::SERVICE_UNAVAILABLE,
        };
        answer(status, json!({ "ready": ready, "checks": checks }))
    }

    /// Each thing that has to work, in the order of the way of a message.
    async fn checks(&self) -> Vec<Check> {
        if self.stop.is_cancelled() {
            return vec![Check::of("service", Err("stopping".to_owned()))];
        }
        let Some(probes) = self.probes.get() else {
            let not_yet = Err("not compiled yet".to_owned());
            return vec![Check::of("components", not_yet)];
        };
        // Whoever comes while it is looked waits for what is found.
        let mut found = self.found.lock().await;
        if let Some((when, checks)) = found.as_ref()
            && when.elapsed() < CACHED
        {
            return checks.clone();
        }
        let checks = probes.look().await;
        *found = Some((Instant::now(), checks.clone()));
        checks
    }
}

impl Probes {
    async fn look(&self) -> Vec<Check> {
        let reached = match tokio::time::timeout(LONGEST_LOOK, self.store.reachable()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {} s", LONGEST_LOOK.as_secs())),
        };
        let mut checks = vec![Check::of("components", Ok(())), Check::of("store", reached)];
        let sources = self.sources.iter();
        checks.extend(
            sources
                .map(|source| Check::of(format!("source {}", source.name()), source.connected())),
        );
        checks
    }
}

/// `GET /healthz`: the process answers.
pub(super) async fn alive() -> Response {
    answer(
        StatusCode::OK,
        json!({ "service": "framemill", "alive": true }),
    )
}

fn answer(status: StatusCode, body: serde_json::Value) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
