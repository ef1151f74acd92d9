//! Settles a delivery of RabbitMQ.

use super::config::RabbitConfig;
use super::message;
use super::session::Session;
use crate::error::SourceError;
use crate::redelivery;
use crate::source::{AckHandle, RetryDecision};
use framemill_contract::Outcome;
use lapin::message::Delivery;
use lapin::options::BasicNackOptions;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::OwnedSemaphorePermit;

/// A message in flight; nacked when dropped.
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
            nack(delivery);
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
        // One queue for each power of two: in a queue only the first message can expire.
        let delay = redelivery::delay(self.attempt, at_least)
            .as_millis()
            .div_ceil(1000);
        let delay = u64::try_from(delay).unwrap_or(u64::MAX);
        let queue = self.session.delay_queue(delay.next_power_of_two()).await?;
        let next = self.attempt.saturating_add(1);
        if let Some(delivery) = &self.delivery {
            let properties = message::retried(delivery, &self.id, self.published, next);
            self.session
                .publish("", &queue, &delivery.data, properties)
                .await?;
        }
        self.done().await?;
        Ok(RetryDecision::Retry)
    }

    async fn dead_letter(mut self: Box<Self>, reason: &str) -> Result<(), SourceError> {
        if let Some(delivery) = &self.delivery {
            let properties = message::dead_lettered(
                delivery,
                &message::Death {
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

/// Nacks a message, so that the server requeues it; does not wait for it.
fn nack(delivery: Delivery) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        // The connection ends with the runtime, and then the server requeues it.
        return;
    };
    runtime.spawn(async move {
        let options = BasicNackOptions {
            requeue: true,
            ..BasicNackOptions::default()
        };
        // Where this fails the connection is gone, and the server has requeued it.
        let _ = delivery.acker.nack(options).await;
    });
}
