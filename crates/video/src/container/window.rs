//! The part of the file that is in memory. Demuxers read through it as if they had the whole
//! file; what is missing stops them, and they go on from their own saved position.

use crate::{ByteRange, IndexError};

/// Bytes asked for after a jump.
const FIRST_READ: u64 = 64 << 10;
/// Bytes asked for when reading on and on.
const LONG_READ: u64 = 1 << 20;
/// Bytes kept before what is missing: a demuxer starts its element again, from its header.
const SLACK: u64 = 64 << 10;
/// Bytes that may be asked for beyond four times the file.
const MAX_REREAD: u64 = 64 << 20;
/// The most that may be asked to be in memory at once.
const MAX_READ: u64 = 24 << 20;

/// Why a demuxer stops.
#[derive(Debug)]
pub(super) enum ReadError {
    /// These bytes are not in memory.
    Missing(ByteRange),
    /// The file ends before these bytes do.
    PastEnd,
    /// There will be no index.
    Failed(IndexError),
}

impl From<IndexError> for ReadError {
    fn from(error: IndexError) -> Self {
        Self::Failed(error)
    }
}

/// A demuxer's result: a value, or why there is none yet.
pub(super) type ReadResult<T> = Result<T, ReadError>;

/// Consecutive bytes of the file.
#[derive(Debug, Default)]
struct Segment {
    start: u64,
    bytes: Vec<u8>,
}

impl Segment {
    fn end(&self) -> u64 {
        self.start.saturating_add(self.bytes.len() as u64)
    }

    fn get(&self, at: u64, length: u64) -> Option<&[u8]> {
        let from = usize::try_from(at.checked_sub(self.start)?).ok()?;
        let length = usize::try_from(length).ok()?;
        self.bytes.get(from..from.checked_add(length)?)
    }
}

/// Bytes of a file of known size: where it is read now, and where it was read before the last
/// jump, so that an element may be looked at in two places far apart.
#[derive(Debug)]
pub(super) struct Window {
    size: u64,
    now: Segment,
    before: Segment,
    asked: u64,
    read_ahead: u64,
    keep_from: u64,
    asked_until: u64,
}

impl Window {
    pub(super) fn new(size: u64) -> Self {
        Self {
            size,
            now: Segment::default(),
            before: Segment::default(),
            asked: 0,
            read_ahead: FIRST_READ,
            keep_from: 0,
            asked_until: 0,
        }
    }

    /// Size of the file.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Exactly `length` bytes at `at`.
    pub(super) fn bytes(&self, at: u64, length: u64) -> ReadResult<&[u8]> {
        let end = at.checked_add(length).ok_or(ReadError::PastEnd)?;
        if end > self.size {
            return Err(ReadError::PastEnd);
        }
        if length == 0 {
            return Ok(&[]);
        }
        if length > MAX_READ {
            return Err(ReadError::Failed(IndexError::Limit {
                what: "size of one header",
                value: length,
                limit: MAX_READ,
                remedy: "re-mux the file",
            }));
        }
        self.now
            .get(at, length)
            .or_else(|| self.before.get(at, length))
            .ok_or(ReadError::Missing(ByteRange { start: at, end }))
    }

    /// Up to `length` bytes at `at`: fewer only where the file ends.
    pub(super) fn peek(&self, at: u64, length: u64) -> ReadResult<&[u8]> {
        self.bytes(at.min(self.size), length.min(self.size.saturating_sub(at)))
    }

    /// All that is in memory from `at` on, at least `length` bytes except where the file ends.
    pub(super) fn from(&self, at: u64, length: u64) -> ReadResult<&[u8]> {
        let least = self.peek(at, length)?;
        let rest = |segment: &Segment| segment.end().saturating_sub(at);
        Ok(self.now.get(at, rest(&self.now)).unwrap_or(least))
    }

    /// What to fetch so that `missing` can be read: some more than that, and nothing that is
    /// here already.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] where so much was asked for that the scan must go in circles.
    pub(super) fn plan(&mut self, missing: ByteRange) -> Result<ByteRange, IndexError> {
        let (start, end) = (self.now.start, self.now.end());
        let reads_on = missing.start >= start
            && missing.start <= end.saturating_add(self.read_ahead)
            && start < end;
        self.read_ahead = if reads_on {
            self.read_ahead.saturating_mul(2).min(LONG_READ)
        } else {
            FIRST_READ
        };
        self.keep_from = missing.start.saturating_sub(SLACK).max(start);
        let until = missing
            .end
            .max(missing.start.saturating_add(self.read_ahead))
            .min(self.size);
        let held = missing.start >= start && missing.start < end;
        self.asked_until = until;
        let need = ByteRange {
            start: if held { end } else { missing.start },
            end: until,
        };
        self.asked = self.asked.saturating_add(need.len());
        if self.asked > self.size.saturating_mul(4).saturating_add(MAX_REREAD) {
            return Err(IndexError::Damaged {
                container: "file",
                what: format!(
                    "its index leads in circles ({} bytes were read)",
                    self.asked
                ),
            });
        }
        Ok(need)
    }

    /// Takes bytes in: behind what is still needed, or in another place.
    pub(super) fn supply(&mut self, offset: u64, bytes: &[u8]) {
        let now = &mut self.now;
        if offset == now.end() && self.keep_from >= now.start && self.keep_from <= offset {
            let drop = usize::try_from(self.keep_from - now.start).unwrap_or(usize::MAX);
            now.bytes.drain(..drop.min(now.bytes.len()));
            now.start = self.keep_from;
        } else {
            std::mem::swap(&mut self.now, &mut self.before);
            self.now.bytes.clear();
            self.now.start = offset;
        }
        let now = &mut self.now;
        now.bytes.extend_from_slice(bytes);
        // One large header must not hold its memory for the rest of a long scan.
        if now.bytes.capacity() > 4 * LONG_READ as usize && now.bytes.len() < LONG_READ as usize {
            now.bytes.shrink_to(2 * LONG_READ as usize);
        }
    }

    /// End of the range that was asked for last.
    pub(super) fn asked_until(&self) -> u64 {
        self.asked_until
    }

    /// The file turned out to end at `size`.
    pub(super) fn ends_at(&mut self, size: u64) {
        self.size = self.size.min(size);
    }

    /// Bytes held.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.now.bytes.capacity() + self.before.bytes.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_on_grows_and_jumping_shrinks_what_is_asked_for() {
        let mut window = Window::new(1 << 30);
        let mut at = 0;
        for _ in 0..20 {
            let Err(ReadError::Missing(missing)) = window.bytes(at, 10) else {
                panic!("nothing was supplied");
            };
            let need = window.plan(missing).unwrap();
            window.supply(need.start, &vec![0; need.len() as usize]);
            at = need.end - 5; // half an element is left over each time
        }
        assert!(window.held() < 3 << 20, "{} bytes held", window.held());
        let far = ByteRange {
            start: 1 << 29,
            end: (1 << 29) + 10,
        };
        let need = window.plan(far).unwrap();
        assert_eq!(need.len(), FIRST_READ);
        window.supply(need.start, &vec![7; need.len() as usize]);
        assert_eq!(window.bytes(1 << 29, 2).unwrap(), [7, 7]);
        assert_eq!(window.bytes(at, 2).unwrap(), [0, 0], "where it was before");
    }

    #[test]
    fn past_the_end_is_short() {
        let window = Window::new(4);
        assert!(matches!(window.bytes(2, 3), Err(ReadError::PastEnd)));
        assert!(matches!(window.bytes(u64::MAX, 3), Err(ReadError::PastEnd)));
        assert!(window.peek(9, 3).unwrap().is_empty());
    }
}
