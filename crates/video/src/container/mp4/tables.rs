//! Where the sample tables of a track are, and passes through them block by block.

use super::boxes::BoxHead;
use crate::container::fields::Fields;
use crate::container::window::{ReadResult, Window};

/// Bytes of a table handled at a time.
const BLOCK: u64 = 48 << 10;

/// A table's place in the file: the body of its box.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    pub(super) body: u64,
    pub(super) end: u64,
}

impl Table {
    pub(super) fn new(head: BoxHead) -> Self {
        Self {
            body: head.body,
            end: head.end,
        }
    }

    /// Bytes of the body.
    pub(super) fn length(self) -> u64 {
        self.end.saturating_sub(self.body)
    }
}

/// Where a pass through a table's entries is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    pub(super) at: u64,
    pub(super) end: u64,
    /// Bytes of an entry.
    pub(super) entry: u64,
}

impl Cursor {
    /// Entries of `entry` bytes from `skip` bytes into the body; as many as the count in front
    /// of them says and the box has room for.
    pub(super) fn new(table: Table, window: &Window, skip: u64, entry: u64) -> ReadResult<Self> {
        if table.length() < skip {
            return Ok(Self {
                at: 0,
                end: 0,
                entry,
            });
        }
        let head = window.bytes(table.body, skip)?;
        let count_at = usize::try_from(skip.saturating_sub(4)).unwrap_or(0);
        let count = u64::from(head.be32(count_at).unwrap_or(0));
        let at = table.body + skip;
        let room = table.end.saturating_sub(at) / entry;
        Ok(Self {
            at,
            end: at + count.min(room) * entry,
            entry,
        })
    }

    /// The next block of whole entries; empty at the end. Call [`Cursor::advance`] after it.
    pub(super) fn block<'a>(&self, window: &'a Window) -> ReadResult<&'a [u8]> {
        let block = BLOCK / self.entry * self.entry;
        window.bytes(self.at, block.min(self.end.saturating_sub(self.at)))
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes as u64);
    }
}

/// Where the sample tables of a track are (clause 8.5 to 8.7).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SampleTables {
    pub(super) sizes: Option<Table>,
    /// `stz2` rather than `stsz`.
    pub(super) compact_sizes: bool,
    pub(super) durations: Option<Table>,
    pub(super) offsets: Option<Table>,
    pub(super) sync: Option<Table>,
    pub(super) partial_sync: Option<Table>,
    pub(super) dependence: Option<Table>,
    pub(super) chunk_runs: Option<Table>,
    pub(super) chunks: Option<Table>,
    /// `co64` rather than `stco`.
    pub(super) long_chunks: bool,
}
