//! Google Cloud Pub/Sub by streaming pull. Leases are extended for as long as a job takes; a
//! message is acked only after its outcome is durable.

mod ack_handle;
mod admin;
mod attempts;
mod client;
mod dead_letters;
mod pump;

pub use admin::{SetUp, set_up};

use super::backoff::{Backoff, Connection};
use super::{DeadLetter, Delivery, LONGEST_DATA, Message, Source, SourceError};
use ack_handle::PubSubAckHandle;
use admin::Prepared;
use attempts::Attempts;
use client::{Clients, Fault, Name};
use framemill_contract::Event;
use framemill_support::finding::Finding;
use google_cloud_pubsub::client::Publisher;
use google_cloud_pubsub::model;
use google_cloud_pubsub::subscriber::handler::Handler;
use pump::{Arrival, Pump};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::{Mutex as AsyncMutex, OnceCell, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The environment variable that names an emulator, as for all of Google's clients.
pub const EMULATOR: &str = "PUBSUB_EMULATOR_HOST";

/// Which subscription, and how.
#[derive(Clone, Debug)]
pub struct PubSubConfig {
    /// `projects/P/subscriptions/S`.
    pub subscription: String,
    /// Messages that are worked on at the same time.
    pub workers: usize,
    /// Messages that wait here beyond those.
    pub prefetch: usize,
    /// A message that failed this often goes to the dead letters.
    pub max_attempts: u32,
    /// `projects/P/topics/T`; `None`: the one that the subscription names, else its topic's
    /// name with `-dead`.
    pub dead_letter_topic: Option<String>,
    /// After a crash a message comes back after this time: 10 s to 600 s.
    pub lease: Duration,
    /// How long closing may take.
    pub drain: Duration,
    /// `host:port` of an emulator, see [`EMULATOR`]; `None`: Google Cloud, with application
    /// default credentials.
    pub emulator: Option<String>,
}

impl PubSubConfig {
    /// A subscription with the usual settings, on the emulator where the environment names one.
    pub fn new(subscription: impl Into<String>, workers: usize) -> Self {
        Self {
            subscription: subscription.into(),
            workers,
            prefetch: 2,
            max_attempts: 5,
            dead_letter_topic: None,
            lease: Duration::from_secs(60),
            drain: Duration::from_secs(10),
            emulator: std::env::var(EMULATOR).ok().filter(|host| !host.is_empty()),
        }
    }

    /// Messages that are worked on or wait for it, at most.
    fn max_in_flight(&self) -> usize {
        self.workers.max(1).saturating_add(self.prefetch)
    }

    /// Failed messages that rest here, at most: beside the others, or a few of them would hold
    /// everything up.
    fn max_delayed(&self) -> usize {
        self.prefetch.max(1)
    }
}

/// What the source and its deliveries share.
struct Shared {
    config: PubSubConfig,
    clients: Clients,
    in_flight: Arc<Semaphore>,
    /// Failed messages that rest here before they are released.
    delayed: Arc<Semaphore>,
    attempts: Mutex<Attempts>,
    closed: CancellationToken,
    /// Messages that rest.
    tasks: TaskTracker,
    prepared: OnceCell<Prepared>,
    connection: Connection,
}

/// A Pub/Sub subscription. Any number of processes may share it.
pub struct PubSubSource {
    shared: Arc<Shared>,
    pump: AsyncMutex<Option<Pump>>,
}

impl PubSubSource {
    /// Makes the clients; does not connect yet.
    ///
    /// # Errors
    /// Where there are no credentials, or the subscription's name is none.
    pub async fn new(config: PubSubConfig) -> Result<Self, SourceError> {
        Name::parse(&config.subscription, "subscriptions")?;
        if let Some(topic) = &config.dead_letter_topic {
            Name::parse(topic, "topics")?;
        }
        let clients = Clients::connect(config.emulator.as_deref()).await?;
        let (in_flight, delayed) = (config.max_in_flight(), config.max_delayed());
        let shared = Shared {
            config,
            clients,
            in_flight: Arc::new(Semaphore::new(in_flight)),
            delayed: Arc::new(Semaphore::new(delayed)),
            attempts: Mutex::default(),
            closed: CancellationToken::new(),
            tasks: TaskTracker::new(),
            prepared: OnceCell::new(),
            connection: Connection::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
            pump: AsyncMutex::new(None),
        })
    }

    fn delivery(
        &self,
        message: model::Message,
        handler: Handler,
        permit: tokio::sync::OwnedSemaphorePermit,
        prepared: &Prepared,
    ) -> Delivery {
        let counted = self.shared.attempts().failures(&message.message_id);
        let told = handler
            .delivery_attempt()
            .filter(|_| prepared.counts)
            .and_then(|n| u32::try_from(n).ok());
        let attempt = counted.saturating_add(1).max(told.unwrap_or(0));
        let envelope = Message {
            id: message.message_id.clone(),
            attributes: message.attributes.clone().into_iter().collect(),
            data: message.data.clone(),
            published: time(message.publish_time),
            attempt,
            subscription: self.shared.config.subscription.clone(),
        };
        let handle = PubSubAckHandle {
            shared: Arc::clone(&self.shared),
            dead: prepared.dead.clone(),
            original: message,
            handler,
            attempt,
            permit,
        };
        Delivery {
            message: envelope,
            handle: Box::new(handle),
        }
    }
}

impl Shared {
    fn attempts(&self) -> std::sync::MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The subscription and its dead letters, looked up once.
    async fn prepared(&self) -> Result<&Prepared, SourceError> {
        self.prepared
            .get_or_try_init(|| admin::prepare(&self.config, &self.clients))
            .await
    }

    /// As [`Shared::prepared`], but outages are waited out.
    async fn prepared_at_last(&self) -> Result<&Prepared, SourceError> {
        if let Some(prepared) = self.prepared.get() {
            return Ok(prepared);
        }
        let mut backoff = Backoff::of(&self.connection);
        loop {
            match self.prepared().await {
                Err(SourceError::Unreachable { what, reason }) => {
                    backoff.wait(&what, &reason).await;
                }
                Ok(prepared) => {
                    backoff.over(&self.config.subscription);
                    return Ok(prepared);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

#[async_trait::async_trait]
impl Source for PubSubSource {
    fn name(&self) -> String {
        self.shared.config.subscription.clone()
    }

    async fn next(&self) -> Result<Delivery, SourceError> {
        let shared = &self.shared;
        let prepared = shared.prepared_at_last().await?;
        let permit = Arc::clone(&shared.in_flight).acquire_owned().await;
        let permit = permit.map_err(|_| closed(&shared.config))?;
        let mut pump = self.pump.lock().await;
        let mut permit = Some(permit);
        loop {
            let running = pump.get_or_insert_with(|| Pump::start(Arc::clone(shared)));
            let arrival = tokio::select! {
                () = shared.closed.cancelled() => return Err(closed(&shared.config)),
                arrival = running.arrivals.recv() => arrival,
            };
            match arrival {
                Some(Arrival::Message(message, handler)) => {
                    let hand = match permit.take() {
                        Some(permit) => permit,
                        None => Arc::clone(&shared.in_flight)
                            .acquire_owned()
                            .await
                            .map_err(|_| closed(&shared.config))?,
                    };
                    let size = message.data.len();
                    let delivery = self.delivery(*message, handler, hand, prepared);
                    if size <= LONGEST_DATA {
                        return Ok(delivery);
                    }
                    let id = delivery.message.id.clone();
                    let reason = format!(
                        "{size} bytes of data are no notification (at most {LONGEST_DATA})"
                    );
                    tracing::error!("dead-lettered unread: {reason}: message {id}");
                    if let Err(error) = delivery.handle.dead_letter(&reason).await {
                        tracing::warn!(%error, "not dead-lettered, it comes back: message {id}");
                    }
                }
                Some(Arrival::Broken(error)) => {
                    *pump = None;
                    return Err(error);
                }
                None => *pump = None,
            }
        }
    }

    async fn publish(&self, event: &Event) -> Result<(), SourceError> {
        let prepared = self.shared.prepared().await?;
        let of_event = Message::of_event(event, "", SystemTime::UNIX_EPOCH, "");
        let mut attributes = of_event.attributes;
        attributes.insert("framemill-sweep".to_owned(), "true".to_owned());
        let message = model::Message::new()
            .set_data(of_event.data)
            .set_attributes(attributes);
        publish(&prepared.publisher, &prepared.topic, message).await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, SourceError> {
        dead_letters::list(&self.shared, limit).await
    }

    async fn redrive(&self, ids: Option<&[String]>) -> Result<usize, SourceError> {
        dead_letters::redrive(&self.shared, ids).await
    }

    fn connected(&self) -> Result<(), String> {
        self.shared.connection.state()
    }

    async fn check(&self) -> Vec<Finding> {
        admin::check(&self.shared.config, &self.shared.clients).await
    }

    async fn listens_to(&self) -> Option<String> {
        let Shared {
            clients, config, ..
        } = self.shared.as_ref();
        let subscription = admin::look_up(clients, &config.subscription).await;
        subscription.ok().map(|subscription| subscription.topic)
    }

    async fn stop(&self) {
        self.shared.closed.cancel();
        self.shared.in_flight.close();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
        if let Some(pump) = self.pump.lock().await.as_mut() {
            pump.stop();
        }
    }

    async fn close(&self) {
        self.stop().await;
        if let Some(pump) = self.pump.lock().await.take() {
            pump.close(self.shared.config.drain).await;
        }
    }
}

/// Publishes and waits until the server has it.
async fn publish(
    publisher: &Publisher,
    topic: &str,
    message: model::Message,
) -> Result<(), SourceError> {
    let what = format!("publishing to {topic}");
    match tokio::time::timeout(client::RPC_DEADLINE, publisher.publish(message)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(google_cloud_pubsub::error::PublishError::Rpc(error))) => {
            let role = "roles/pubsub.publisher";
            Err(Fault::of(&error).into_error(what, &client::grant_topic(topic, role)))
        }
        Ok(Err(error)) => Err(SourceError::Unreachable {
            what,
            reason: error.to_string(),
        }),
        Err(_) => Err(SourceError::Unreachable {
            what,
            reason: format!("no answer within {} s", client::RPC_DEADLINE.as_secs()),
        }),
    }
}

fn closed(config: &PubSubConfig) -> SourceError {
    SourceError::Configuration(format!("source is closed: {}", config.subscription))
}

fn time<T: TryInto<SystemTime>>(stamp: Option<T>) -> SystemTime {
    stamp
        .and_then(|stamp| stamp.try_into().ok())
        .unwrap_or(SystemTime::UNIX_EPOCH)
}
