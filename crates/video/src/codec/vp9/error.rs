//! What `rusty_vp9` answers, in our words.

use crate::DecodeError;
use crate::codec::picture::{damaged, unsupported};
use rusty_vp9::Error;

/// Codec name in messages.
pub(super) const CODEC: &str = "vp9";

/// See the module.
pub(super) fn error(error: Error) -> DecodeError {
    match error {
        Error::Unsupported(what) => unsupported(CODEC, what),
        Error::Unimplemented(what) => unsupported(CODEC, what),
        other => damaged(CODEC, other.to_string()),
    }
}
