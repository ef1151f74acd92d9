//! Averages and weights of predictions (clause 8.4.2.3).

use super::block::{Block, clipped, mean};
use crate::sample::Sample;
use crate::vector::Vector;

/// Changes a block tile by tile: `tile` gets the samples and the other prediction's.
#[inline(always)]
fn change<S: Sample>(
    samples: &mut [S],
    block: Block,
    other: &[S; 256],
    tile: impl Fn(S::Vector, S::Vector) -> S::Vector,
) {
    for (y, other) in other.chunks_exact(16).take(block.height).enumerate() {
        let at = block.at + y * block.stride;
        let Some(line) = samples.get_mut(at..at + block.width) else {
            return;
        };
        let (tiles, rest) = line.as_chunks_mut::<8>();
        for (to, other) in tiles.iter_mut().zip(other.as_chunks::<8>().0) {
            *to = S::store(tile(S::load(*to), S::load(*other)));
        }
        // Blocks two and four wide.
        if let (false, Some(other)) = (rest.is_empty(), other.first_chunk::<8>()) {
            let mut first = [S::default(); 8];
            first[..rest.len()].copy_from_slice(rest);
            let done = S::store(tile(S::load(first), S::load(*other)));
            rest.copy_from_slice(&done[..rest.len()]);
        }
    }
}

/// The average of two predictions (8-273), into `samples`.
#[inline]
pub(crate) fn average<S: Sample>(samples: &mut [S], block: Block, other: &[S; 256]) {
    change(samples, block, other, mean);
}

/// Explicit weighting of one prediction (8-274, 8-275). Weights and offsets have 8 bits and a sign.
#[inline]
pub(crate) fn weight_one<S: Sample>(
    samples: &mut [S],
    block: Block,
    shift: u32,
    (weight, offset): (i32, i32),
    max: i32,
) {
    let splat = |value: i32| S::Vector::splat(value);
    let (weight, offset, round) = (splat(weight), splat(offset), splat((1 << shift) >> 1));
    change(samples, block, &[S::default(); 256], |first, _| {
        clipped::<S>(((first * weight + round) >> shift as i32) + offset, max)
    });
}

/// Weighting of two predictions (8-276).
#[inline]
pub(crate) fn weight_two<S: Sample>(
    samples: &mut [S],
    block: Block,
    other: &[S; 256],
    shift: u32,
    weights: [i32; 2],
    offset: i32,
    max: i32,
) {
    // Clause 7.4.3.2 keeps the sum within 16 bits for samples of 8; a stream may say otherwise.
    if !(-128..=127).contains(&(weights[0] + weights[1])) {
        return weight_two_widely(samples, block, other, shift, weights, offset, max);
    }
    let splat = |value: i32| S::Vector::splat(value);
    let ([first, second], round) = (weights.map(splat), splat(1 << shift));
    change(samples, block, other, |a, b| {
        let sum = a * first + b * second + round;
        clipped::<S>((sum >> (shift as i32 + 1)) + splat(offset), max)
    });
}

#[cold]
fn weight_two_widely<S: Sample>(
    samples: &mut [S],
    block: Block,
    other: &[S; 256],
    shift: u32,
    weights: [i32; 2],
    offset: i32,
    max: i32,
) {
    for (y, other) in other.chunks_exact(16).enumerate().take(block.height) {
        let at = block.at + y * block.stride;
        let to = samples.get_mut(at..at + block.width).unwrap_or_default();
        for (sample, other) in to.iter_mut().zip(other) {
            let sum = sample.int() * weights[0] + other.int() * weights[1] + (1 << shift);
            *sample = S::clip((sum >> (shift + 1)) + offset, max);
        }
    }
}
