//! Names as AMQP takes them.

use crate::error::SourceError;
use lapin::types::ShortString;

/// A name of a queue, an exchange or a header.
///
/// # Errors
/// Where it is too long.
pub(super) fn short(name: &str) -> Result<ShortString, SourceError> {
    ShortString::try_new(name)
        .map_err(|_| SourceError::Configuration(format!("longer than 255 bytes: {name}")))
}
