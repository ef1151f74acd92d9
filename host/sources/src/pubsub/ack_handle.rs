//! How a delivery of Pub/Sub ends.

use super::client::Name;
use super::{Shared, publish, time};
use crate::{AckHandle, RetryDecision, SourceError, back_off, cut};
use framemill_contract::Outcome;
use google_cloud_pubsub::client::Publisher;
use google_cloud_pubsub::model::Message;
use google_cloud_pubsub::subscriber::handler::Handler;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::OwnedSemaphorePermit;

/// Attributes of ours, also among the dead letters.
pub(super) const OURS: &str = "framemill-";
pub(super) const REASON: &str = "framemill-reason";
pub(super) const ATTEMPTS: &str = "framemill-attempts";
pub(super) const SUBSCRIPTION: &str = "framemill-subscription";
pub(super) const PUBLISHED: &str = "framemill-published";
/// A limit of the service, see <https://cloud.google.com/pubsub/quotas>.
const MOST_ATTRIBUTES: usize = 100;

/// Where dead letters go.
#[derive(Clone)]
pub(super) struct DeadLetters {
    pub(super) topic: String,
    pub(super) publisher: Publisher,
    /// Keeps them.
    pub(super) subscription: String,
}

/// A message in flight. Its handler releases it when dropped.
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
        let Ok(place) = Arc::clone(&self.shared.delayed).try_acquire_owned() else {
            // Dropping releases it: the subscription's own retry policy spaces it out.
            return Ok(RetryDecision::Retry);
        };
        let wait = back_off(self.attempt, at_least);
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
            drop(place);
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
    /// ack means that the message comes again.
    async fn done(self) -> Result<(), SourceError> {
        let id = &self.original.message_id;
        match self.handler {
            Handler::ExactlyOnce(handler) => {
                let confirmed = handler.confirmed_ack().await;
                confirmed.map_err(|error| SourceError::Unreachable {
                    what: format!("message {id} of {}", self.shared.config.subscription),
                    reason: format!("not acked, it may come again: {error}"),
                })?;
            }
            handler => handler.ack(),
        }
        self.shared.attempts().forget(id);
        Ok(())
    }

    /// The message with the reason that it is dead.
    fn letter(&self, reason: &str) -> Message {
        let published = time(self.original.publish_time);
        let first = self.original.attributes.get(PUBLISHED);
        let rfc = |time| humantime::format_rfc3339_millis(time).to_string();
        let mut attributes: HashMap<String, String> = [
            (REASON, cut(reason)),
            (ATTEMPTS, self.attempt.to_string()),
            (SUBSCRIPTION, cut(&self.shared.config.subscription)),
            ("framemill-message-id", cut(&self.original.message_id)),
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

/// The topic for dead letters that belongs to a topic.
pub(super) fn derived_dead_topic(topic: &str) -> Result<String, SourceError> {
    Name::parse(topic, "topics")?;
    Ok(format!("{topic}-dead"))
}
