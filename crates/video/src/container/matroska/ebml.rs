//! EBML elements (RFC 8794).

use crate::IndexError;
use crate::container::fields::Fields;
use crate::container::window::{ReadError, ReadResult, Window};

/// Container name in messages.
pub(super) const NAME: &str = "matroska";

/// Element ids that we read (RFC 9559 clause 5).
#[allow(missing_docs)]
pub(super) mod id {
    pub const EBML: u32 = 0x1a45_dfa3;
    pub const SEGMENT: u32 = 0x1853_8067;
    pub const INFO: u32 = 0x1549_a966;
    pub const TIMESTAMP_SCALE: u32 = 0x2a_d7b1;
    pub const TRACKS: u32 = 0x1654_ae6b;
    pub const CLUSTER: u32 = 0x1f43_b675;
    pub const TIMESTAMP: u32 = 0xe7;
    pub const SIMPLE_BLOCK: u32 = 0xa3;
    pub const BLOCK_GROUP: u32 = 0xa0;
    pub const BLOCK: u32 = 0xa1;
    pub const REFERENCE_BLOCK: u32 = 0xfb;
    pub const TRACK_ENTRY: u32 = 0xae;
    pub const TRACK_NUMBER: u32 = 0xd7;
    pub const TRACK_TYPE: u32 = 0x83;
    pub const FLAG_DEFAULT: u32 = 0x88;
    pub const DEFAULT_DURATION: u32 = 0x23_e383;
    pub const CODEC_ID: u32 = 0x86;
    pub const CODEC_PRIVATE: u32 = 0x63a2;
    pub const VIDEO: u32 = 0xe0;
    pub const PIXEL_WIDTH: u32 = 0xb0;
    pub const PIXEL_HEIGHT: u32 = 0xba;
    pub const DISPLAY_WIDTH: u32 = 0x54b0;
    pub const DISPLAY_HEIGHT: u32 = 0x54ba;
    pub const DISPLAY_UNIT: u32 = 0x54b2;
    pub const COLOUR: u32 = 0x55b0;
    pub const MATRIX: u32 = 0x55b1;
    pub const RANGE: u32 = 0x55b9;
    pub const TRANSFER: u32 = 0x55ba;
    pub const PRIMARIES: u32 = 0x55bb;
    pub const PROJECTION: u32 = 0x7670;
    pub const PROJECTION_ROLL: u32 = 0x7675;
    pub const CONTENT_ENCODINGS: u32 = 0x6d80;
    pub const CONTENT_ENCODING: u32 = 0x6240;
    pub const ENCODING_SCOPE: u32 = 0x5032;
    pub const COMPRESSION: u32 = 0x5034;
    pub const COMPRESSION_ALGORITHM: u32 = 0x4254;
    pub const COMPRESSION_SETTINGS: u32 = 0x4255;
    pub const ENCRYPTION: u32 = 0x5035;
}

/// The most bytes an element may have that is read in one piece.
const MAX_CONTENT: u64 = 16 << 20;

/// An element's place in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    pub(super) id: u32,
    pub(super) body: u64,
    /// One past the last byte; `None` where the size is unknown.
    pub(super) end: Option<u64>,
}

impl Element {
    /// Reads the element header at `at`.
    pub(super) fn read(window: &Window, at: u64) -> ReadResult<Self> {
        let head = window.peek(at, 12)?;
        let broken = || {
            if head.len() < 12 {
                return ReadError::PastEnd;
            }
            ReadError::Failed(IndexError::Damaged {
                container: NAME,
                what: format!("no element starts at byte {at}"),
            })
        };
        let (id, id_length) = element_id(head).ok_or_else(broken)?;
        let size_bytes = head.get(id_length..).unwrap_or_default();
        let (size, size_length) = vint(size_bytes).ok_or_else(broken)?;
        let body = at + (id_length + size_length) as u64;
        let unknown = size == (1_u64 << (7 * size_length)) - 1;
        let end = if unknown {
            None
        } else {
            Some(body.checked_add(size).ok_or_else(broken)?)
        };
        Ok(Self { id, body, end })
    }

    /// The whole content of a small element.
    pub(super) fn content<'a>(&self, window: &'a Window) -> ReadResult<&'a [u8]> {
        let length = self.end.map(|end| end.saturating_sub(self.body));
        match length {
            Some(length) if length <= MAX_CONTENT => window.bytes(self.body, length),
            _ => Err(ReadError::Failed(IndexError::Damaged {
                container: NAME,
                what: format!("element {:#x} has a size above {MAX_CONTENT}", self.id),
            })),
        }
    }
}

/// An element id (marker bits kept) and its length.
fn element_id(bytes: &[u8]) -> Option<(u32, usize)> {
    let length = bytes.first()?.leading_zeros() as usize + 1;
    if length > 4 {
        return None;
    }
    let id = bytes
        .get(..length)?
        .iter()
        .fold(0, |sum, &byte| (sum << 8) | u32::from(byte));
    Some((id, length))
}

/// A variable-size integer (marker bit dropped) and its length.
pub(super) fn vint(bytes: &[u8]) -> Option<(u64, usize)> {
    let &first = bytes.first()?;
    let length = first.leading_zeros() as usize + 1;
    if length > 8 {
        return None;
    }
    let value = bytes
        .get(..length)?
        .iter()
        .fold(0_u64, |sum, &byte| (sum << 8) | u64::from(byte));
    Some((value & ((1_u64 << (7 * length)) - 1), length))
}

/// Ids and contents of the elements in `bytes`, up to the first that is broken.
pub(super) fn children(bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (id, id_length) = element_id(rest)?;
        let (size, size_length) = vint(rest.get(id_length..)?)?;
        let body = rest.get(id_length + size_length..)?;
        let (content, tail) = body.split_at_checked(usize::try_from(size).ok()?)?;
        rest = tail;
        Some((id, content))
    })
}

pub(super) fn child(bytes: &[u8], id: u32) -> Option<&[u8]> {
    children(bytes).find(|(of, _)| *of == id).map(|(_, c)| c)
}

pub(super) fn child_uint(bytes: &[u8], id: u32) -> Option<u64> {
    child(bytes, id).map(uint)
}

/// An unsigned integer element's value.
pub(super) fn uint(content: &[u8]) -> u64 {
    content
        .iter()
        .take(8)
        .fold(0, |sum, &byte| (sum << 8) | u64::from(byte))
}

/// A float element's value.
pub(super) fn float(content: &[u8]) -> Option<f64> {
    match content.len() {
        4 => content.be32(0).map(|bits| f64::from(f32::from_bits(bits))),
        8 => content.be64(0).map(f64::from_bits),
        _ => None,
    }
}
