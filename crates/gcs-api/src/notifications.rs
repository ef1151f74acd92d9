//! Which topics are told of what happens in a bucket.

use serde::{Deserialize, Serialize};

const TOPIC_PREFIX: &str = "//pubsub.googleapis.com/";

/// The answer to a list of notification configurations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename = "storage#notifications")]
pub struct Notifications {
    /// All of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<NotificationConfig>,
}

/// One notification configuration. Google's field names here are in snake case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationConfig {
    /// `//pubsub.googleapis.com/projects/…/topics/…`
    pub topic: String,
    /// Such as `OBJECT_FINALIZE`; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub event_types: Vec<String>,
    /// Names of objects start with this; empty for all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub object_name_prefix: String,
    /// `JSON_API_V1`, or `NONE`.
    #[serde(default)]
    pub payload_format: String,
}

impl NotificationConfig {
    /// `projects/…/topics/…`
    pub fn topic_name(&self) -> &str {
        let topic = self.topic.as_str();
        topic.strip_prefix(TOPIC_PREFIX).unwrap_or(topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_named_as_pubsub_names_them() {
        let text = r#"{"kind":"storage#notifications","items":[{"kind":"storage#notification","id":"1",
            "topic":"//pubsub.googleapis.com/projects/p/topics/t","payload_format":"JSON_API_V1",
            "event_types":["OBJECT_FINALIZE"],"object_name_prefix":"videos/"}]}"#;
        let listed: Notifications = serde_json::from_str(text).unwrap();
        assert_eq!(listed.items[0].topic_name(), "projects/p/topics/t");
        assert_eq!(listed.items[0].object_name_prefix, "videos/");
        let again = serde_json::to_string(&listed).unwrap();
        assert_eq!(
            serde_json::from_str::<Notifications>(&again).unwrap(),
            listed
        );
        assert!(
            serde_json::from_str::<Notifications>("{}")
                .unwrap()
                .items
                .is_empty()
        );
    }
}
