//! What every source of messages is: a [`Source`] of [`Delivery`]s, each with the [`AckHandle`]
//! that settles it.

use super::error::SourceError;
use super::message::Message;
use async_trait::async_trait;
use framemill_contract::{Event, ObjectRef, Outcome};
use framemill_support::finding::Finding;
use serde::Serialize;
use std::time::{Duration, SystemTime};

/// What becomes of a message whose delivery failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryDecision {
    /// It is delivered again.
    Retry,
    /// It was the last attempt: the message is among the dead letters.
    DeadLetter,
}

/// A message in flight. Dropping it unsettled nacks it, which is no failed delivery.
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// Settles it.
    pub handle: Box<dyn AckHandle>,
}

/// Settles a delivery. Implementations nack the message when they are dropped unsettled.
#[async_trait]
pub trait AckHandle: Send {
    /// The outcome is durable: the message is done. Returns once the source has confirmed it.
    ///
    /// # Errors
    /// Where the source did not confirm it; the message is delivered again.
    async fn ack(self: Box<Self>, outcome: &Outcome) -> Result<(), SourceError>;

    /// The delivery failed for a transient reason. The message is delivered again after a delay
    /// that grows each time and is not shorter than `at_least`; after the configured number of
    /// attempts it goes to the dead letters instead.
    ///
    /// # Errors
    /// As [`AckHandle::ack`].
    async fn retry(
        self: Box<Self>,
        reason: &str,
        at_least: Option<Duration>,
    ) -> Result<RetryDecision, SourceError>;

    /// The message cannot be worked on: moves it to the dead letters with this reason.
    ///
    /// # Errors
    /// As [`AckHandle::ack`].
    async fn dead_letter(self: Box<Self>, reason: &str) -> Result<(), SourceError>;
}

/// A message among the dead letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// What names it in [`Source::redrive`].
    pub id: String,
    /// The upload, where the message carries one.
    pub object: Option<ObjectRef>,
    /// Deliveries that failed.
    pub attempts: u32,
    /// Why the last one did.
    pub reason: String,
    /// When it was published first.
    #[serde(with = "humantime_serde")]
    pub published: SystemTime,
}

/// Something that messages come from.
#[async_trait]
pub trait Source: Send + Sync {
    /// Its name in logs and findings.
    fn name(&self) -> String;

    /// Waits for a message and takes it. Dropping the future takes none. Outages are logged and
    /// waited out; what only a person can fix is an error.
    ///
    /// # Errors
    /// [`SourceError::Configuration`] and a broken embedded queue.
    async fn next(&self) -> Result<Delivery, SourceError>;

    /// Adds a message about an object, as an upload would.
    ///
    /// # Errors
    /// Where it cannot be added.
    async fn publish(&self, event: &Event) -> Result<(), SourceError>;

    /// Up to `limit` dead letters, oldest first, without taking them.
    ///
    /// # Errors
    /// Where they cannot be read.
    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, SourceError>;

    /// Queues dead letters again: those with these ids, or all. Returns how many.
    ///
    /// # Errors
    /// Where that fails; what was queued before stays queued.
    async fn redrive(&self, ids: Option<&[String]>) -> Result<usize, SourceError>;

    /// Whether messages can arrive. For probes: looks at what is known, and asks nobody.
    ///
    /// # Errors
    /// Why they cannot.
    fn connected(&self) -> Result<(), String> {
        Ok(())
    }

    /// What is wrong with it, and what to do: for `framemill check`.
    async fn check(&self) -> Vec<Finding>;

    /// The topic whose messages arrive here; `None` where there are no topics.
    async fn listens_to(&self) -> Option<String> {
        None
    }

    /// Takes no more messages, and nacks those that were prefetched, so that others can take
    /// them. Deliveries that were given out can still be settled.
    async fn stop(&self);

    /// Ends connections once the server knows of all that was settled. Call it when all
    /// deliveries are settled or dropped.
    async fn close(&self);
}
