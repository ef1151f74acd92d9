//! The service: takes messages of a source, has components work on them, settles them.

use crate::pipeline::{Filter, Pipeline};
use crate::records;
use crate::runtime::Answer;
use crate::sources::{Delivery, Fate, Message, Source, SourceError};
use crate::turns::{self, TurnError};
use anyhow::Context as _;
use bytes::Bytes;
use framemill_contract::{Event, FailureRecord, Ignored, Job, JobError, LabelJob, Outcome};
use framemill_gcs_api::RetryAfter;
use futures::FutureExt as _;
use http::{Request, StatusCode, header};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What became of the messages of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The work was done, or had been already, or there was none.
    pub done: u64,
    /// Objects that cannot be processed.
    pub rejected: u64,
    /// Messages that were given up.
    pub dead: u64,
    /// Deliveries that failed and come back.
    pub retried: u64,
    /// Messages that were given back because of the stop.
    pub given_back: u64,
}

/// Works on the messages of one source.
pub struct Service {
    /// Where messages come from.
    pub source: Arc<dyn Source>,
    /// Who works on them: each pipeline that takes a message.
    pub pipelines: Vec<Pipeline>,
    /// Messages at the same time.
    pub workers: usize,
    /// Time to finish after the stop.
    pub drain: Duration,
    /// Deliveries after which a message is given up.
    pub max_attempts: u32,
    /// Is told how many messages are being worked on.
    pub running: watch::Sender<usize>,
}

/// A message may come this often beyond its attempts: processes that are stopped give back what
/// they have not finished, which servers count. More means that processes die on it.
const UNANSWERED: u32 = 2;
/// Longest time for one message, waiting included: a component that waits for ever must not keep
/// its place for ever.
const LONGEST_WORK: Duration = Duration::from_secs(24 * 3600);

/// How one delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Done,
    Rejected,
    Dead,
    Retried,
    GivenBack,
}

/// What a component made of a message.
enum Verdict {
    Settled(Outcome),
    Retry {
        reason: String,
        after: Option<Duration>,
    },
    NotAnEvent(String),
    /// The stop came between two turns of the work.
    Stopped,
}

impl Service {
    /// Works until `stop`, then lets running work finish for the drain time, then gives it back.
    /// `kill` cuts that time short.
    ///
    /// # Errors
    /// Where the source breaks.
    pub async fn run(
        self: Arc<Self>,
        stop: CancellationToken,
        kill: CancellationToken,
    ) -> anyhow::Result<Tally> {
        let mut running = JoinSet::new();
        let mut tally = Tally::default();
        let worked = self.work(&stop, &mut running, &mut tally).await;
        if let Err(error) = &worked {
            // What runs is finished all the same.
            tracing::error!("{}: {error:#}", self.source.name());
        }
        let finished = self.finish(running, &kill, &mut tally).await;
        worked.and(finished).map(|()| tally)
    }

    async fn work(
        self: &Arc<Self>,
        stop: &CancellationToken,
        running: &mut JoinSet<Result<Ended, SourceError>>,
        tally: &mut Tally,
    ) -> anyhow::Result<()> {
        let permits = Arc::new(Semaphore::new(self.workers.max(1)));
        loop {
            self.running.send_replace(running.len());
            // The permit first: a message must not wait in our hands.
            let next = async {
                let permit = Arc::clone(&permits).acquire_owned().await;
                let permit = permit.context("workers are gone")?;
                let delivery = self.source.next().await?;
                anyhow::Ok((permit, delivery))
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                Some(ended) = running.join_next() => tally.add(ended)?,
                next = next => {
                    let (permit, delivery) = next?;
                    let (service, stop) = (Arc::clone(self), stop.clone());
                    running.spawn(async move {
                        let ended = service.deliver(delivery, &stop).await;
                        drop(permit);
                        ended
                    });
                }
            }
        }
    }

    /// The graceful end.
    async fn finish(
        &self,
        mut running: JoinSet<Result<Ended, SourceError>>,
        kill: &CancellationToken,
        tally: &mut Tally,
    ) -> anyhow::Result<()> {
        if !running.is_empty() {
            tracing::info!(
                running = running.len(),
                "stopping: running work has {} to finish, another signal ends it at once",
                humantime::format_duration(self.drain)
            );
        }
        let time_is_up = tokio::time::sleep(self.drain);
        tokio::pin!(time_is_up);
        // What waits in hand goes back at once, so that others can take it.
        let mut stopping = self.source.stop();
        let mut stopped = false;
        let mut broken = Ok(());
        while !(running.is_empty() && stopped) {
            tokio::select! {
                biased;
                () = kill.cancelled() => break,
                () = &mut stopping, if !stopped => stopped = true,
                Some(ended) = running.join_next() => broken = broken.and(tally.add(ended)),
                () = &mut time_is_up => break,
            }
        }
        drop(stopping);
        if !running.is_empty() {
            let given_back = running.len() as u64;
            tally.given_back = tally.given_back.saturating_add(given_back);
            tracing::warn!(
                messages = running.len(),
                "given back unfinished: the next start works on them"
            );
            running.abort_all();
            // A sandbox in the middle of computing stops at its next tick.
            while running.join_next().await.is_some() {}
        }
        tokio::select! {
            () = kill.cancelled() => {}
            () = self.source.close() => {}
        }
        broken
    }

    async fn deliver(
        &self,
        delivery: Delivery,
        stop: &CancellationToken,
    ) -> Result<Ended, SourceError> {
        let Delivery { message, settle } = delivery;
        let event = match message.event() {
            Ok(event) => event,
            Err(error) => {
                tracing::error!(message = message.id, "given up: {error}");
                settle.bury(&error.to_string()).await?;
                return Ok(Ended::Dead);
            }
        };
        if message.attempt > self.max_attempts.saturating_add(UNANSWERED) {
            let attempt = message.attempt;
            let reason = format!(
                "delivered {attempt} times without an answer: whoever worked on it was killed, or it is too much for this machine"
            );
            tracing::error!("given up: {reason}: {}", event.object.name);
            settle.bury(&reason).await?;
            self.record_given_up(&event, attempt, &reason, &self.takers(&event))
                .await;
            return Ok(Ended::Dead);
        }
        let (verdict, failed) = self.work_on(&message, &event, stop).await;
        match verdict {
            Verdict::Settled(outcome) => {
                settle.ack(&outcome).await?;
                Ok(match outcome {
                    Outcome::Rejected { .. } => Ended::Rejected,
                    _ => Ended::Done,
                })
            }
            Verdict::NotAnEvent(reason) => {
                tracing::error!("given up: {reason}: {}", event.object.name);
                settle.bury(&reason).await?;
                self.record_given_up(&event, message.attempt, &reason, &failed)
                    .await;
                Ok(Ended::Dead)
            }
            Verdict::Stopped => {
                // Dropped unsettled, a message goes back as if it had not been tried.
                drop(settle);
                tracing::info!("given back between two turns: {}", event.object.name);
                Ok(Ended::GivenBack)
            }
            Verdict::Retry { reason, after } => {
                let (name, attempt) = (&event.object.name, message.attempt);
                if settle.retry(&reason, after).await? == Fate::Later {
                    tracing::warn!(attempt, "failed, will be tried again: {reason}: {name}");
                    return Ok(Ended::Retried);
                }
                tracing::error!(attempts = attempt, "given up: {reason}: {name}");
                self.record_given_up(&event, attempt, &reason, &failed)
                    .await;
                Ok(Ended::Dead)
            }
        }
    }

    /// Has each pipeline that takes the event work on it. All of them: those that succeeded find
    /// their work done when the message comes back for the sake of another.
    /// Gives the verdict, and the pipelines that failed.
    async fn work_on(
        &self,
        message: &Message,
        event: &Event,
        stop: &CancellationToken,
    ) -> (Verdict, Vec<&Pipeline>) {
        let mut verdict: Option<Verdict> = None;
        let mut ignored: Option<Ignored> = None;
        let mut failed = Vec::new();
        for pipeline in &self.pipelines {
            match pipeline.filter.take(event) {
                Ok(()) => {
                    let next = pipeline.work_on(message, event, stop).await;
                    if !matches!(next, Verdict::Settled(_)) {
                        failed.push(pipeline);
                    }
                    verdict = Some(match verdict {
                        Some(before) => before.and(next),
                        None => next,
                    });
                }
                Err(reason) => ignored = Some(reason),
            }
        }
        let verdict = verdict.unwrap_or_else(|| {
            let reason = ignored.map_or_else(|| "no pipeline".to_owned(), |i| i.to_string());
            tracing::debug!("ignored: {reason}: {}", event.object.name);
            Verdict::Settled(Outcome::Ignored { reason })
        });
        (verdict, failed)
    }

    /// The pipelines that take an event.
    fn takers(&self, event: &Event) -> Vec<&Pipeline> {
        let takes = |pipeline: &&Pipeline| pipeline.filter.take(event).is_ok();
        self.pipelines.iter().filter(takes).collect()
    }

    /// So that the object is listed with the failures, and no sweep queues it again.
    async fn record_given_up(
        &self,
        event: &Event,
        attempts: u32,
        reason: &str,
        failed: &[&Pipeline],
    ) {
        let error = JobError::GivenUp {
            attempts,
            reason: reason.to_owned(),
        };
        for pipeline in failed {
            let store = pipeline.store.as_ref();
            let written = match &pipeline.filter {
                Filter::Videos(config) => match Job::from_event(event, config) {
                    Ok(job) => records::give_up_video(store, &job, &error).await,
                    Err(_) => continue,
                },
                Filter::Manifests(config) => match LabelJob::from_event(event, config) {
                    Ok(job) => records::give_up_labels(store, &job, &error).await,
                    Err(_) => continue,
                },
                Filter::Names { .. } => continue,
            };
            if let Err(error) = written {
                let name = &event.object.name;
                tracing::warn!(%error, "failure record cannot be written: {name}");
            }
        }
    }
}

impl Pipeline {
    async fn work_on(&self, message: &Message, event: &Event, stop: &CancellationToken) -> Verdict {
        let name = event.object.name.as_str();
        tracing::info!(
            pipeline = self.name,
            attempt = message.attempt,
            "started: {name}"
        );
        let started = Instant::now();
        let work = turns::work(&self.runtime, name, message, stop);
        let call = AssertUnwindSafe(work).catch_unwind();
        match tokio::time::timeout(LONGEST_WORK, call).await {
            Ok(Ok(Ok(answer))) => self.judge(name, &answer, started.elapsed()).await,
            Ok(Ok(Err(TurnError::Stopped))) => Verdict::Stopped,
            Ok(Ok(Err(error))) => Verdict::retry(error.to_string()),
            // A defect of ours on one video must not end the service, start after start.
            Ok(Err(_)) => {
                Verdict::retry("framemill itself failed on it: see the log, and report it")
            }
            Err(_) => Verdict::retry(format!(
                "no end after {}",
                humantime::format_duration(LONGEST_WORK)
            )),
        }
    }

    async fn judge(&self, name: &str, answer: &Answer, took: Duration) -> Verdict {
        let outcome = serde_json::from_slice::<Outcome>(answer.response.body());
        match (answer.response.status(), outcome) {
            (StatusCode::OK, Ok(outcome)) => {
                self.report(name, &outcome, took).await;
                Verdict::Settled(outcome)
            }
            (StatusCode::BAD_REQUEST, outcome) => Verdict::NotAnEvent(
                outcome.map_or_else(|_| "not understood".to_owned(), |outcome| words(&outcome)),
            ),
            (StatusCode::SERVICE_UNAVAILABLE, Ok(outcome)) => Verdict::Retry {
                reason: words(&outcome),
                after: retry_after(answer),
            },
            (status, _) => {
                Verdict::retry(format!("component answered {status} without an outcome"))
            }
        }
    }

    async fn report(&self, name: &str, outcome: &Outcome, took: Duration) {
        let (pipeline, seconds) = (&self.name, took.as_secs_f64());
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
                    tasks,
                    existing,
                    seconds,
                    receipt,
                    "labels requested from {target}: {name}"
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

impl Verdict {
    fn retry(reason: impl Into<String>) -> Self {
        Self::Retry {
            reason: reason.into(),
            after: None,
        }
    }

    /// The one that decides of two: what must come back comes back.
    fn and(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Stopped, _) => self,
            (_, Self::Stopped) => other,
            (Self::Retry { .. }, _) => self,
            (_, Self::Retry { .. }) => other,
            (Self::NotAnEvent(_), _) => self,
            (_, Self::NotAnEvent(_)) => other,
            (Self::Settled(Outcome::Rejected { .. }), _) => self,
            (Self::Settled(Outcome::Ignored { .. }), _) => other,
            (_, Self::Settled(Outcome::Rejected { .. })) => other,
            _ => self,
        }
    }
}

impl Tally {
    fn add(
        &mut self,
        ended: Result<Result<Ended, SourceError>, tokio::task::JoinError>,
    ) -> anyhow::Result<()> {
        let ended = match ended {
            Ok(ended) => ended,
            // A defect of ours must not end the service; the message went back as it broke off.
            Err(error) => {
                tracing::error!("framemill itself failed: report it with the log: {error}");
                Ok(Ended::Retried)
            }
        };
        let count = match ended {
            Ok(Ended::Done) => &mut self.done,
            Ok(Ended::Rejected) => &mut self.rejected,
            Ok(Ended::Dead) => &mut self.dead,
            Ok(Ended::Retried) => &mut self.retried,
            Ok(Ended::GivenBack) => &mut self.given_back,
            Err(error @ SourceError::Unreachable { .. }) => {
                // The work is done, but its message is not settled: it comes back.
                tracing::warn!("message cannot be settled, it comes back: {error}");
                &mut self.retried
            }
            Err(error) => return Err(error.into()),
        };
        *count = count.saturating_add(1);
        Ok(())
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            done: self.done.saturating_add(other.done),
            rejected: self.rejected.saturating_add(other.rejected),
            dead: self.dead.saturating_add(other.dead),
            retried: self.retried.saturating_add(other.retried),
            given_back: self.given_back.saturating_add(other.given_back),
        }
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
        Outcome::Continued { cursor, .. } => cursor.clone(),
    }
}

fn retry_after(answer: &Answer) -> Option<Duration> {
    let value = answer.response.headers().get(header::RETRY_AFTER)?;
    let after: RetryAfter = value.to_str().ok()?.parse().ok()?;
    Some(after.wait(SystemTime::now()))
}

/// A message as Pub/Sub would push it.
pub(crate) fn push_request(body: String) -> Request<Bytes> {
    let mut request = Request::new(Bytes::from(body));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = http::Uri::from_static("http://framemill.internal/");
    let json = http::HeaderValue::from_static("application/json");
    request.headers_mut().insert(header::CONTENT_TYPE, json);
    request
}
