//! A message in the form of a Pub/Sub push, whatever source it comes from.

use base64::Engine as _;
use bytes::Bytes;
use framemill_contract::{Event, NotAnEnvelope};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// The longest data of a message, bytes. Longer messages are no notifications and go to the dead
/// letters unread.
pub(super) const LONGEST_DATA: usize = 1 << 20;

/// A message that a source has given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Given by the source; the same at each delivery.
    pub id: String,
    /// Attributes, as Google's storage notifications set them.
    pub attributes: BTreeMap<String, String>,
    /// The payload.
    pub data: Bytes,
    /// When it was published.
    pub published: SystemTime,
    /// Number of this delivery attempt, from 1.
    pub attempt: u32,
    /// Where it comes from: a subscription, a queue.
    pub subscription: String,
}

/// The parts of a push body's `message` that an event fills.
#[derive(Deserialize)]
struct EventParts {
    attributes: BTreeMap<String, String>,
    data: String,
}

/// What Pub/Sub pushes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    message: Pushed,
    #[serde(default)]
    subscription: String,
    /// Counted only where the subscription has a dead-letter policy.
    delivery_attempt: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pushed {
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    data: String,
    #[serde(default)]
    message_id: String,
    publish_time: Option<String>,
}

/// Where messages come from that do not name their subscription.
const PUSH: &str = "push";

impl Message {
    /// A message from an HTTP request that pushes it, in any form that [`Event::parse`] knows.
    /// `header` looks a request header up by its lower-case name.
    ///
    /// # Errors
    /// [`NotAnEnvelope`] where it carries no event.
    pub fn from_push(
        header: impl Fn(&str) -> Option<String>,
        body: &[u8],
    ) -> Result<Self, NotAnEnvelope> {
        let event = Event::parse(&header, body)?;
        let envelope: Option<Envelope> = serde_json::from_slice(body).ok();
        if let Some(message) = envelope.and_then(Self::from_envelope) {
            return Ok(message);
        }
        let id = ["x-goog-pubsub-message-id", "ce-id"].map(&header);
        let id = id.into_iter().flatten().next().unwrap_or_default();
        let mut message = Self::of_event(&event, &id, SystemTime::now(), PUSH);
        // The sender's span, which an envelope has among its attributes.
        let trace = header("traceparent").map(|value| ("traceparent".to_owned(), value));
        message.attributes.extend(trace);
        Ok(message)
    }

    fn from_envelope(envelope: Envelope) -> Option<Self> {
        let Envelope {
            message,
            subscription,
            delivery_attempt,
        } = envelope;
        let data = base64::engine::general_purpose::STANDARD.decode(&message.data);
        let published = message.publish_time.as_deref();
        let published = published.and_then(|time| humantime::parse_rfc3339(time).ok());
        Some(Self {
            id: message.message_id,
            attributes: message.attributes,
            data: data.ok()?.into(),
            published: published.unwrap_or_else(SystemTime::now),
            attempt: delivery_attempt.unwrap_or(1).max(1),
            subscription: match subscription.as_str() {
                "" => PUSH.to_owned(),
                _ => subscription,
            },
        })
    }

    /// A message that carries `event`.
    pub fn of_event(event: &Event, id: &str, published: SystemTime, subscription: &str) -> Self {
        let mut body = event.to_push_body(id, "", 1);
        // Both are always there: this library wrote them.
        let parts: Option<EventParts> = serde_json::from_value(body["message"].take()).ok();
        let (attributes, data) = parts.map_or_else(Default::default, |parts| {
            let data = base64::engine::general_purpose::STANDARD.decode(parts.data);
            (parts.attributes, data.unwrap_or_default())
        });
        Self {
            id: id.to_owned(),
            attributes,
            data: data.into(),
            published,
            attempt: 1,
            subscription: subscription.to_owned(),
        }
    }

    /// The body of the push request that stands for it.
    pub fn push_body(&self) -> Value {
        json!({
            "message": {
                "attributes": self.attributes,
                "data": base64::engine::general_purpose::STANDARD.encode(&self.data),
                "messageId": self.id,
                "publishTime": humantime::format_rfc3339_millis(self.published).to_string(),
            },
            "subscription": self.subscription,
            "deliveryAttempt": self.attempt,
        })
    }

    /// The storage event it carries.
    ///
    /// # Errors
    /// [`NotAnEnvelope`] where it carries none.
    pub fn event(&self) -> Result<Event, NotAnEnvelope> {
        Event::parse(|_| None, self.push_body().to_string().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use framemill_contract::{EventKind, ObjectRef};

    #[test]
    fn pushed_messages_keep_what_they_say() {
        let event = Event {
            kind: EventKind::Finalized,
            object: ObjectRef {
                bucket: "b".into(),
                name: "videos/a.mp4".into(),
                generation: Some(5),
            },
        };
        let none = |_: &str| None;
        let mut body = event.to_push_body("7", "2026-01-02T03:04:05.678Z", 3);
        body["message"]["attributes"]["googclient_traceparent"] = "t".into();
        let message = Message::from_push(none, body.to_string().as_bytes()).unwrap();
        assert_eq!(message.event(), Ok(event.clone()));
        assert_eq!((message.id.as_str(), message.attempt), ("7", 3));
        assert_eq!(message.attributes["googclient_traceparent"], "t");
        assert_eq!(message.push_body()["message"], body["message"]);
        assert_eq!(message.push_body()["subscription"], body["subscription"]);
        // The other forms become the same message.
        let resource = r#"{"bucket":"b","name":"videos/a.mp4","generation":"5"}"#;
        let header = |name: &str| match name {
            "ce-type" => Some("google.cloud.storage.object.v1.finalized".to_owned()),
            "ce-id" => Some("9".to_owned()),
            "traceparent" => Some("t".to_owned()),
            _ => None,
        };
        let message = Message::from_push(header, resource.as_bytes()).unwrap();
        assert_eq!(message.event(), Ok(event.clone()));
        assert_eq!((message.id.as_str(), message.attempt), ("9", 1));
        assert_eq!(message.attributes["traceparent"], "t");
        // What no envelope should have is not believed, and the event counts all the same.
        for (field, value) in [
            ("/message/publishTime", serde_json::json!("soon")),
            ("/deliveryAttempt", serde_json::json!(-1)),
            ("/message/messageId", serde_json::json!(7)),
        ] {
            let mut odd = event.to_push_body("7", "2026-01-02T03:04:05.678Z", 1);
            *odd.pointer_mut(field).unwrap() = value;
            let message = Message::from_push(none, odd.to_string().as_bytes()).unwrap();
            assert_eq!(message.event(), Ok(event.clone()), "{field}");
        }
        assert!(Message::from_push(none, b"{}").is_err());
    }

    #[test]
    fn an_event_survives_the_envelope() {
        let event = Event {
            kind: EventKind::Finalized,
            object: ObjectRef {
                bucket: "b".into(),
                name: "videos/a b.mp4".into(),
                generation: Some(5),
            },
        };
        let message = Message::of_event(&event, "7", SystemTime::UNIX_EPOCH, "s");
        assert_eq!(message.event(), Ok(event));
        let body = message.push_body();
        assert_eq!(body["message"]["publishTime"], "1970-01-01T00:00:00.000Z");
        assert_eq!(body["deliveryAttempt"], 1);
        assert!(message.data.starts_with(b"{"), "{:?}", message.data);
    }
}
