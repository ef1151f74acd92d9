//! Objects in buckets, as a trait.

use framemill_contract::{JobError, ObjectRef};
use framemill_video::ByteRange;
use thiserror::Error;

/// What a store tells of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// Written.
    New,
    /// An object of this name was there and was left alone.
    Existed,
}

/// Objects in buckets. Futures need not be `Send`: a sandbox has one thread.
#[allow(async_fn_in_trait)]
pub trait Objects {
    /// Most bytes of an object that can be written here; `None` is no limit.
    fn largest_object(&self) -> Option<u64> {
        None
    }

    /// Metadata of the current generation; [`ObjectError::Gone`] where there is none.
    async fn metadata(&self, bucket: &str, name: &str) -> Result<ObjectInfo, ObjectError>;

    /// Bytes of exactly this generation; fewer than asked for where the object ends.
    async fn read(&self, object: &ObjectRef, range: ByteRange) -> Result<Vec<u8>, ObjectError>;

    /// A small object as a whole.
    async fn read_all(&self, bucket: &str, name: &str) -> Result<Vec<u8>, ObjectError>;

    /// Writes an object unless one of this name exists.
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
