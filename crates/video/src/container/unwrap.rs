//! From a sample's bytes in the file to its access unit.

use super::mpegts::{transport_gaps, transport_payload};
use crate::{IndexError, Unwrap};
use std::borrow::Cow;

impl Unwrap {
    /// The access unit in a sample's bytes. `bytes` is exactly the sample's [`Sample::range`](crate::Sample::range).
    ///
    /// # Errors
    /// [`IndexError::Damaged`] where the framing inside the sample is broken.
    pub fn access_unit<'a>(&self, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, IndexError> {
        match self {
            Self::Plain => Ok(Cow::Borrowed(bytes)),
            Self::Prefix(prefix) => Ok(Cow::Owned([prefix.as_slice(), bytes].concat())),
            Self::TransportPid { pid, packet_size } => {
                transport_payload(bytes, *pid, *packet_size).map(Cow::Owned)
            }
        }
    }

    /// Why the access unit of a sample's bytes is not whole, where the framing shows it.
    pub fn damage(&self, bytes: &[u8]) -> Option<String> {
        let Self::TransportPid { pid, packet_size } = self else {
            return None;
        };
        match transport_gaps(bytes, *pid, *packet_size) {
            0 => None,
            gaps => Some(format!("packets are missing or scrambled in {gaps} places")),
        }
    }
}
