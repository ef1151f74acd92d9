//! How a delivery of RabbitMQ ends.

use super::session::Session;
use super::{RabbitConfig, dead_letter, release};
use crate::{AckHandle, RetryDecision, SourceError, back_off};
use framemill_contract::Outcome;
use lapin::message::Delivery;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::OwnedSemaphorePermit;

/// A message in flight; released when dropped.
pub(super) struct RabbitAckHandle {
    pub(super) config: Arc<RabbitConfig>,
    pub(super) session: Arc<Session>,
    pub(super) attempt: u32,
    pub(super) id: String,
    pub(super) published: SystemTime,
    /// Gone once it is settled.
    pub(super) delivery: Option<Delivery>,
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

impl Drop for RabbitAckHandle {
    fn drop(&mut self) {
        if let Some(delivery) = self.delivery.take() {
            release(delivery);
        }
    }
}

#[async_trait::async_trait]
impl AckHandle for RabbitAckHandle {
    async fn ack(mut self: Box<Self>, _: &Outcome) -> Result<(), SourceError> {
        self.done().await
    }

    async fn retry(
        mut self: Box<Self>,
        reason: &str,
        at_least: Option<Duration>,
    ) -> Result<RetryDecision, SourceError> {
        if self.attempt >= self.config.max_attempts.max(1) {
            self.dead_letter(reason).await?;
            return Ok(RetryDecision::DeadLetter);
        }
        // One queue for each power of two: in a queue only the first message's time is looked at.
        let wait = back_off(self.attempt, at_least).as_millis().div_ceil(1000);
        let wait = u64::try_from(wait).unwrap_or(u64::MAX);
        let rest = self.session.resting_queue(wait.next_power_of_two()).await?;
        let next = self.attempt.saturating_add(1);
        if let Some(delivery) = &self.delivery {
            let properties = dead_letter::retried(delivery, &self.id, self.published, next);
            self.session
                .publish("", &rest, &delivery.data, properties)
                .await?;
        }
        self.done().await?;
        Ok(RetryDecision::Retry)
    }

    async fn dead_letter(mut self: Box<Self>, reason: &str) -> Result<(), SourceError> {
        if let Some(delivery) = &self.delivery {
            let properties = dead_letter::properties_of_dead(
                delivery,
                &dead_letter::Death {
                    id: &self.id,
                    published: self.published,
                    reason,
                    attempts: self.attempt,
                    queue: &self.config.queue,
                },
            );
            self.session
                .publish(&self.config.dead_letters(), "", &delivery.data, properties)
                .await?;
        }
        self.done().await
    }
}

impl RabbitAckHandle {
    pub(super) fn held_by(mut self, permit: OwnedSemaphorePermit) -> Self {
        self.permit = Some(permit);
        self
    }

    async fn done(&mut self) -> Result<(), SourceError> {
        if let Some(delivery) = &self.delivery {
            self.session.ack(delivery).await?;
            self.delivery = None;
        }
        Ok(())
    }
}
