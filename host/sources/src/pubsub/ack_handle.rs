//! Settles a delivery of Pub/Sub.

use super::admin::DeadLetters;
use super::client::publish;
use super::message::{ATTEMPTS, OURS, PUBLISHED, REASON, SUBSCRIPTION, time};
use super::shared::Shared;
use crate::error::SourceError;
use crate::source::{AckHandle, RetryDecision};
use crate::{attribute, redelivery};
use framemill_contract::Outcome;
use google_cloud_pubsub::model::Message;
use google_cloud_pubsub::subscriber::handler::Handler;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::OwnedSemaphorePermit;

/// Most attributes of a message, see <https://cloud.google.com/pubsub/quotas>.
const MOST_ATTRIBUTES: usize = 100;

/// A message in flight. Its handler nacks it when dropped.
pub(super) struct PubSubAckHandle {
    pub(super) shared: Arc<Shared>,
    pub(super) dead: DeadLetters,
    pub(super) original: Message,
    pub(super) handler: Handler,
    pub(super) attempt: u32,
    pub(super) permit: OwnedSemaphorePermit,
}

#[async_trait::async_trait]
impl AckHandle for PubSubAckHandle {
    async fn ack(self: Box<Self>, _: &Outcome) -> Result<(), SourceError> {
        self.done().await
    }

    async fn retry(
        self: Box<Self>,
        reason: &str,
        at_least: Option<Duration>,
    ) -> Result<RetryDecision, SourceError> {
        if self.attempt >= self.shared.config.max_attempts.max(1) {
            self.dead_letter(reason).await?;
            return Ok(RetryDecision::DeadLetter);
        }
        let id = &self.original.message_id;
        self.shared.attempts().failed(id, self.attempt);
        let Ok(delayed) = Arc::clone(&self.shared.delayed).try_acquire_owned() else {
            // Dropping nacks it: the subscription's own retry policy delays it.
            return Ok(RetryDecision::Retry);
        };
        let wait = redelivery::delay(self.attempt, at_least);
        let closed = self.shared.closed.clone();
        let Self {
            shared,
            handler,
            permit,
            ..
        } = *self;
        drop(permit);
        shared.tasks.spawn(async move {
            // The lease is extended for as long as the handler lives.
            let _ = tokio::time::timeout(wait, closed.cancelled()).await;
            handler.nack();
            drop(delayed);
        });
        Ok(RetryDecision::Retry)
    }

    async fn dead_letter(self: Box<Self>, reason: &str) -> Result<(), SourceError> {
        let letter = self.letter(reason);
        publish(&self.dead.publisher, &self.dead.topic, letter).await?;
        self.done().await
    }
}

impl PubSubAckHandle {
    /// Acks. With exactly-once delivery the server has confirmed it on return; without, a lost
    /// ack means that the message is delivered again.
    async fn done(self) -> Result<(), SourceError> {
        let id = &self.original.message_id;
        match self.handler {
            Handler::ExactlyOnce(handler) => {
                let confirmed = handler.confirmed_ack().await;
                confirmed.map_err(|error| SourceError::Unreachable {
                    what: format!("message {id} of {}", self.shared.config.subscription),
                    reason: format!("not acked, it may be delivered again: {error}"),
                })?;
            }
            handler => handler.ack(),
        }
        self.shared.attempts().forget(id);
        Ok(())
    }

    /// The dead letter: the message with the reason.
    fn letter(&self, reason: &str) -> Message {
        let published = time(self.original.publish_time);
        let first = self.original.attributes.get(PUBLISHED);
        let rfc = |time| humantime::format_rfc3339_millis(time).to_string();
        let mut attributes: HashMap<String, String> = [
            (REASON, attribute::value(reason)),
            (ATTEMPTS, self.attempt.to_string()),
            (
                SUBSCRIPTION,
                attribute::value(&self.shared.config.subscription),
            ),
            (
                "framemill-message-id",
                attribute::value(&self.original.message_id),
            ),
            (PUBLISHED, first.cloned().unwrap_or_else(|| rfc(published))),
            ("framemill-time", rfc(SystemTime::now())),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
        for (key, value) in &self.original.attributes {
            if attributes.len() < MOST_ATTRIBUTES && !key.starts_with(OURS) {
                attributes.insert(key.clone(), value.clone());
            }
        }
        Message::new()
            .set_data(self.original.data.clone())
            .set_attributes(attributes)
    }
}
