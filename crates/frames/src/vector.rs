//! Sums of products of 16-bit numbers, eight at a time: what all integer row functions here are
//! made of. Nothing overflows where factors and numbers fit the sums said beside them.

use wide::{i16x8, i32x4, i32x8, u8x16};

/// Vectors of eight numbers each, paired number by number.
#[derive(Clone, Copy)]
pub(crate) struct Pair {
    low: i16x8,
    high: i16x8,
}

impl Pair {
    #[inline(always)]
    pub fn of(a: i16x8, b: i16x8) -> Self {
        let (a, b) = (a.to_array(), b.to_array());
        Self {
            low: i16x8::new([a[0], b[0], a[1], b[1], a[2], b[2], a[3], b[3]]),
            high: i16x8::new([a[4], b[4], a[5], b[5], a[6], b[6], a[7], b[7]]),
        }
    }

    /// Each first number times `a` plus the second times `b`.
    #[inline(always)]
    pub fn times(self, [a, b]: [i16; 2]) -> Sums {
        let factors = i16x8::new([a, b, a, b, a, b, a, b]);
        Sums {
            low: self.low.dot(factors),
            high: self.high.dot(factors),
        }
    }

    /// The sixteen numbers, the pairs one after the other.
    #[inline(always)]
    pub fn store(self, out: &mut [i16; 16]) {
        let (halves, _) = out.as_chunks_mut::<8>();
        halves[0] = self.low.to_array();
        halves[1] = self.high.to_array();
    }
}

/// Eight sums of 32 bits.
#[derive(Clone, Copy)]
pub(crate) struct Sums {
    low: i32x4,
    high: i32x4,
}

impl Sums {
    #[inline(always)]
    pub fn plus(self, other: Self) -> Self {
        Self {
            low: self.low + other.low,
            high: self.high + other.high,
        }
    }

    /// `(sum + offset) >> bits`, no less and no more than 16 bits can hold.
    #[inline(always)]
    pub fn shifted(self, offset: i32, bits: i32) -> i16x8 {
        let offset = i32x4::splat(offset);
        let (low, high) = ((self.low + offset) >> bits, (self.high + offset) >> bits);
        let ([a, b, c, d], [e, f, g, h]) = (low.to_array(), high.to_array());
        i16x8::from_i32x8_saturate(i32x8::new([a, b, c, d, e, f, g, h]))
    }
}

/// Eight numbers.
#[inline(always)]
pub(crate) fn loaded(numbers: &[i16; 8]) -> i16x8 {
    // Not i16x8::new, after which compilers load number by number what is to be interleaved.
    i16x8::from_slice_unaligned(numbers)
}

/// Numbers as samples, no less than 0 and no more than 255.
#[inline(always)]
pub(crate) fn narrowed(low: i16x8, high: i16x8) -> [u8; 16] {
    u8x16::narrow_i16x8(low, high).to_array()
}

/// A row in eights, two together.
pub(crate) fn eights(row: &[i16]) -> &[[[i16; 8]; 2]] {
    row.as_chunks().0.as_chunks().0
}
