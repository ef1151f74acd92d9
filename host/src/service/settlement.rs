//! What a component made of a message, and what follows for the message.

use super::continuation::{self, ContinuationError};
use super::pipeline::Pipeline;
use crate::app::records;
use framemill_contract::{Event, FailureRecord, Outcome};
use framemill_gcs_api::RetryAfter;
use framemill_runtime::ComponentResponse;
use framemill_sources::Message;
use futures::FutureExt as _;
use http::{StatusCode, header};
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant, SystemTime};
use tokio_util::sync::CancellationToken;

/// Longest time for one message, waiting included: a component that waits for ever must not keep
/// its place for ever.
const LONGEST_WORK: Duration = Duration::from_secs(24 * 3600);

/// What a component made of a message.
pub(super) enum Settlement {
    Settled(Outcome),
    Retry {
        reason: String,
        after: Option<Duration>,
    },
    NotAnEvent(String),
    /// The stop came between two continuations of the work.
    Stopped,
}

impl Pipeline {
    pub(super) async fn work_on(
        &self,
        message: &Message,
        event: &Event,
        stop: &CancellationToken,
    ) -> Settlement {
        let name = event.object.name.as_str();
        tracing::info!(
            pipeline = self.function.name,
            attempt = message.attempt,
            "started: {name}"
        );
        let started = Instant::now();
        let work = continuation::run(&self.runtime, name, message, stop);
        let call = AssertUnwindSafe(work).catch_unwind();
        match tokio::time::timeout(LONGEST_WORK, call).await {
            Ok(Ok(Ok(answer))) => self.judge(name, &answer, started.elapsed()).await,
            Ok(Ok(Err(ContinuationError::Stopped))) => Settlement::Stopped,
            Ok(Ok(Err(error))) => Settlement::retry(error.to_string()),
            // A defect of ours on one video must not end the service, start after start.
            Ok(Err(_)) => {
                Settlement::retry("framemill itself failed on it: see the log, and report it")
            }
            Err(_) => Settlement::retry(format!(
                "no end after {}",
                humantime::format_duration(LONGEST_WORK)
            )),
        }
    }

    async fn judge(&self, name: &str, answer: &ComponentResponse, took: Duration) -> Settlement {
        let outcome = serde_json::from_slice::<Outcome>(answer.response.body());
        match (answer.response.status(), outcome) {
            (StatusCode::OK, Ok(outcome)) => {
                self.report(name, &outcome, took).await;
                Settlement::Settled(outcome)
            }
            (StatusCode::BAD_REQUEST, outcome) => Settlement::NotAnEvent(
                outcome.map_or_else(|_| "not understood".to_owned(), |outcome| words(&outcome)),
            ),
            (StatusCode::SERVICE_UNAVAILABLE, Ok(outcome)) => Settlement::Retry {
                reason: words(&outcome),
                after: retry_after(answer),
            },
            (status, _) => {
                Settlement::retry(format!("component answered {status} without an outcome"))
            }
        }
    }

    async fn report(&self, name: &str, outcome: &Outcome, took: Duration) {
        let (pipeline, seconds) = (&self.function.name, took.as_secs_f64());
        match outcome {
            Outcome::Extracted {
                frames,
                dropped,
                warnings,
                manifest,
            } => {
                tracing::info!(
                    frames,
                    dropped,
                    warnings,
                    seconds,
                    manifest,
                    "extracted: {name}"
                );
            }
            Outcome::Incomplete {
                frames,
                lost,
                manifest,
                failure,
                message,
                ..
            } => {
                let remedy = self.remedy(failure).await;
                tracing::error!(
                    pipeline,
                    frames,
                    lost,
                    seconds,
                    remedy,
                    manifest,
                    failure,
                    "incomplete: {message}: {name}"
                );
            }
            Outcome::Requested {
                target,
                tasks,
                existing,
                receipt,
            } => {
                tracing::info!(
                    tasks,
                    existing,
                    seconds,
                    receipt,
                    "labels requested from {target}: {name}"
                );
            }
            Outcome::Collected {
                target,
                tasks,
                frames,
                unchanged,
                unknown,
            } => {
                tracing::info!(
                    tasks,
                    frames,
                    unchanged,
                    unknown,
                    seconds,
                    "annotations collected from {target}: {name}"
                );
            }
            Outcome::Unchanged { manifest } => {
                tracing::info!(pipeline, manifest, "unchanged: {name}");
            }
            Outcome::Ignored { reason } => tracing::info!(pipeline, "ignored: {reason}: {name}"),
            Outcome::Rejected {
                failure,
                code,
                message,
            } => {
                let remedy = self.remedy(failure).await;
                tracing::error!(
                    pipeline,
                    code,
                    remedy,
                    failure,
                    "rejected: {message}: {name}"
                );
            }
            // Turns are told of as they end.
            Outcome::Continued { .. } | Outcome::Retry { .. } | Outcome::NotAnEvent { .. } => {}
        }
    }

    /// What to do about a rejected object, from its failure record.
    async fn remedy(&self, failure: &str) -> Option<String> {
        let record = records::read_json::<FailureRecord>(self.store.as_ref(), failure).await;
        Some(record.ok()??.remedy)
    }
}

impl Settlement {
    /// Stable name for metrics and traces: that of the outcome, where there is one.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Settled(outcome) => match outcome {
                Outcome::Extracted { .. } => "extracted",
                Outcome::Incomplete { .. } => "incomplete",
                Outcome::Requested { .. } => "requested",
                Outcome::Collected { .. } => "collected",
                Outcome::Unchanged { .. } => "unchanged",
                Outcome::Continued { .. } => "continued",
                Outcome::Ignored { .. } => "ignored",
                Outcome::Rejected { .. } => "rejected",
                Outcome::Retry { .. } => "retry",
                Outcome::NotAnEvent { .. } => "not_an_event",
            },
            Self::Retry { .. } => "retry",
            Self::NotAnEvent(_) => "not_an_event",
            Self::Stopped => "released",
        }
    }

    fn retry(reason: impl Into<String>) -> Self {
        Self::Retry {
            reason: reason.into(),
            after: None,
        }
    }

    /// The one that decides of two: what must come back comes back.
    pub(super) fn and(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Stopped, _) => self,
            (_, Self::Stopped) => other,
            (Self::Retry { .. }, _) => self,
            (_, Self::Retry { .. }) => other,
            (Self::NotAnEvent(_), _) => self,
            (_, Self::NotAnEvent(_)) => other,
            (Self::Settled(ours), _) if ours.failure().is_some() => self,
            (Self::Settled(Outcome::Ignored { .. }), _) => other,
            (_, Self::Settled(others)) if others.failure().is_some() => other,
            _ => self,
        }
    }
}

/// The reason that an outcome gives.
fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Retry { message, .. }
        | Outcome::NotAnEvent { message }
        | Outcome::Incomplete { message, .. }
        | Outcome::Rejected { message, .. } => message.clone(),
        Outcome::Ignored { reason } => reason.clone(),
        Outcome::Extracted { manifest, .. } | Outcome::Unchanged { manifest } => manifest.clone(),
        Outcome::Requested { receipt, .. } => receipt.clone(),
        Outcome::Collected { target, .. } => target.clone(),
        Outcome::Continued { checkpoint, .. } => checkpoint.clone(),
    }
}

fn retry_after(answer: &ComponentResponse) -> Option<Duration> {
    let value = answer.response.headers().get(header::RETRY_AFTER)?;
    let after: RetryAfter = value.to_str().ok()?.parse().ok()?;
    Some(after.wait(SystemTime::now()))
}
