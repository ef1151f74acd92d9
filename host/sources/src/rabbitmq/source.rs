//! The queue as a [`Source`].

use super::ack_handle::RabbitAckHandle;
use super::config::RabbitConfig;
use super::message;
use super::session::{self, Session};
use crate::backoff::Backoff;
use crate::error::SourceError;
use crate::message::{LONGEST_DATA, Message};
use crate::source::{AckHandle as _, DeadLetter, Delivery, Source};
use framemill_contract::Event;
use framemill_support::finding::Finding;
use futures::StreamExt as _;
use lapin::Consumer;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;

/// Most dead letters that are read at once.
const MOST_LETTERS: usize = 10_000;

/// A queue of RabbitMQ. Any number of processes may share it.
pub struct RabbitSource {
    config: Arc<RabbitConfig>,
    session: Mutex<Option<Arc<Session>>>,
    consumer: Mutex<Option<(Arc<Session>, Consumer)>>,
    in_flight: Arc<Semaphore>,
    closed: CancellationToken,
}

impl RabbitSource {
    /// Does not connect yet.
    ///
    /// # Errors
    /// Where URL or names cannot be used.
    pub fn new(config: RabbitConfig) -> Result<Self, SourceError> {
        session::parse(&config.url)?;
        for name in [&config.queue, &config.dead_letters()] {
            // The longest name that is derived from it must fit, too.
            if name.is_empty() || name.len() > 200 {
                return Err(SourceError::Configuration(format!(
                    "names of queues have 1 to 200 bytes: {name}"
                )));
            }
        }
        Ok(Self {
            in_flight: Arc::new(Semaphore::new(config.max_in_flight())),
            config: Arc::new(config),
            session: Mutex::new(None),
            consumer: Mutex::new(None),
            closed: CancellationToken::new(),
        })
    }

    /// The session, opened where there is none.
    async fn session(&self) -> Result<Arc<Session>, SourceError> {
        let mut session = self.session.lock().await;
        if let Some(session) = session.as_ref().filter(|session| session.usable()) {
            return Ok(Arc::clone(session));
        }
        let new = Arc::new(Session::open(&self.config).await?);
        *session = Some(Arc::clone(&new));
        Ok(new)
    }

    fn closed(&self) -> SourceError {
        SourceError::Configuration(format!("source is closed: {}", self.config.queue))
    }

    /// Waits for a message of the consumer; starts one where there is none.
    async fn consume(
        &self,
        slot: &mut Option<(Arc<Session>, Consumer)>,
    ) -> Result<(Arc<Session>, lapin::message::Delivery), SourceError> {
        if slot.is_none() {
            let session = self.session().await?;
            let consumer = session.consume(self.config.max_in_flight()).await?;
            *slot = Some((session, consumer));
        }
        let Some((session, consumer)) = slot.as_mut() else {
            return Err(self.closed());
        };
        let session = Arc::clone(session);
        let mut came = consumer.next().await;
        // What was prefetched when the connection was lost is delivered again.
        while matches!(&came, Some(Ok(delivery)) if delivery.acker.poisoned()) {
            came = consumer.next().await;
        }
        match came {
            Some(Ok(delivery)) => Ok((session, delivery)),
            other => {
                *slot = None;
                let error = match other {
                    Some(Err(error)) => session.error(&error),
                    _ => SourceError::Unreachable {
                        what: session.name.clone(),
                        reason: "the server cancelled the consumer".to_owned(),
                    },
                };
                // The server delivers again whatever else is in flight.
                session.close().await;
                Err(error)
            }
        }
    }
}

#[async_trait::async_trait]
impl Source for RabbitSource {
    fn name(&self) -> String {
        self.config.queue.clone()
    }

    async fn next(&self) -> Result<Delivery, SourceError> {
        let mut backoff = Backoff::default();
        let permit = Arc::clone(&self.in_flight).acquire_owned().await;
        let permit = permit.map_err(|_| self.closed())?;
        let mut slot = self.consumer.lock().await;
        loop {
            let came = tokio::select! {
                () = self.closed.cancelled() => return Err(self.closed()),
                came = self.consume(&mut slot) => came,
            };
            let (session, delivery) = match came {
                Ok(came) => came,
                Err(SourceError::Unreachable { what, reason }) => {
                    backoff.wait(&what, &reason).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            backoff.over(&session.name);
            let message = message::received(&delivery, &self.config.queue);
            let handle = RabbitAckHandle {
                config: Arc::clone(&self.config),
                session,
                attempt: message.attempt,
                id: message.id.clone(),
                published: message.published,
                delivery: Some(delivery),
                permit: None,
            };
            let size = message.data.len();
            if size <= LONGEST_DATA {
                return Ok(Delivery {
                    message,
                    handle: Box::new(handle.held_by(permit)),
                });
            }
            let reason =
                format!("{size} bytes of data are no notification (at most {LONGEST_DATA})");
            tracing::error!(
                "moved to the dead letters unread: {reason}: message {}",
                message.id
            );
            if let Err(error) = Box::new(handle).dead_letter(&reason).await {
                tracing::warn!(%error, "not moved to the dead letters, it is delivered again: message {}", message.id);
            }
        }
    }

    async fn publish(&self, event: &Event) -> Result<(), SourceError> {
        let session = self.session().await?;
        let id = message::new_id();
        let mut of_event = Message::of_event(event, &id, SystemTime::now(), &self.config.queue);
        let sweep = ("framemill-sweep".to_owned(), "true".to_owned());
        of_event.attributes.extend([sweep]);
        let properties = message::properties(&of_event)?;
        session
            .publish("", &self.config.queue, &of_event.data, properties)
            .await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, SourceError> {
        let session = self.session().await?;
        // Closing the channel requeues all of them, in their order.
        let channel = session.channel().await?;
        let mut dead = Vec::new();
        while dead.len() < MOST_LETTERS {
            match session.get(&channel, &self.config.dead_letters()).await? {
                Some(delivery) => dead.push(message::described(&delivery)),
                None => break,
            }
        }
        session.close_channel(&channel).await;
        dead.sort_by_key(|letter| letter.published);
        dead.truncate(limit);
        Ok(dead)
    }

    async fn redrive(&self, ids: Option<&[String]>) -> Result<usize, SourceError> {
        let session = self.session().await?;
        let channel = session.channel().await?;
        let mut redriven = 0_usize;
        // A redriven message that becomes a dead letter again meanwhile must stay one.
        for _ in 0..session.count(&self.config.dead_letters()).await? {
            let message = session.get(&channel, &self.config.dead_letters()).await?;
            let Some(delivery) = message else { break };
            let id = message::id(&delivery);
            if ids.is_some_and(|ids| !ids.contains(&id)) {
                continue;
            }
            let properties = message::redriven(&delivery);
            session
                .publish("", &self.config.queue, &delivery.data, properties)
                .await?;
            session.ack(&delivery).await?;
            redriven = redriven.saturating_add(1);
        }
        session.close_channel(&channel).await;
        Ok(redriven)
    }

    fn connected(&self) -> Result<(), String> {
        // Whoever has it locked is connecting.
        let session = self.session.try_lock().ok();
        let usable = |session: &Arc<Session>| session.usable();
        match session.and_then(|session| session.as_ref().map(usable)) {
            Some(true) => Ok(()),
            _ => Err("not connected".to_owned()),
        }
    }

    async fn check(&self) -> Vec<Finding> {
        session::check(&self.config).await
    }

    async fn stop(&self) {
        self.closed.cancel();
        self.in_flight.close();
        // What the consumer has prefetched is requeued with it; the connection stays for the acks.
        self.consumer.lock().await.take();
    }

    async fn close(&self) {
        self.stop().await;
        if let Some(session) = self.session.lock().await.take() {
            session.close().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_stay_out_of_errors_and_logs() {
        let mut config = RabbitConfig {
            url: "amqp://user:secret@host/v".to_owned(),
            queue: "q".to_owned(),
            workers: 1,
            prefetch: 0,
            max_attempts: 3,
            dead_letters: None,
        };
        assert!(!format!("{config:?}").contains("secret"));
        assert!(RabbitSource::new(config.clone()).is_ok());
        config.url = "http://user:secret@host/v".to_owned();
        let error = RabbitSource::new(config.clone()).err().unwrap().to_string();
        assert!(!error.contains("secret"), "{error}");
        config.url = "amqp://user:secret@host/v".to_owned();
        config.queue = "q".repeat(250);
        assert!(RabbitSource::new(config).is_err());
    }
}
