//! Objects in buckets, as a trait.

use framemill_contract::{ConfigError, JobError, ObjectRef};
use framemill_gcs_api::Object;
use framemill_video::ByteRange;
use std::time::UNIX_EPOCH;
use thiserror::Error;

/// The media type of what [`to_json`] gives.
pub const JSON: &str = "application/json";

/// What a store tells of an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectInfo {
    /// Bytes.
    pub size: u64,
    /// Current generation.
    pub generation: i64,
    /// Checksum, base64 big endian, where the store keeps one.
    pub crc32c: Option<String>,
    /// Seconds after 1970 of the last write, by the store's clock; 0 where it does not say.
    pub updated: u64,
}

impl From<Object> for ObjectInfo {
    fn from(object: Object) -> Self {
        let updated = object.updated.map(|time| time.duration_since(UNIX_EPOCH));
        Self {
            size: object.size,
            generation: object.generation,
            crc32c: object.crc32c.map(|checksum| checksum.to_string()),
            updated: updated.map_or(0, |since| since.unwrap_or_default().as_secs()),
        }
    }
}

/// Why a request to a store failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ObjectError {
    /// The object, or the generation asked for, is not there (any more).
    #[error("object is gone")]
    Gone,
    /// Anything else, which may pass.
    #[error(transparent)]
    Failed(#[from] JobError),
}

/// Result of a create-only write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Created {
    /// Written.
    New,
    /// An object of this name was there and was left alone.
    Existed,
}

/// Objects in buckets. Futures need not be `Send`: a sandbox has one thread.
#[allow(async_fn_in_trait)]
pub trait Objects {
    /// Most bytes of an object that is written here, or read as a whole.
    fn largest_object(&self) -> u64;

    /// Whether there is a bucket of this name; `prefix` is one below which names may be listed.
    async fn has_bucket(&self, bucket: &str, prefix: &str) -> Result<bool, ObjectError>;

    /// Metadata of the current generation; [`ObjectError::Gone`] where there is none.
    async fn metadata(&self, bucket: &str, name: &str) -> Result<ObjectInfo, ObjectError>;

    /// Bytes of exactly this generation; fewer than asked for where the object ends.
    async fn read(&self, object: &ObjectRef, range: ByteRange) -> Result<Vec<u8>, ObjectError>;

    /// An object as a whole; [`JobError::ObjectTooLarge`] where it is over the limit.
    async fn read_all(&self, bucket: &str, name: &str) -> Result<Vec<u8>, ObjectError>;

    /// Writes an object unless one of this name exists; [`JobError::ObjectTooLarge`] where it is
    /// over the limit, ours or the store's.
    async fn create(
        &self,
        bucket: &str,
        name: &str,
        content_type: &str,
        bytes: &[u8],
    ) -> Result<Created, ObjectError>;

    /// Writes an object if its generation is this one; 0 stands for none being there. `None`
    /// where it is another.
    async fn replace(
        &self,
        bucket: &str,
        name: &str,
        generation: i64,
        content_type: &str,
        bytes: &[u8],
    ) -> Result<Option<ObjectInfo>, ObjectError>;

    /// Names below a prefix.
    async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<String>, ObjectError>;

    /// Removes an object; one that is not there is no error.
    async fn delete(&self, bucket: &str, name: &str) -> Result<(), ObjectError>;
}

/// Whether there is an object of this name.
///
/// # Errors
/// Where the store fails.
pub async fn exists<O: Objects>(
    objects: &O,
    bucket: &str,
    name: &str,
) -> Result<bool, ObjectError> {
    match objects.metadata(bucket, name).await {
        Ok(_) => Ok(true),
        Err(ObjectError::Gone) => Ok(false),
        Err(error) => Err(error),
    }
}

/// What it means that an object is not there about which there was an event: it is gone, or its
/// whole bucket is not where it is looked for. Names below `prefix` may be listed.
pub async fn gone<O: Objects>(objects: &O, bucket: &str, prefix: &str) -> ObjectError {
    match objects.has_bucket(bucket, prefix).await {
        Ok(true) => ObjectError::Gone,
        Ok(false) => {
            let reason = format!(
                "`{bucket}` is not in the object store: create it, or correct bucket or objects_url"
            );
            JobError::Config(ConfigError::new("bucket", reason)).into()
        }
        Err(error) => error,
    }
}

/// A record as it is written to a bucket: for people too, so in lines.
///
/// # Errors
/// Where the value has no form in JSON.
pub fn to_json(value: &impl serde::Serialize) -> Result<Vec<u8>, JobError> {
    let mut json = serde_json::to_vec_pretty(value).map_err(|error| JobError::Storage {
        what: "writing JSON".to_owned(),
        reason: error.to_string(),
    })?;
    json.push(b'\n');
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_read() {
        let read = |json: &str| serde_json::from_str::<Object>(json).map(ObjectInfo::from);
        let expected = |updated| ObjectInfo {
            size: 3,
            generation: 9,
            crc32c: None,
            updated,
        };
        let meta = read(r#"{"name":"n","size":"3","generation":"9"}"#).unwrap();
        assert_eq!(meta, expected(0));
        let dated =
            r#"{"name":"n","size":"3","generation":"9","updated":"1970-01-02T00:00:01.5Z"}"#;
        assert_eq!(read(dated).unwrap(), expected(86_401));
        assert!(read(r#"{"name":"n","size":"x","generation":"9"}"#).is_err());
    }
}
