//! Where messages come from. A [`Source`] gives out [`Delivery`]s; each is settled once, and is
//! released when it is dropped unsettled.

mod backoff;
mod folder;
mod message;
pub mod pubsub;
mod push_only;
mod queue;
mod queue_source;
pub mod rabbitmq;

pub use folder::is_unfinished;
pub use folder::{FolderSource, FolderState, FolderWatch};
pub use message::Message;
pub use pubsub::{PubSubConfig, PubSubSource};
pub use push_only::PushOnlySource;
pub use queue::{Queue, QueueError, QueuedDeadLetter, Settled, Taken};
pub use queue_source::QueueSource;
pub use rabbitmq::{RabbitConfig, RabbitSource};

use framemill_contract::{Event, Outcome};
use framemill_support::finding::Finding;
use serde::Serialize;
use std::time::{Duration, SystemTime};
use thiserror::Error;

/// A failed delivery comes back after this time at the latest.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// However long the other side asks us to wait, it is not longer than this.
const LONGEST_REST: Duration = Duration::from_secs(3600);
/// Longer payloads are no notifications: they are dead-lettered unread.
const LONGEST_DATA: usize = 1 << 20;

/// How long a message rests after its failed delivery number `attempt`: each time four
/// times as long, but not less than `at_least`.
fn back_off(attempt: u32, at_least: Option<Duration>) -> Duration {
    let fourfold = Duration::from_secs(2 << (2 * attempt.saturating_sub(1).min(8)));
    let usual = fourfold.min(LONGEST_WAIT);
    usual.max(at_least.unwrap_or_default()).min(LONGEST_REST)
}

/// What a header or attribute can hold, see <https://cloud.google.com/pubsub/quotas>.
const LONGEST_VALUE: usize = 1024;

/// As much of a text as an attribute can hold.
fn cut(text: &str) -> String {
    let mut end = text.len().min(LONGEST_VALUE);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default().to_owned()
}

/// Why a source does not work.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The embedded queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// It cannot be used as configured: fact, remedy, name of the resource.
    #[error("{0}")]
    Configuration(String),
    /// It does not answer; trying again may help.
    #[error("{what}: {reason}")]
    Unreachable {
        /// What was tried, on which resource.
        what: String,
        /// What the other side said.
        reason: String,
    },
}

/// What became of a delivery that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryDecision {
    /// It comes back.
    Retry,
    /// It was the last attempt: the message went to the dead letters.
    DeadLetter,
}

/// A message in flight. Dropping it unsettled releases it untried.
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// The one way to end it.
    pub handle: Box<dyn AckHandle>,
}

/// Ends a delivery. Implementations release the message when they are dropped.
#[async_trait::async_trait]
pub trait AckHandle: Send {
    /// The outcome is durable: the message is done. Returns once the source has confirmed it.
    ///
    /// # Errors
    /// Where the source did not take it; the message comes back.
    async fn ack(self: Box<Self>, outcome: &Outcome) -> Result<(), SourceError>;

    /// The delivery failed for a reason that may pass. The message comes back, each time after
    /// longer, but not before `at_least`; after the configured number of attempts it goes to
    /// the dead letters instead.
    ///
    /// # Errors
    /// As [`AckHandle::ack`].
    async fn retry(
        self: Box<Self>,
        reason: &str,
        at_least: Option<Duration>,
    ) -> Result<RetryDecision, SourceError>;

    /// Nobody can work on it: it goes to the dead letters with this reason.
    ///
    /// # Errors
    /// As [`AckHandle::ack`].
    async fn dead_letter(self: Box<Self>, reason: &str) -> Result<(), SourceError>;
}

/// A message among the dead letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// Names it to [`Source::redrive`].
    pub id: String,
    /// The upload, where the message carries one.
    pub object: Option<framemill_contract::ObjectRef>,
    /// Deliveries that failed.
    pub attempts: u32,
    /// Why the last one did.
    pub reason: String,
    /// When it was published first.
    #[serde(with = "humantime_serde")]
    pub published: SystemTime,
}

/// Something that messages come from.
#[async_trait::async_trait]
pub trait Source: Send + Sync {
    /// How it is called in logs and findings.
    fn name(&self) -> String;

    /// Waits for a message and takes it. Dropping the future takes nothing. Outages are waited
    /// out, with a log line; what only a person can fix is an error.
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

    /// Queues dead letters again: those with these ids, or all. Says how many.
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

    /// Everything that is wrong with it, and what to do: for `framemill check`.
    async fn check(&self) -> Vec<Finding>;

    /// The topic whose messages arrive here, where uploads are told of through one.
    async fn listens_to(&self) -> Option<String> {
        None
    }

    /// Takes nothing more, and releases what is in flight and was not given out, so that others
    /// can take it. What was given out can still be settled.
    async fn stop(&self);

    /// Ends connections, once what was settled has arrived. Call it when all deliveries are
    /// settled or dropped.
    async fn close(&self);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_reasons_are_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        let long = "é".repeat(1000);
        assert_eq!(cut(&long).len(), 1024);
        assert_eq!(cut(&format!("x{long}")).len(), 1023);
    }

    #[test]
    fn rests_grow_fourfold_up_to_a_limit() {
        let seconds = |attempt| back_off(attempt, None).as_secs();
        assert_eq!([1, 2, 3, 4].map(seconds), [2, 8, 32, 128]);
        assert_eq!(seconds(u32::MAX), 300);
        let asked = |seconds| back_off(1, Some(Duration::from_secs(seconds))).as_secs();
        assert_eq!([1, 7, 900, 7200].map(asked), [2, 7, 900, 3600]);
    }
}
