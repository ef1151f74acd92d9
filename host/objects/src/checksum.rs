//! crc32c as GCS writes it: base64 of the checksum in big-endian order.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// As text.
pub(crate) fn encode(crc32c: u32) -> String {
    STANDARD.encode(crc32c.to_be_bytes())
}

/// From text; `None` where it is not base64 of 4 bytes.
pub(crate) fn decode(text: &str) -> Option<u32> {
    let bytes = STANDARD.decode(text).ok()?;
    bytes.try_into().ok().map(u32::from_be_bytes)
}
