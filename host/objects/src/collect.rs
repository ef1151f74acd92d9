//! Whole bodies in memory: an upload that may be retried must be kept.

use super::error::StoreError;
use super::store::ByteStream;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

/// A body and its checksum.
pub(super) struct Collected {
    pub(super) bytes: Bytes,
    pub(super) crc32c: u32,
}

/// Reads a body to its end. Its size is whoever gives it to limit, as the gateway does.
///
/// # Errors
/// Where it breaks off, or does not have the `expected` checksum.
pub(super) async fn collect(
    url: &str,
    expected: Option<u32>,
    mut body: ByteStream,
) -> Result<Collected, StoreError> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.next().await {
        bytes.extend_from_slice(&chunk?);
    }
    let crc32c = crc32c::crc32c(&bytes);
    match expected {
        Some(expected) if expected != crc32c => Err(StoreError::Invalid(format!(
            "crc32c of the bytes is {crc32c:08x}, not {expected:08x} as given: {url}"
        ))),
        _ => Ok(Collected {
            bytes: bytes.freeze(),
            crc32c,
        }),
    }
}
