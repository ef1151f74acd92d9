//! The service: takes messages of a source, has components work on them, settles them.

mod continuation;
mod pipeline;
mod push;
mod settlement;
mod summary;

pub(crate) use continuation::run as run_to_end;
pub use pipeline::{Pipeline, take};
pub use push::{LONGEST_WAIT_FOR_A_WORKER, PushAnswer, PushError, Pushes};
pub use summary::RunSummary;

use crate::app::records;
use crate::telemetry::{Metrics, continue_trace};
use anyhow::Context as _;
use framemill_contract::{Event, Ignored, JobError, Outcome};
use framemill_sources::{Delivery, Message, RetryDecision, Source, SourceError};
use push::Work;
use settlement::Settlement;
use std::sync::Arc;
use std::time::{Duration, Instant};
use summary::{DeliveryResult, Ended};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span, field};

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
    /// Messages that come over HTTP instead of from the source.
    pub pushes: Pushes,
    /// Counts what becomes of messages.
    pub metrics: Arc<Metrics>,
}

/// A full disk is looked at this often whether there is space.
const SPACE_AGAIN: Duration = Duration::from_secs(1);

/// Waits while there is no space where these pipelines write. Says whether there was none.
async fn waited_for_space(pipelines: &[&Pipeline], stop: &CancellationToken) -> bool {
    let mut waited = false;
    for pipeline in pipelines {
        while !stop.is_cancelled() && !pipeline.store.has_space().await {
            waited = true;
            let pause = tokio::time::sleep(SPACE_AGAIN);
            stop.run_until_cancelled(pause).await;
        }
    }
    waited
}

/// A message may come this often beyond its attempts: processes that are stopped release what
/// they have not finished, which servers count. More means that processes die on it.
const UNANSWERED: u32 = 2;
impl Service {
    /// Works until `stop`, then lets running work finish for the drain time, then releases it.
    /// `kill` cuts that time short.
    ///
    /// # Errors
    /// Where the source breaks.
    pub async fn run(
        self: Arc<Self>,
        stop: CancellationToken,
        kill: CancellationToken,
    ) -> anyhow::Result<RunSummary> {
        let mut running = JoinSet::new();
        let mut summary = RunSummary::default();
        let worked = self.work(&stop, &mut running, &mut summary).await;
        if let Err(error) = &worked {
            // What runs is finished all the same.
            tracing::error!("{}: {error:#}", self.source.name());
        }
        let finished = self.finish(running, &kill, &mut summary).await;
        worked.and(finished).map(|()| summary)
    }

    async fn work(
        self: &Arc<Self>,
        stop: &CancellationToken,
        running: &mut JoinSet<Result<DeliveryResult, SourceError>>,
        summary: &mut RunSummary,
    ) -> anyhow::Result<()> {
        let permits = Arc::new(Semaphore::new(self.workers.max(1)));
        loop {
            self.running.send_replace(running.len());
            // The permit first: a message must not wait in flight.
            let next = async {
                let permit = Arc::clone(&permits).acquire_owned().await;
                let permit = permit.context("workers are gone")?;
                let work = tokio::select! {
                    delivery = self.source.next() => Work::of(delivery?),
                    push = self.pushes.next() => push,
                };
                anyhow::Ok((permit, work))
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                Some(ended) = running.join_next() => self.count(ended, summary)?,
                next = next => {
                    let (permit, work) = next?;
                    let (service, stop) = (Arc::clone(self), stop.clone());
                    running.spawn(async move {
                        let ended = service.deliver(work, &stop).await;
                        drop(permit);
                        ended
                    });
                }
            }
        }
    }

    /// Counts how a delivery ended.
    fn count(&self, ended: Ended, summary: &mut RunSummary) -> anyhow::Result<()> {
        let result = summary::result_of(ended)?;
        self.metrics
            .delivered(&self.source.name(), result.name(), 1);
        summary.add(result, 1);
        Ok(())
    }

    /// Whether a pipeline of this name is here.
    pub fn has(&self, pipeline: &str) -> bool {
        self.pipelines
            .iter()
            .any(|there| there.function.name == pipeline)
    }

    /// Whether the pipeline of this name, or any, takes an event.
    ///
    /// # Errors
    /// Why not, where there is a pipeline to say so.
    pub fn takes(&self, event: &Event, pipeline: Option<&str>) -> Result<(), Option<Ignored>> {
        let mut ignored = None;
        for pipeline in self.chosen(pipeline) {
            match pipeline.take(event) {
                Ok(()) => return Ok(()),
                Err(reason) => ignored = Some(reason),
            }
        }
        Err(ignored)
    }

    /// Has a pushed message worked on as if the source had delivered it: by the same workers, with
    /// the same end. `pipeline` names the only one that shall.
    ///
    /// # Errors
    /// [`PushError`]; the message should come back.
    pub async fn push(
        &self,
        message: Message,
        pipeline: Option<String>,
    ) -> Result<PushAnswer, PushError> {
        let last = message.attempt >= self.max_attempts;
        self.pushes.send(message, pipeline, last).await
    }

    /// The graceful end.
    async fn finish(
        &self,
        mut running: JoinSet<Result<DeliveryResult, SourceError>>,
        kill: &CancellationToken,
        summary: &mut RunSummary,
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
        // What waits in flight goes back at once, so that others can take it.
        let mut stopping = self.source.stop();
        let mut stopped = false;
        let mut broken = Ok(());
        while !(running.is_empty() && stopped) {
            tokio::select! {
                biased;
                () = kill.cancelled() => break,
                () = &mut stopping, if !stopped => stopped = true,
                Some(ended) = running.join_next() => {
                    broken = broken.and(self.count(ended, summary));
                }
                () = &mut time_is_up => break,
            }
        }
        drop(stopping);
        if !running.is_empty() {
            let released = running.len() as u64;
            let result = DeliveryResult::Released;
            self.metrics
                .delivered(&self.source.name(), result.name(), released);
            summary.add(result, released);
            tracing::warn!(
                messages = running.len(),
                "released unfinished: the next start works on them"
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

    /// One message from its arrival to its settlement: one span.
    async fn deliver(
        &self,
        work: Work,
        stop: &CancellationToken,
    ) -> Result<DeliveryResult, SourceError> {
        let message = &work.delivery.message;
        let _in_flight = self.metrics.start(message.published);
        let span = tracing::info_span!(
            "message",
            otel.kind = "consumer",
            messaging.message.id = message.id,
            messaging.destination.subscription.name = message.subscription,
            attempt = message.attempt,
            object = field::Empty,
            outcome = field::Empty,
        );
        continue_trace(&span, &message.attributes);
        self.settle(work, stop).instrument(span).await
    }

    async fn settle(
        &self,
        work: Work,
        stop: &CancellationToken,
    ) -> Result<DeliveryResult, SourceError> {
        let Delivery { message, handle } = work.delivery;
        let pipeline = work.pipeline.as_deref();
        let event = match message.event() {
            Ok(event) => event,
            Err(error) => {
                tracing::error!(message = message.id, "given up: {error}");
                self.metrics.for_nobody("not_an_event");
                handle.dead_letter(&error.to_string()).await?;
                return Ok(DeliveryResult::DeadLettered);
            }
        };
        Span::current().record("object", &event.object.name);
        if message.attempt > self.max_attempts.saturating_add(UNANSWERED) {
            let attempt = message.attempt;
            let reason = format!(
                "delivered {attempt} times without an answer: whoever worked on it was killed, or it is too much for this machine"
            );
            tracing::error!("given up: {reason}: {}", event.object.name);
            handle.dead_letter(&reason).await?;
            let takers: Vec<_> = self.takers(&event, pipeline).collect();
            self.record_given_up(&event, attempt, &reason, &takers)
                .await;
            return Ok(DeliveryResult::DeadLettered);
        }
        let (settlement, failed) = self.work_on(&message, &event, pipeline, stop).await;
        Span::current().record("outcome", settlement.name());
        match settlement {
            Settlement::Settled(outcome) => {
                handle.ack(&outcome).await?;
                Ok(match outcome.failure() {
                    Some(_) => DeliveryResult::Rejected,
                    None => DeliveryResult::Done,
                })
            }
            Settlement::NotAnEvent(reason) => {
                tracing::error!("given up: {reason}: {}", event.object.name);
                handle.dead_letter(&reason).await?;
                self.record_given_up(&event, message.attempt, &reason, &failed)
                    .await;
                Ok(DeliveryResult::DeadLettered)
            }
            Settlement::Stopped => {
                // Dropped unsettled, a message goes back as if it had not been tried.
                drop(handle);
                tracing::info!("released between two continuations: {}", event.object.name);
                Ok(DeliveryResult::Released)
            }
            Settlement::Retry { reason, after } => {
                let (name, attempt) = (&event.object.name, message.attempt);
                if waited_for_space(&failed, stop).await {
                    // Nothing is wrong with the video: it goes back as if it had not been tried.
                    drop(handle);
                    tracing::info!("released, there was no space: {name}");
                    return Ok(DeliveryResult::Retried);
                }
                if handle.retry(&reason, after).await? == RetryDecision::Retry {
                    tracing::warn!(attempt, "failed, will be tried again: {reason}: {name}");
                    return Ok(DeliveryResult::Retried);
                }
                tracing::error!(attempts = attempt, "given up: {reason}: {name}");
                self.record_given_up(&event, attempt, &reason, &failed)
                    .await;
                Ok(DeliveryResult::DeadLettered)
            }
        }
    }

    /// Has each pipeline that takes the event work on it. All of them: those that succeeded find
    /// their work done when the message comes back for the sake of another.
    /// Gives the settlement, and the pipelines that failed.
    async fn work_on(
        &self,
        message: &Message,
        event: &Event,
        only: Option<&str>,
        stop: &CancellationToken,
    ) -> (Settlement, Vec<&Pipeline>) {
        let mut settlement: Option<Settlement> = None;
        let mut ignored: Option<Ignored> = None;
        let mut failed = Vec::new();
        for pipeline in self.chosen(only) {
            match pipeline.take(event) {
                Ok(()) => {
                    let started = Instant::now();
                    let next = pipeline.work_on(message, event, stop).await;
                    self.metrics
                        .worked(&pipeline.function.name, next.name(), started.elapsed());
                    if let Settlement::Settled(outcome) = &next {
                        self.metrics.outcome(&pipeline.function.name, outcome);
                    }
                    if !matches!(next, Settlement::Settled(_)) {
                        failed.push(pipeline);
                    }
                    settlement = Some(match settlement {
                        Some(before) => before.and(next),
                        None => next,
                    });
                }
                Err(reason) => ignored = Some(reason),
            }
        }
        let settlement = settlement.unwrap_or_else(|| {
            let reason = ignored.map_or_else(|| "no pipeline".to_owned(), |i| i.to_string());
            tracing::debug!("ignored: {reason}: {}", event.object.name);
            self.metrics.for_nobody("ignored");
            Settlement::Settled(Outcome::Ignored { reason })
        });
        (settlement, failed)
    }

    /// The pipeline of this name, or all.
    fn chosen<'s>(&'s self, only: Option<&str>) -> impl Iterator<Item = &'s Pipeline> {
        let chosen =
            move |pipeline: &&Pipeline| only.is_none_or(|name| pipeline.function.name == name);
        self.pipelines.iter().filter(chosen)
    }

    /// Those of them that take an event.
    fn takers<'s>(
        &'s self,
        event: &Event,
        only: Option<&str>,
    ) -> impl Iterator<Item = &'s Pipeline> {
        self.chosen(only)
            .filter(|pipeline| pipeline.take(event).is_ok())
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
            let written = records::give_up(store, &pipeline.function, &event.object, &error).await;
            if let Err(error) = written {
                let name = &event.object.name;
                tracing::warn!(%error, "failure record cannot be written: {name}");
            }
        }
    }
}
