//! The dead letters: listed without taking them, and redriven.

use super::admin::Prepared;
use super::client::{Fault, grant_subscription, publish};
use super::message::{ATTEMPTS, OURS, PUBLISHED, REASON, SUBSCRIPTION, received, time};
use super::shared::Shared;
use crate::error::SourceError;
use crate::source::DeadLetter;
use google_cloud_pubsub::model;
use google_cloud_pubsub::subscriber::MessageStream;
use google_cloud_pubsub::subscriber::handler::Handler;
use std::collections::HashSet;
use std::time::{Duration, SystemTime};

/// The first answer may take this long.
const FIRST: Duration = Duration::from_secs(5);
/// Silence for so long means that there is no more.
const SILENCE: Duration = Duration::from_secs(1);
/// Most dead letters that are read at once.
const MOST: i64 = 10_000;
/// Prefix of the attributes that the server adds to its dead letters.
const SERVERS: &str = "CloudPubSubDeadLetter";
const SERVERS_SUBSCRIPTION: &str = "CloudPubSubDeadLetterSourceSubscription";
const SERVERS_COUNT: &str = "CloudPubSubDeadLetterSourceDeliveryCount";

/// The dead letters as they are read; those that are not acked are nacked at the end.
struct Letters {
    stream: MessageStream,
    subscription: String,
    wait: Duration,
}

impl Letters {
    async fn open(shared: &Shared) -> Result<Self, SourceError> {
        let subscription = shared.prepared().await?.dead.subscription.clone();
        let stream = shared.clients.subscriber.subscribe(&subscription);
        let stream = stream.set_max_outstanding_messages(MOST).build();
        Ok(Self {
            stream,
            subscription,
            wait: FIRST,
        })
    }

    /// The next one; `None` where no more come.
    async fn next(&mut self) -> Result<Option<(model::Message, Handler)>, SourceError> {
        let next = tokio::time::timeout(self.wait, self.stream.next()).await;
        self.wait = SILENCE;
        match next {
            Ok(Some(Ok(letter))) => Ok(Some(letter)),
            Ok(Some(Err(error))) => {
                let remedy = grant_subscription(&self.subscription, "roles/pubsub.subscriber");
                Err(Fault::of(&error).into_error(self.subscription.clone(), &remedy))
            }
            Ok(None) | Err(_) => Ok(None),
        }
    }

    /// The dead letters of a subscription.
    async fn list(&mut self, subscription: &str) -> Result<Vec<DeadLetter>, SourceError> {
        let mut seen = HashSet::new();
        let mut dead = Vec::new();
        // Held until all were seen: what is nacked at once is delivered again.
        let mut held = Vec::new();
        while let Some((message, handler)) = self.next().await? {
            if is_of(&message, subscription) && seen.insert(message.message_id.clone()) {
                dead.push(described(&message));
            }
            held.push(handler);
            if held.len() >= usize::try_from(MOST).unwrap_or(usize::MAX) {
                break;
            }
        }
        Ok(dead)
    }

    /// Publishes the dead letters of a subscription again, but only those that are there now: a
    /// message that becomes a dead letter again meanwhile must not be redriven for ever.
    async fn redrive(
        &mut self,
        prepared: &Prepared,
        subscription: &str,
        ids: Option<&[String]>,
    ) -> Result<usize, SourceError> {
        let start = SystemTime::now();
        let mut wanted: Option<HashSet<&str>> =
            ids.map(|ids| ids.iter().map(String::as_str).collect());
        let mut held = Vec::new();
        let mut redriven = 0_usize;
        while wanted.as_ref().is_none_or(|wanted| !wanted.is_empty()) {
            let Some((message, handler)) = self.next().await? else {
                break;
            };
            let is_new = time(message.publish_time) > start;
            let id = message.message_id.as_str();
            let named = wanted.as_mut().is_none_or(|ids| ids.remove(id));
            if is_new || !named || !is_of(&message, subscription) {
                held.push(handler);
                continue;
            }
            let kept = |key: &String| !key.starts_with(OURS) && !key.starts_with(SERVERS);
            let mut attributes = message.attributes;
            attributes.retain(|key, _| kept(key));
            let again = model::Message::new()
                .set_data(message.data)
                .set_attributes(attributes);
            publish(&prepared.publisher, &prepared.topic, again).await?;
            handler.ack();
            redriven = redriven.saturating_add(1);
        }
        Ok(redriven)
    }

    /// Nacks what was not acked, and waits until the server knows.
    async fn close(self, drain: Duration) {
        let shutdown = self.stream.shutdown_token();
        drop(self.stream);
        let _ = tokio::time::timeout(drain, shutdown.shutdown()).await;
    }
}

/// Up to `limit` dead letters, oldest first.
pub(super) async fn list(shared: &Shared, limit: usize) -> Result<Vec<DeadLetter>, SourceError> {
    let mut letters = Letters::open(shared).await?;
    let listed = letters.list(&shared.config.subscription).await;
    letters.close(shared.config.drain).await;
    let mut dead = listed?;
    dead.sort_by_key(|letter| letter.published);
    dead.truncate(limit);
    Ok(dead)
}

/// Publishes dead letters again: those with these ids, or all. Returns how many.
pub(super) async fn redrive(shared: &Shared, ids: Option<&[String]>) -> Result<usize, SourceError> {
    let prepared = shared.prepared().await?;
    let mut letters = Letters::open(shared).await?;
    let redriven = letters
        .redrive(prepared, &shared.config.subscription, ids)
        .await;
    letters.close(shared.config.drain).await;
    redriven
}

/// Whether a dead letter is of this subscription: several may share one dead-letter topic.
fn is_of(message: &model::Message, subscription: &str) -> bool {
    let id = subscription.rsplit('/').next().unwrap_or(subscription);
    let attribute = |key: &str| message.attributes.get(key);
    match (attribute(SUBSCRIPTION), attribute(SERVERS_SUBSCRIPTION)) {
        (Some(name), _) => name == subscription,
        (None, Some(name)) => name == id,
        (None, None) => true,
    }
}

fn described(message: &model::Message) -> DeadLetter {
    let attribute = |key: &str| message.attributes.get(key);
    let published = attribute(PUBLISHED).and_then(|time| humantime::parse_rfc3339(time).ok());
    let published = published.unwrap_or_else(|| time(message.publish_time));
    let count = attribute(ATTEMPTS).or(attribute(SERVERS_COUNT));
    let envelope = received(message, published, 1, "");
    DeadLetter {
        id: message.message_id.clone(),
        object: envelope.event().ok().map(|event| event.object),
        attempts: count.and_then(|count| count.parse().ok()).unwrap_or(0),
        reason: attribute(REASON).cloned().unwrap_or_else(|| {
            "given up by the server: each delivery ended without an answer, as when the service is killed".to_owned()
        }),
        published,
    }
}
