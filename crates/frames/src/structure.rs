//! How a track is cut into GOPs.

use crate::plan::Track;
use framemill_video::VideoIndex;

/// Smallest, middle and largest of a set of numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread<T> {
    /// Smallest.
    pub min: T,
    /// Middle one, the upper of two.
    pub median: T,
    /// Largest.
    pub max: T,
}

/// GOP statistics of a track.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GopStructure {
    /// GOPs.
    pub gops: u64,
    /// GOPs with samples that are presented before the sync sample: they may refer to the GOP
    /// before.
    pub open: u64,
    /// Samples per GOP.
    pub samples: Spread<u64>,
    /// Seconds from one sync sample to the next in presentation; the last GOP ends with the
    /// track.
    pub seconds: Spread<f64>,
    /// Shown frames in the track.
    pub frames: u64,
    /// Samples that the container says no other refers to.
    pub disposable: u64,
}

/// Counts a track's GOPs. All zero where nothing is shown.
pub fn gop_structure(index: &VideoIndex) -> GopStructure {
    let Ok(track) = Track::new(index) else {
        return GopStructure::default();
    };
    let samples = &index.samples;
    let end = samples.len();
    let track_end = track.first_pts.saturating_add(track.duration);
    let mut lengths = Vec::with_capacity(track.syncs.len());
    let mut ticks = Vec::with_capacity(track.syncs.len());
    let mut open = 0;
    for (i, sync) in track.syncs.iter().enumerate() {
        let next = track.syncs.get(i + 1).map(|next| *next as usize);
        let gop = samples
            .get(*sync as usize..next.unwrap_or(end))
            .unwrap_or_default();
        let Some(first) = gop.first() else { continue };
        let until = next.and_then(|next| samples.get(next));
        let until = until.map_or(track_end, |sample| sample.pts.0);
        lengths.push(gop.len() as u64);
        ticks.push(until.saturating_sub(first.pts.0).max(0));
        open += u64::from(gop.iter().any(|sample| sample.pts < first.pts));
    }
    let ticks = spread(&mut ticks);
    let seconds = |ticks| index.timescale.seconds(ticks);
    GopStructure {
        gops: lengths.len() as u64,
        open,
        samples: spread(&mut lengths),
        seconds: Spread {
            min: seconds(ticks.min),
            median: seconds(ticks.median),
            max: seconds(ticks.max),
        },
        frames: track.order.len() as u64,
        disposable: samples
            .iter()
            .filter(|sample| sample.dependence == framemill_video::Dependence::Disposable)
            .count() as u64,
    }
}

fn spread<T: Copy + Default + Ord>(values: &mut [T]) -> Spread<T> {
    values.sort_unstable();
    let at = |i: usize| values.get(i).copied().unwrap_or_default();
    Spread {
        min: at(0),
        median: at(values.len() / 2),
        max: at(values.len().saturating_sub(1)),
    }
}
