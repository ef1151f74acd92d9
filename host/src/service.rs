//! The service: takes messages, has the component work on them, settles them.

use crate::objects::{RangeSpec, Store};
use crate::runtime::Runtime;
use crate::sources::{Queue, QueueError, Taken};
use anyhow::Context as _;
use bytes::Bytes;
use framemill_contract::{FailureRecord, Outcome};
use futures::{FutureExt as _, TryStreamExt as _};
use http::{Request, StatusCode, header};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What became of the messages of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Frames were extracted, or there already, or the object was no video.
    pub done: u64,
    /// Videos that cannot be processed.
    pub rejected: u64,
    /// Messages that were given up.
    pub dead: u64,
    /// Deliveries that failed and come back.
    pub retried: u64,
    /// Messages that were given back because of the stop.
    pub given_back: u64,
}

/// Works on the messages of a queue.
pub struct Service {
    /// Where messages come from.
    pub queue: Arc<Queue>,
    /// What works on them.
    pub runtime: Runtime,
    /// The bucket, for the remedy in failure records.
    pub store: Arc<dyn Store>,
    /// Messages at the same time.
    pub workers: usize,
    /// Time to finish after the stop.
    pub drain: Duration,
}

/// How one delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Done,
    Rejected,
    Dead,
    Retried,
}

/// A taken message; given back when dropped, which after settling does nothing.
struct Held {
    queue: Arc<Queue>,
    message: Taken,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.queue.release(&self.message);
    }
}

impl Service {
    /// Works until `stop`, then lets running work finish for the drain time, then gives it back.
    /// `kill` cuts that time short.
    ///
    /// # Errors
    /// Where the queue breaks.
    pub async fn run(
        self: Arc<Self>,
        stop: CancellationToken,
        kill: CancellationToken,
    ) -> anyhow::Result<Tally> {
        let permits = Arc::new(Semaphore::new(self.workers.max(1)));
        let mut running = JoinSet::new();
        let mut tally = Tally::default();
        loop {
            // The permit first: a message must not wait in our hands.
            let next = async {
                let permit = Arc::clone(&permits).acquire_owned().await;
                let permit = permit.context("workers are gone")?;
                let message = self.queue.next().await?;
                anyhow::Ok((permit, message))
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ended) = running.join_next() => tally.add(ended)?,
                next = next => {
                    let (permit, message) = next?;
                    let service = Arc::clone(&self);
                    running.spawn(async move {
                        let ended = service.deliver(message).await;
                        drop(permit);
                        ended
                    });
                }
            }
        }
        self.finish(running, &kill, tally).await
    }

    /// The graceful end.
    async fn finish(
        &self,
        mut running: JoinSet<Result<Ended, QueueError>>,
        kill: &CancellationToken,
        mut tally: Tally,
    ) -> anyhow::Result<Tally> {
        if !running.is_empty() {
            tracing::info!(
                running = running.len(),
                "stopping: running work has {} to finish, another signal ends it at once",
                humantime::format_duration(self.drain)
            );
        }
        let time_is_up = tokio::time::sleep(self.drain);
        tokio::pin!(time_is_up);
        loop {
            tokio::select! {
                biased;
                () = kill.cancelled() => break,
                ended = running.join_next() => match ended {
                    Some(ended) => tally.add(ended)?,
                    None => return Ok(tally),
                },
                () = &mut time_is_up => break,
            }
        }
        tally.given_back = running.len() as u64;
        tracing::warn!(
            messages = running.len(),
            "given back unfinished: the next start works on them"
        );
        running.abort_all();
        // A sandbox in the middle of computing stops at its next tick.
        while running.join_next().await.is_some() {}
        Ok(tally)
    }

    async fn deliver(&self, message: Taken) -> Result<Ended, QueueError> {
        let held = Held {
            queue: Arc::clone(&self.queue),
            message,
        };
        let message = &held.message;
        let name = message.object.name.as_str();
        tracing::info!(attempt = message.attempt, "started: {name}");
        let started = std::time::Instant::now();
        let call = AssertUnwindSafe(self.runtime.call(name, push_request(message)));
        let answer = match call.catch_unwind().await {
            Ok(Ok(answer)) => answer,
            Ok(Err(crash)) => return self.retry(message, &crash.to_string(), None),
            // A defect of ours on one video must not end the service, start after start.
            Err(_) => {
                let reason = "framemill itself failed on it: see the log, and report it";
                return self.retry(message, reason, None);
            }
        };
        let outcome = serde_json::from_slice::<Outcome>(answer.response.body());
        match (answer.response.status(), outcome) {
            (StatusCode::OK, Ok(outcome)) => {
                let ended = self.report(name, &outcome, started.elapsed()).await;
                match outcome {
                    // Gone for now: a file that is moved back, or whose disk returns, has the
                    // same generation and must be taken then.
                    Outcome::Ignored { .. } => self.queue.forget(message)?,
                    _ => self.queue.settle(message, &outcome)?,
                }
                Ok(ended)
            }
            (StatusCode::BAD_REQUEST, outcome) => {
                let reason = outcome.map_or_else(|_| "not understood".to_owned(), |o| words(&o));
                tracing::error!("given up: {reason}: {name}");
                self.queue.bury(message, &reason)?;
                Ok(Ended::Dead)
            }
            (StatusCode::SERVICE_UNAVAILABLE, Ok(outcome)) => {
                let after = answer.response.headers().get(header::RETRY_AFTER);
                let after = after
                    .and_then(|value| value.to_str().ok()?.trim().parse().ok())
                    .map(Duration::from_secs);
                self.retry(message, &words(&outcome), after)
            }
            (status, _) => {
                let reason = format!("component answered {status} without an outcome");
                self.retry(message, &reason, None)
            }
        }
    }

    fn retry(
        &self,
        message: &Taken,
        reason: &str,
        after: Option<Duration>,
    ) -> Result<Ended, QueueError> {
        let (name, attempt) = (&message.object.name, message.attempt);
        if self.queue.nack(message, reason, after)? {
            tracing::error!(attempts = attempt, "given up: {reason}: {name}");
            return Ok(Ended::Dead);
        }
        tracing::warn!(attempt, "failed, will be tried again: {reason}: {name}");
        Ok(Ended::Retried)
    }

    async fn report(&self, name: &str, outcome: &Outcome, took: Duration) -> Ended {
        let seconds = took.as_secs_f64();
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
            Outcome::Requested {
                target,
                tasks,
                existing,
                receipt,
            } => {
                tracing::info!(
                    target_id = target,
                    tasks,
                    existing,
                    seconds,
                    receipt,
                    "labels requested: {name}"
                );
            }
            Outcome::Unchanged { manifest } => tracing::info!(manifest, "unchanged: {name}"),
            Outcome::Ignored { reason } => tracing::info!("ignored: {reason}: {name}"),
            Outcome::Rejected {
                failure,
                code,
                message,
            } => {
                let remedy = self.remedy(failure).await;
                tracing::error!(code, remedy, failure, "rejected: {message}: {name}");
                return Ended::Rejected;
            }
            Outcome::Retry { .. } | Outcome::NotAnEvent { .. } => {}
        }
        Ended::Done
    }

    /// What to do about a rejected video, from its failure record.
    async fn remedy(&self, failure: &str) -> Option<String> {
        let reading = self
            .store
            .read(failure, None, RangeSpec::Whole)
            .await
            .ok()?;
        let chunks: Vec<Bytes> = reading.stream.try_collect().await.ok()?;
        let record: FailureRecord = serde_json::from_slice(&chunks.concat()).ok()?;
        Some(record.remedy)
    }
}

impl Tally {
    fn add(
        &mut self,
        ended: Result<Result<Ended, QueueError>, tokio::task::JoinError>,
    ) -> anyhow::Result<()> {
        let count = match ended.context("a worker broke off")?? {
            Ended::Done => &mut self.done,
            Ended::Rejected => &mut self.rejected,
            Ended::Dead => &mut self.dead,
            Ended::Retried => &mut self.retried,
        };
        *count = count.saturating_add(1);
        Ok(())
    }

    /// Whether a video failed for good.
    pub fn failed(&self) -> bool {
        self.rejected > 0 || self.dead > 0
    }
}

/// The reason that an outcome gives.
fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Retry { message, .. }
        | Outcome::NotAnEvent { message }
        | Outcome::Rejected { message, .. } => message.clone(),
        Outcome::Ignored { reason } => reason.clone(),
        Outcome::Extracted { manifest, .. } | Outcome::Unchanged { manifest } => manifest.clone(),
        Outcome::Requested { receipt, .. } => receipt.clone(),
    }
}

/// A message as Pub/Sub would push it.
pub(crate) fn push_request(message: &Taken) -> Request<Bytes> {
    let time = humantime::format_rfc3339_millis(message.published).to_string();
    let body = message
        .event()
        .to_push_body(&message.id.to_string(), &time, message.attempt)
        .to_string();
    let mut request = Request::new(Bytes::from(body));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = http::Uri::from_static("http://extract-frames.spin.internal/");
    let json = http::HeaderValue::from_static("application/json");
    request.headers_mut().insert(header::CONTENT_TYPE, json);
    request
}
