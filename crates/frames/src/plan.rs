//! Which frames, and the fewest samples they can be decoded from.

use crate::targets::Targets;
use framemill_contract::{GopWork, Interval, Select, Selection, Snap, Wanted, Warning};
use framemill_video::{Dependence, Pts, Sample, VideoIndex};
use thiserror::Error;

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// No sample is shown.
    #[error(
        "none of the track's {samples} samples is shown: check the edit list, or encode the video again"
    )]
    NoFrames {
        /// Samples in the track.
        samples: usize,
    },
    /// More samples than a plan counts.
    #[error("the track has {samples} samples, more than 4294967295: split the video")]
    TooManySamples {
        /// Samples in the track.
        samples: usize,
    },
    /// A selection that never gets on.
    #[error("the selection's step is zero: choose an interval, frame step or count above zero")]
    ZeroStep,
}

/// What to decode for a selection. Holds no samples of its own: [`Plan::gops`] and
/// [`Plan::segments`] copy them out of the index piece by piece.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    index: &'a VideoIndex,
    /// Decoding positions of the samples decoding can start at; the first is always 0.
    syncs: Vec<u32>,
    units: Vec<Unit>,
    /// Ordered by unit, then by presentation.
    targets: Vec<Target>,
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
struct Unit {
    gop: u32,
    targets: (u32, u32),
    access_units: u32,
}

impl Unit {
    fn images(&self) -> u32 {
        self.targets.1 - self.targets.0
    }
}

/// A wanted frame.
#[derive(Clone, Copy, Debug)]
struct Target {
    unit: u32,
    /// Position in decoding order.
    sample: u32,
    /// Number in presentation order.
    index: u32,
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
        units: Vec::new(),
        wanted: targets.len() as u64,
        warnings,
        access_units: 0,
        first_pts: Pts(track.first_pts),
        frame_count: track.order.len() as u64,
        syncs: track.syncs,
        targets,
    };
    plan.make_units();
    Ok(plan)
}

/// Samples of an index by both orders.
pub(crate) struct Track<'a> {
    index: &'a VideoIndex,
    /// Decoding positions of shown samples in presentation order.
    pub order: Vec<u32>,
    /// Decoding positions of sync samples; the first is always 0.
    pub syncs: Vec<u32>,
    pub first_pts: i64,
    /// Ticks from the first frame's PTS to the end, at least one past the last frame's.
    pub duration: i64,
}

impl<'a> Track<'a> {
    pub fn new(index: &'a VideoIndex) -> Result<Self, PlanError> {
        let samples = &index.samples;
        let count = samples.len();
        let end = u32::try_from(count).map_err(|_| PlanError::TooManySamples { samples: count })?;
        let mut order: Vec<u32> = (0..end).filter(|i| samples[*i as usize].shown).collect();
        order.sort_by_key(|i| samples[*i as usize].pts);
        let syncs = (0..end)
            .filter(|i| *i == 0 || samples[*i as usize].sync)
            .collect();
        let (Some(first), Some(last)) = (order.first(), order.last()) else {
            return Err(PlanError::NoFrames { samples: count });
        };
        let first_pts = samples[*first as usize].pts.0;
        let last = samples[*last as usize].pts.0.saturating_sub(first_pts);
        Ok(Self {
            index,
            order,
            syncs,
            first_pts,
            duration: index.duration.max(last.saturating_add(1)),
        })
    }

    /// Ticks after the first frame of a frame by its number in presentation order.
    fn rel(&self, frame: usize) -> Option<i64> {
        let sample = *self.order.get(frame)?;
        Some(
            self.index.samples[sample as usize]
                .pts
                .0
                .saturating_sub(self.first_pts),
        )
    }

    fn targets(&self, select: &Select) -> Result<Targets, PlanError> {
        let frames = (0..self.order.len()).filter_map(|frame| self.rel(frame));
        Targets::new(select, self.index.timescale, self.duration, frames)
    }

    /// Whether decoding can start at this decoding position.
    fn is_sync(&self, sample: u32) -> bool {
        sample == 0 || self.index.samples[sample as usize].sync
    }

    /// By number, not by time: frames may share one.
    fn every(&self, n: u64) -> Result<Vec<u32>, PlanError> {
        let step = usize::try_from(n).unwrap_or(usize::MAX);
        if step == 0 {
            return Err(PlanError::ZeroStep);
        }
        Ok((0u32..).take(self.order.len()).step_by(step).collect())
    }

    fn shown_syncs(&self) -> Vec<u32> {
        (0u32..)
            .zip(&self.order)
            .filter(|(_, sample)| self.is_sync(**sample))
            .map(|(frame, _)| frame)
            .collect()
    }

    /// The frames on display at the target times.
    fn on_display(&self, targets: &Targets, warnings: &mut Vec<Warning>) -> Vec<u32> {
        let mut chosen = Vec::new();
        let mut target = targets.first_from(0);
        for frame in 0..self.order.len() {
            let Some(time) = target else { break };
            let until = i128::from(self.rel(frame + 1).unwrap_or(self.duration)) * targets.scale;
            if time < until {
                chosen.push(frame as u32);
                target = targets.first_from(until);
            }
        }
        self.warn_outside(targets, warnings);
        chosen
    }

    /// The sync samples nearest to the target times, the earlier of two equally near ones.
    fn nearest_syncs(
        &self,
        targets: &Targets,
        tolerance: Option<Interval>,
        warnings: &mut Vec<Warning>,
    ) -> Vec<u32> {
        let syncs = self.shown_syncs();
        let time = |frame: &u32| {
            i128::from(self.rel(*frame as usize).unwrap_or(self.duration)) * targets.scale
        };
        let tolerance = tolerance.map(|t| targets.length(t, self.index.timescale));
        let mut chosen = Vec::new();
        let mut covered = 0;
        for (i, frame) in syncs.iter().enumerate() {
            let here = time(frame);
            let until = syncs
                .get(i + 1)
                .map_or(targets.end, |next| (here + time(next)).div_euclid(2) + 1);
            let (from, to) = match tolerance {
                Some(t) => (covered.max(here - t), until.min(here + t + 1)),
                None => (covered, until),
            };
            if targets.first_from(from).is_some_and(|t| t < to) {
                chosen.push(*frame);
            }
            self.warn_far(targets, covered, from, warnings);
            self.warn_far(targets, to.max(covered), until, warnings);
            covered = until.max(covered);
        }
        self.warn_far(targets, covered, targets.end, warnings);
        self.warn_outside(targets, warnings);
        chosen
    }

    /// Warns of target times in `from..to`, which no sync sample is near to.
    fn warn_far(&self, targets: &Targets, from: i128, to: i128, warnings: &mut Vec<Warning>) {
        let count = targets.count(from, to);
        if count == 0 {
            return;
        }
        let pts = |time: i128| {
            let ticks = i64::try_from(time.div_euclid(targets.scale)).unwrap_or(i64::MAX);
            Some(Pts(ticks.saturating_add(self.first_pts)))
        };
        warnings.push(Warning {
            code: "no_keyframe_near".to_owned(),
            message: format!(
                "{count} target times have no sync sample within snap_tolerance and give no frame; raise the tolerance or use snap = exact"
            ),
            from_pts: pts(from),
            to_pts: pts(to),
        });
    }

    fn warn_outside(&self, targets: &Targets, warnings: &mut Vec<Warning>) {
        let count = targets.outside();
        if count > 0 {
            let seconds = self.index.timescale.seconds(self.duration);
            warnings.push(Warning {
                code: "outside_video".to_owned(),
                message: format!(
                    "{count} target times are not before the video's end at {seconds} s and give no frame"
                ),
                from_pts: Some(Pts(self.first_pts.saturating_add(self.duration))),
                to_pts: None,
            });
        }
    }

    /// The chosen frames that can be decoded, each with the GOP where its decoding starts,
    /// ordered by GOP and then by presentation.
    fn decodable(&self, chosen: &[u32], warnings: &mut Vec<Warning>) -> Vec<Target> {
        let mut targets = Vec::with_capacity(chosen.len());
        let mut lost: Option<(u64, Pts, Pts)> = None;
        for frame in chosen {
            let sample = self.order[*frame as usize];
            let gop = self.gop_of(sample);
            let unit = if self.is_leading(sample, gop) {
                // The samples before the first sync sample are no GOP to start from.
                gop.checked_sub(1).filter(|before| {
                    let start = self.syncs.get(*before as usize);
                    start.is_some_and(|start| self.index.samples[*start as usize].sync)
                })
            } else {
                Some(gop)
            };
            if let Some(unit) = unit {
                targets.push(Target {
                    unit,
                    sample,
                    index: *frame,
                });
            } else {
                let pts = self.index.samples[sample as usize].pts;
                let (count, first, _) = lost.unwrap_or((0, pts, pts));
                lost = Some((count + 1, first, pts));
            }
        }
        if let Some((count, from, to)) = lost {
            warnings.push(Warning {
                code: "no_reference".to_owned(),
                message: format!(
                    "{count} selected frames precede the first sync sample and refer to pictures that are not in the file; they give no image"
                ),
                from_pts: Some(from),
                to_pts: Some(to),
            });
        }
        targets.sort_by_key(|target| (target.unit, target.index));
        targets
    }

    /// Number of the GOP a decoding position is in.
    fn gop_of(&self, sample: u32) -> u32 {
        (self.syncs.partition_point(|sync| *sync <= sample) as u32).saturating_sub(1)
    }

    /// Whether a sample of this GOP is presented before the GOP's sync sample: it may then
    /// refer to the GOP before.
    fn is_leading(&self, sample: u32, gop: u32) -> bool {
        let samples = &self.index.samples;
        samples[sample as usize].pts < samples[self.syncs[gop as usize] as usize].pts
    }
}

impl Plan<'_> {
    /// Groups the targets by unit and counts what each decodes.
    fn make_units(&mut self) {
        let mut start = 0;
        for group in self.targets.chunk_by(|a, b| a.unit == b.unit) {
            let Some(first) = group.first() else { continue };
            let end = start + group.len() as u32;
            let mut access_units = 0;
            self.visit(first.unit, group, |_| access_units += 1);
            self.units.push(Unit {
                gop: first.unit,
                targets: (start, end),
                access_units,
            });
            self.access_units = self.access_units.saturating_add(u64::from(access_units));
            start = end;
        }
    }

    /// Calls `visit` with the samples that `targets` of GOP `gop` need, in decoding order.
    ///
    /// The leading pictures of the GOP itself are never needed: nothing after them may refer
    /// to them, and where they are wanted they are targets of the GOP before, which then goes
    /// on over this GOP's sync sample.
    fn visit(&self, gop: u32, targets: &[Target], mut visit: impl FnMut(&Sample)) {
        let samples = &self.index.samples;
        let start = self.syncs[gop as usize];
        let next = self.syncs.get(gop as usize + 1).copied();
        let Some(last) = targets.iter().map(|target| target.sample).max() else {
            return;
        };
        let mut wanted: Vec<u32> = targets.iter().map(|target| target.sample).collect();
        wanted.sort_unstable();
        let sync_pts = samples[start as usize].pts;
        for position in start..=last {
            let sample = &samples[position as usize];
            let in_next = next.is_some_and(|next| position >= next);
            let leading = !in_next && sample.pts < sync_pts;
            let disposable = sample.dependence == Dependence::Disposable
                && position != start
                && wanted.binary_search(&position).is_err();
            if !leading && !disposable {
                visit(sample);
            }
        }
    }

    fn work(&self, unit: &Unit) -> GopWork {
        let (from, to) = unit.targets;
        let targets = self
            .targets
            .get(from as usize..to as usize)
            .unwrap_or_default();
        let mut samples = Vec::with_capacity(unit.access_units as usize);
        self.visit(unit.gop, targets, |sample| samples.push(*sample));
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
        self.units.len()
    }

    /// The work, GOP by GOP in presentation order. A frame that is presented before its own
    /// GOP's sync sample belongs to the GOP before, whose work then goes on over that sync
    /// sample; every other frame belongs to the GOP it is coded in.
    pub fn gops(&self) -> impl Iterator<Item = GopWork> {
        self.units.iter().map(|unit| self.work(unit))
    }

    /// The work from GOP `first` on, in runs of GOPs that `fits` accepts; it is asked with the
    /// access units and the images of a run. A GOP is never split, so a run is larger where one
    /// GOP alone is.
    pub fn segments(
        &self,
        first: usize,
        fits: impl Fn(u64, u64) -> bool,
    ) -> impl Iterator<Item = Vec<GopWork>> {
        let mut rest = self.units.get(first..).unwrap_or_default();
        std::iter::from_fn(move || {
            let (mut access_units, mut images) = (0, 0);
            let run = rest.iter().take_while(|unit| {
                let alone = access_units == 0;
                access_units += u64::from(unit.access_units);
                images += u64::from(unit.images());
                alone || fits(access_units, images)
            });
            let (segment, later) = rest.split_at(run.count());
            rest = later;
            (!segment.is_empty()).then(|| segment.iter().map(|unit| self.work(unit)).collect())
        })
    }

    /// Access units that the first `gops` GOPs decode.
    pub fn access_units_before(&self, gops: usize) -> u64 {
        let units = self.units.iter().take(gops);
        units.map(|unit| u64::from(unit.access_units)).sum()
    }
}
