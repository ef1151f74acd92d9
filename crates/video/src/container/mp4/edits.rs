//! Edit lists (clause 8.6.6): from the media's time to the presentation's.

use crate::container::fields::Fields;
use crate::container::sample_table::warning;
use crate::{Dts, IndexError, IndexWarning, Pts, Sample};

/// One entry of an edit list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edit {
    /// In the movie's timescale; 0 is "all there is".
    duration: u64,
    /// In the media's timescale; `None` shows nothing.
    media_time: Option<i64>,
}

/// More edits than any camera or editor writes; each sample is compared with each.
const MAX_EDITS: usize = 256;

impl Edit {
    /// From the body of `elst`.
    pub(super) fn list(body: &[u8]) -> Vec<Self> {
        let long = body.u8(0) == Some(1);
        let length = if long { 20 } else { 12 };
        let count = body.be32(4).unwrap_or(0) as usize;
        let entries = body.get(8..).unwrap_or_default().chunks_exact(length);
        let edit = |entry: &[u8]| {
            let (duration, media_time) = if long {
                (entry.be64(0)?, entry.be64(8)? as i64)
            } else {
                (u64::from(entry.be32(0)?), i64::from(entry.be32(4)? as i32))
            };
            Some(Self {
                duration,
                media_time: (media_time >= 0).then_some(media_time),
            })
        };
        // One more than allowed is enough to be refused for.
        entries
            .take(count.min(MAX_EDITS + 1))
            .filter_map(edit)
            .collect()
    }
}

/// Ticks per second of both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    pub(super) movie: u32,
    pub(super) media: u32,
}

impl Clocks {
    /// A duration of the movie's clock on the media's, rounded to nearest.
    fn to_media(self, duration: u64) -> i64 {
        if self.movie == 0 {
            return 0;
        }
        let movie = u128::from(self.movie);
        let ticks = (u128::from(duration) * u128::from(self.media) + movie / 2) / movie;
        i64::try_from(ticks).unwrap_or(i64::MAX)
    }
}

/// A range of media time and where it goes.
struct MediaRange {
    from: i64,
    to: i64,
    shift: i64,
}

/// Moves times by the edit list; samples outside of it are not shown.
///
/// As ffmpeg does it: where the first edit starts inside a frame, that frame starts the
/// presentation, so that the first PTS is 0 (or the leading empty edits' duration); and in
/// fragmented files, whose edits are written before the length is known, edits do not end.
///
/// # Errors
/// [`IndexError::Limit`] for more than 256 edits.
pub(super) fn apply(
    edits: &[Edit],
    samples: &mut [Sample],
    clocks: Clocks,
    fragmented: bool,
    warnings: &mut Vec<IndexWarning>,
) -> Result<(), IndexError> {
    if edits.len() > MAX_EDITS {
        return Err(IndexError::Limit {
            what: "number of edits",
            value: edits.len() as u64,
            limit: MAX_EDITS as u64,
            remedy: "re-encode the video",
        });
    }
    let (lead, media_ranges) = media_ranges(edits, clocks, fragmented);
    let Some(first) = media_ranges.first() else {
        return Ok(());
    };
    let inside = |pts: i64| media_ranges.iter().find(|s| pts >= s.from && pts < s.to);
    if !samples.iter().any(|sample| inside(sample.pts.0).is_some()) {
        warnings.push(warning(
            "edit_list_ignored",
            "the edit list shows no frame at all: all frames are shown instead".to_owned(),
        ));
        return Ok(());
    }
    let mut earliest = i64::MAX;
    // A sync sample in a gap, and its media time.
    let mut hidden_sync: Option<(usize, i64)> = None;
    for number in 0..samples.len() {
        let Some(sample) = samples.get_mut(number) else {
            break;
        };
        let media = sample.pts.0;
        let range = inside(media);
        sample.shown &= range.is_some();
        let shift = range.unwrap_or(first).shift;
        sample.pts = Pts(media.saturating_add(shift));
        sample.dts = Dts(sample.dts.0.saturating_add(shift));
        let (shown, pts) = (sample.shown, sample.pts);
        if sample.sync {
            hidden_sync = (!shown).then_some((number, media));
        }
        if shown {
            earliest = earliest.min(pts.0);
        }
        // Frames that a later edit moves before it in time are not its leading pictures.
        if let Some((at, start)) = hidden_sync
            && shown
            && media >= start
            && let Some(sync) = samples.get_mut(at)
        {
            sync.pts = sync.pts.min(pts);
        }
    }
    let late = earliest.saturating_sub(lead);
    if !fragmented && late > 0 && earliest != i64::MAX {
        for sample in samples {
            sample.pts = Pts(sample.pts.0.saturating_sub(late));
            sample.dts = Dts(sample.dts.0.saturating_sub(late));
        }
    }
    Ok(())
}

/// Duration of leading empty edits, and the edits that show something.
fn media_ranges(edits: &[Edit], clocks: Clocks, fragmented: bool) -> (i64, Vec<MediaRange>) {
    let mut at = 0_i64;
    let mut lead = 0;
    let mut media_ranges = Vec::new();
    for edit in edits {
        let length = clocks.to_media(edit.duration);
        if let Some(from) = edit.media_time {
            let endless = edit.duration == 0 || fragmented;
            media_ranges.push(MediaRange {
                from,
                to: if endless {
                    i64::MAX
                } else {
                    from.saturating_add(length)
                },
                shift: at.saturating_sub(from),
            });
        } else if media_ranges.is_empty() {
            lead = length.saturating_add(lead);
        }
        at = at.saturating_add(length);
    }
    (lead, media_ranges)
}
