//! Blocks, and what interpolation and weighting share.

use crate::sample::Sample;
use crate::vector::Vector;

/// A block to be written: where it begins, its stride, width and height.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub at: usize,
    pub stride: usize,
    pub width: usize,
    pub height: usize,
}

/// The mean, rounded up (8-255 to 8-260, 8-273).
#[inline(always)]
pub(super) fn mean<V: Vector>(a: V, b: V) -> V {
    (a + b + V::splat(1)) >> 1
}

/// `Clip1`.
#[inline(always)]
pub(super) fn clipped<S: Sample>(numbers: S::Vector, max: i32) -> S::Vector {
    numbers.max(S::Vector::splat(0)).min(S::Vector::splat(max))
}
