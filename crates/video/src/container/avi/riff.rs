//! RIFF chunks: stream headers, and the frames' places from `indx`/`ix##`, `idx1`, or where
//! neither is there, from a walk through the chunks themselves.

use crate::container::bitmap_info;
use crate::container::config::CodecParameters;
use crate::container::fields::{Fields, fourcc};
use crate::container::frame_head::FrameInspector;
use crate::container::limits;
use crate::container::sample_table::warning;
use crate::container::window::{ReadError, ReadResult, Window};
use crate::{Codec, Dependence, Dts, IndexError, IndexWarning, Pts, Sample};

/// Container name in messages.
pub(super) const NAME: &str = "avi";
/// Bytes of an access unit read to find its first slice.
pub(super) const SLICE_SEARCH: u64 = 2048;
/// The most bytes of a header chunk.
const MAX_CHUNK: u64 = 1 << 20;
/// The most streams a file may have: their numbers are two digits.
const MAX_STREAMS: u32 = 100;
/// Bytes of an index read at a time: a multiple of 8 and 16.
const BLOCK: u64 = 48 << 10;

/// The chosen video stream.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) number: u32,
    pub(super) codec: Codec,
    pub(super) parameters: CodecParameters,
    pub(super) size: (u32, u32),
    pub(super) scale: u32,
    pub(super) rate: u32,
    start: i64,
    /// Places of the standard indexes.
    super_index: Vec<(u64, u64)>,
}

/// The walk through the file; at its end, `samples` have frame numbers for times.
#[derive(Debug, Default)]
pub(super) struct Index {
    stage: Stage,
    at: u64,
    pub(super) stream: Option<Stream>,
    streams: u32,
    names: Vec<String>,
    unsupported: Option<IndexError>,
    /// Place of the word `movi` and end of its list.
    movi: Option<(u64, u64)>,
    /// The stream header that its format follows.
    header: Option<Header>,
    pub(super) samples: Vec<Sample>,
    frame: i64,
    ix: usize,
    ix_at: u64,
    base: Option<u64>,
    pub(super) warnings: Vec<IndexWarning>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Headers,
    SuperIndex,
    OldIndex {
        at: u64,
        end: u64,
    },
    Walk,
    Done,
}

/// `strh`.
#[derive(Clone, Debug)]
struct Header {
    number: u32,
    kind: [u8; 4],
    handler: [u8; 4],
    scale: u32,
    rate: u32,
    start: i64,
}

/// A chunk's place.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    id: [u8; 4],
    body: u64,
    end: u64,
}

impl Chunk {
    fn read(window: &Window, at: u64) -> ReadResult<Self> {
        let head = window.bytes(at, 8)?;
        let (Some(id), Some(size)) = (head.array(0), head.le32(4)) else {
            return Err(ReadError::PastEnd);
        };
        let body = at + 8;
        Ok(Self {
            id,
            body,
            end: body + u64::from(size),
        })
    }

    /// Where the next chunk starts: at an even byte.
    fn next(self) -> u64 {
        self.end + (self.end - self.body) % 2
    }

    fn content(self, window: &Window) -> ReadResult<&[u8]> {
        window.bytes(self.body, (self.end - self.body).min(MAX_CHUNK))
    }
}

impl Index {
    pub(super) fn run(&mut self, window: &Window) -> ReadResult<()> {
        loop {
            self.stage = match self.stage {
                Stage::Headers => self.headers(window)?,
                Stage::SuperIndex => self.super_index(window)?,
                Stage::OldIndex { at, end } => self.old_index(window, at, end)?,
                Stage::Walk => self.walk(window)?,
                Stage::Done => return Ok(()),
            };
        }
    }

    /// Walks the first RIFF list up to its index.
    fn headers(&mut self, window: &Window) -> ReadResult<Stage> {
        loop {
            let chunk = match Chunk::read(window, self.at) {
                // Without an index, or cut off: the chunks tell.
                Err(ReadError::PastEnd) if self.movi.is_some() => return self.after_headers(None),
                other => other?,
            };
            match &chunk.id {
                b"RIFF" | b"LIST" => {
                    let kind = window.bytes(chunk.body, 4)?.array::<4>(0);
                    match kind.as_ref() {
                        Some(b"AVI " | b"hdrl" | b"strl" | b"odml") => {
                            self.at = chunk.body + 4;
                            continue;
                        }
                        Some(b"movi") => {
                            self.movi = Some((chunk.body, chunk.end));
                            let stream = self.stream.as_ref();
                            if stream.is_none_or(|stream| !stream.super_index.is_empty()) {
                                return self.after_headers(None);
                            }
                        }
                        Some(b"AVIX") if self.movi.is_some() => return self.after_headers(None),
                        _ => {}
                    }
                }
                b"idx1" if self.movi.is_some() => return self.after_headers(Some(chunk)),
                b"strh" => self.stream_header(chunk.content(window)?),
                b"strf" => self.stream_format(chunk.content(window)?),
                b"indx" => self.stream_index(chunk.content(window)?),
                _ => {}
            }
            self.at = chunk.next();
        }
    }

    fn after_headers(&mut self, idx1: Option<Chunk>) -> ReadResult<Stage> {
        let Some(stream) = &self.stream else {
            let tracks = self.names.join(", ");
            return Err(ReadError::Failed(self.unsupported.take().unwrap_or(
                IndexError::NoVideoTrack {
                    tracks: if tracks.is_empty() {
                        "none".to_owned()
                    } else {
                        tracks
                    },
                },
            )));
        };
        if stream.rate == 0 {
            return Err(ReadError::Failed(IndexError::Damaged {
                container: NAME,
                what: "the video stream has a rate of 0".to_owned(),
            }));
        }
        self.frame = stream.start;
        if !stream.super_index.is_empty() {
            return Ok(Stage::SuperIndex);
        }
        Ok(match idx1 {
            Some(chunk) => Stage::OldIndex {
                at: chunk.body,
                end: chunk.end,
            },
            None => self.start_walk(),
        })
    }

    fn start_walk(&mut self) -> Stage {
        self.at = self.movi.map_or(u64::MAX, |(movi, _)| movi + 4);
        self.samples.clear();
        self.frame = self.stream.as_ref().map_or(0, |stream| stream.start);
        self.warnings.push(warning(
            "no_index",
            "the file has no index: its chunks were walked".to_owned(),
        ));
        Stage::Walk
    }

    fn stream_header(&mut self, body: &[u8]) {
        self.header = Some(Header {
            number: self.streams,
            kind: body.array(0).unwrap_or_default(),
            handler: body.array(4).unwrap_or_default(),
            scale: body.le32(20).unwrap_or(0),
            rate: body.le32(24).unwrap_or(0),
            start: i64::from(body.le32(28).unwrap_or(0)),
        });
        self.streams = self.streams.saturating_add(1);
    }

    fn stream_format(&mut self, body: &[u8]) {
        let Some(header) = self.header.clone() else {
            return;
        };
        if &header.kind != b"vids" {
            if self.names.len() < 100 {
                let kind = match &header.kind {
                    b"auds" => "audio".to_owned(),
                    b"txts" => "subtitles".to_owned(),
                    other => fourcc(*other),
                };
                let format = body.le16(0).unwrap_or(0);
                self.names.push(format!("{kind} {format:#06x}"));
            }
            return;
        }
        if self.stream.is_some() || header.number >= MAX_STREAMS {
            return;
        }
        match bitmap_info::parse(body) {
            Ok((codec, parameters)) => {
                let side = |at| body.le32(at).map_or(0, |side| (side as i32).unsigned_abs());
                self.stream = Some(Stream {
                    number: header.number,
                    codec,
                    parameters,
                    size: (side(4), side(8)),
                    scale: header.scale,
                    rate: header.rate,
                    start: header.start,
                    super_index: Vec::new(),
                });
            }
            Err(error) => {
                let _ = header.handler;
                self.unsupported.get_or_insert(error);
            }
        }
    }

    /// `indx`: an index of indexes (OpenDML 1.02 clause 3.0).
    fn stream_index(&mut self, body: &[u8]) {
        let number = self.header.as_ref().map(|header| header.number);
        let Some(stream) = self.stream.as_mut().filter(|s| Some(s.number) == number) else {
            return;
        };
        if body.u8(3) != Some(0) {
            return; // an index of frames: `idx1` or the walk tell the same
        }
        let count = body.le32(4).unwrap_or(0) as usize;
        let entries = body.get(24..).unwrap_or_default().chunks_exact(16);
        stream.super_index = entries
            .take(count)
            .filter_map(|entry| Some((entry.le64(0)?, u64::from(entry.le32(8)?))))
            .filter(|(at, _)| *at > 0)
            .collect();
    }

    /// `ix##` after `ix##`.
    fn super_index(&mut self, window: &Window) -> ReadResult<Stage> {
        loop {
            let place = self
                .stream
                .as_ref()
                .and_then(|stream| stream.super_index.get(self.ix))
                .copied();
            let Some((at, _)) = place else {
                return Ok(if self.samples.is_empty() {
                    self.start_walk()
                } else {
                    Stage::Done
                });
            };
            match self.standard_index(window, at) {
                Ok(()) => {}
                Err(ReadError::PastEnd) => {
                    // Cut off: the frames after the last whole index are found by walking.
                    return Ok(self.start_walk());
                }
                Err(stop) => return Err(stop),
            }
            self.ix += 1;
            self.ix_at = 0;
        }
    }

    /// `ix##` (OpenDML 1.02 clause 3.2): offsets of payloads, from a base.
    fn standard_index(&mut self, window: &Window, at: u64) -> ReadResult<()> {
        let head = window.bytes(at, 32)?;
        let (Some(count), Some(base)) = (head.le32(12), head.le64(20)) else {
            return Err(ReadError::PastEnd);
        };
        let size = u64::from(head.le32(4).unwrap_or(0)).saturating_sub(24);
        if head.le16(8) != Some(2) {
            return Err(ReadError::PastEnd);
        }
        let end = at + 32 + (u64::from(count) * 8).min(size);
        if self.ix_at == 0 {
            self.ix_at = at + 32;
        }
        while self.ix_at + 8 <= end {
            let block = window.bytes(self.ix_at, BLOCK.min((end - self.ix_at) / 8 * 8))?;
            for entry in block.chunks_exact(8) {
                let (Some(offset), Some(size)) = (entry.le32(0), entry.le32(4)) else {
                    continue;
                };
                let sync = size & 0x8000_0000 == 0;
                let place = base.saturating_add(u64::from(offset));
                add(
                    &mut self.samples,
                    &mut self.frame,
                    place,
                    size & 0x7fff_ffff,
                    sync,
                )?;
            }
            self.ix_at += block.len() as u64;
        }
        Ok(())
    }

    /// `idx1`: offsets of chunks, from the word `movi` or, in old files, from the file's start.
    fn old_index(&mut self, window: &Window, mut at: u64, end: u64) -> ReadResult<Stage> {
        let number = self.stream.as_ref().map_or(0, |stream| stream.number);
        let movi = self.movi.map_or(0, |(movi, _)| movi);
        let end = end.min(window.size());
        while at + 16 <= end {
            let block = match window.bytes(at, BLOCK.min((end - at) / 16 * 16)) {
                Err(ReadError::Missing(range)) => {
                    self.stage = Stage::OldIndex { at, end };
                    return Err(ReadError::Missing(range));
                }
                other => other?,
            };
            for entry in block.chunks_exact(16) {
                let (Some(id), Some(flags)) = (entry.array::<4>(0), entry.le32(4)) else {
                    continue;
                };
                let (Some(offset), Some(size)) = (entry.le32(8), entry.le32(12)) else {
                    continue;
                };
                let offset = u64::from(offset);
                let base = *self
                    .base
                    .get_or_insert(if offset > movi { 0 } else { movi });
                if is_video_of(id, number) {
                    let sync = flags & 0x10 != 0;
                    let place = base.saturating_add(offset).saturating_add(8);
                    add(&mut self.samples, &mut self.frame, place, size, sync)?;
                }
            }
            at += block.len() as u64;
        }
        Ok(if self.samples.is_empty() {
            self.start_walk()
        } else {
            Stage::Done
        })
    }

    /// Chunk after chunk through all `movi` lists.
    fn walk(&mut self, window: &Window) -> ReadResult<Stage> {
        let Some((number, codec)) = self.stream.as_ref().map(|s| (s.number, s.codec)) else {
            return Ok(Stage::Done);
        };
        while self.at.saturating_add(8) <= window.size() {
            let chunk = Chunk::read(window, self.at)?;
            if matches!(&chunk.id, b"RIFF" | b"LIST") {
                let kind = window.peek(chunk.body, 4)?;
                let enter = matches!(kind, b"AVIX" | b"movi" | b"rec ");
                self.at = if enter { chunk.body + 4 } else { chunk.next() };
                continue;
            }
            if is_video_of(chunk.id, number) {
                let size = chunk.end - chunk.body;
                let head = window.peek(chunk.body, size.min(SLICE_SEARCH))?;
                let sync = starts_decoding(codec, head);
                let size = u32::try_from(size).unwrap_or(u32::MAX);
                add(&mut self.samples, &mut self.frame, chunk.body, size, sync)?;
            } else if !chunk
                .id
                .iter()
                .all(|byte| byte.is_ascii_graphic() || *byte == b' ')
            {
                self.warnings.push(warning(
                    "damaged_data",
                    format!("no chunk at byte {}: later frames are missing", self.at),
                ));
                break;
            }
            self.at = chunk.next();
        }
        Ok(Stage::Done)
    }
}

/// Whether a chunk of frames found by walking can start decoding.
fn starts_decoding(codec: Codec, head: &[u8]) -> bool {
    use crate::bitstream::{h264, hevc, nal};
    match codec {
        Codec::H264 => nal::annexb(head).any(|unit| h264::nal_unit_type(unit) == Some(5)),
        Codec::Hevc => nal::annexb(head)
            .any(|unit| hevc::nal_unit_type(unit).is_some_and(hevc::is_random_access)),
        _ => {
            let mut inspector = FrameInspector::default();
            inspector.inspect(codec, head).key
        }
    }
}

/// Whether the chunk holds a frame of stream `number`: `##dc` or `##db`.
fn is_video_of(id: [u8; 4], number: u32) -> bool {
    let [tens, ones, b'd', b'c' | b'b'] = id else {
        return false;
    };
    let digit = |byte: u8| char::from(byte).to_digit(10);
    digit(tens)
        .zip(digit(ones))
        .is_some_and(|(t, o)| t * 10 + o == number)
}

fn add(
    samples: &mut Vec<Sample>,
    frame: &mut i64,
    offset: u64,
    size: u32,
    sync: bool,
) -> Result<(), IndexError> {
    let sample = Sample {
        offset,
        size,
        dts: Dts(*frame),
        pts: Pts(*frame),
        sync,
        shown: true,
        dependence: Dependence::Unknown,
        description: 0,
    };
    *frame = frame.saturating_add(1);
    limits::push(samples, sample)
}
