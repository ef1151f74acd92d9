//! Matroska and WebM (RFC 9559).
//!
//! All elements of the segment are walked as one flat sequence, clusters and block groups being
//! entered; so clusters of unknown size (live WebM) need no special care. Block payloads larger
//! than the window are skipped unread. `Cues` are not used: they name some key frames, and
//! the index has to name all frames. There are no decoding times in Matroska: they are derived
//! from the presentation times.

mod ebml;
mod tracks;

use super::demux::Demux;
use super::fields::Fields;
use super::frame_head::{FRAME_HEAD, FrameInspector, ends_superframe};
use super::limits;
use super::sample_table::{derive_dts, drop_unreadable, duration, last_duration, warning};
use super::window::{ReadError, ReadResult, Window};
use crate::{
    Codec, Container, Dependence, Dts, IndexError, IndexWarning, Pts, Sample, Timescale, Unwrap,
    VideoIndex,
};
use ebml::{Element, NAME, id};
use tracks::Track;

/// A block that leaves the file from farther than this before its end has a damaged size.
const LAST_BLOCK: u64 = 1 << 20;
/// Ticks of `TimestampScale` per second: nanoseconds.
const NANOSECONDS: u64 = 1_000_000_000;

/// The scan of one file.
#[derive(Debug)]
pub(super) struct Matroska {
    at: u64,
    /// Where the segment ends; the file's end where its size is unknown.
    segment_end: Option<u64>,
    timestamp_scale: u64,
    track: Option<Track>,
    cluster_time: i64,
    group: Option<Group>,
    samples: Vec<Sample>,
    default_duration: Option<u64>,
    inspector: FrameInspector,
    damaged_from: Option<(u64, Option<Pts>)>,
    cut_off: bool,
    warnings: Vec<IndexWarning>,
}

/// A block group being walked.
#[derive(Clone, Copy, Debug)]
struct Group {
    end: u64,
    block: Option<Element>,
    references: bool,
}

impl Default for Matroska {
    fn default() -> Self {
        Self {
            at: 0,
            segment_end: None,
            timestamp_scale: 1_000_000,
            track: None,
            cluster_time: 0,
            group: None,
            samples: Vec::new(),
            default_duration: None,
            inspector: FrameInspector::default(),
            damaged_from: None,
            cut_off: false,
            warnings: Vec::new(),
        }
    }
}

impl Demux for Matroska {
    fn run(&mut self, window: &Window) -> ReadResult<VideoIndex> {
        loop {
            match self.step(window) {
                Ok(true) => {}
                Ok(false) => break,
                // A recording that was cut off: what is whole counts.
                Err(ReadError::PastEnd) if self.track.is_some() => {
                    self.cut_off = true;
                    break;
                }
                Err(stop) => return Err(stop),
            }
        }
        self.finish(window)
    }

    fn cut_off(&self) -> IndexError {
        IndexError::Truncated {
            container: NAME,
            what: "the file ends before the track list".to_owned(),
        }
    }
}

impl Matroska {
    /// Takes in one element; false at the end.
    fn step(&mut self, window: &Window) -> ReadResult<bool> {
        if let Some(group) = self.group.filter(|group| self.at >= group.end) {
            self.end_group(window, group)?;
            self.group = None;
        }
        let limit = self.segment_end.unwrap_or(window.size()).min(window.size());
        if self.at >= limit {
            return Ok(false);
        }
        if self.damaged_from.is_some() {
            return self.resynchronize(window);
        }
        let element = match Element::read(window, self.at) {
            Ok(element) => element,
            Err(ReadError::Failed(_)) if self.track.is_some() => {
                self.note_damage();
                return Ok(true);
            }
            Err(stop) => return Err(stop),
        };
        // Only a last block may be cut off; any other element that leaves the file has a
        // damaged size, and the frames behind it are still there.
        let leaves = element.end.is_some_and(|end| end > limit);
        let is_block = matches!(element.id, id::SIMPLE_BLOCK | id::BLOCK_GROUP | id::BLOCK);
        let far = limit.saturating_sub(self.at) > LAST_BLOCK;
        if leaves && self.track.is_some() && element.id != id::SEGMENT && (!is_block || far) {
            if element.id == id::CLUSTER {
                self.at = element.body;
            } else {
                self.note_damage();
            }
            return Ok(true);
        }
        match self.take(window, element) {
            Err(ReadError::Failed(_)) if !self.samples.is_empty() => self.note_damage(),
            other => other?,
        }
        Ok(true)
    }

    /// Damage begins here; the search for the next cluster begins behind what cannot be read,
    /// which may look like one.
    fn note_damage(&mut self) {
        self.damaged_from = Some((self.at, self.last_time()));
        self.at = self.at.saturating_add(1);
    }

    fn last_time(&self) -> Option<Pts> {
        self.samples.last().map(|sample| sample.pts)
    }

    /// Looks for the next cluster after damage.
    fn resynchronize(&mut self, window: &Window) -> ReadResult<bool> {
        let bytes = window.from(self.at, 4)?;
        let Some(at) = bytes
            .windows(4)
            .position(|four| four == [0x1f, 0x43, 0xb6, 0x75])
        else {
            if bytes.len() < 4 {
                self.at = window.size();
            } else {
                self.at += bytes.len() as u64 - 3;
            }
            return Ok(true);
        };
        self.at += at as u64;
        self.group = None;
        if let Some((from, pts)) = self.damaged_from.take()
            && self.warnings.len() < 100
        {
            self.warnings.push(IndexWarning {
                code: "damaged_data".to_owned(),
                message: format!(
                    "bytes {from} to {} are damaged: the frames in them are left out",
                    self.at
                ),
                from_pts: pts,
                to_pts: None,
            });
        }
        Ok(true)
    }

    fn take(&mut self, window: &Window, element: Element) -> ReadResult<()> {
        let next = element.end.unwrap_or(element.body);
        match element.id {
            id::EBML => {}
            id::SEGMENT => {
                self.segment_end = Some(element.end.unwrap_or(u64::MAX));
                self.at = element.body;
                return Ok(());
            }
            id::INFO => {
                let info = element.content(window)?;
                if let Some(scale) = ebml::child_uint(info, id::TIMESTAMP_SCALE) {
                    self.timestamp_scale = scale;
                }
            }
            id::TRACKS if self.track.is_none() => {
                let track = tracks::choose(element.content(window)?)?;
                self.default_duration = track.default_duration;
                self.track = Some(track);
            }
            id::CLUSTER => {
                if self.track.is_none() {
                    return Err(ReadError::Failed(IndexError::Damaged {
                        container: NAME,
                        what: "there are frames before the track list".to_owned(),
                    }));
                }
                self.at = element.body;
                return Ok(());
            }
            id::TIMESTAMP => {
                let time = ebml::uint(element.content(window)?);
                self.cluster_time = i64::try_from(time).unwrap_or(i64::MAX);
            }
            id::SIMPLE_BLOCK => self.block(window, element, None)?,
            id::BLOCK_GROUP => {
                self.group = Some(Group {
                    end: next,
                    block: None,
                    references: false,
                });
                self.at = element.body;
                return Ok(());
            }
            id::BLOCK => {
                if let Some(group) = &mut self.group {
                    group.block = Some(element);
                }
            }
            id::REFERENCE_BLOCK => {
                if let Some(group) = &mut self.group {
                    group.references = true;
                }
            }
            _ if element.end.is_none() => {
                return Err(ReadError::Failed(IndexError::Damaged {
                    container: NAME,
                    what: format!("element {:#x} has no size", element.id),
                }));
            }
            _ => {}
        }
        self.at = next;
        Ok(())
    }

    fn end_group(&mut self, window: &Window, group: Group) -> ReadResult<()> {
        match group.block {
            Some(block) => self.block(window, block, Some(!group.references)),
            None => Ok(()),
        }
    }

    /// A block (RFC 9559 clause 10): of a group where `key` is given, else a simple one.
    fn block(&mut self, window: &Window, element: Element, key: Option<bool>) -> ReadResult<()> {
        let end = element.end.unwrap_or(element.body);
        let length = end.saturating_sub(element.body);
        let head = window.peek(element.body, length.min(FRAME_HEAD))?;
        let Some(track) = &self.track else {
            return Ok(());
        };
        let Some((number, at)) = ebml::vint(head) else {
            return Ok(());
        };
        let (Some(relative), Some(flags)) = (head.be16(at), head.u8(at + 2)) else {
            return Ok(());
        };
        if number != track.number {
            return Ok(());
        }
        if flags & 0x06 != 0 {
            return Err(ReadError::Failed(IndexError::Damaged {
                container: NAME,
                what: "several frames share a block of the video track (lacing)".to_owned(),
            }));
        }
        let header = at as u64 + 3;
        let unit = head.get(at + 3..).unwrap_or_default();
        let codec = track.codec;
        let shown = match (codec, &track.unwrap) {
            (Codec::Vp8 | Codec::Vp9, Unwrap::Plain) => {
                self.inspector.inspect(codec, unit).shown || ends_superframe(window, codec, end)?
            }
            _ => true,
        };
        let simple = key.is_none();
        let sample = Sample {
            offset: element.body + header,
            size: u32::try_from(length.saturating_sub(header)).unwrap_or(u32::MAX),
            dts: Dts(0),
            pts: Pts(self.cluster_time.saturating_add(i64::from(relative as i16))),
            sync: key.unwrap_or(flags & 0x80 != 0),
            description: 0,
            shown: shown && flags & 0x08 == 0,
            dependence: if simple && flags & 1 != 0 {
                Dependence::Disposable
            } else {
                Dependence::Unknown
            },
        };
        Ok(limits::push(&mut self.samples, sample)?)
    }

    fn finish(&mut self, window: &Window) -> ReadResult<VideoIndex> {
        let Some(track) = self.track.take() else {
            if self.at > window.size() {
                return Err(ReadError::PastEnd);
            }
            return Err(ReadError::Failed(IndexError::NoVideoTrack {
                tracks: "none".to_owned(),
            }));
        };
        let mut samples = std::mem::take(&mut self.samples);
        let mut warnings = std::mem::take(&mut self.warnings);
        let cut = self.cut_off
            || self
                .segment_end
                .is_some_and(|e| e != u64::MAX && e > window.size());
        let (timescale, factor) = self.clock()?;
        for sample in &mut samples {
            sample.pts = Pts(sample.pts.0.saturating_mul(factor));
        }
        if samples.is_empty() && cut {
            return Err(ReadError::Failed(IndexError::Truncated {
                container: NAME,
                what: "the file ends before the first frame".to_owned(),
            }));
        }
        drop_unreadable(&mut samples, window.size(), NAME, &mut warnings)?;
        if cut && !warnings.iter().any(|w| w.code == "truncated_data") {
            let mut lost = warning(
                "truncated_data",
                "the file ends before its segment does: later frames are missing".to_owned(),
            );
            lost.from_pts = samples.last().map(|sample| sample.pts);
            warnings.push(lost);
        }
        if let Some((from, pts)) = self.damaged_from.take() {
            let mut damage = warning(
                "damaged_data",
                format!("damaged from byte {from} on: later frames are missing"),
            );
            damage.from_pts = pts;
            warnings.push(damage);
        }
        derive_dts(&mut samples);
        let last = self.last_duration(timescale, &samples);
        Ok(VideoIndex {
            container: Container::Matroska,
            other_configs: Vec::new(),
            config: track
                .parameters
                .config(track.codec, track.size, track.color),
            timescale,
            duration: duration(&samples, last),
            rotation: track.rotation,
            pixel_aspect: track.pixel_aspect(),
            samples,
            unwrap: track.unwrap,
            warnings,
        })
    }

    /// Ticks per second, and ticks per unit of the file's times.
    fn clock(&self) -> ReadResult<(Timescale, i64)> {
        let scale = self.timestamp_scale;
        let (per_second, factor) = if scale > 0 && NANOSECONDS.is_multiple_of(scale) {
            (NANOSECONDS / scale, 1)
        } else {
            (NANOSECONDS, scale)
        };
        let timescale = u32::try_from(per_second).ok().and_then(Timescale::new);
        match (timescale, i64::try_from(factor)) {
            (Some(timescale), Ok(factor)) if factor > 0 => Ok((timescale, factor)),
            _ => Err(ReadError::Failed(IndexError::Damaged {
                container: NAME,
                what: format!("the timestamp scale is {scale} ns"),
            })),
        }
    }

    fn last_duration(&self, timescale: Timescale, samples: &[Sample]) -> i64 {
        let declared = self.default_duration.map(|ns| {
            let ticks = u128::from(ns) * u128::from(timescale.get());
            i64::try_from((ticks + 500_000_000) / u128::from(NANOSECONDS)).unwrap_or(0)
        });
        declared
            .filter(|&ticks| ticks > 0)
            .unwrap_or_else(|| last_duration(samples))
    }
}
