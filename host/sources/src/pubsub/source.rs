//! The subscription as a [`Source`].

use super::ack_handle::PubSubAckHandle;
use super::admin::{self, Prepared};
use super::client::{Clients, Name, publish};
use super::config::PubSubConfig;
use super::pump::{Arrival, Pump};
use super::shared::Shared;
use super::{dead_letters, message};
use crate::error::SourceError;
use crate::message::{LONGEST_DATA, Message};
use crate::source::{DeadLetter, Delivery, Source};
use framemill_contract::Event;
use framemill_support::finding::Finding;
use google_cloud_pubsub::model;
use google_cloud_pubsub::subscriber::handler::Handler;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::{Mutex, OwnedSemaphorePermit};

/// A Pub/Sub subscription. Any number of processes may share it.
pub struct PubSubSource {
    shared: Arc<Shared>,
    pump: Mutex<Option<Pump>>,
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
        Ok(Self {
            shared: Arc::new(Shared::new(config, clients)),
            pump: Mutex::new(None),
        })
    }

    fn delivery(
        &self,
        original: model::Message,
        handler: Handler,
        permit: OwnedSemaphorePermit,
        prepared: &Prepared,
    ) -> Delivery {
        let failures = self.shared.attempts().failures(&original.message_id);
        let by_server = handler
            .delivery_attempt()
            .filter(|_| prepared.counts)
            .and_then(|n| u32::try_from(n).ok());
        let attempt = failures.saturating_add(1).max(by_server.unwrap_or(0));
        let published = message::time(original.publish_time);
        let subscription = &self.shared.config.subscription;
        let message = message::received(&original, published, attempt, subscription);
        let handle = PubSubAckHandle {
            shared: Arc::clone(&self.shared),
            dead: prepared.dead.clone(),
            original,
            handler,
            attempt,
            permit,
        };
        Delivery {
            message,
            handle: Box::new(handle),
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
        let permit = permit.map_err(|_| shared.closed_error())?;
        let mut pump = self.pump.lock().await;
        let mut permit = Some(permit);
        loop {
            let running = pump.get_or_insert_with(|| Pump::start(Arc::clone(shared)));
            let arrival = tokio::select! {
                () = shared.closed.cancelled() => return Err(shared.closed_error()),
                arrival = running.arrivals.recv() => arrival,
            };
            match arrival {
                Some(Arrival::Message(message, handler)) => {
                    let permit = match permit.take() {
                        Some(permit) => permit,
                        None => Arc::clone(&shared.in_flight)
                            .acquire_owned()
                            .await
                            .map_err(|_| shared.closed_error())?,
                    };
                    let size = message.data.len();
                    let delivery = self.delivery(*message, handler, permit, prepared);
                    if size <= LONGEST_DATA {
                        return Ok(delivery);
                    }
                    let id = delivery.message.id.clone();
                    let reason = format!(
                        "{size} bytes of data are no notification (at most {LONGEST_DATA})"
                    );
                    tracing::error!("moved to the dead letters unread: {reason}: message {id}");
                    if let Err(error) = delivery.handle.dead_letter(&reason).await {
                        tracing::warn!(%error, "not moved to the dead letters, it is delivered again: message {id}");
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
