//! Media time. Integers in a track's timescale; seconds are for display.

use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// Ticks per second of a track's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timescale(NonZeroU32);

impl Timescale {
    /// One tick per second.
    pub const ONE: Self = Self(NonZeroU32::MIN);

    /// `None` for zero: a clock that never ticks cannot order frames.
    pub fn new(ticks_per_second: u32) -> Option<Self> {
        NonZeroU32::new(ticks_per_second).map(Self)
    }

    /// Ticks per second.
    pub fn get(self) -> u32 {
        self.0.get()
    }

    /// Ticks as seconds, for display and for comparing with a user's times.
    pub fn seconds(self, ticks: i64) -> f64 {
        ticks as f64 / f64::from(self.0.get())
    }
}

/// Presentation time of a frame, in ticks of the track's [`Timescale`], edit list applied.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Pts(pub i64);

/// Decoding time of an access unit, in ticks of the track's [`Timescale`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Dts(pub i64);
