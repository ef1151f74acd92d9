//! The service: takes messages of a source, has components work on them, settles them.

mod continuation;
mod pipeline;
mod settlement;
mod summary;

pub(crate) use continuation::run as run_to_end;
pub use pipeline::{Filter, Pipeline};
pub use summary::RunSummary;

use crate::app::records;
use anyhow::Context as _;
use framemill_contract::{Event, Ignored, Job, JobError, LabelJob, Outcome};
use framemill_sources::{Delivery, Message, RetryDecision, Source, SourceError};
use settlement::Settlement;
use std::sync::Arc;
use std::time::Duration;
use summary::DeliveryResult;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

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
                let delivery = self.source.next().await?;
                anyhow::Ok((permit, delivery))
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                Some(ended) = running.join_next() => summary.add(ended)?,
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
                Some(ended) = running.join_next() => broken = broken.and(summary.add(ended)),
                () = &mut time_is_up => break,
            }
        }
        drop(stopping);
        if !running.is_empty() {
            let released = running.len() as u64;
            summary.released = summary.released.saturating_add(released);
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

    async fn deliver(
        &self,
        delivery: Delivery,
        stop: &CancellationToken,
    ) -> Result<DeliveryResult, SourceError> {
        let Delivery { message, handle } = delivery;
        let event = match message.event() {
            Ok(event) => event,
            Err(error) => {
                tracing::error!(message = message.id, "given up: {error}");
                handle.dead_letter(&error.to_string()).await?;
                return Ok(DeliveryResult::DeadLettered);
            }
        };
        if message.attempt > self.max_attempts.saturating_add(UNANSWERED) {
            let attempt = message.attempt;
            let reason = format!(
                "delivered {attempt} times without an answer: whoever worked on it was killed, or it is too much for this machine"
            );
            tracing::error!("given up: {reason}: {}", event.object.name);
            handle.dead_letter(&reason).await?;
            self.record_given_up(&event, attempt, &reason, &self.takers(&event))
                .await;
            return Ok(DeliveryResult::DeadLettered);
        }
        let (settlement, failed) = self.work_on(&message, &event, stop).await;
        match settlement {
            Settlement::Settled(outcome) => {
                handle.ack(&outcome).await?;
                Ok(match outcome {
                    Outcome::Rejected { .. } => DeliveryResult::Rejected,
                    _ => DeliveryResult::Done,
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
        stop: &CancellationToken,
    ) -> (Settlement, Vec<&Pipeline>) {
        let mut settlement: Option<Settlement> = None;
        let mut ignored: Option<Ignored> = None;
        let mut failed = Vec::new();
        for pipeline in &self.pipelines {
            match pipeline.filter.take(event) {
                Ok(()) => {
                    let next = pipeline.work_on(message, event, stop).await;
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
            Settlement::Settled(Outcome::Ignored { reason })
        });
        (settlement, failed)
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
                    Ok(job) => records::give_up_video(store, config, &job, &error).await,
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
