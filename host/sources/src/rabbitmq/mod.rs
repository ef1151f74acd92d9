//! RabbitMQ: acked by hand after the outcome is durable; failed messages rest in queues of
//! their own on the server.

mod ack_handle;
mod dead_letter;
mod session;

use super::backoff::Backoff;
use super::{AckHandle as _, DeadLetter, Delivery, LONGEST_DATA, Message, Source, SourceError};
use ack_handle::RabbitAckHandle;
use framemill_contract::Event;
use framemill_support::finding::Finding;
use futures::StreamExt as _;
use lapin::Consumer;
use lapin::options::BasicNackOptions;
use lapin::types::ShortString;
use session::Session;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;

/// The environment variable that names the server.
pub const URL: &str = "AMQP_URL";
/// Letters in flight at most.
const MOST_LETTERS: usize = 10_000;

/// Which queue, and how.
#[derive(Clone)]
pub struct RabbitConfig {
    /// `amqp[s]://user:password@host:port/vhost`, see [`URL`]. Kept out of logs.
    pub url: String,
    /// The queue; made where it is not there.
    pub queue: String,
    /// Messages that are worked on at the same time.
    pub workers: usize,
    /// Messages that wait here beyond those.
    pub prefetch: usize,
    /// A message that failed this often goes to the dead letters.
    pub max_attempts: u32,
    /// Exchange and queue of the dead letters; `None`: the queue's name with `.dead`.
    pub dead_letters: Option<String>,
}

impl fmt::Debug for RabbitConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitConfig")
            .field("queue", &self.queue)
            .field("workers", &self.workers)
            .field("prefetch", &self.prefetch)
            .field("max_attempts", &self.max_attempts)
            .field("dead_letters", &self.dead_letters)
            .finish_non_exhaustive()
    }
}

impl RabbitConfig {
    /// A queue with the usual settings, on the server that the environment names.
    ///
    /// # Errors
    /// Where it names none.
    pub fn from_env(queue: impl Into<String>, workers: usize) -> Result<Self, SourceError> {
        let url = std::env::var(URL).map_err(|_| {
            SourceError::Configuration(format!(
                "no RabbitMQ server is named: set {URL} to amqp://user:password@host:5672/vhost"
            ))
        })?;
        Ok(Self {
            url,
            queue: queue.into(),
            workers,
            prefetch: 2,
            max_attempts: 5,
            dead_letters: None,
        })
    }

    fn max_in_flight(&self) -> usize {
        self.workers.max(1).saturating_add(self.prefetch)
    }

    fn dead_letters(&self) -> String {
        let derived = || format!("{}.dead", self.queue);
        self.dead_letters.clone().unwrap_or_else(derived)
    }
}

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
            // The longest name that we derive from it must fit, too.
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

    /// The connection, made where there is none.
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

    /// Waits for a message of a consumer; makes one where there is none.
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
        // What waited here when the connection was lost comes again.
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
                // Whatever else is in flight comes again from the server.
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
            let message = dead_letter::message(&delivery, &self.config.queue);
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
            tracing::error!("dead-lettered unread: {reason}: message {}", message.id);
            if let Err(error) = Box::new(handle).dead_letter(&reason).await {
                tracing::warn!(%error, "not dead-lettered, it comes back: message {}", message.id);
            }
        }
    }

    async fn publish(&self, event: &Event) -> Result<(), SourceError> {
        let session = self.session().await?;
        let id = dead_letter::new_id();
        let mut of_event = Message::of_event(event, &id, SystemTime::now(), &self.config.queue);
        let sweep = ("framemill-sweep".to_owned(), "true".to_owned());
        of_event.attributes.extend([sweep]);
        let properties = dead_letter::properties(&of_event)?;
        session
            .publish("", &self.config.queue, &of_event.data, properties)
            .await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, SourceError> {
        let session = self.session().await?;
        // Closing the channel gives all back, in their order.
        let channel = session.channel().await?;
        let mut dead = Vec::new();
        while dead.len() < MOST_LETTERS {
            match session.get(&channel, &self.config.dead_letters()).await? {
                Some(delivery) => dead.push(dead_letter::dead(&delivery)),
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
        // A redriven message that dies meanwhile must not come round again.
        for _ in 0..session.count(&self.config.dead_letters()).await? {
            let message = session.get(&channel, &self.config.dead_letters()).await?;
            let Some(delivery) = message else { break };
            let id = dead_letter::id(&delivery);
            if ids.is_some_and(|ids| !ids.contains(&id)) {
                continue;
            }
            let properties = dead_letter::redriven(&delivery);
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
        // What waits in the consumer goes back with it; the connection stays for the acks.
        self.consumer.lock().await.take();
    }

    async fn close(&self) {
        self.stop().await;
        if let Some(session) = self.session.lock().await.take() {
            session.close().await;
        }
    }
}

/// Requeues what was not settled.
fn release(delivery: lapin::message::Delivery) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        // The connection ends with the runtime, which gives all back.
        return;
    };
    runtime.spawn(async move {
        let options = BasicNackOptions {
            requeue: true,
            ..BasicNackOptions::default()
        };
        // Where this fails the connection is gone, and the server has it back.
        let _ = delivery.acker.nack(options).await;
    });
}

/// A name for the wire.
fn short(name: &str) -> Result<ShortString, SourceError> {
    ShortString::try_new(name)
        .map_err(|_| SourceError::Configuration(format!("longer than 255 bytes: {name}")))
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
