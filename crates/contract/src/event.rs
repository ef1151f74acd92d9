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
    "not an upload event ({reason}): send a Pub/Sub push body, a GCS object resource, an Eventarc CloudEvent or an S3 event notification"
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
    /// headers), an Eventarc CloudEvent (binary or structured), or an event notification of S3
    /// or MinIO (bare or as the data of an envelope). `header` looks a request header up by its
    /// lower-case name.
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
        if let Some(event) = from_s3(&body) {
            return event;
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
    let Some(kind) = attribute("eventType") else {
        let missing = || NotAnEnvelope::new("the message has no attribute eventType");
        let data = text(message, "data").ok_or_else(missing)?;
        return from_s3(&data_of(&data)?).ok_or_else(missing)?;
    };
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
    from_resource(gcs_kind(&kind), &data_of(&data)?)
}

/// The data of a wrapped message.
fn data_of(data: &str) -> Result<Value, NotAnEnvelope> {
    let data = base64::engine::general_purpose::STANDARD
        .decode(data)
        .map_err(|error| NotAnEnvelope::new(format!("message data is not base64: {error}")))?;
    serde_json::from_slice(&data)
        .map_err(|error| NotAnEnvelope::new(format!("message data is not JSON: {error}")))
}

/// An event notification of S3 or MinIO, `None` where it is something else. See
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>.
fn from_s3(body: &Value) -> Option<Result<Event, NotAnEnvelope>> {
    let records = body.get("Records")?.as_array()?;
    Some(match records.as_slice() {
        [record] => from_s3_record(record),
        // Each message has one outcome, so that it can have one object only.
        records => Err(NotAnEnvelope::new(format!(
            "the notification has {} records, not one",
            records.len()
        ))),
    })
}

fn from_s3_record(record: &Value) -> Result<Event, NotAnEnvelope> {
    let field = |path: &str| {
        let value = record.pointer(path).and_then(Value::as_str);
        value.ok_or_else(|| NotAnEnvelope::new(format!("the record has no `{path}`")))
    };
    let kind = field("/eventName")?;
    // MinIO puts the service's name before it.
    let kind = match kind.strip_prefix("s3:").unwrap_or(kind) {
        created if created.starts_with("ObjectCreated:") => EventKind::Finalized,
        other => EventKind::Other(other.to_owned()),
    };
    let object = ObjectRef {
        bucket: field("/s3/bucket/name")?.to_owned(),
        name: form_decoded(field("/s3/object/key")?)?,
        // S3's versions are no numbers.
        generation: None,
    };
    Ok(Event { kind, object })
}

/// A key as S3 writes it: bytes as `%XX`, a space as `+`.
fn form_decoded(key: &str) -> Result<String, NotAnEnvelope> {
    let wrong = || NotAnEnvelope::new(format!("the key is not URL-encoded UTF-8: {key}"));
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16)?.try_into().ok();
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high: u8 = digit(rest.next()).ok_or_else(wrong)?;
                let low: u8 = digit(rest.next()).ok_or_else(wrong)?;
                (high << 4) | low
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| wrong())
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

    fn s3(name: &str, records: usize) -> String {
        let record = serde_json::json!({
            "eventName": name,
            "s3": {
                "bucket": {"name": "b"},
                "object": {"key": "videos/a+b%2B%C3%A4.mp4", "versionId": "v", "eTag": "e"},
            },
        });
        serde_json::json!({
            "EventName": "s3:ObjectCreated:Put",
            "Key": "b/videos/a b+ä.mp4",
            "Records": vec![record; records],
        })
        .to_string()
    }

    #[test]
    fn understands_s3_and_minio() {
        let expected = ObjectRef {
            bucket: "b".to_owned(),
            name: "videos/a b+ä.mp4".to_owned(),
            generation: None,
        };
        let none = |_: &str| None;
        for name in [
            "ObjectCreated:Put",
            "s3:ObjectCreated:CompleteMultipartUpload",
        ] {
            let bare = s3(name, 1);
            let data = base64::engine::general_purpose::STANDARD.encode(&bare);
            let wrapped = format!(r#"{{"message":{{"attributes":{{}},"data":"{data}"}}}}"#);
            for body in [bare, wrapped] {
                let event = Event::parse(none, body.as_bytes()).unwrap();
                assert_eq!(event.kind, EventKind::Finalized, "{name}");
                assert_eq!(event.object, expected);
            }
        }
        let removed = Event::parse(none, s3("s3:ObjectRemoved:Delete", 1).as_bytes());
        let other = EventKind::Other("ObjectRemoved:Delete".to_owned());
        assert_eq!(removed.map(|event| event.kind), Ok(other));
        for (body, reason) in [
            (s3("ObjectCreated:Put", 2), "2 records"),
            (s3("ObjectCreated:Put", 0), "0 records"),
            (
                s3("ObjectCreated:Put", 1).replace("%2B", "%2x"),
                "URL-encoded",
            ),
            (s3("ObjectCreated:Put", 1).replace("%C3", ""), "URL-encoded"),
            (
                s3("ObjectCreated:Put", 1).replace("\"key\"", "\"x\""),
                "/s3/object/key",
            ),
        ] {
            let error = Event::parse(none, body.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(reason), "{body}: {error}");
        }
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
