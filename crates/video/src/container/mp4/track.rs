//! One `trak` box: what it is, where its tables are.

use super::boxes::{BoxHead, NAME, leaf};
use super::descriptions::MAX_DESCRIPTIONS;
use super::edits::Edit;
use super::entry::{self, Entry, EntryError};
use super::tables::{SampleTables, Table};
use crate::container::fields::{Fields, fourcc};
use crate::container::window::{ReadResult, Window};
use crate::{Codec, IndexError, Rotation};

/// A track as `moov` describes it.
#[derive(Debug, Default)]
pub(super) struct Track {
    pub(super) id: u32,
    pub(super) enabled: bool,
    pub(super) handler: [u8; 4],
    pub(super) timescale: u32,
    pub(super) orientation: Orientation,
    /// Those that can be used.
    pub(super) entries: Vec<Entry>,
    /// Which of `entries` each sample description is.
    pub(super) usable: Vec<Option<u8>>,
    pub(super) entry_error: Option<EntryError>,
    /// Code of the first sample entry.
    pub(super) code: [u8; 4],
    pub(super) edits: Vec<Edit>,
    pub(super) tables: SampleTables,
}

impl Track {
    /// Takes in a box below `trak`.
    pub(super) fn take_box(&mut self, window: &Window, head: BoxHead) -> ReadResult<()> {
        let table = Some(Table::new(head));
        let tables = &mut self.tables;
        match &head.kind {
            b"tkhd" => self.header(leaf(window, head)?),
            b"mdhd" => self.timescale = header_timescale(leaf(window, head)?).unwrap_or(0),
            // QuickTime has a second handler, of data, in `minf`: the first one counts.
            b"hdlr" if self.handler == [0; 4] => {
                self.handler = leaf(window, head)?.array(8).unwrap_or_default();
            }
            b"elst" => self.edits = Edit::list(leaf(window, head)?),
            b"stsd" => self.descriptions(leaf(window, head)?),
            b"stts" => tables.durations = table,
            b"ctts" => tables.offsets = table,
            b"stss" => tables.sync = table,
            b"stps" => tables.partial_sync = table,
            b"sdtp" => tables.dependence = table,
            b"stsc" => tables.chunk_runs = table,
            b"stsz" | b"stz2" => {
                tables.sizes = table;
                tables.compact_sizes = &head.kind == b"stz2";
            }
            b"stco" | b"co64" => {
                tables.chunks = table;
                tables.long_chunks = &head.kind == b"co64";
            }
            _ => {}
        }
        Ok(())
    }

    /// `tkhd`, clause 8.3.2.
    fn header(&mut self, body: &[u8]) {
        let long = body.u8(0) == Some(1);
        self.enabled = body.u8(3).is_some_and(|flags| flags & 1 == 1);
        self.id = body.be32(if long { 20 } else { 12 }).unwrap_or(0);
        self.orientation = Orientation::from_matrix(body, if long { 52 } else { 40 });
    }

    /// `stsd`, clause 8.5.2.
    fn descriptions(&mut self, body: &[u8]) {
        let mut rest = body.get(8..).unwrap_or_default();
        while let (Some(size), Some(code)) = (rest.be32(0), rest.array(4)) {
            let size = usize::try_from(size).unwrap_or(usize::MAX).max(8);
            let (whole, tail) = rest.split_at(size.min(rest.len()));
            rest = tail;
            if self.code == [0; 4] {
                self.code = code;
            }
            if &self.handler != b"vide" || self.usable.len() >= MAX_DESCRIPTIONS {
                continue;
            }
            match entry::parse(code, whole.get(8..).unwrap_or_default()) {
                Ok(entry) => {
                    self.usable.push(u8::try_from(self.entries.len()).ok());
                    self.entries.push(entry);
                }
                Err(entry_error) => {
                    self.usable.push(None);
                    self.entry_error.get_or_insert(entry_error);
                }
            }
        }
    }

    fn is_video(&self) -> bool {
        &self.handler == b"vide"
    }

    /// The better the higher. A single JPEG is a cover picture.
    fn rank(&self, fragmented: bool) -> (bool, bool, bool, bool) {
        let samples = self.tables.sizes.map_or(0, |table| table.length());
        let jpeg = self
            .entries
            .first()
            .is_some_and(|e| e.codec == Codec::Mjpeg);
        let few = samples <= 16;
        (
            !self.entries.is_empty(),
            !(jpeg && few),
            fragmented || samples > 12,
            self.enabled,
        )
    }

    fn name(&self) -> String {
        let kind = match &self.handler {
            b"soun" => "audio".to_owned(),
            b"text" | b"sbtl" | b"subt" | b"clcp" => "subtitles".to_owned(),
            b"tmcd" => "timecode".to_owned(),
            b"meta" => "metadata".to_owned(),
            other => fourcc(*other),
        };
        format!("{kind} {}", fourcc(self.code)).trim().to_owned()
    }
}

/// Takes the track to decode out of `tracks`: a video track with a codec that we decode, no
/// cover picture, enabled, the first of those.
///
/// # Errors
/// The reason why there is none.
pub(super) fn choose(tracks: &mut Vec<Track>, fragmented: bool) -> Result<Track, IndexError> {
    let mut best: Option<usize> = None;
    for (index, track) in tracks.iter().enumerate().filter(|(_, t)| t.is_video()) {
        let better = best
            .and_then(|best| tracks.get(best))
            .is_none_or(|best| track.rank(fragmented) > best.rank(fragmented));
        if better {
            best = Some(index);
        }
    }
    let Some(index) = best else {
        let names: Vec<_> = tracks.iter().map(Track::name).collect();
        return Err(IndexError::NoVideoTrack {
            tracks: if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            },
        });
    };
    let mut track = tracks.swap_remove(index);
    match (track.entries.is_empty(), track.entry_error.take()) {
        // A clear start before an encrypted rest.
        (false, Some(entry_error @ EntryError::Encrypted(_))) => {
            Err(entry_error.into_index_error())
        }
        (false, _) => Ok(track),
        (true, Some(entry_error)) => Err(entry_error.into_index_error()),
        (true, None) => Err(IndexError::Damaged {
            container: NAME,
            what: "the video track has no sample description".to_owned(),
        }),
    }
}

/// Timescale of `mvhd` and `mdhd` (clauses 8.2.2 and 8.4.2).
pub(super) fn header_timescale(body: &[u8]) -> Option<u32> {
    body.be32(if body.u8(0)? == 1 { 20 } else { 12 })
}

/// The turning part of a transformation matrix (clause 6.2.2), each entry -1, 0 or 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Orientation {
    a: i8,
    b: i8,
    c: i8,
    d: i8,
}

impl Default for Orientation {
    fn default() -> Self {
        Self {
            a: 1,
            b: 0,
            c: 0,
            d: 1,
        }
    }
}

impl Orientation {
    pub(super) fn from_matrix(body: &[u8], at: usize) -> Self {
        let sign = |offset: usize| {
            let fixed = body.be32(at + offset).map(|value| value as i32)?;
            // 0.5 in 16.16: skewed matrices count as their nearest quarter turn.
            Some(match fixed {
                i32::MIN..=-0x8000 => -1,
                0x8000.. => 1,
                _ => 0,
            })
        };
        match (sign(0), sign(4), sign(12), sign(16)) {
            (Some(a), Some(b), Some(c), Some(d)) => Self { a, b, c, d },
            _ => Self::default(),
        }
    }

    /// First `self`, then `after`.
    pub(super) fn then(self, after: Self) -> Self {
        Self {
            a: self.a * after.a + self.b * after.c,
            b: self.a * after.b + self.b * after.d,
            c: self.c * after.a + self.d * after.c,
            d: self.c * after.b + self.d * after.d,
        }
    }

    pub(super) fn is_mirrored(self) -> bool {
        self.a * self.d - self.b * self.c < 0
    }

    pub(super) fn rotation(self) -> Rotation {
        match (self.a, self.b) {
            (0, 1) => Rotation::R90,
            (-1, 0) => Rotation::R180,
            (0, -1) => Rotation::R270,
            _ => Rotation::R0,
        }
    }
}
