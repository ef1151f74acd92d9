//! Boxes (clause 4.2).

use crate::IndexError;
use crate::container::fields::{Fields, fourcc};
use crate::container::window::{ReadError, ReadResult, Window};

/// Container name in messages.
pub(super) const NAME: &str = "mp4";
/// The most bytes a box may have that is read in one piece.
const MAX_LEAF: u64 = 4 << 20;

/// A box's place in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct BoxHead {
    pub(super) kind: [u8; 4],
    /// First byte after the header.
    pub(super) body: u64,
    /// One past the last byte.
    pub(super) end: u64,
}

impl BoxHead {
    /// Reads the header at `at` of a box that ends at `limit` at the latest, where its size is
    /// said to be "to the end".
    pub(super) fn read(window: &Window, at: u64, limit: u64) -> ReadResult<Self> {
        let head = window.bytes(at, 8)?;
        let (size, kind) = (head.be32(0), head.array(4));
        let (Some(size), Some(kind)) = (size, kind) else {
            return Err(ReadError::PastEnd);
        };
        let (size, header) = match size {
            0 => (limit.saturating_sub(at), 8),
            1 => (window.bytes(at, 16)?.be64(8).ok_or(ReadError::PastEnd)?, 16),
            size => (u64::from(size), 8),
        };
        let end = at.checked_add(size).filter(|_| size >= header);
        let end = end.ok_or_else(|| damaged(format!("box at byte {at} has a size of {size}")))?;
        Ok(Self {
            kind,
            body: at + header,
            end,
        })
    }
}

pub(super) fn damaged(what: String) -> ReadError {
    ReadError::Failed(IndexError::Damaged {
        container: NAME,
        what,
    })
}

/// The whole body of a small box.
pub(super) fn leaf(window: &Window, head: BoxHead) -> ReadResult<&[u8]> {
    let length = head.end.saturating_sub(head.body);
    if length > MAX_LEAF {
        return Err(damaged(format!(
            "box `{}` has {length} bytes, limit {MAX_LEAF}",
            fourcc(head.kind)
        )));
    }
    window.bytes(head.body, length)
}

/// Body of the first box of this kind in `boxes`.
pub(super) fn child<'a>(boxes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    children(boxes)
        .find(|(k, _)| k == kind)
        .map(|(_, body)| body)
}

/// Kinds and bodies of the boxes in `boxes`, up to the first that is broken.
pub(super) fn children(boxes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = boxes;
    std::iter::from_fn(move || {
        let size = usize::try_from(rest.be32(0)?).ok()?;
        let kind = rest.array(4)?;
        let size = if size == 0 { rest.len() } else { size };
        let (whole, tail) = rest.split_at_checked(size)?;
        rest = tail;
        Some((kind, whole.get(8..)?))
    })
}
