//! Messages in: what a queue delivers, in each of the forms that Google Cloud uses.

use base64::Engine as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

/// One version of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ObjectRef {
    /// Bucket.
    pub bucket: String,
    /// Object name, with slashes.
    pub name: String,
    /// Generation; `None` where the event does not say.
    pub generation: Option<i64>,
}

/// What happened to the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Written completely: the only kind that makes work.
    Finalized,
    /// Anything else, by name.
    Other(String),
}

/// A storage event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// To which object.
    pub object: ObjectRef,
}

/// The body is no event in any form that we know.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "not an upload event ({reason}): send a Pub/Sub push body, a GCS object resource or an Eventarc CloudEvent"
)]
pub struct NotAnEnvelope {
    /// What is missing.
    pub reason: String,
}

impl NotAnEnvelope {
    fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}

const FINALIZE: &str = "OBJECT_FINALIZE";
const CLOUD_EVENT_FINALIZED: &str = "google.cloud.storage.object.v1.finalized";

impl Event {
    /// From an HTTP request: the Pub/Sub push envelope, its unwrapped form (attributes as
    /// headers), or an Eventarc CloudEvent (binary or structured). `header` looks a request
    /// header up by its lower-case name.
    ///
    /// # Errors
    /// [`NotAnEnvelope`] saying what is missing.
    pub fn parse(
        header: impl Fn(&str) -> Option<String>,
        body: &[u8],
    ) -> Result<Self, NotAnEnvelope> {
        let body: Value = serde_json::from_slice(body)
            .map_err(|error| NotAnEnvelope::new(format!("body is not JSON: {error}")))?;
        if let Some(message) = body.get("message") {
            return from_push(message);
        }
        if let (Some(kind), Some(data)) = (text(&body, "type"), body.get("data")) {
            return from_resource(cloud_event_kind(&kind), data);
        }
        if let Some(kind) = header("ce-type") {
            return from_resource(cloud_event_kind(&kind), &body);
        }
        let kind = header("eventtype").unwrap_or_else(|| FINALIZE.to_owned());
        from_resource(gcs_kind(&kind), &body)
    }

    /// The Pub/Sub push body that stands for this event: what a queue of ours delivers.
    pub fn to_push_body(&self, message_id: &str, publish_time: &str, attempt: u32) -> Value {
        let kind = match &self.kind {
            EventKind::Finalized => FINALIZE,
            EventKind::Other(kind) => kind,
        };
        let mut attributes = serde_json::json!({
            "eventType": kind,
            "bucketId": self.object.bucket,
            "objectId": self.object.name,
            "payloadFormat": "JSON_API_V1",
        });
        let mut resource = serde_json::json!({
            "kind": "storage#object",
            "bucket": self.object.bucket,
            "name": self.object.name,
        });
        if let Some(generation) = self.object.generation {
            attributes["objectGeneration"] = generation.to_string().into();
            resource["generation"] = generation.to_string().into();
        }
        let data = base64::engine::general_purpose::STANDARD.encode(resource.to_string());
        serde_json::json!({
            "message": {
                "attributes": attributes,
                "data": data,
                "messageId": message_id,
                "publishTime": publish_time,
            },
            "subscription": "projects/local/subscriptions/framemill",
            "deliveryAttempt": attempt,
        })
    }
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}

fn gcs_kind(kind: &str) -> EventKind {
    match kind {
        FINALIZE => EventKind::Finalized,
        other => EventKind::Other(other.to_owned()),
    }
}

fn cloud_event_kind(kind: &str) -> EventKind {
    match kind {
        CLOUD_EVENT_FINALIZED => EventKind::Finalized,
        other => EventKind::Other(other.to_owned()),
    }
}

/// A wrapped push message: the attributes name the object, the data repeats it as a resource.
fn from_push(message: &Value) -> Result<Event, NotAnEnvelope> {
    let attribute = |key| {
        message
            .get("attributes")
            .and_then(|attributes| text(attributes, key))
    };
    let kind = attribute("eventType")
        .ok_or_else(|| NotAnEnvelope::new("the message has no attribute eventType"))?;
    if let (Some(bucket), Some(name)) = (attribute("bucketId"), attribute("objectId")) {
        let generation = attribute("objectGeneration")
            .map(|g| generation(&g))
            .transpose()?;
        return Ok(Event {
            kind: gcs_kind(&kind),
            object: ObjectRef {
                bucket,
                name,
                generation,
            },
        });
    }
    let data = text(message, "data")
        .ok_or_else(|| NotAnEnvelope::new("the message names no object and has no data"))?;
    let data = base64::engine::general_purpose::STANDARD
        .decode(data)
        .map_err(|error| NotAnEnvelope::new(format!("message data is not base64: {error}")))?;
    let resource = serde_json::from_slice(&data)
        .map_err(|error| NotAnEnvelope::new(format!("message data is not JSON: {error}")))?;
    from_resource(gcs_kind(&kind), &resource)
}

/// A GCS object resource.
fn from_resource(kind: EventKind, resource: &Value) -> Result<Event, NotAnEnvelope> {
    let field = |key| {
        text(resource, key)
            .ok_or_else(|| NotAnEnvelope::new(format!("the object resource has no `{key}`")))
    };
    let object = ObjectRef {
        bucket: field("bucket")?,
        name: field("name")?,
        generation: text(resource, "generation")
            .map(|g| generation(&g))
            .transpose()?,
    };
    Ok(Event { kind, object })
}

fn generation(text: &str) -> Result<i64, NotAnEnvelope> {
    text.parse()
        .map_err(|_| NotAnEnvelope::new(format!("generation `{text}` is not a whole number")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::strategy::Strategy as _;

    const RESOURCE: &str =
        r#"{"kind":"storage#object","bucket":"b","name":"videos/a b.mp4","generation":"17"}"#;

    fn expected() -> Event {
        Event {
            kind: EventKind::Finalized,
            object: ObjectRef {
                bucket: "b".to_owned(),
                name: "videos/a b.mp4".to_owned(),
                generation: Some(17),
            },
        }
    }

    #[test]
    fn understands_all_four_forms() {
        let push = expected()
            .to_push_body("1", "2026-01-01T00:00:00Z", 1)
            .to_string();
        let structured = format!(
            r#"{{"specversion":"1.0","type":"{CLOUD_EVENT_FINALIZED}","source":"//storage","data":{RESOURCE}}}"#
        );
        let ce = |name: &str| (name == "ce-type").then(|| CLOUD_EVENT_FINALIZED.to_owned());
        let unwrapped = |name: &str| (name == "eventtype").then(|| FINALIZE.to_owned());
        assert_eq!(Event::parse(|_| None, push.as_bytes()), Ok(expected()));
        assert_eq!(
            Event::parse(|_| None, structured.as_bytes()),
            Ok(expected())
        );
        assert_eq!(Event::parse(ce, RESOURCE.as_bytes()), Ok(expected()));
        assert_eq!(Event::parse(unwrapped, RESOURCE.as_bytes()), Ok(expected()));
    }

    #[test]
    fn data_speaks_where_attributes_are_silent() {
        let data = base64::engine::general_purpose::STANDARD.encode(RESOURCE);
        let body = format!(
            r#"{{"message":{{"attributes":{{"eventType":"OBJECT_FINALIZE"}},"data":"{data}"}}}}"#
        );
        assert_eq!(Event::parse(|_| None, body.as_bytes()), Ok(expected()));
    }

    #[test]
    fn other_events_keep_their_name() {
        let body = r#"{"message":{"attributes":{"eventType":"OBJECT_DELETE","bucketId":"b","objectId":"o"}}}"#;
        let event = Event::parse(|_| None, body.as_bytes()).unwrap();
        assert_eq!(event.kind, EventKind::Other("OBJECT_DELETE".to_owned()));
        assert_eq!(event.object.generation, None);
    }

    proptest::proptest! {
        /// Whatever arrives is an event or a named refusal, never a panic.
        #[test]
        fn arbitrary_bodies_are_events_or_refused(
            body in proptest::prop_oneof![
                proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
                r#"\{"(message|bucket|type|data|name)":("[^"]*"|\{"(attributes|data)":("[^"]*"|\{\})\}|[0-9])\}"#
                    .prop_map(String::into_bytes),
            ],
            kind in proptest::option::of("[a-zA-Z._]{0,20}"),
        ) {
            if let Err(error) = Event::parse(|_| kind.clone(), &body) {
                proptest::prop_assert!(!error.reason.is_empty());
            }
        }
    }

    #[test]
    fn nonsense_is_named() {
        for (body, reason) in [
            ("", "not JSON"),
            ("{}", "no `bucket`"),
            (r#"{"message":{}}"#, "eventType"),
            (
                r#"{"message":{"attributes":{"eventType":"x"},"data":"%%"}}"#,
                "base64",
            ),
            (
                r#"{"bucket":"b","name":"n","generation":"x"}"#,
                "whole number",
            ),
        ] {
            let error = Event::parse(|_| None, body.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(reason), "{body}: {error}");
        }
    }
}
