//! Which frames, and the fewest samples they can be decoded from.

mod error;
mod targets;
mod track;

pub use error::PlanError;
pub(crate) use track::Track;

use framemill_contract::{GopWork, Select, Selection, Snap, Wanted, Warning};
use framemill_video::codec::{MOST_SAMPLES_OF_FRAME, may_have_fields};
use framemill_video::{Container, Dependence, Pts, Sample, VideoIndex};
use track::TargetFrame;

/// What to decode for a selection. Holds no samples of its own: [`Plan::gops`] and
/// [`Plan::segments`] copy them out of the index piece by piece.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    index: &'a VideoIndex,
    /// Decoding positions of the samples decoding can start at; the first is always 0.
    syncs: Vec<u32>,
    /// Samples behind a target's own that may hold the rest of its frame.
    reach: u32,
    planned: Vec<PlannedGop>,
    /// Ordered by GOP, then by presentation.
    targets: Vec<TargetFrame>,
    /// Selected frames.
    pub wanted: u64,
    /// Target times and frames that were left out.
    pub warnings: Vec<Warning>,
    /// Access units to decode, over all GOPs. Those of an open GOP's start count twice where
    /// the frames before them in presentation are wanted too.
    pub access_units: u64,
    /// PTS of the first shown frame: times count from here.
    pub first_pts: Pts,
    /// Shown samples.
    pub frame_count: u64,
}

/// A GOP that holds wanted frames, and where in [`Plan::targets`] they are.
#[derive(Clone, Copy, Debug)]
struct PlannedGop {
    number: u32,
    targets: (u32, u32),
    access_units: u32,
}

impl PlannedGop {
    fn images(&self) -> u32 {
        self.targets.1 - self.targets.0
    }
}

/// Plans a selection over a track.
///
/// Frames are the shown samples in the order of their PTS, counted from 0. A time means the
/// frame on display then: the last one whose PTS, less the first frame's, is not above it.
///
/// # Errors
/// [`PlanError`] where nothing is shown or the selection's step is zero. Target times without
/// a frame are warnings.
pub fn plan<'a>(index: &'a VideoIndex, selection: &Selection) -> Result<Plan<'a>, PlanError> {
    let track = Track::new(index)?;
    let mut warnings = Vec::new();
    let chosen = match (&selection.select, selection.snap) {
        (Select::Keyframes, _) => track.shown_syncs(),
        (Select::EveryFrames(n), Snap::Exact) => track.every(*n)?,
        (select, Snap::Exact) => track.on_display(&track.targets(select)?, &mut warnings),
        (select, Snap::Keyframe { tolerance }) => {
            track.nearest_syncs(&track.targets(select)?, tolerance, &mut warnings)
        }
    };
    let targets = track.decodable(&chosen, &mut warnings);
    let mut plan = Plan {
        index,
        planned: Vec::new(),
        wanted: targets.len() as u64,
        warnings,
        access_units: 0,
        first_pts: Pts(track.first_pts),
        frame_count: track.order.len() as u64,
        syncs: track.syncs,
        reach: reach(index),
        targets,
    };
    plan.group_by_gop();
    Ok(plan)
}

/// See [`Plan::reach`]. Where there are no samples but pictures in a row, fields are put together by
/// whoever reads them.
fn reach(index: &VideoIndex) -> u32 {
    let joined = matches!(index.container, Container::MpegTs | Container::AnnexB);
    match !joined && index.configs().any(may_have_fields) {
        true => MOST_SAMPLES_OF_FRAME - 1,
        false => 0,
    }
}

impl Plan<'_> {
    /// Groups the targets by GOP and counts what each decodes.
    fn group_by_gop(&mut self) {
        let mut start = 0;
        for group in self.targets.chunk_by(|a, b| a.gop == b.gop) {
            let Some(first) = group.first() else { continue };
            let end = start + group.len() as u32;
            let mut access_units = 0;
            self.visit(first.gop, group, |_| access_units += 1);
            self.planned.push(PlannedGop {
                number: first.gop,
                targets: (start, end),
                access_units,
            });
            self.access_units = self.access_units.saturating_add(u64::from(access_units));
            start = end;
        }
    }

    /// Calls `visit` with the samples that `targets` of GOP `gop` need, in decoding order. Those that
    /// may hold the rest of a target's frame are marked as needed.
    ///
    /// The leading pictures of the GOP itself are never needed: nothing after them may refer
    /// to them, and where they are wanted they are targets of the GOP before, which then goes
    /// on over this GOP's sync sample.
    fn visit(&self, gop: u32, targets: &[TargetFrame], mut visit: impl FnMut(Sample)) {
        let start = self.syncs[gop as usize];
        let next = self.syncs.get(gop as usize + 1).copied();
        let mut wanted: Vec<u32> = targets.iter().map(|target| target.sample).collect();
        wanted.sort_unstable();
        let Some(last) = wanted.last().map(|last| last.saturating_add(self.reach)) else {
            return;
        };
        let samples = self.index.samples.get(start as usize..).unwrap_or_default();
        let sync_pts = self.index.samples[start as usize].pts;
        for (position, mut sample) in (start..=last).zip(samples.iter().copied()) {
            let in_next = next.is_some_and(|next| position >= next);
            let leading = !in_next && sample.pts < sync_pts;
            let disposable = sample.dependence == Dependence::Disposable && position != start;
            match self.distance(&wanted, position) {
                Some(0) => {}
                Some(_) => sample.dependence = Dependence::Needed,
                None if disposable => continue,
                None => {}
            }
            if !leading {
                visit(sample);
            }
        }
    }

    /// Samples between one of `wanted`, in order, and `position`, where that is in reach.
    fn distance(&self, wanted: &[u32], position: u32) -> Option<u32> {
        let from = position.saturating_sub(self.reach);
        let next = wanted.partition_point(|target| *target < from);
        let near = wanted.get(next..).unwrap_or_default().iter();
        let distances = near.map(|target| target.abs_diff(position));
        distances
            .take_while(|distance| *distance <= self.reach)
            .min()
    }

    fn work(&self, gop: &PlannedGop) -> GopWork {
        let (from, to) = gop.targets;
        let targets = self
            .targets
            .get(from as usize..to as usize)
            .unwrap_or_default();
        let mut samples = Vec::with_capacity(gop.access_units as usize);
        self.visit(gop.number, targets, |sample| samples.push(sample));
        if let Some(first) = samples.first_mut() {
            first.sync = true;
        }
        let wanted = targets
            .iter()
            .map(|target| Wanted {
                index: u64::from(target.index),
                pts: self.index.samples[target.sample as usize].pts,
            })
            .collect();
        GopWork { samples, wanted }
    }

    /// GOPs to decode.
    pub fn gop_count(&self) -> usize {
        self.planned.len()
    }

    /// The work, GOP by GOP in presentation order. A frame that is presented before its own
    /// GOP's sync sample belongs to the GOP before, whose work then goes on over that sync
    /// sample; every other frame belongs to the GOP it is coded in.
    pub fn gops(&self) -> impl Iterator<Item = GopWork> {
        self.planned.iter().map(|gop| self.work(gop))
    }

    /// The work from GOP `first` on, in runs of GOPs that `fits` accepts; it is asked with the
    /// access units and the images of a run. A GOP is never split, so a run of one GOP may
    /// be larger.
    pub fn segments(
        &self,
        first: usize,
        fits: impl Fn(u64, u64) -> bool,
    ) -> impl Iterator<Item = Vec<GopWork>> {
        let mut rest = self.planned.get(first..).unwrap_or_default();
        std::iter::from_fn(move || {
            let (mut access_units, mut images) = (0, 0);
            let run = rest.iter().take_while(|gop| {
                let first = access_units == 0;
                access_units += u64::from(gop.access_units);
                images += u64::from(gop.images());
                first || fits(access_units, images)
            });
            let (segment, later) = rest.split_at(run.count());
            rest = later;
            (!segment.is_empty()).then(|| segment.iter().map(|gop| self.work(gop)).collect())
        })
    }

    /// Access units that the first `gops` GOPs decode.
    pub fn access_units_before(&self, gops: usize) -> u64 {
        let planned = self.planned.iter().take(gops);
        planned.map(|gop| u64::from(gop.access_units)).sum()
    }
}
