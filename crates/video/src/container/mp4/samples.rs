//! From the sample tables of one track to samples: a table is read block by block, and none is
//! ever held as a whole (but for the runs of `stsc`, which are few).

use super::boxes::damaged;
use super::descriptions;
use super::tables::{Cursor, SampleTables, Table};
use crate::container::fields::Fields;
use crate::container::limits::{self, MAX_SAMPLES};
use crate::container::sample_table::warning;
use crate::container::window::{ReadResult, Window};
use crate::{Dependence, Dts, IndexWarning, Pts, Sample};

/// The passes, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    Sizes,
    Durations,
    Offsets,
    Sync,
    PartialSync,
    Dependence,
    ChunkRuns,
    Chunks,
    Done,
}

/// A run of chunks with equally many samples (clause 8.7.4).
#[derive(Clone, Copy, Debug)]
struct ChunkRun {
    first_chunk: u32,
    samples: u32,
    description: u8,
}

/// Makes samples of tables.
#[derive(Debug)]
pub(super) struct SampleBuilder {
    pub(super) samples: Vec<Sample>,
    /// Duration of the last sample.
    pub(super) last_delta: i64,
    tables: SampleTables,
    pass: Pass,
    cursor: Option<Cursor>,
    file_size: u64,
    /// Next sample of the pass.
    next: usize,
    time: i64,
    runs: Vec<ChunkRun>,
    run: usize,
    chunk: u32,
    /// Sizes have four bits.
    half_bytes: bool,
}

impl SampleBuilder {
    pub(super) fn new(tables: SampleTables, file_size: u64) -> Self {
        Self {
            samples: Vec::new(),
            last_delta: 0,
            tables,
            pass: Pass::Sizes,
            cursor: None,
            file_size,
            next: 0,
            time: 0,
            runs: Vec::new(),
            run: 0,
            chunk: 1,
            half_bytes: false,
        }
    }

    /// Goes through all tables.
    pub(super) fn run(
        &mut self,
        window: &Window,
        warnings: &mut Vec<IndexWarning>,
    ) -> ReadResult<()> {
        loop {
            let next = match self.pass {
                Pass::Sizes => {
                    self.sizes(window)?;
                    Pass::Durations
                }
                Pass::Durations => {
                    self.durations(window)?;
                    Pass::Offsets
                }
                Pass::Offsets => {
                    self.offsets(window)?;
                    Pass::Sync
                }
                Pass::Sync => {
                    self.sync(window, self.tables.sync, true)?;
                    Pass::PartialSync
                }
                Pass::PartialSync => {
                    self.sync(window, self.tables.partial_sync, false)?;
                    Pass::Dependence
                }
                Pass::Dependence => {
                    self.dependence(window)?;
                    Pass::ChunkRuns
                }
                Pass::ChunkRuns => {
                    self.chunk_runs(window)?;
                    Pass::Chunks
                }
                Pass::Chunks => {
                    self.chunks(window)?;
                    self.cut_unplaced(warnings);
                    Pass::Done
                }
                Pass::Done => return Ok(()),
            };
            self.pass = next;
            self.cursor = None;
            self.next = 0;
        }
    }

    /// The pass's cursor, made at its first call.
    fn cursor(
        &mut self,
        window: &Window,
        table: Table,
        skip: u64,
        entry: u64,
    ) -> ReadResult<Cursor> {
        let cursor = match self.cursor {
            Some(cursor) => cursor,
            None => Cursor::new(table, window, skip, entry)?,
        };
        self.cursor = Some(cursor);
        Ok(cursor)
    }

    fn advance(&mut self, bytes: usize) {
        if let Some(cursor) = &mut self.cursor {
            cursor.advance(bytes);
        }
    }

    /// `stsz` or `stz2` (clause 8.7.3): one sample each.
    fn sizes(&mut self, window: &Window) -> ReadResult<()> {
        let Some(table) = self.tables.sizes else {
            return Ok(());
        };
        if self.cursor.is_none() && !self.start_sizes(window, table)? {
            return Ok(());
        }
        loop {
            let cursor = self.cursor(window, table, 12, 4)?;
            let block = cursor.block(window)?;
            if block.is_empty() {
                return Ok(());
            }
            for entry in block.chunks_exact(usize::try_from(cursor.entry).unwrap_or(4)) {
                match *entry {
                    [a, b, c, d] => self.add(u32::from_be_bytes([a, b, c, d])),
                    [a, b] => self.add(u32::from(u16::from_be_bytes([a, b]))),
                    [two] if self.half_bytes => {
                        self.add(u32::from(two >> 4));
                        self.add(u32::from(two & 15));
                    }
                    [one] => self.add(u32::from(one)),
                    _ => {}
                }
            }
            self.advance(block.len());
        }
    }

    /// Reads the head of the table of sizes and makes room; false where nothing follows it.
    fn start_sizes(&mut self, window: &Window, table: Table) -> ReadResult<bool> {
        if table.length() < 12 {
            return Err(damaged(
                "the table of sizes (`stsz`) is too short".to_owned(),
            ));
        }
        let head = window.bytes(table.body, 12)?;
        let (field, count) = (head.be32(4).unwrap_or(0), head.be32(8).unwrap_or(0));
        if !self.tables.compact_sizes && field != 0 {
            self.equal_sizes(field, count)?;
            return Ok(false);
        }
        let bits: u64 = match (self.tables.compact_sizes, field & 0xff) {
            (false, _) => 32,
            (true, bits @ (4 | 8 | 16)) => u64::from(bits),
            (true, bits) => return Err(damaged(format!("sizes (`stz2`) have {bits} bits"))),
        };
        self.half_bytes = bits == 4;
        let room = (table.length() - 12).saturating_mul(8) / bits;
        let count = u64::from(count).min(room);
        limits::check_count(count)?;
        // One more where the last of the half bytes is padding.
        let places = usize::try_from(count + count % 2).unwrap_or(usize::MAX);
        limits::reserve(&mut self.samples, places)?;
        let at = table.body + 12;
        self.cursor = Some(Cursor {
            at,
            end: at + (count * bits).div_ceil(8),
            entry: (bits / 8).max(1),
        });
        Ok(true)
    }

    /// All samples have one size; the count holds as far as the file has room.
    fn equal_sizes(&mut self, size: u32, count: u32) -> ReadResult<()> {
        limits::check_count(u64::from(count))?;
        let room = self.file_size / u64::from(size) + 1;
        let count = u64::from(count).min(room).min(MAX_SAMPLES);
        let count = usize::try_from(count).unwrap_or(0);
        limits::reserve(&mut self.samples, count)?;
        for _ in 0..count {
            self.add(size);
        }
        Ok(())
    }

    fn add(&mut self, size: u32) {
        self.samples.push(Sample {
            offset: u64::MAX,
            size,
            dts: Dts(0),
            pts: Pts(0),
            sync: false,
            shown: true,
            dependence: Dependence::Unknown,
            description: 0,
        });
    }

    /// `stts` (clause 8.6.1.2): decoding times.
    fn durations(&mut self, window: &Window) -> ReadResult<()> {
        if let Some(table) = self.tables.durations {
            loop {
                let block = self.cursor(window, table, 8, 8)?.block(window)?;
                if block.is_empty() {
                    break;
                }
                for entry in block.chunks_exact(8) {
                    let delta = entry.be32(4).unwrap_or(0);
                    // Negative in old files; ffmpeg takes 1 for it.
                    self.last_delta = i64::from(i32::try_from(delta).unwrap_or(1));
                    self.advance_time(entry.be32(0).unwrap_or(0));
                }
                self.advance(block.len());
            }
        }
        self.advance_time(u32::MAX);
        Ok(())
    }

    /// The next `count` samples last `last_delta` each.
    fn advance_time(&mut self, count: u32) {
        let rest = self.samples.get_mut(self.next..).unwrap_or_default();
        let mut done = 0;
        for sample in rest.iter_mut().take(count as usize) {
            sample.dts = Dts(self.time);
            sample.pts = Pts(self.time);
            self.time = self.time.saturating_add(self.last_delta);
            done += 1;
        }
        self.next += done;
    }

    /// `ctts` (clause 8.6.1.3): offsets from decoding to presentation. Version 0 is unsigned by
    /// the standard, but negative offsets are written in it: signed, as ffmpeg reads it.
    fn offsets(&mut self, window: &Window) -> ReadResult<()> {
        let Some(table) = self.tables.offsets else {
            return Ok(());
        };
        loop {
            let block = self.cursor(window, table, 8, 8)?.block(window)?;
            if block.is_empty() {
                return Ok(());
            }
            for entry in block.chunks_exact(8) {
                let count = entry.be32(0).unwrap_or(0) as usize;
                let offset = i64::from(entry.be32(4).unwrap_or(0) as i32);
                let rest = self.samples.get_mut(self.next..).unwrap_or_default();
                let mut done = 0;
                for sample in rest.iter_mut().take(count) {
                    sample.pts = Pts(sample.dts.0.saturating_add(offset));
                    done += 1;
                }
                self.next += done;
            }
            self.advance(block.len());
        }
    }

    /// `stss` (clause 8.6.2): sync samples; all of them where the table is missing.
    fn sync(
        &mut self,
        window: &Window,
        table: Option<Table>,
        all_if_missing: bool,
    ) -> ReadResult<()> {
        let Some(table) = table else {
            if all_if_missing {
                self.samples
                    .iter_mut()
                    .for_each(|sample| sample.sync = true);
            }
            return Ok(());
        };
        loop {
            let block = self.cursor(window, table, 8, 4)?.block(window)?;
            if block.is_empty() {
                break;
            }
            for entry in block.chunks_exact(4) {
                let index = (entry.be32(0).unwrap_or(0) as usize).checked_sub(1);
                if let Some(sample) = index.and_then(|index| self.samples.get_mut(index)) {
                    sample.sync = true;
                }
            }
            self.advance(block.len());
        }
        // An empty table names no start, but decoding has to start somewhere.
        if all_if_missing
            && !self.samples.iter().any(|sample| sample.sync)
            && let Some(first) = self.samples.first_mut()
        {
            first.sync = true;
        }
        Ok(())
    }

    /// `sdtp` (clause 8.6.4): one byte each.
    fn dependence(&mut self, window: &Window) -> ReadResult<()> {
        let Some(table) = self.tables.dependence.filter(|t| t.length() > 4) else {
            return Ok(());
        };
        if self.cursor.is_none() {
            self.cursor = Some(Cursor {
                at: table.body + 4,
                end: table.end,
                entry: 1,
            });
        }
        loop {
            let block = self.cursor(window, table, 4, 1)?.block(window)?;
            if block.is_empty() || self.next >= self.samples.len() {
                return Ok(());
            }
            let rest = self.samples.get_mut(self.next..).unwrap_or_default();
            for (sample, byte) in rest.iter_mut().zip(block) {
                sample.dependence = dependence((byte >> 2) & 3);
            }
            self.next += block.len();
            self.advance(block.len());
        }
    }

    /// `stsc` (clause 8.7.4).
    fn chunk_runs(&mut self, window: &Window) -> ReadResult<()> {
        let Some(table) = self.tables.chunk_runs else {
            return Ok(());
        };
        loop {
            let block = self.cursor(window, table, 8, 12)?.block(window)?;
            if block.is_empty() {
                return Ok(());
            }
            // Each run has a chunk with a sample at least: more are of no use.
            if self.runs.len() > self.samples.len() {
                return Ok(());
            }
            for entry in block.chunks_exact(12) {
                self.runs.push(ChunkRun {
                    first_chunk: entry.be32(0).unwrap_or(0),
                    samples: entry.be32(4).unwrap_or(0),
                    description: descriptions::number(entry.be32(8).unwrap_or(0)),
                });
            }
            self.advance(block.len());
        }
    }

    /// `stco` or `co64` (clause 8.7.5).
    fn chunks(&mut self, window: &Window) -> ReadResult<()> {
        let Some(table) = self.tables.chunks else {
            return Ok(());
        };
        let entry = if self.tables.long_chunks { 8 } else { 4 };
        loop {
            let block = self.cursor(window, table, 8, entry)?.block(window)?;
            if block.is_empty() || self.next >= self.samples.len() {
                return Ok(());
            }
            for entry in block.chunks_exact(usize::try_from(entry).unwrap_or(8)) {
                let offset = match entry.be64(0) {
                    Some(offset) => offset,
                    None => u64::from(entry.be32(0).unwrap_or(0)),
                };
                self.place_chunk(offset);
            }
            self.advance(block.len());
        }
    }

    /// Places the samples of the next chunk, which starts at `offset`.
    fn place_chunk(&mut self, mut offset: u64) {
        while let Some(next) = self.runs.get(self.run + 1)
            && next.first_chunk <= self.chunk
        {
            self.run += 1;
        }
        let run = self.runs.get(self.run);
        let (count, description) = run.map_or((0, 0), |run| (run.samples, run.description));
        let rest = self.samples.get_mut(self.next..).unwrap_or_default();
        let mut done = 0;
        for sample in rest.iter_mut().take(count as usize) {
            sample.offset = offset;
            sample.description = description;
            offset = offset.saturating_add(u64::from(sample.size));
            done += 1;
        }
        self.next += done;
        self.chunk = self.chunk.saturating_add(1);
    }

    /// Drops samples that no chunk holds.
    fn cut_unplaced(&mut self, warnings: &mut Vec<IndexWarning>) {
        let placed = self.next;
        if let Some(first) = self.samples.get(placed) {
            let (from, count) = (first.pts, self.samples.len() - placed);
            let mut lost = warning(
                "unplaced_frames",
                format!("{count} frames have no place in the file: they are left out"),
            );
            lost.from_pts = Some(from);
            lost.to_pts = self.samples.last().map(|sample| sample.pts);
            warnings.push(lost);
            self.samples.truncate(placed);
        }
        self.runs = Vec::new();
    }
}

/// `sample_is_depended_on` (clause 8.6.4.3).
pub(super) fn dependence(is_depended_on: u8) -> Dependence {
    match is_depended_on {
        1 => Dependence::Needed,
        2 => Dependence::Disposable,
        _ => Dependence::Unknown,
    }
}
