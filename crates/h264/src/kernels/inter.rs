//! Interpolation of reference pictures (clause 8.4.2.2) and weighting (clause 8.4.2.3).

use super::{row, row_mut};
use crate::sample::{Sample, Wide};

/// A block to be written: where it begins, its stride, width and height.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub at: usize,
    pub stride: usize,
    pub width: usize,
    pub height: usize,
}

/// Calls a function with the block's width as a constant.
macro_rules! by_width {
    ($width:expr, $function:ident, $($argument:expr),*) => {
        match $width {
            16 => $function::<S, 16>($($argument),*),
            8 => $function::<S, 8>($($argument),*),
            4 => $function::<S, 4>($($argument),*),
            _ => $function::<S, 2>($($argument),*),
        }
    };
}

/// A place in a reference picture.
#[derive(Clone, Copy)]
struct Source<'a, S> {
    samples: &'a [S],
    at: usize,
    stride: usize,
}

impl<'a, S> Source<'a, S> {
    /// `count` samples of line `y`, from `back` before the block's first on.
    #[inline(always)]
    fn line(&self, y: usize, back: usize, count: usize) -> &'a [S] {
        let from = (self.at + y * self.stride).wrapping_sub(back);
        self.samples
            .get(from..from.wrapping_add(count))
            .unwrap_or_default()
    }

    fn moved(&self, x: usize, y: usize) -> Self {
        Self {
            samples: self.samples,
            at: self.at + y * self.stride + x,
            stride: self.stride,
        }
    }

    /// From `lines` further up.
    fn raised(&self, lines: usize) -> Self {
        Self {
            samples: self.samples,
            at: self.at.wrapping_sub(lines * self.stride),
            stride: self.stride,
        }
    }
}

/// Lines of a block that is at most 16 × 16, with 5 more for the filter.
type Lines<T, const W: usize> = [[T; W]; 21];

/// Luma samples at quarter positions (`dx`, `dy`) right and below of `from`: table 8-12. Two samples
/// before and three behind each line and column must be there.
#[inline]
pub(crate) fn luma<S: Sample>(
    (samples, at, stride): (&[S], usize, usize),
    out: &mut [S],
    block: Block,
    (dx, dy): (u8, u8),
    max: i32,
) {
    let source = Source {
        samples,
        at,
        stride,
    };
    by_width!(block.width, luma_of, source, out, block, (dx, dy), max);
}

#[inline(always)]
fn luma_of<S: Sample, const W: usize>(
    source: Source<'_, S>,
    out: &mut [S],
    block: Block,
    (dx, dy): (u8, u8),
    max: i32,
) {
    let height = block.height.min(16);
    let max = S::Wide::of(max);
    let mut first = [[S::default(); W]; 16];
    let mut second = [[S::default(); W]; 16];
    // Neighbours of a quarter sample: the nearest at half and whole positions.
    let right = source.moved(usize::from(dx == 3), 0);
    let below = source.moved(0, usize::from(dy == 3));
    let two = match (dx, dy) {
        (0, 0) => {
            copy(source, &mut first, height);
            false
        }
        (_, 0) => {
            horizontal(source, &mut first, height, max);
            if dx != 2 {
                copy(right, &mut second, height);
            }
            dx != 2
        }
        (0, _) => {
            vertical(source, &mut first, height, max);
            if dy != 2 {
                copy(below, &mut second, height);
            }
            dy != 2
        }
        (2, _) => {
            centre(source, &mut first, height, max);
            if dy != 2 {
                horizontal(below, &mut second, height, max);
            }
            dy != 2
        }
        (_, 2) => {
            centre(source, &mut first, height, max);
            vertical(right, &mut second, height, max);
            true
        }
        _ => {
            horizontal(below, &mut first, height, max);
            vertical(right, &mut second, height, max);
            true
        }
    };
    for (y, (first, second)) in first.iter().zip(&second).enumerate().take(height) {
        let Some(to) = row_mut::<S, W>(out, block.at + y * block.stride) else {
            return;
        };
        match two {
            true => *to = averaged(first, second),
            false => *to = *first,
        }
    }
}

#[inline(always)]
fn averaged<S: Sample, const W: usize>(a: &[S; W], b: &[S; W]) -> [S; W] {
    std::array::from_fn(|x| S::narrow((a[x].wide() + b[x].wide() + S::Wide::from(1)) >> 1))
}

#[inline(always)]
fn copy<S: Sample, const W: usize>(source: Source<'_, S>, to: &mut [[S; W]; 16], height: usize) {
    for (y, to) in to.iter_mut().enumerate().take(height) {
        if let Some(line) = source.line(y, 0, W).first_chunk() {
            *to = *line;
        }
    }
}

/// (8-241, 8-242) without rounding.
#[inline(always)]
fn taps<T: Wide>(a: T, b: T, c: T, d: T, e: T, f: T) -> T {
    (a + f) - (b + e) * T::from(5) + (c + d) * T::from(20)
}

#[inline(always)]
fn horizontal_taps<S: Sample, const W: usize>(line: &[S]) -> [S::Wide; W] {
    let mut out = [S::Wide::default(); W];
    // One check for all of the loop's accesses.
    if line.len() < W + 5 {
        return out;
    }
    for (x, out) in out.iter_mut().enumerate() {
        let at = |i: usize| line[x + i].wide();
        *out = taps(at(0), at(1), at(2), at(3), at(4), at(5));
    }
    out
}

#[inline(always)]
fn rounded<S: Sample, const W: usize>(sums: &[S::Wide; W], max: S::Wide) -> [S; W] {
    std::array::from_fn(|x| S::clip_wide((sums[x] + S::Wide::from(16)) >> 5, max))
}

/// Half samples between those of a line: b.
#[inline(always)]
fn horizontal<S: Sample, const W: usize>(
    source: Source<'_, S>,
    to: &mut [[S; W]; 16],
    height: usize,
    max: S::Wide,
) {
    for (y, to) in to.iter_mut().enumerate().take(height) {
        let sums = horizontal_taps::<S, W>(source.line(y, 2, W + 5));
        *to = rounded(&sums, max);
    }
}

/// Half samples between those of a column: h.
#[inline(always)]
fn vertical<S: Sample, const W: usize>(
    source: Source<'_, S>,
    to: &mut [[S; W]; 16],
    height: usize,
    max: S::Wide,
) {
    let raised = source.raised(2);
    let line = |y: usize| {
        raised
            .line(y, 0, W)
            .first_chunk::<W>()
            .copied()
            .unwrap_or([S::default(); W])
    };
    let mut window = [line(0), line(1), line(2), line(3), line(4), line(4)];
    for (y, to) in to.iter_mut().enumerate().take(height) {
        window[5] = line(y + 5);
        let sums = std::array::from_fn(|x| {
            let at = |i: usize| window[i][x].wide();
            taps(at(0), at(1), at(2), at(3), at(4), at(5))
        });
        *to = rounded(&sums, max);
        window.copy_within(1.., 0);
    }
}

/// Half samples in the middle of four: j.
#[inline(always)]
fn centre<S: Sample, const W: usize>(
    source: Source<'_, S>,
    to: &mut [[S; W]; 16],
    height: usize,
    max: S::Wide,
) {
    let raised = source.raised(2);
    let mut sums: Lines<S::Wide, W> = [[S::Wide::default(); W]; 21];
    for (y, sums) in sums.iter_mut().enumerate().take(height + 5) {
        *sums = horizontal_taps(raised.line(y, 2, W + 5));
    }
    let max: i32 = max.into();
    for (to, window) in to.iter_mut().zip(sums.array_windows::<6>()).take(height) {
        *to = std::array::from_fn(|x| {
            let at = |i: usize| -> i32 { window[i][x].into() };
            let sum = taps(at(0), at(1), at(2), at(3), at(4), at(5));
            S::clip((sum + 512) >> 10, max)
        });
    }
}

/// Chroma samples at eighth positions (8-266). One sample behind each line and column must be there.
#[inline]
pub(crate) fn chroma<S: Sample>(
    (samples, at, stride): (&[S], usize, usize),
    out: &mut [S],
    block: Block,
    (dx, dy): (u8, u8),
) {
    let source = Source {
        samples,
        at,
        stride,
    };
    by_width!(block.width, chroma_of, source, out, block, (dx, dy));
}

#[inline(always)]
fn chroma_of<S: Sample, const W: usize>(
    source: Source<'_, S>,
    out: &mut [S],
    block: Block,
    (dx, dy): (u8, u8),
) {
    let (dx, dy) = (S::Wide::from(i16::from(dx)), S::Wide::from(i16::from(dy)));
    let eight = S::Wide::from(8);
    // Along a line first, with 3 bits of fraction; exact, as nothing is rounded in between.
    let along = |y: usize| -> [S::Wide; W] {
        let line = source.line(y, 0, W + 1);
        if line.len() < W + 1 {
            return [S::Wide::default(); W];
        }
        std::array::from_fn(|x| line[x].wide() * (eight - dx) + line[x + 1].wide() * dx)
    };
    let mut above = along(0);
    for y in 0..block.height {
        let below = along(y + 1);
        let Some(to) = row_mut::<S, W>(out, block.at + y * block.stride) else {
            return;
        };
        for x in 0..W {
            let sum = above[x] * (eight - dy) + below[x] * dy + S::Wide::from(32);
            to[x] = S::narrow(sum >> 6);
        }
        above = below;
    }
}

/// The average of two predictions (8-273), into `samples`.
#[inline]
pub(crate) fn average<S: Sample>(samples: &mut [S], block: Block, other: &[S; 256]) {
    by_width!(block.width, average_of, samples, block, other);
}

#[inline(always)]
fn average_of<S: Sample, const W: usize>(samples: &mut [S], block: Block, other: &[S; 256]) {
    for y in 0..block.height {
        let to = row_mut::<S, W>(samples, block.at + y * block.stride);
        let (Some(to), Some(other)) = (to, row::<S, W>(other, y * 16)) else {
            return;
        };
        *to = averaged(to, other);
    }
}

/// Explicit weighting of one prediction (8-274, 8-275).
#[inline]
pub(crate) fn weight_one<S: Sample>(
    samples: &mut [S],
    block: Block,
    shift: u32,
    (weight, offset): (i32, i32),
    max: i32,
) {
    by_width!(
        block.width,
        weight_one_of,
        samples,
        block,
        shift,
        (weight, offset),
        max
    );
}

#[inline(always)]
fn weight_one_of<S: Sample, const W: usize>(
    samples: &mut [S],
    block: Block,
    shift: u32,
    (weight, offset): (i32, i32),
    max: i32,
) {
    let round = (1 << shift) >> 1;
    for y in 0..block.height {
        let Some(to) = row_mut::<S, W>(samples, block.at + y * block.stride) else {
            return;
        };
        for sample in to {
            *sample = S::clip(((sample.int() * weight + round) >> shift) + offset, max);
        }
    }
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
    by_width!(
        block.width,
        weight_two_of,
        samples,
        block,
        other,
        shift,
        weights,
        offset,
        max
    );
}

#[inline(always)]
fn weight_two_of<S: Sample, const W: usize>(
    samples: &mut [S],
    block: Block,
    other: &[S; 256],
    shift: u32,
    weights: [i32; 2],
    offset: i32,
    max: i32,
) {
    for y in 0..block.height {
        let to = row_mut::<S, W>(samples, block.at + y * block.stride);
        let (Some(to), Some(other)) = (to, row::<S, W>(other, y * 16)) else {
            return;
        };
        for (sample, other) in to.iter_mut().zip(other) {
            let sum = sample.int() * weights[0] + other.int() * weights[1] + (1 << shift);
            *sample = S::clip((sum >> (shift + 1)) + offset, max);
        }
    }
}
