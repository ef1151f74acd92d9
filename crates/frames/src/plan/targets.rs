//! Target times in exact integers.

use super::error::PlanError;
use framemill_contract::{Interval, Select};
use framemill_video::Timescale;

const MICROS: i128 = 1_000_000;

/// Times after the first shown frame, in ticks times `scale`: a whole number whatever the
/// selection and the timescale.
pub(crate) struct TargetTimes {
    /// Units per tick.
    pub scale: i128,
    /// Target times lie below this.
    pub end: i128,
    times: Times,
}

enum Times {
    /// 0, step, 2 step, … below `end`.
    Grid(i128),
    /// Ascending.
    List(Vec<i128>),
}

impl TargetTimes {
    /// The times of `select` in a track that lasts `duration` ticks. `frames` are the shown
    /// frames' times in ticks after the first one, ascending; only `every_frames` looks at them.
    pub fn new(
        select: &Select,
        timescale: Timescale,
        duration: i64,
        frames: impl Iterator<Item = i64>,
    ) -> Result<Self, PlanError> {
        let ticks = i128::from(timescale.get());
        let duration = i128::from(duration);
        let (scale, times) = match select {
            Select::Every(interval) => (MICROS, Times::Grid(i128::from(interval.micros()) * ticks)),
            Select::Count(count) => (i128::from(*count), Times::Grid(duration)),
            Select::EveryFrames(n) => {
                let step = usize::try_from(*n).unwrap_or(usize::MAX);
                if step == 0 {
                    return Err(PlanError::ZeroStep);
                }
                let times = frames.step_by(step).map(i128::from).collect();
                (1, Times::List(times))
            }
            Select::At(at) => {
                let mut times: Vec<_> = at.iter().map(|t| scaled(*t, ticks, MICROS)).collect();
                times.sort_unstable();
                (MICROS, Times::List(times))
            }
            Select::Keyframes => (1, Times::List(Vec::new())),
        };
        if scale == 0 || matches!(times, Times::Grid(0)) {
            return Err(PlanError::ZeroStep);
        }
        Ok(Self {
            scale,
            end: duration * scale,
            times,
        })
    }

    /// The first target time not before `from`.
    pub fn first_from(&self, from: i128) -> Option<i128> {
        let time = match &self.times {
            Times::Grid(step) => Some(ceil_div(from.max(0), *step) * step),
            Times::List(times) => times.get(times.partition_point(|t| *t < from)).copied(),
        };
        time.filter(|t| *t < self.end)
    }

    /// How many target times are in `from..to`.
    pub fn count(&self, from: i128, to: i128) -> u64 {
        let to = to.min(self.end);
        let count = match &self.times {
            Times::Grid(step) => {
                ceil_div(to.max(0), *step).saturating_sub(ceil_div(from.max(0), *step))
            }
            Times::List(times) => {
                let below = |limit| times.partition_point(|t| *t < limit) as i128;
                below(to).saturating_sub(below(from))
            }
        };
        u64::try_from(count).unwrap_or(0)
    }

    /// Target times at or after the end.
    pub fn outside(&self) -> u64 {
        match &self.times {
            Times::Grid(_) => 0,
            Times::List(times) => times.iter().filter(|t| **t >= self.end).count() as u64,
        }
    }

    /// A length of time in the same unit, rounded down.
    pub fn length(&self, interval: Interval, timescale: Timescale) -> i128 {
        scaled(interval, i128::from(timescale.get()), self.scale)
    }
}

/// An interval in ticks times `scale`, rounded down.
fn scaled(interval: Interval, ticks: i128, scale: i128) -> i128 {
    i128::from(interval.micros()) * ticks * scale / MICROS
}

/// Rounded up; neither is negative, `step` is not zero.
fn ceil_div(value: i128, step: i128) -> i128 {
    (value + step - 1) / step
}
