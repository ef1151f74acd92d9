//! Containers: from bytes to a [`VideoIndex`], asking for the byte ranges it needs.

use crate::{ByteRange, IndexError, VideoIndex};

/// What an [`IndexReader`] wants next.
#[derive(Debug)]
pub enum Progress {
    /// Fetch this range (clamped to the file) and [`IndexReader::supply`] it.
    Need(ByteRange),
    /// The index is complete.
    Done(Box<VideoIndex>),
}

/// Finds the index of a file of known size without holding the file.
#[derive(Debug)]
pub struct IndexReader {
    size: u64,
}

impl IndexReader {
    /// For a file of `size` bytes.
    pub fn new(size: u64) -> Self {
        Self { size }
    }

    /// The next need, or the index.
    ///
    /// # Errors
    /// [`IndexError`] when the bytes seen so far rule out an index.
    pub fn advance(&mut self) -> Result<Progress, IndexError> {
        if self.size == 0 {
            return Err(IndexError::Empty);
        }
        Err(IndexError::UnknownContainer)
    }

    /// The bytes from `offset`, an answer to [`Progress::Need`]. Fewer bytes than asked for
    /// means that the file ends there.
    pub fn supply(&mut self, _offset: u64, _bytes: &[u8]) {}
}

/// The elementary stream payload of `pid` in a run of transport packets.
pub(crate) fn transport_payload(
    _bytes: &[u8],
    _pid: u16,
    _packet_size: u16,
) -> Result<Vec<u8>, IndexError> {
    Err(IndexError::UnknownContainer)
}
