//! Movie fragments (clause 8.8): samples of `moof` boxes.

use super::boxes::children;
use super::descriptions;
use super::samples::{SampleBuilder, dependence};
use crate::container::fields::Fields;
use crate::container::limits;
use crate::{Dts, IndexError, Pts, Sample};

/// What samples have that do not say otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Defaults {
    pub(super) duration: u32,
    pub(super) size: u32,
    pub(super) flags: u32,
    /// `sample_description_index`.
    pub(super) description: u32,
}

/// Sample flags (clause 8.8.3.1).
const NON_SYNC: u32 = 0x0001_0000;
const DEPENDS_ON_OTHERS: u32 = 0x0100_0000;

/// The fragments of one track.
#[derive(Debug)]
pub(super) struct Fragments {
    track_id: u32,
    defaults: Defaults,
    /// Decoding time after the last sample.
    time: Option<i64>,
    /// The file ended early.
    pub(super) cut_off: bool,
}

/// One `traf` box being read.
struct Run {
    defaults: Defaults,
    base: u64,
    /// Where the next `trun` without an offset starts.
    next: u64,
}

impl Fragments {
    pub(super) fn new(track_id: u32, defaults: Defaults) -> Self {
        Self {
            track_id,
            defaults,
            time: None,
            cut_off: false,
        }
    }

    /// Adds the samples of a `moof` box that starts at byte `at`.
    pub(super) fn take(
        &mut self,
        moof: &[u8],
        at: u64,
        file_size: u64,
        builder: &mut SampleBuilder,
    ) -> Result<(), IndexError> {
        let mut base = at;
        for (kind, traf) in children(moof) {
            if &kind != b"traf" {
                continue;
            }
            let Some(tfhd) = children(traf).find(|(k, _)| k == b"tfhd").map(|(_, b)| b) else {
                continue;
            };
            let Some((track_id, mut run)) = Run::from_tfhd(tfhd, self.defaults, at, base) else {
                continue;
            };
            if track_id == self.track_id {
                self.traf(traf, &mut run, file_size, builder)?;
            }
            base = run.next;
        }
        Ok(())
    }

    fn traf(
        &mut self,
        traf: &[u8],
        run: &mut Run,
        file_size: u64,
        builder: &mut SampleBuilder,
    ) -> Result<(), IndexError> {
        for (kind, body) in children(traf) {
            match &kind {
                b"tfdt" => {
                    let time = if body.u8(0) == Some(1) {
                        body.be64(4)
                    } else {
                        body.be32(4).map(u64::from)
                    };
                    self.time = time.and_then(|time| i64::try_from(time).ok()).or(self.time);
                }
                b"trun" => self.trun(body, run, file_size, builder)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// `trun`, clause 8.8.8.
    fn trun(
        &mut self,
        body: &[u8],
        run: &mut Run,
        file_size: u64,
        builder: &mut SampleBuilder,
    ) -> Result<(), IndexError> {
        let (Some(flags), Some(count)) = (body.be32(0), body.be32(4)) else {
            return Ok(());
        };
        let flags = flags & 0x00ff_ffff;
        let mut fields = Cells { body, at: 8 };
        let mut offset = run.next;
        if let Some(shift) = fields.take_if(flags & 1 != 0) {
            offset = run.base.saturating_add_signed(i64::from(shift as i32));
        }
        let first_flags = fields.take_if(flags & 4 != 0);
        let mut time = self.time.unwrap_or_else(|| next_time(builder));
        for index in 0..count {
            if flags & 0xf00 != 0 && fields.is_at_end() {
                break;
            }
            let duration = fields.take_if(flags & 0x100 != 0);
            let size = fields
                .take_if(flags & 0x200 != 0)
                .unwrap_or(run.defaults.size);
            let own_flags = fields.take_if(flags & 0x400 != 0);
            let shift = fields.take_if(flags & 0x800 != 0).unwrap_or(0) as i32;
            let first = first_flags.filter(|_| index == 0);
            let sample_flags = first.or(own_flags).unwrap_or(run.defaults.flags);
            let end = offset.saturating_add(u64::from(size));
            if end > file_size || size == 0 && flags & 0x200 == 0 {
                self.cut_off |= end > file_size;
                break;
            }
            let sample = Sample {
                offset,
                size,
                dts: Dts(time),
                pts: Pts(time.saturating_add(i64::from(shift))),
                sync: sample_flags & (NON_SYNC | DEPENDS_ON_OTHERS) == 0,
                shown: true,
                dependence: dependence(((sample_flags >> 22) & 3) as u8),
                description: descriptions::number(run.defaults.description),
            };
            limits::push(&mut builder.samples, sample)?;
            builder.last_delta = i64::from(duration.unwrap_or(run.defaults.duration));
            time = time.saturating_add(builder.last_delta);
            offset = end;
        }
        self.time = Some(time);
        run.next = offset;
        Ok(())
    }
}

/// Decoding time after the samples so far.
fn next_time(builder: &SampleBuilder) -> i64 {
    builder
        .samples
        .last()
        .map_or(0, |last| last.dts.0.saturating_add(builder.last_delta))
}

impl Run {
    /// `tfhd`, clause 8.8.7: the track and where its data starts. `moof` is the fragment's
    /// place, `base` the end of the data of the track before.
    fn from_tfhd(body: &[u8], defaults: Defaults, moof: u64, base: u64) -> Option<(u32, Self)> {
        let flags = body.be32(0)? & 0x00ff_ffff;
        let track_id = body.be32(4)?;
        let mut base = if flags & 0x02_0000 != 0 { moof } else { base };
        let mut fields = Cells { body, at: 8 };
        if flags & 1 != 0 {
            base = body.be64(8)?;
            fields.at = 16;
        }
        let mut own = |flag, or| fields.take_if(flags & flag != 0).unwrap_or(or);
        let defaults = Defaults {
            description: own(2, defaults.description),
            duration: own(8, defaults.duration),
            size: own(0x10, defaults.size),
            flags: own(0x20, defaults.flags),
        };
        let run = Self {
            defaults,
            base,
            next: base,
        };
        Some((track_id, run))
    }
}

/// Consecutive 32-bit fields.
struct Cells<'a> {
    body: &'a [u8],
    at: usize,
}

impl Cells<'_> {
    fn take_if(&mut self, present: bool) -> Option<u32> {
        if !present {
            return None;
        }
        let value = self.body.be32(self.at);
        self.at = self.at.saturating_add(4);
        value
    }

    fn is_at_end(&self) -> bool {
        self.at >= self.body.len()
    }
}
