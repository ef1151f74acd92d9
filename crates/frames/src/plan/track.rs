//! A track's samples by both orders, and which of its frames a selection means.

use super::error::PlanError;
use super::targets::TargetTimes;
use framemill_contract::{Interval, Select, Warning};
use framemill_video::{Pts, VideoIndex};

/// A wanted frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct TargetFrame {
    /// GOP where its decoding starts.
    pub gop: u32,
    /// Position in decoding order.
    pub sample: u32,
    /// Number in presentation order.
    pub index: u32,
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

    pub(super) fn targets(&self, select: &Select) -> Result<TargetTimes, PlanError> {
        let frames = (0..self.order.len()).filter_map(|frame| self.rel(frame));
        TargetTimes::new(select, self.index.timescale, self.duration, frames)
    }

    /// Whether decoding can start at this decoding position.
    fn is_sync(&self, sample: u32) -> bool {
        sample == 0 || self.index.samples[sample as usize].sync
    }

    /// By number, not by time: frames may share one.
    pub(super) fn every(&self, n: u64) -> Result<Vec<u32>, PlanError> {
        let step = usize::try_from(n).unwrap_or(usize::MAX);
        if step == 0 {
            return Err(PlanError::ZeroStep);
        }
        Ok((0u32..).take(self.order.len()).step_by(step).collect())
    }

    pub(super) fn shown_syncs(&self) -> Vec<u32> {
        (0u32..)
            .zip(&self.order)
            .filter(|(_, sample)| self.is_sync(**sample))
            .map(|(frame, _)| frame)
            .collect()
    }

    /// The frames on display at the target times.
    pub(super) fn on_display(
        &self,
        targets: &TargetTimes,
        warnings: &mut Vec<Warning>,
    ) -> Vec<u32> {
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
    pub(super) fn nearest_syncs(
        &self,
        targets: &TargetTimes,
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
    fn warn_far(&self, targets: &TargetTimes, from: i128, to: i128, warnings: &mut Vec<Warning>) {
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

    fn warn_outside(&self, targets: &TargetTimes, warnings: &mut Vec<Warning>) {
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
    pub(super) fn decodable(
        &self,
        chosen: &[u32],
        warnings: &mut Vec<Warning>,
    ) -> Vec<TargetFrame> {
        let mut targets = Vec::with_capacity(chosen.len());
        let mut lost: Option<(u64, Pts, Pts)> = None;
        for frame in chosen {
            let sample = self.order[*frame as usize];
            let gop = self.gop_of(sample);
            let start = if self.is_leading(sample, gop) {
                // The samples before the first sync sample are no GOP to start from.
                gop.checked_sub(1).filter(|before| {
                    let start = self.syncs.get(*before as usize);
                    start.is_some_and(|start| self.index.samples[*start as usize].sync)
                })
            } else {
                Some(gop)
            };
            if let Some(gop) = start {
                targets.push(TargetFrame {
                    gop,
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
        targets.sort_by_key(|target| (target.gop, target.index));
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
