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

impl Message {
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
