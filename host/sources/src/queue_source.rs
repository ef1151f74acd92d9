//! The embedded queue as a source.

use super::error::SourceError;
use super::message::Message;
use super::queue::{Queue, Taken};
use super::queue_error::QueueError;
use super::source::{AckHandle, DeadLetter, Delivery, RetryDecision, Source};
use framemill_contract::{Event, EventKind, Outcome};
use framemill_support::finding::Finding;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// The embedded queue. One process at a time.
pub struct QueueSource {
    queue: Arc<Queue>,
    name: String,
}

impl QueueSource {
    /// Over an open queue; `name` is what logs call it.
    pub fn new(queue: Arc<Queue>, name: impl Into<String>) -> Self {
        Self {
            queue,
            name: name.into(),
        }
    }
}

/// A message in flight; nacked when dropped.
struct QueueAckHandle {
    queue: Arc<Queue>,
    message: Taken,
    settled: bool,
}

impl Drop for QueueAckHandle {
    fn drop(&mut self) {
        if !self.settled {
            self.queue.nack(&self.message);
        }
    }
}

impl QueueAckHandle {
    /// Once it is settled it must not be nacked: someone else may have it.
    fn settled<T>(mut self, result: Result<T, QueueError>) -> Result<T, SourceError> {
        self.settled = result.is_ok();
        Ok(result?)
    }
}

#[async_trait::async_trait]
impl AckHandle for QueueAckHandle {
    async fn ack(self: Box<Self>, outcome: &Outcome) -> Result<(), SourceError> {
        let settle = || match outcome {
            // The object is gone for now: a file that is moved back, or whose disk returns, has
            // the same generation and must be queued then.
            Outcome::Ignored { .. } => self.queue.forget(&self.message),
            outcome => self.queue.ack(&self.message, outcome),
        };
        let result = self.queue.waiting(settle).await;
        self.settled(result)
    }

    async fn retry(
        self: Box<Self>,
        reason: &str,
        at_least: Option<Duration>,
    ) -> Result<RetryDecision, SourceError> {
        let retry = || self.queue.retry(&self.message, reason, at_least);
        let result = self.queue.waiting(retry).await;
        Ok(match self.settled(result)? {
            true => RetryDecision::DeadLetter,
            false => RetryDecision::Retry,
        })
    }

    async fn dead_letter(self: Box<Self>, reason: &str) -> Result<(), SourceError> {
        let give_up = || self.queue.dead_letter(&self.message, reason);
        let result = self.queue.waiting(give_up).await;
        self.settled(result)
    }
}

#[async_trait::async_trait]
impl Source for QueueSource {
    fn name(&self) -> String {
        self.name.clone()
    }

    async fn next(&self) -> Result<Delivery, SourceError> {
        let taken = self.queue.next().await?;
        let id = taken.id.to_string();
        let mut message = Message::of_event(&taken.event(), &id, taken.published, &self.name);
        message.attempt = taken.attempt;
        let handle = QueueAckHandle {
            queue: Arc::clone(&self.queue),
            message: taken,
            settled: false,
        };
        Ok(Delivery {
            message,
            handle: Box::new(handle),
        })
    }

    async fn publish(&self, event: &Event) -> Result<(), SourceError> {
        // No other event starts work, so no other is kept.
        if event.kind == EventKind::Finalized {
            self.queue.requeue(&event.object)?;
        }
        Ok(())
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, SourceError> {
        let mut letters = self.queue.dead_letters()?;
        letters.sort_by_key(|letter| letter.published);
        let described = letters.into_iter().take(limit).map(|letter| DeadLetter {
            id: letter.id(),
            attempts: letter.attempts,
            published: UNIX_EPOCH + Duration::from_millis(letter.published),
            reason: letter.reason,
            object: Some(letter.object),
        });
        Ok(described.collect())
    }

    async fn redrive(&self, ids: Option<&[String]>) -> Result<usize, SourceError> {
        let redriven = self
            .queue
            .redrive_those(|letter| ids.is_none_or(|ids| ids.contains(&letter.id())))?;
        Ok(redriven)
    }

    async fn check(&self) -> Vec<Finding> {
        vec![match self.queue.pending() {
            Ok(pending) => Finding::good(&self.name, format!("there, {pending} messages wait")),
            Err(error) => Finding::error(
                &self.name,
                error.to_string(),
                "move the file away: the folder is read again, and videos with a manifest are skipped",
            ),
        }]
    }

    async fn stop(&self) {}

    async fn close(&self) {}
}
