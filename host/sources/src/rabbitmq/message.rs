//! Messages as RabbitMQ carries them: attributes are headers, and headers of our own count the
//! failed deliveries.

use super::name::short;
use crate::attribute;
use crate::error::SourceError;
use crate::message::Message;
use crate::source::DeadLetter;
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Prefix of our own and the server's headers, which are no attributes.
const NOT_THEIRS: &str = "x-";
const ATTEMPT: &str = "x-framemill-attempt";
const PUBLISHED: &str = "x-framemill-published";
const REASON: &str = "x-framemill-reason";
const ATTEMPTS: &str = "x-framemill-attempts";
/// Header that the server adds to its dead letters.
const SERVERS_DEATHS: &str = "x-death";

/// The message that every source gives, from a delivery.
pub(super) fn received(delivery: &Delivery, queue: &str) -> Message {
    Message {
        id: id(delivery),
        attributes: attributes(delivery),
        data: delivery.data.clone().into(),
        published: published(delivery),
        attempt: number(delivery, ATTEMPT)
            .and_then(|attempt| u32::try_from(attempt).ok())
            .map_or(1, |attempt| attempt.max(1)),
        subscription: queue.to_owned(),
    }
}

/// Its id; where the sender gave none, one that is the same at each delivery.
pub(super) fn id(delivery: &Delivery) -> String {
    let given = delivery.properties.message_id().as_ref();
    given
        .map(|id| id.as_str().to_owned())
        .filter(|id| !id.is_empty())
        .unwrap_or_else(|| {
            let mut hash = hex::encode(Sha256::digest(&delivery.data));
            hash.truncate(32);
            format!("sha256-{hash}")
        })
}

/// An id that no other message has.
pub(super) fn new_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    format!(
        "{:x}-{:x}-{:x}",
        since.unwrap_or_default().as_nanos(),
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}

/// The properties of a new message.
pub(super) fn properties(message: &Message) -> Result<BasicProperties, SourceError> {
    let mut headers = FieldTable::default();
    for (key, value) in &message.attributes {
        headers.insert(short(key)?, text(value));
    }
    headers.insert(PUBLISHED.into(), millis(message.published));
    Ok(durable(headers, &message.id).with_content_type("application/json".into()))
}

/// The properties with which a failed message is published again.
pub(super) fn retried(
    delivery: &Delivery,
    id: &str,
    published: SystemTime,
    attempt: u32,
) -> BasicProperties {
    let mut headers = their_headers(delivery);
    headers.insert(ATTEMPT.into(), i64::from(attempt).into());
    headers.insert(PUBLISHED.into(), millis(published));
    durable(headers, id)
}

/// Why a message becomes a dead letter.
pub(super) struct Death<'a> {
    pub(super) id: &'a str,
    pub(super) published: SystemTime,
    pub(super) reason: &'a str,
    pub(super) attempts: u32,
    pub(super) queue: &'a str,
}

/// The properties of a dead letter.
pub(super) fn dead_lettered(delivery: &Delivery, death: &Death<'_>) -> BasicProperties {
    let mut headers = their_headers(delivery);
    let now = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    headers.insert(REASON.into(), text(&attribute::value(death.reason)));
    headers.insert(ATTEMPTS.into(), i64::from(death.attempts).into());
    headers.insert(PUBLISHED.into(), millis(death.published));
    headers.insert("x-framemill-queue".into(), text(death.queue));
    headers.insert("x-framemill-time".into(), text(&now));
    durable(headers, death.id)
}

/// The properties of a dead letter that is redriven.
pub(super) fn redriven(delivery: &Delivery) -> BasicProperties {
    let mut headers = their_headers(delivery);
    headers.insert(PUBLISHED.into(), millis(published(delivery)));
    durable(headers, &id(delivery))
}

/// A dead letter, described.
pub(super) fn described(delivery: &Delivery) -> DeadLetter {
    let message = received(delivery, "");
    let header = |key: &str| headers(delivery).and_then(|headers| headers.inner().get(key));
    let reason = header(REASON).and_then(words).unwrap_or_else(|| {
        let cause = header(SERVERS_DEATHS).map_or("no reason", |_| "its limits");
        format!("given up by the server because of {cause}: see the policies of the queue")
    });
    let attempts = number(delivery, ATTEMPTS).and_then(|count| u32::try_from(count).ok());
    DeadLetter {
        object: message.event().ok().map(|event| event.object),
        id: message.id,
        attempts: attempts.unwrap_or(0),
        reason,
        published: message.published,
    }
}

fn durable(headers: FieldTable, id: &str) -> BasicProperties {
    let properties = BasicProperties::default()
        .with_headers(headers)
        .with_delivery_mode(2);
    match ShortString::try_new(id) {
        Ok(id) => properties.with_message_id(id),
        Err(_) => properties,
    }
}

fn headers(delivery: &Delivery) -> Option<&FieldTable> {
    delivery.properties.headers().as_ref()
}

/// The headers that the sender set.
fn their_headers(delivery: &Delivery) -> FieldTable {
    let mut theirs = FieldTable::default();
    for (key, value) in headers(delivery).into_iter().flat_map(FieldTable::inner) {
        if !key.as_str().starts_with(NOT_THEIRS) {
            theirs.insert(key.clone(), value.clone());
        }
    }
    theirs
}

fn attributes(delivery: &Delivery) -> BTreeMap<String, String> {
    let theirs = headers(delivery).into_iter().flat_map(FieldTable::inner);
    theirs
        .filter(|(key, _)| !key.as_str().starts_with(NOT_THEIRS))
        .filter_map(|(key, value)| Some((key.as_str().to_owned(), words(value)?)))
        .collect()
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

fn millis(time: SystemTime) -> AMQPValue {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX).into()
}

/// A value as text, where it is a text, a truth value or a whole number.
fn words(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        AMQPValue::ShortString(text) => Some(text.as_str().to_owned()),
        AMQPValue::Boolean(value) => Some(value.to_string()),
        other => whole(other).map(|number| number.to_string()),
    }
}

fn whole(value: &AMQPValue) -> Option<i64> {
    match *value {
        AMQPValue::ShortShortInt(value) => Some(value.into()),
        AMQPValue::ShortShortUInt(value) => Some(value.into()),
        AMQPValue::ShortInt(value) => Some(value.into()),
        AMQPValue::ShortUInt(value) => Some(value.into()),
        AMQPValue::LongInt(value) => Some(value.into()),
        AMQPValue::LongUInt(value) => Some(value.into()),
        AMQPValue::LongLongInt(value) => Some(value),
        _ => None,
    }
}

fn number(delivery: &Delivery, key: &str) -> Option<i64> {
    headers(delivery)?.inner().get(key).and_then(whole)
}

/// When it was published: by our header, else by the sender's clock, else now.
fn published(delivery: &Delivery) -> SystemTime {
    let ours = number(delivery, PUBLISHED).and_then(|millis| u64::try_from(millis).ok());
    let sent = delivery.properties.timestamp().as_ref();
    let since = ours
        .map(Duration::from_millis)
        .or_else(|| sent.map(|seconds| Duration::from_secs(*seconds)));
    since
        .and_then(|since| UNIX_EPOCH.checked_add(since))
        .unwrap_or_else(SystemTime::now)
}
