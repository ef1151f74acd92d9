//! Containers: from bytes to a [`VideoIndex`], asking for the byte ranges it needs.
//!
//! A demuxer is a resumable scan: it reads through a window of the file, saves its position
//! after each element, and stops where bytes are missing. So nothing is parsed twice, and memory
//! is one window plus the sample table, however long the video.
//!
//! No demuxer crate is used: those for these formats hold whole tables of all tracks, or read
//! through `Read + Seek`, which would have to be restarted at each missing byte.

mod annexb;
mod avi;
mod bitmap_info;
mod config;
mod demux;
mod fields;
mod foreign;
mod frame_head;
mod ivf;
mod limits;
mod matroska;
mod mp4;
mod mpegts;
mod pictures;
mod sample_table;
mod starts;
mod unwrap;
mod window;

use crate::{ByteRange, IndexError, VideoIndex};
use config::CodecParameters;
use demux::Demux;
use starts::Starts;
use window::{ReadError, ReadResult, Window};

/// Bytes of the first access unit that are looked at for what the container leaves open.
const UNIT_HEAD: u64 = 64 << 10;
/// Bytes that tell the format.
const PROBE: u64 = 64 << 10;

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
    window: Window,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Probe,
    Scan(Box<dyn Demux>),
    /// The index is complete but for what its access units tell.
    Describe(Box<VideoIndex>, Starts),
    Ended(IndexError),
}

impl IndexReader {
    /// For a file of `size` bytes.
    pub fn new(size: u64) -> Self {
        Self {
            window: Window::new(size),
            stage: Stage::Probe,
        }
    }

    /// The next need, or the index. After [`Progress::Done`] the reader is spent.
    ///
    /// # Errors
    /// [`IndexError`] when the bytes seen so far rule out an index.
    pub fn advance(&mut self) -> Result<Progress, IndexError> {
        if self.window.size() == 0 {
            return Err(IndexError::Empty);
        }
        loop {
            match self.step() {
                Ok(Some(index)) => {
                    self.stage = Stage::Ended(IndexError::NoFrames);
                    return Ok(Progress::Done(index));
                }
                Ok(None) => {}
                Err(ReadError::Missing(range)) => {
                    return match self.window.plan(range) {
                        Ok(need) => Ok(Progress::Need(need)),
                        Err(error) => Err(self.end(error)),
                    };
                }
                Err(ReadError::PastEnd) => return Err(self.end(self.cut_off())),
                Err(ReadError::Failed(error)) => return Err(self.end(error)),
            }
        }
    }

    fn end(&mut self, error: IndexError) -> IndexError {
        self.stage = Stage::Ended(error.clone());
        error
    }

    fn cut_off(&self) -> IndexError {
        match &self.stage {
            Stage::Scan(demux) => demux.cut_off(),
            _ => IndexError::UnknownContainer,
        }
    }

    fn step(&mut self) -> ReadResult<Option<Box<VideoIndex>>> {
        match &mut self.stage {
            Stage::Probe => {
                let head = self.window.peek(0, PROBE)?;
                self.stage = Stage::Scan(probe(head).ok_or_else(|| foreign::error(head))?);
                Ok(None)
            }
            Stage::Scan(demux) => {
                let index = demux.run(&self.window)?;
                self.stage = Stage::Describe(Box::new(index), Starts::default());
                Ok(None)
            }
            Stage::Describe(index, starts) => {
                starts.check(index, &self.window)?;
                describe(index, &self.window)?;
                let Stage::Describe(index, _) =
                    std::mem::replace(&mut self.stage, Stage::Ended(IndexError::NoFrames))
                else {
                    return Err(ReadError::PastEnd);
                };
                Ok(Some(index))
            }
            Stage::Ended(error) => Err(ReadError::Failed(error.clone())),
        }
    }

    /// The bytes from `offset`, an answer to [`Progress::Need`]. Fewer bytes than asked for
    /// means that the file ends there.
    pub fn supply(&mut self, offset: u64, bytes: &[u8]) {
        let asked_until = self.window.asked_until();
        let end = offset.saturating_add(bytes.len() as u64);
        if end < asked_until {
            self.window.ends_at(end);
        }
        self.window.supply(offset, bytes);
    }
}

/// The demuxer for a file that starts so.
fn probe(head: &[u8]) -> Option<Box<dyn Demux>> {
    if matches!(
        head.get(4..8),
        Some(
            b"ftyp"
                | b"moov"
                | b"mdat"
                | b"free"
                | b"skip"
                | b"wide"
                | b"pnot"
                | b"styp"
                | b"moof"
                | b"sidx"
                | b"uuid"
                | b"prfl"
        )
    ) {
        return Some(Box::new(mp4::Mp4::default()));
    }
    if head.starts_with(&[0x1a, 0x45, 0xdf, 0xa3]) {
        return Some(Box::new(matroska::Matroska::default()));
    }
    if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"AVI ") {
        return Some(Box::new(avi::Avi::default()));
    }
    if head.starts_with(b"DKIF") {
        return Some(Box::new(ivf::Ivf::default()));
    }
    let transport = mpegts::probe(head);
    // Packets from the first byte on are no other container, though its name may begin with a sync
    // byte, as GIF's does. Behind it they, and what Annex B is known by, may be another's data.
    let at_once = transport.is_some_and(|layout| layout.start == 0);
    if !at_once && foreign::is_known(head) {
        return None;
    }
    if let Some(layout) = transport {
        return Some(Box::new(mpegts::MpegTs::new(layout)));
    }
    annexb::probe(head).map(|codec| Box::new(annexb::AnnexB::new(codec)) as Box<dyn Demux>)
}

/// Fills in what only the first access unit tells, and checks the picture's size.
fn describe(index: &mut VideoIndex, window: &Window) -> ReadResult<()> {
    let first = index.samples.iter().find(|sample| sample.sync);
    if let (true, Some(first)) = (
        CodecParameters::is_lacking(&index.config),
        first.or(index.samples.first()),
    ) {
        let length = u64::from(first.size).min(UNIT_HEAD);
        let bytes = window.peek(first.offset, length)?;
        if let Ok(unit) = index.unwrap.access_unit(bytes) {
            let config = &mut index.config;
            CodecParameters::from_access_unit(config.codec, config.nal_length_size, &unit)
                .complete(config);
        }
    }
    sample_table::hide_before_sync(index);
    sample_table::clear_unreliable_dependence(index);
    let config = &mut index.config;
    limits::check_dimensions(config.width, config.height)?;
    if config.profile.is_empty() {
        config.profile = "unknown".to_owned();
    }
    Ok(())
}
