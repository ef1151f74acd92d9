//! Resources: objects, lists of them, and what an upload says of one.

use crate::checksum::Crc32c;
use crate::time;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::time::SystemTime;
use thiserror::Error;

/// An object's resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Resource", into = "Resource")]
pub struct Object {
    /// Its name, with slashes.
    pub name: String,
    /// Its bucket; empty where the answer does not say.
    pub bucket: String,
    /// Changes with each write; never 0.
    pub generation: i64,
    /// Bytes.
    pub size: u64,
    /// Media type.
    pub content_type: Option<String>,
    /// Checksum, where the store has one.
    pub crc32c: Option<Crc32c>,
    /// When this generation was written: `timeCreated`, as a change of metadata or of the storage
    /// class (a lifecycle rule's, too) moves a resource's `updated`. That is taken where there is
    /// nothing else; `None` where the answer says neither, or not in UTC.
    pub updated: Option<SystemTime>,
    /// Custom metadata.
    pub metadata: BTreeMap<String, String>,
}

/// Why a resource is not as documented.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ResourceError {
    /// Its size.
    #[error("size is no number")]
    Size,
    /// Its generation.
    #[error("generation is no number above 0")]
    Generation,
}

/// An object of which only the name was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectName {
    /// Its name.
    pub name: String,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename = "storage#objects", rename_all = "camelCase")]
pub struct Listing<T = Object> {
    /// Objects, by name.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<T>,
    /// What lies below, up to the delimiter, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<String>,
    /// What asks for the next page; `None` on the last.
    #[serde(
        default,
        deserialize_with = "unless_empty",
        skip_serializing_if = "Option::is_none"
    )]
    pub next_page_token: Option<String>,
}

/// What an upload says of its object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UploadMetadata {
    /// Its name, where the request's URL does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Checksum that the bytes must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crc32c: Option<Crc32c>,
    /// Custom metadata.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            prefixes: Vec::new(),
            next_page_token: None,
        }
    }
}

/// A generation from text.
pub(crate) fn parse_generation(text: &str) -> Option<i64> {
    text.parse().ok().filter(|generation| *generation > 0)
}

fn unless_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()))
}

/// The resource as it is written: 64-bit numbers are strings.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename = "storage#object", rename_all = "camelCase")]
struct Resource {
    #[serde(default)]
    id: String,
    name: String,
    #[serde(default)]
    bucket: String,
    generation: String,
    #[serde(default)]
    metageneration: String,
    #[serde(default)]
    size: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crc32c: Option<Crc32c>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_created: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

impl TryFrom<Resource> for Object {
    type Error = ResourceError;

    fn try_from(resource: Resource) -> Result<Self, ResourceError> {
        Ok(Self {
            generation: parse_generation(&resource.generation).ok_or(ResourceError::Generation)?,
            size: resource.size.parse().map_err(|_| ResourceError::Size)?,
            name: resource.name,
            bucket: resource.bucket,
            content_type: resource.content_type,
            crc32c: resource.crc32c,
            updated: [resource.time_created, resource.updated]
                .iter()
                .flatten()
                .find_map(|text| time::parse_rfc3339(text)),
            metadata: resource.metadata,
        })
    }
}

impl From<Object> for Resource {
    fn from(object: Object) -> Self {
        let written = object.updated.map(time::rfc3339);
        Self {
            id: format!("{}/{}/{}", object.bucket, object.name, object.generation),
            name: object.name,
            bucket: object.bucket,
            generation: object.generation.to_string(),
            metageneration: "1".to_owned(),
            size: object.size.to_string(),
            content_type: object.content_type,
            crc32c: object.crc32c,
            time_created: written.clone(),
            updated: written,
            metadata: object.metadata,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn resources_are_those_of_google() {
        let value = json!({
            "kind": "storage#object", "id": "b/n/9", "name": "n", "bucket": "b",
            "generation": "9", "metageneration": "1", "size": "3", "contentType": "image/jpeg",
            "crc32c": "ipE2qg==", "timeCreated": "1970-01-02T00:00:01.500Z",
            "updated": "1970-01-02T00:00:01.500Z", "metadata": {"a": "b"},
        });
        let object: Object = serde_json::from_value(value.clone()).unwrap();
        assert_eq!((object.size, object.generation), (3, 9));
        assert_eq!(
            object.updated,
            Some(UNIX_EPOCH + Duration::from_millis(86_401_500))
        );
        assert_eq!(serde_json::to_value(&object).unwrap(), value);
    }

    #[test]
    fn a_change_of_metadata_is_no_write() {
        let updated = |more: &str| {
            let text = format!(r#"{{"name":"n","size":"3","generation":"9",{more}}}"#);
            serde_json::from_str::<Object>(&text).unwrap().updated
        };
        let at = |seconds| Some(UNIX_EPOCH + Duration::from_secs(seconds));
        let later = r#""updated":"1970-01-01T00:00:09Z""#;
        let created = r#""timeCreated":"1970-01-01T00:00:01Z""#;
        assert_eq!(updated(&format!("{created},{later}")), at(1));
        assert_eq!(updated(later), at(9));
        assert_eq!(updated(&format!(r#""timeCreated":"today",{later}"#)), at(9));
    }

    #[test]
    fn what_is_missing_is_not_made_up() {
        let parse = serde_json::from_str::<Object>;
        let least = parse(r#"{"name":"n","size":"0","generation":"1"}"#).unwrap();
        assert_eq!((least.crc32c, least.updated), (None, None));
        for (text, reason) in [
            (
                r#"{"name":"n","size":"3","generation":"0"}"#,
                "generation is no number",
            ),
            (
                r#"{"name":"n","size":"3","generation":"-1"}"#,
                "generation is no number",
            ),
            (
                r#"{"name":"n","size":"x","generation":"9"}"#,
                "size is no number",
            ),
            (
                r#"{"name":"n","size":"-1","generation":"9"}"#,
                "size is no number",
            ),
            (
                r#"{"name":"n","size":"18446744073709551616","generation":"9"}"#,
                "size is no",
            ),
            (r#"{"name":"n","generation":"9"}"#, "size is no number"),
            (r#"{"name":"n","size":"3"}"#, "missing field"),
            (r#"{"size":"3","generation":"9"}"#, "missing field"),
            (
                r#"{"name":"n","size":"3","generation":"9","crc32c":"x"}"#,
                "crc32c `x`",
            ),
            ("", "EOF"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        let undated = r#"{"name":"n","size":"3","generation":"9","updated":"today"}"#;
        assert_eq!(parse(undated).unwrap().updated, None);
    }

    #[test]
    fn lists_may_be_empty_and_have_an_end() {
        let parse = serde_json::from_str::<Listing<ObjectName>>;
        for text in [
            "{}",
            r#"{"nextPageToken":""}"#,
            r#"{"kind":"storage#objects"}"#,
        ] {
            assert_eq!(parse(text).unwrap(), Listing::default());
        }
        let text = r#"{"kind":"storage#objects","items":[{"name":"a"}],"prefixes":["b/"],"nextPageToken":"c"}"#;
        let page = parse(text).unwrap();
        assert_eq!(page.items[0].name, "a");
        assert_eq!(serde_json::to_string(&page).unwrap(), text);
    }

    #[test]
    fn uploads_say_what_they_know() {
        let none: UploadMetadata = serde_json::from_str("{}").unwrap();
        assert_eq!(none, UploadMetadata::default());
        assert_eq!(serde_json::to_string(&none).unwrap(), "{}");
        let wrong = serde_json::from_str::<UploadMetadata>(r#"{"crc32c":"AAAA"}"#);
        assert!(wrong.unwrap_err().to_string().contains("crc32c `AAAA`"));
    }
}
