//! Eight samples at once, in numbers wide enough for a filter of six taps.

use std::ops::{Add, BitAnd, Mul, Shl, Shr, Sub};
use wide::{CmpLt, i16x8, i32x8, u8x16, u16x8};

/// Eight numbers. Comparisons give masks: all bits of a lane set, or none.
pub(crate) trait Vector:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Shl<i32, Output = Self>
    + Shr<i32, Output = Self>
    + BitAnd<Output = Self>
{
    /// All lanes alike; higher bits are cut off.
    fn splat(value: i32) -> Self;
    /// One number each; higher bits are cut off.
    fn of(values: [i16; 8]) -> Self;
    /// The smaller of each.
    fn min(self, other: Self) -> Self;
    /// The larger of each.
    fn max(self, other: Self) -> Self;
    /// Without signs.
    fn abs(self) -> Self;
    /// Mask of the lanes that are less.
    fn less(self, other: Self) -> Self;
    /// Where this mask is set, lanes of the first, else of the second.
    fn choose(self, yes: Self, no: Self) -> Self;
    /// The sum, or the nearest number that there is.
    fn add_saturated(self, other: Self) -> Self;
    /// Some bit is set.
    fn any(self) -> bool;
    // Each type has these two of its own: as methods of the trait over an array of lanes they are no
    // shuffles any more in WebAssembly, and the 8×8 transform is six times as long.
    /// The upper half in the place of the lower; what is in its own is not said.
    fn upper(self) -> Self;
    /// Lanes of both in turn: of the lower halves, then of the upper ones.
    fn interleaved(self, other: Self) -> [Self; 2];

    /// Between `-limit` and `limit`.
    #[inline(always)]
    fn within(self, limit: Self) -> Self {
        self.min(limit).max(Self::splat(0) - limit)
    }
}

impl Vector for i16x8 {
    #[inline(always)]
    fn splat(value: i32) -> Self {
        Self::from(value as i16)
    }

    #[inline(always)]
    fn of(values: [i16; 8]) -> Self {
        Self::new(values)
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self::min(self, other)
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self::max(self, other)
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self::max(self, Self::ZERO - self)
    }

    #[inline(always)]
    fn less(self, other: Self) -> Self {
        self.cmp_lt(other)
    }

    #[inline(always)]
    fn choose(self, yes: Self, no: Self) -> Self {
        self.blend(yes, no)
    }

    #[inline(always)]
    fn add_saturated(self, other: Self) -> Self {
        self.saturating_add(other)
    }

    #[inline(always)]
    fn any(self) -> bool {
        Self::any(self)
    }

    #[inline(always)]
    fn upper(self) -> Self {
        let [.., a, b, c, d] = self.to_array();
        Self::new([a, b, c, d, a, b, c, d])
    }

    #[inline(always)]
    fn interleaved(self, other: Self) -> [Self; 2] {
        let (a, b) = (self.to_array(), other.to_array());
        [
            Self::new([a[0], b[0], a[1], b[1], a[2], b[2], a[3], b[3]]),
            Self::new([a[4], b[4], a[5], b[5], a[6], b[6], a[7], b[7]]),
        ]
    }
}

impl Vector for i32x8 {
    #[inline(always)]
    fn splat(value: i32) -> Self {
        Self::from(value)
    }

    #[inline(always)]
    fn of(values: [i16; 8]) -> Self {
        Self::from_i16x8(i16x8::new(values))
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self::min(self, other)
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self::max(self, other)
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self::abs(self)
    }

    #[inline(always)]
    fn less(self, other: Self) -> Self {
        self.cmp_lt(other)
    }

    #[inline(always)]
    fn choose(self, yes: Self, no: Self) -> Self {
        self.blend(yes, no)
    }

    // 14 bits and a filter's sums are far from the limits.
    #[inline(always)]
    fn add_saturated(self, other: Self) -> Self {
        self + other
    }

    #[inline(always)]
    fn any(self) -> bool {
        Self::any(self)
    }

    #[inline(always)]
    fn upper(self) -> Self {
        let [.., a, b, c, d] = self.to_array();
        Self::new([a, b, c, d, a, b, c, d])
    }

    #[inline(always)]
    fn interleaved(self, other: Self) -> [Self; 2] {
        let (a, b) = (self.to_array(), other.to_array());
        [
            Self::new([a[0], b[0], a[1], b[1], a[2], b[2], a[3], b[3]]),
            Self::new([a[4], b[4], a[5], b[5], a[6], b[6], a[7], b[7]]),
        ]
    }
}

/// The first and the last eight of 16 samples of 8 bit as numbers.
#[inline(always)]
pub(crate) fn widened(samples: u8x16) -> [i16x8; 2] {
    // Not i16x8::from_u8x16_low, which is made lane by lane in WebAssembly.
    let halves = [
        u8x16::unpack_low(samples, u8x16::ZERO),
        u8x16::unpack_high(samples, u8x16::ZERO),
    ];
    halves.map(bytemuck::cast)
}

/// 8 bit samples as numbers.
#[inline(always)]
pub(crate) fn load_u8(samples: [u8; 8]) -> i16x8 {
    let samples = u64::from_le_bytes(samples);
    widened(u8x16::new(u128::from(samples).to_le_bytes()))[0]
}

/// Numbers as 8 bit samples; what is out of range becomes the nearest one.
#[inline(always)]
pub(crate) fn store_u8(numbers: i16x8) -> [u8; 8] {
    let both = u8x16::narrow_i16x8(numbers, numbers).to_array();
    let mut out = [0; 8];
    out.copy_from_slice(&both[..8]);
    out
}

/// Samples of more bits as numbers.
#[inline(always)]
pub(crate) fn load_u16(samples: [u16; 8]) -> i32x8 {
    i32x8::from_u16x8(u16x8::new(samples))
}

/// Numbers that are in range as samples of more bits.
#[inline(always)]
pub(crate) fn store_u16(numbers: i32x8) -> [u16; 8] {
    numbers.to_array().map(|number| number as u16)
}
