//! Samples of 8 bit, and of more.

use std::fmt::Debug;
use std::ops::{AddAssign, Neg};

/// A sample as it is stored: `u8` for 8 bit, `u16` for 9 to 14.
pub(crate) trait Sample: Copy + Default + Debug + PartialEq + Send + Sync + 'static {
    /// A transform coefficient: 16 bit are enough for 8 bit samples (clause 8.5.12 bounds them).
    type Coefficient: Copy
        + Default
        + Debug
        + PartialEq
        + AddAssign
        + Neg
        + Into<i32>
        + Send
        + 'static;

    /// As a number.
    fn int(self) -> i32;
    /// From a number that is in range already; higher bits are cut off.
    fn from_int(value: i32) -> Self;
    /// `Clip1`, with `max` the largest value of the bit depth.
    fn clip(value: i32, max: i32) -> Self {
        Self::from_int(value.clamp(0, max))
    }
    /// A coefficient from a number; higher bits are cut off.
    fn coefficient(value: i32) -> Self::Coefficient;
}

impl Sample for u8 {
    type Coefficient = i16;

    fn int(self) -> i32 {
        i32::from(self)
    }

    fn from_int(value: i32) -> Self {
        value as Self
    }

    fn coefficient(value: i32) -> i16 {
        value as i16
    }
}

impl Sample for u16 {
    type Coefficient = i32;

    fn int(self) -> i32 {
        i32::from(self)
    }

    fn from_int(value: i32) -> Self {
        value as Self
    }

    fn coefficient(value: i32) -> i32 {
        value
    }
}
