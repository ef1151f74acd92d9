//! Intra prediction, clause 8.3.

use super::{row, row_mut};
use crate::sample::Sample;

/// Which samples around a block may be predicted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Neighbours {
    pub left: bool,
    pub top: bool,
    pub top_right: bool,
    pub top_left: bool,
}

/// The `N` samples left of a block.
#[inline(always)]
fn left_of<S: Sample, const N: usize>(samples: &[S], at: usize, stride: usize) -> [i32; N] {
    std::array::from_fn(|y| sample(samples, (at + y * stride).wrapping_sub(1)))
}

/// The `N` samples above a block.
#[inline(always)]
fn above<S: Sample, const N: usize>(samples: &[S], at: usize, stride: usize) -> [i32; N] {
    match row::<S, N>(samples, at.wrapping_sub(stride)) {
        Some(line) => line.map(S::int),
        None => [0; N],
    }
}

#[inline(always)]
fn sample<S: Sample>(samples: &[S], at: usize) -> i32 {
    samples.get(at).copied().unwrap_or_default().int()
}

/// Writes a block.
#[inline(always)]
fn put<S: Sample, const N: usize>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    value: impl Fn(usize, usize) -> i32,
) {
    put_lines::<S, N>(samples, at, stride, N, value);
}

/// Writes `height` lines of `N` samples.
#[inline(always)]
fn put_lines<S: Sample, const N: usize>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    height: usize,
    value: impl Fn(usize, usize) -> i32,
) {
    for y in 0..height {
        // It ends at a line that is not there, so that what lines have in common is reckoned once.
        let Some(to) = row_mut::<S, N>(samples, at + y * stride) else {
            return;
        };
        *to = std::array::from_fn(|x| S::from_int(value(x, y)));
    }
}

/// The mean of what is there (8-50 to 8-53 and alike).
#[inline(always)]
fn mean<const N: usize>(left: Option<[i32; N]>, top: Option<[i32; N]>, max: i32) -> i32 {
    let sum = |side: [i32; N]| side.iter().sum::<i32>();
    let n = N as i32;
    match (left, top) {
        (Some(left), Some(top)) => (sum(left) + sum(top) + n) / (2 * n),
        (Some(side), None) | (None, Some(side)) => (sum(side) + n / 2) / n,
        (None, None) => (max + 1) >> 1,
    }
}

/// Weights 1 2 1.
#[inline(always)]
fn three(a: i32, b: i32, c: i32) -> i32 {
    (a + 2 * b + c + 2) >> 2
}

#[inline(always)]
fn two(a: i32, b: i32) -> i32 {
    (a + b + 1) >> 1
}

/// Predicts along a direction (clauses 8.3.1.2.4 to 8.3.1.2.9 and 8.3.2.2.4 to 8.3.2.2.9, which are the
/// same formulas for 4 and 8). `edge` has the left samples from the lowest up, the corner, then those
/// above; `corner` is its place.
#[inline(always)]
fn directional<S: Sample, const N: usize>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    mode: u8,
    edge: &[i32],
    corner: usize,
) {
    let n = N as i32;
    // p[i, -1] for i >= 0, the corner for -1, p[-1, j] for -2 - j.
    let e = |i: i32| -> i32 {
        let place = (corner as i32 + 1 + i).clamp(0, edge.len() as i32 - 1);
        edge.get(place as usize).copied().unwrap_or(0)
    };
    // Left samples by their line; below the last one that is repeated.
    let l = |j: i32| e(-2 - j.min(n - 1));
    let smooth = |i: i32| three(e(i - 1), e(i), e(i + 1));
    match mode {
        // Diagonal down left.
        3 => put::<S, N>(samples, at, stride, |x, y| {
            let i = (x + y) as i32;
            if i == 2 * n - 2 {
                three(e(i), e(i + 1), e(i + 1))
            } else {
                smooth(i + 1)
            }
        }),
        // Diagonal down right.
        4 => put::<S, N>(samples, at, stride, |x, y| smooth(x as i32 - y as i32 - 1)),
        // Vertical right.
        5 => put::<S, N>(samples, at, stride, |x, y| {
            let (x, y) = (x as i32, y as i32);
            let z = 2 * x - y;
            match z {
                0.. if z % 2 == 0 => two(e(x - (y >> 1) - 1), e(x - (y >> 1))),
                0.. => smooth(x - (y >> 1) - 1),
                -1 => smooth(-1),
                _ => smooth(-1 - (y - 2 * x - 1)),
            }
        }),
        // Horizontal down.
        6 => put::<S, N>(samples, at, stride, |x, y| {
            let (x, y) = (x as i32, y as i32);
            let z = 2 * y - x;
            let i = y - (x >> 1);
            match z {
                0.. if z % 2 == 0 => two(e(-1 - i), e(-2 - i)),
                0.. => smooth(-1 - i),
                -1 => smooth(-1),
                _ => smooth(x - 2 * y - 2),
            }
        }),
        // Vertical left.
        7 => put::<S, N>(samples, at, stride, |x, y| {
            let (i, odd) = ((x + y / 2) as i32, y % 2 == 1);
            if odd {
                smooth(i + 1)
            } else {
                two(e(i), e(i + 1))
            }
        }),
        // Horizontal up.
        _ => put::<S, N>(samples, at, stride, |x, y| {
            let z = (x + 2 * y) as i32;
            let i = (y + x / 2) as i32;
            if z > 2 * n - 3 {
                l(n - 1)
            } else if z == 2 * n - 3 {
                three(l(n - 2), l(n - 1), l(n - 1))
            } else if z % 2 == 0 {
                two(l(i), l(i + 1))
            } else {
                three(l(i), l(i + 1), l(i + 2))
            }
        }),
    }
}

/// Intra_4x4, clause 8.3.1.2.
#[inline]
pub(crate) fn intra4x4<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    mode: u8,
    around: Neighbours,
    max: i32,
) {
    let left = around.left.then(|| left_of::<S, 4>(samples, at, stride));
    let top = around.top.then(|| above::<S, 4>(samples, at, stride));
    let (l, t) = (left.unwrap_or_default(), top.unwrap_or_default());
    match mode {
        0 => put::<S, 4>(samples, at, stride, |x, _| t[x]),
        1 => put::<S, 4>(samples, at, stride, |_, y| l[y]),
        2 => {
            let value = mean(left, top, max);
            put::<S, 4>(samples, at, stride, |_, _| value);
        }
        _ => {
            let right = match around.top_right {
                true => above::<S, 4>(samples, at + 4, stride),
                false => [t[3]; 4],
            };
            let corner = sample(samples, at.wrapping_sub(stride + 1));
            let edge = [
                l[3], l[2], l[1], l[0], corner, t[0], t[1], t[2], t[3], right[0], right[1],
                right[2], right[3],
            ];
            directional::<S, 4>(samples, at, stride, mode, &edge, 4);
        }
    }
}

/// Intra_8x8, clause 8.3.2.2.
pub(crate) fn intra8x8<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    mode: u8,
    around: Neighbours,
    max: i32,
) {
    let edge = smooth_edge(samples, at, stride, around);
    let l: [i32; 8] = std::array::from_fn(|y| edge[7 - y]);
    let t: [i32; 8] = std::array::from_fn(|x| edge[9 + x]);
    match mode {
        0 => put::<S, 8>(samples, at, stride, |x, _| t[x]),
        1 => put::<S, 8>(samples, at, stride, |_, y| l[y]),
        2 => {
            let value = mean(around.left.then_some(l), around.top.then_some(t), max);
            put::<S, 8>(samples, at, stride, |_, _| value);
        }
        _ => directional::<S, 8>(samples, at, stride, mode, &edge, 8),
    }
}

/// Reference sample filtering (clause 8.3.2.2.1): left samples from the lowest up, corner, 16 above.
fn smooth_edge<S: Sample>(
    samples: &[S],
    at: usize,
    stride: usize,
    around: Neighbours,
) -> [i32; 25] {
    let mut edge = [0; 25];
    let corner = sample(samples, at.wrapping_sub(stride + 1));
    let has_corner = around.top_left;
    let l = left_of::<S, 8>(samples, at, stride);
    if around.left {
        for y in 0..8 {
            let before = match y {
                0 if has_corner => corner,
                0 => l[0],
                _ => l[y - 1],
            };
            edge[7 - y] = three(before, l[y], l[(y + 1).min(7)]);
        }
    }
    let mut t = [0; 16];
    if around.top {
        let first = above::<S, 8>(samples, at, stride);
        let second = match around.top_right {
            true => above::<S, 8>(samples, at + 8, stride),
            false => [first[7]; 8],
        };
        t[..8].copy_from_slice(&first);
        t[8..].copy_from_slice(&second);
        for x in 0..16 {
            let before = match x {
                0 if has_corner => corner,
                0 => t[0],
                _ => t[x - 1],
            };
            edge[9 + x] = three(before, t[x], t[(x + 1).min(15)]);
        }
    }
    edge[8] = match (has_corner, around.left, around.top) {
        (false, ..) => 0,
        (_, true, true) => three(l[0], corner, t[0]),
        (_, true, false) => (3 * corner + l[0] + 2) >> 2,
        (_, false, true) => (3 * corner + t[0] + 2) >> 2,
        _ => corner,
    };
    edge
}

/// Intra_16x16, clause 8.3.3.
pub(crate) fn intra16x16<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    mode: u8,
    around: Neighbours,
    max: i32,
) {
    let left = around.left.then(|| left_of::<S, 16>(samples, at, stride));
    let top = around.top.then(|| above::<S, 16>(samples, at, stride));
    let (l, t) = (left.unwrap_or_default(), top.unwrap_or_default());
    match mode {
        0 => put::<S, 16>(samples, at, stride, |x, _| t[x]),
        1 => put::<S, 16>(samples, at, stride, |_, y| l[y]),
        2 => {
            let value = mean(left, top, max);
            put::<S, 16>(samples, at, stride, |_, _| value);
        }
        _ => {
            let corner = sample(samples, at.wrapping_sub(stride + 1));
            let (h, v) = (slope(&t, corner), slope(&l, corner));
            let (b, c) = ((5 * h + 32) >> 6, (5 * v + 32) >> 6);
            let a = 16 * (l[15] + t[15]);
            put::<S, 16>(samples, at, stride, |x, y| {
                plane(a + b * (x as i32 - 7) + c * (y as i32 - 7), max)
            });
        }
    }
}

/// H or V of plane prediction (8-123, 8-124, 8-144, 8-145).
fn slope(side: &[i32], corner: i32) -> i32 {
    let half = side.len() / 2;
    let at = |i: usize| side.get(i).copied().unwrap_or(0);
    (0..half)
        .map(|i| {
            let before = if i + 1 == half {
                corner
            } else {
                at(half - 2 - i)
            };
            (i as i32 + 1) * (at(half + i) - before)
        })
        .sum()
}

fn plane(sum: i32, max: i32) -> i32 {
    ((sum + 16) >> 5).clamp(0, max)
}

/// Where a chroma block lies and what it is predicted from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChromaEdges {
    /// 8 or 16.
    pub height: usize,
    /// Samples at the left of the upper and the lower half are there.
    pub left: [bool; 2],
    pub top: bool,
}

/// Intra prediction of subsampled chroma, clause 8.3.4. What the mode needs is there.
pub(crate) fn chroma<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    mode: u8,
    edges: ChromaEdges,
    max: i32,
) {
    let height = edges.height.min(16);
    let t = above::<S, 8>(samples, at, stride);
    let l = left_of::<S, 16>(samples, at, stride);
    match mode {
        0 => chroma_dc(samples, at, stride, edges, max),
        1 => put_lines::<S, 8>(samples, at, stride, height, |_, y| l[y & 15]),
        2 => put_lines::<S, 8>(samples, at, stride, height, |x, _| t[x]),
        _ => {
            let corner = sample(samples, at.wrapping_sub(stride + 1));
            let l = l.get(..height).unwrap_or(&l);
            let (h, v) = (slope(&t, corner), slope(l, corner));
            let b = (34 * h + 32) >> 6;
            let (factor, middle) = if height == 8 { (34, 3) } else { (5, 7) };
            let c = (factor * v + 32) >> 6;
            let a = 16 * (l.last().copied().unwrap_or(0) + t[7]);
            put_lines::<S, 8>(samples, at, stride, height, |x, y| {
                plane(a + b * (x as i32 - 3) + c * (y as i32 - middle), max)
            });
        }
    }
}

/// DC of each 4×4 block (clause 8.3.4.1 to 8.3.4.3).
fn chroma_dc<S: Sample>(samples: &mut [S], at: usize, stride: usize, edges: ChromaEdges, max: i32) {
    for y in (0..edges.height).step_by(4) {
        for x in [0, 4] {
            let place = at + y * stride + x;
            let has_left = edges.left[usize::from(y >= edges.height / 2)];
            let left = has_left.then(|| left_of::<S, 4>(samples, place - x, stride));
            let top = edges.top.then(|| above::<S, 4>(samples, at + x, stride));
            let value = match (x, y) {
                // Beside the corner blocks the nearer side counts alone.
                (4, 0) if top.is_some() => mean(None, top, max),
                (0, 4..) if left.is_some() => mean(left, None, max),
                _ => mean(left, top, max),
            };
            put::<S, 4>(samples, place, stride, |_, _| value);
        }
    }
}
