//! Messages that are pushed over HTTP: deliveries like those of a source, whose settlement is the
//! answer to the request.

use async_trait::async_trait;
use framemill_contract::Outcome;
use framemill_sources::{AckHandle, Delivery, Message, RetryDecision, SourceError};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{Mutex, mpsc, oneshot};

/// A pushed message waits no longer for a worker: the sender has a deadline of its own, and there
/// may be another process that has a worker.
pub const LONGEST_WAIT_FOR_A_WORKER: Duration = Duration::from_secs(5);

/// What a pushed message led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushAnswer {
    /// The outcome; its status is that of the answer.
    pub outcome: Outcome,
    /// Where the message should come back: not before this time.
    pub retry_after: Option<Duration>,
}

/// Why a pushed message has no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PushError {
    /// All workers are busy.
    #[error("all workers are busy: the message should come back, or go to another process")]
    Busy,
    /// The work was released before its end.
    #[error("stopped before the end of the work: the message should come back")]
    Released,
}

/// A message on its way from the listener to a worker.
struct Push {
    message: Message,
    pipeline: Option<String>,
    /// Is told that a worker has it. Where nobody waits for that any more, it is not worked on.
    accepted: oneshot::Sender<()>,
    handle: PushAckHandle,
}

/// What a worker is to do: a delivery, for all pipelines or for one.
pub(super) struct Work {
    pub(super) delivery: Delivery,
    pub(super) pipeline: Option<String>,
}

impl Work {
    /// For all pipelines that take the message.
    pub(super) fn of(delivery: Delivery) -> Self {
        Self {
            delivery,
            pipeline: None,
        }
    }
}

/// Where pushed messages wait for a worker, for a moment.
pub struct Pushes {
    sender: mpsc::Sender<Push>,
    receiver: Mutex<mpsc::Receiver<Push>>,
}

impl Default for Pushes {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(1);
        Self {
            sender,
            receiver: Mutex::new(receiver),
        }
    }
}

impl Pushes {
    /// Hands a message to a worker and waits for what it led to. `last` says that it has been
    /// delivered as often as a message may.
    ///
    /// # Errors
    /// [`PushError`]; the message should come back.
    pub(super) async fn send(
        &self,
        message: Message,
        pipeline: Option<String>,
        last: bool,
    ) -> Result<PushAnswer, PushError> {
        let (accepted, acceptance) = oneshot::channel();
        let (answer, answered) = oneshot::channel();
        let push = Push {
            message,
            pipeline,
            accepted,
            handle: PushAckHandle { answer, last },
        };
        let accepted = async {
            self.sender.send(push).await.ok()?;
            acceptance.await.ok()
        };
        let accepted = tokio::time::timeout(LONGEST_WAIT_FOR_A_WORKER, accepted).await;
        if !matches!(accepted, Ok(Some(()))) {
            return Err(PushError::Busy);
        }
        answered.await.map_err(|_| PushError::Released)
    }

    /// Waits for a message whose sender still waits. Dropping the future takes nothing.
    pub(super) async fn next(&self) -> Work {
        let mut receiver = self.receiver.lock().await;
        loop {
            let Some(push) = receiver.recv().await else {
                // Not while `self` has a sender.
                return std::future::pending().await;
            };
            if push.accepted.send(()).is_ok() {
                let delivery = Delivery {
                    message: push.message,
                    handle: Box::new(push.handle),
                };
                return Work {
                    delivery,
                    pipeline: push.pipeline,
                };
            }
        }
    }
}

/// Settles a pushed message by answering its request. Dropped, it answers that the message should
/// come back.
struct PushAckHandle {
    answer: oneshot::Sender<PushAnswer>,
    /// Whether the message has been delivered as often as a message may.
    last: bool,
}

impl PushAckHandle {
    /// Where nobody waits any more, the message comes again and finds the work done.
    fn answer(self, outcome: Outcome, retry_after: Option<Duration>) {
        let answer = PushAnswer {
            outcome,
            retry_after,
        };
        let _ = self.answer.send(answer);
    }
}

#[async_trait]
impl AckHandle for PushAckHandle {
    async fn ack(self: Box<Self>, outcome: &Outcome) -> Result<(), SourceError> {
        self.answer(outcome.clone(), None);
        Ok(())
    }

    /// The message comes back until its subscription gives it up; after the configured number of
    /// attempts there is a failure record besides.
    async fn retry(
        self: Box<Self>,
        reason: &str,
        at_least: Option<Duration>,
    ) -> Result<RetryDecision, SourceError> {
        let decision = match self.last {
            true => RetryDecision::DeadLetter,
            false => RetryDecision::Retry,
        };
        let outcome = Outcome::Retry {
            code: "retry".to_owned(),
            message: reason.to_owned(),
        };
        self.answer(outcome, at_least);
        Ok(decision)
    }

    async fn dead_letter(self: Box<Self>, reason: &str) -> Result<(), SourceError> {
        let message = reason.to_owned();
        self.answer(Outcome::NotAnEvent { message }, None);
        Ok(())
    }
}
