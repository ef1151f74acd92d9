//! Samples of 8 bit, and of more.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Mul, Neg, Shl, Shr, Sub};

/// What samples are computed in: twice as wide as they are, so that a filter of six taps fits.
pub(crate) trait Wide:
    Copy
    + Default
    + Debug
    + Ord
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Shl<u32, Output = Self>
    + Shr<u32, Output = Self>
    + From<i16>
    + Into<i32>
{
    /// From a number that is in range already; higher bits are cut off.
    fn of(value: i32) -> Self;

    /// The number without its sign.
    #[inline(always)]
    fn magnitude(self) -> Self {
        self.max(Self::default() - self)
    }
}

impl Wide for i16 {
    #[inline(always)]
    fn of(value: i32) -> Self {
        value as Self
    }
}

impl Wide for i32 {
    #[inline(always)]
    fn of(value: i32) -> Self {
        value
    }
}

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
    /// See there.
    type Wide: Wide;

    /// As a number.
    fn int(self) -> i32;
    /// From a number that is in range already; higher bits are cut off.
    fn from_int(value: i32) -> Self;
    /// As a wide number.
    fn wide(self) -> Self::Wide;
    /// From a wide number that is in range already; higher bits are cut off.
    fn narrow(value: Self::Wide) -> Self;
    /// `Clip1`, with `max` the largest value of the bit depth.
    #[inline(always)]
    fn clip(value: i32, max: i32) -> Self {
        Self::from_int(value.clamp(0, max))
    }
    /// `Clip1` of a wide number.
    #[inline(always)]
    fn clip_wide(value: Self::Wide, max: Self::Wide) -> Self {
        Self::narrow(value.max(Self::Wide::default()).min(max))
    }
    /// A coefficient from a number; higher bits are cut off.
    fn coefficient(value: i32) -> Self::Coefficient;

    /// 16 lines of 8 samples as 8 columns.
    #[inline(always)]
    fn turn(lines: &[[Self; 8]; 16]) -> [[Self; 16]; 8] {
        std::array::from_fn(|x| std::array::from_fn(|y| lines[y][x]))
    }

    /// The other way round.
    #[inline(always)]
    fn turn_back(columns: &[[Self; 16]; 8]) -> [[Self; 8]; 16] {
        std::array::from_fn(|y| std::array::from_fn(|x| columns[x][y]))
    }
}

impl Sample for u8 {
    type Coefficient = i16;
    type Wide = i16;

    #[inline(always)]
    fn int(self) -> i32 {
        i32::from(self)
    }

    #[inline(always)]
    fn from_int(value: i32) -> Self {
        value as Self
    }

    #[inline(always)]
    fn wide(self) -> i16 {
        i16::from(self)
    }

    #[inline(always)]
    fn narrow(value: i16) -> Self {
        value as Self
    }

    #[inline(always)]
    fn coefficient(value: i32) -> i16 {
        value as i16
    }
}

impl Sample for u16 {
    type Coefficient = i32;
    type Wide = i32;

    #[inline(always)]
    fn int(self) -> i32 {
        i32::from(self)
    }

    #[inline(always)]
    fn from_int(value: i32) -> Self {
        value as Self
    }

    #[inline(always)]
    fn wide(self) -> i32 {
        i32::from(self)
    }

    #[inline(always)]
    fn narrow(value: i32) -> Self {
        value as Self
    }

    #[inline(always)]
    fn coefficient(value: i32) -> i32 {
        value
    }
}
