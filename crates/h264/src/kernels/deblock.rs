//! Sample filters of the deblocking filter (clause 8.7.2.3, 8.7.2.4): all lines of an edge at once.
//! Vertical edges are turned round, filtered and turned back.

use super::{row, row_mut};
use crate::sample::Sample;
use crate::vector::Vector;

/// α, β and the largest sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub alpha: i32,
    pub beta: i32,
    pub max: i32,
}

/// Samples of eight lines across an edge: p3, p2, p1, p0, q0, q1, q2, q3.
type Luma<V> = [V; 8];

/// The same of chroma: p1, p0, q0, q1.
type Chroma<V> = [V; 4];

/// filterSamplesFlag but for bS (8-462), as a mask.
#[inline(always)]
fn filtered<V: Vector>([p1, p0, q0, q1]: Chroma<V>, l: Limits) -> V {
    let beta = V::splat(l.beta);
    (p0 - q0).abs().less(V::splat(l.alpha))
        & (p1 - p0).abs().less(beta)
        & (q1 - q0).abs().less(beta)
}

/// bS below 4 of luma (clause 8.7.2.3); `tc0` is below 0 where nothing is filtered. `None`: no line is
/// changed, so here and below.
#[inline(always)]
fn luma_lines<V: Vector>(lines: Luma<V>, tc0: V, l: Limits) -> Option<Luma<V>> {
    let [p3, p2, p1, p0, q0, q1, q2, q3] = lines;
    let beta = V::splat(l.beta);
    let on = filtered([p1, p0, q0, q1], l) & V::splat(-1).less(tc0);
    if !on.any() {
        return None;
    }
    let tc0 = tc0 & on;
    let ap = (p2 - p0).abs().less(beta) & on;
    let aq = (q2 - q0).abs().less(beta) & on;
    // A mask is -1.
    let tc = tc0 - ap - aq;
    let delta = ((((q0 - p0) << 2) + (p1 - q1) + V::splat(4)) >> 3).within(tc);
    let middle = (p0 + q0 + V::splat(1)) >> 1;
    let side = |x2: V, x1: V, on: V| x1 + (((x2 + middle - (x1 << 1)) >> 1).within(tc0) & on);
    let clip = |numbers: V| numbers.max(V::splat(0)).min(V::splat(l.max));
    Some([
        p3,
        p2,
        side(p2, p1, ap),
        clip(p0 + delta),
        clip(q0 - delta),
        side(q2, q1, aq),
        q2,
        q3,
    ])
}

/// bS 4 of luma (clause 8.7.2.4).
#[inline(always)]
fn luma_lines_intra<V: Vector>(lines: Luma<V>, l: Limits) -> Option<Luma<V>> {
    let [p3, p2, p1, p0, q0, q1, q2, q3] = lines;
    let beta = V::splat(l.beta);
    let on = filtered([p1, p0, q0, q1], l);
    if !on.any() {
        return None;
    }
    let small = (p0 - q0).abs().less(V::splat((l.alpha >> 2) + 2)) & on;
    let side = |x3: V, x2: V, x1: V, x0: V, y0: V, y1: V| {
        let strong = small & (x2 - x0).abs().less(beta);
        let sum = x1 + x0 + y0;
        let weak = ((x1 << 1) + x0 + y1 + V::splat(2)) >> 2;
        let near = (x2 + (sum << 1) + y1 + V::splat(4)) >> 3;
        let far = ((x3 << 1) + (x2 << 1) + x2 + sum + V::splat(4)) >> 3;
        [
            strong.choose(far, x2),
            strong.choose((x2 + sum + V::splat(2)) >> 2, x1),
            on.choose(strong.choose(near, weak), x0),
        ]
    };
    let p = side(p3, p2, p1, p0, q0, q1);
    let q = side(q3, q2, q1, q0, p0, p1);
    Some([p3, p[0], p[1], p[2], q[2], q[1], q[0], q3])
}

/// bS below 4 of chroma.
#[inline(always)]
fn chroma_lines<V: Vector>(lines: Chroma<V>, tc0: V, l: Limits) -> Option<Chroma<V>> {
    let [p1, p0, q0, q1] = lines;
    let on = filtered([p1, p0, q0, q1], l) & V::splat(-1).less(tc0);
    if !on.any() {
        return None;
    }
    let tc = (tc0 + V::splat(1)) & on;
    let delta = ((((q0 - p0) << 2) + (p1 - q1) + V::splat(4)) >> 3).within(tc);
    let clip = |numbers: V| numbers.max(V::splat(0)).min(V::splat(l.max));
    Some([p1, clip(p0 + delta), clip(q0 - delta), q1])
}

/// bS 4 of chroma.
#[inline(always)]
fn chroma_lines_intra<V: Vector>(lines: Chroma<V>, l: Limits) -> Option<Chroma<V>> {
    let [p1, p0, q0, q1] = lines;
    let on = filtered([p1, p0, q0, q1], l);
    if !on.any() {
        return None;
    }
    let side = |x1: V, x0: V, y1: V| on.choose(((x1 << 1) + x0 + y1 + V::splat(2)) >> 2, x0);
    Some([p1, side(p1, p0, q1), side(q1, q0, p1), q1])
}

/// tC0 of eight of the lines of an edge, two or four of each of its quarters.
#[inline(always)]
fn spread<V: Vector>(tc0: [i16; 4], first: usize, lines: usize) -> V {
    let at = |i: usize| tc0[((first + i) * 4 / lines) & 3];
    let out = [at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)];
    V::of(out)
}

/// Eight samples of each of the `M` lines above and below a horizontal edge.
#[inline(always)]
fn load<S: Sample, const M: usize>(
    samples: &[S],
    at: usize,
    stride: usize,
) -> Option<[S::Vector; M]> {
    let first = at.checked_sub(stride * (M / 2))?;
    // All lines are there where the last one is.
    row::<S, 8>(samples, first + (M - 1) * stride)?;
    Some(std::array::from_fn(|i| {
        line_at(samples, first + i * stride)
    }))
}

/// Eight samples; zeros past the end.
#[inline(always)]
fn line_at<S: Sample>(samples: &[S], at: usize) -> S::Vector {
    S::load(row(samples, at).copied().unwrap_or([S::default(); 8]))
}

/// Writes lines back, but the `skip` outermost, which no filter changes.
#[inline(always)]
fn store<S: Sample, const M: usize>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    lines: [S::Vector; M],
    skip: usize,
) {
    for (i, line) in lines.into_iter().enumerate().take(M - skip).skip(skip) {
        if let Some(to) = row_mut(samples, at + i * stride - stride * (M / 2)) {
            *to = S::store(line);
        }
    }
}

/// A horizontal edge of 16 luma samples, below which `at` is.
pub(crate) fn luma_top<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    limits: Limits,
    tc0: [i16; 4],
) {
    for x in [0, 8] {
        if let Some(lines) = load::<S, 8>(samples, at + x, stride)
            && let Some(done) = luma_lines(lines, spread(tc0, x, 16), limits)
        {
            store(samples, at + x, stride, done, 2);
        }
    }
}

/// The same where bS is 4.
pub(crate) fn luma_top_intra<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    limits: Limits,
) {
    for x in [0, 8] {
        if let Some(lines) = load::<S, 8>(samples, at + x, stride)
            && let Some(done) = luma_lines_intra(lines, limits)
        {
            store(samples, at + x, stride, done, 1);
        }
    }
}

/// Filters the 16 lines of 8 samples around a vertical edge, right of which `at` is: `filter` gets
/// eight of them, turned, and the number of the first.
#[inline(always)]
fn turned<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    filter: impl Fn(Luma<S::Vector>, usize) -> Option<Luma<S::Vector>>,
) {
    let Some(first) = at.checked_sub(4) else {
        return;
    };
    // Listed one by one: the compiler keeps them in registers.
    let line = |y: usize| {
        row(samples, first + y * stride)
            .copied()
            .unwrap_or([S::default(); 8])
    };
    let lines = [
        line(0),
        line(1),
        line(2),
        line(3),
        line(4),
        line(5),
        line(6),
        line(7),
        line(8),
        line(9),
        line(10),
        line(11),
        line(12),
        line(13),
        line(14),
        line(15),
    ];
    let mut columns = S::turn(&lines);
    let mut changed = false;
    for half in [0, 8] {
        let at = |x: usize| line_at(&columns[x], half);
        let across = [at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)];
        let Some(done) = filter(across, half) else {
            continue;
        };
        changed = true;
        for (column, done) in columns.iter_mut().zip(done) {
            if let Some(to) = row_mut(column, half) {
                *to = S::store(done);
            }
        }
    }
    if !changed {
        return;
    }
    for (y, line) in S::turn_back(&columns).iter().enumerate() {
        if let Some(to) = row_mut(samples, first + y * stride) {
            *to = *line;
        }
    }
}

/// A vertical edge of 16 luma samples.
pub(crate) fn luma_left<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    limits: Limits,
    tc0: [i16; 4],
) {
    turned(samples, at, stride, |lines, first| {
        luma_lines(lines, spread(tc0, first, 16), limits)
    });
}

/// The same where bS is 4.
pub(crate) fn luma_left_intra<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    limits: Limits,
) {
    turned(samples, at, stride, |lines, _| {
        luma_lines_intra(lines, limits)
    });
}

/// A line across a vertical edge of luma.
pub(crate) fn luma_line<S: Sample>(samples: &mut [S], at: usize, limits: Limits, tc0: Option<i16>) {
    let Some(line) = at
        .checked_sub(4)
        .and_then(|first| row_mut::<S, 8>(samples, first))
    else {
        return;
    };
    let lines = line.map(|sample| S::Vector::splat(sample.int()));
    let done = match tc0 {
        Some(tc0) => luma_lines(lines, S::Vector::splat(i32::from(tc0)), limits),
        None => luma_lines_intra(lines, limits),
    };
    if let Some(done) = done {
        *line = done.map(|sample| S::store(sample)[0]);
    }
}

/// A line across a vertical edge of chroma.
pub(crate) fn chroma_line<S: Sample>(
    samples: &mut [S],
    at: usize,
    limits: Limits,
    tc0: Option<i16>,
) {
    let Some(line) = at
        .checked_sub(2)
        .and_then(|first| row_mut::<S, 4>(samples, first))
    else {
        return;
    };
    let lines = line.map(|sample| S::Vector::splat(sample.int()));
    let done = match tc0 {
        Some(tc0) => chroma_lines(lines, S::Vector::splat(i32::from(tc0)), limits),
        None => chroma_lines_intra(lines, limits),
    };
    if let Some(done) = done {
        *line = done.map(|sample| S::store(sample)[0]);
    }
}

/// A horizontal edge of 8 chroma samples.
pub(crate) fn chroma_top<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    limits: Limits,
    tc0: [i16; 4],
) {
    if let Some(lines) = load::<S, 4>(samples, at, stride)
        && let Some(done) = chroma_lines(lines, spread(tc0, 0, 8), limits)
    {
        store(samples, at, stride, done, 1);
    }
}

/// The same where bS is 4.
pub(crate) fn chroma_top_intra<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    limits: Limits,
) {
    if let Some(lines) = load::<S, 4>(samples, at, stride)
        && let Some(done) = chroma_lines_intra(lines, limits)
    {
        store(samples, at, stride, done, 1);
    }
}

/// A vertical edge of `height` (8 or 16) chroma samples, 8 at once.
#[inline(always)]
fn chroma_turned<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    height: usize,
    filter: impl Fn(Chroma<S::Vector>, usize) -> Option<Chroma<S::Vector>>,
) {
    for first in (0..height).step_by(8) {
        let Some(from) = (at + first * stride).checked_sub(2) else {
            return;
        };
        let line = |y: usize| {
            row(samples, from + y * stride)
                .copied()
                .unwrap_or([S::default(); 4])
        };
        let lines = [
            line(0),
            line(1),
            line(2),
            line(3),
            line(4),
            line(5),
            line(6),
            line(7),
        ];
        let Some(done) = filter(S::turn_chroma(&lines).map(S::load), first) else {
            continue;
        };
        let done = done.map(S::store);
        for y in 0..8 {
            if let Some(to) = row_mut(samples, at + (first + y) * stride - 1) {
                *to = [done[1][y], done[2][y]];
            }
        }
    }
}

/// A vertical edge of chroma.
pub(crate) fn chroma_left<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    height: usize,
    limits: Limits,
    tc0: [i16; 4],
) {
    chroma_turned(samples, at, stride, height, |lines, first| {
        chroma_lines(lines, spread(tc0, first, height), limits)
    });
}

/// The same where bS is 4.
pub(crate) fn chroma_left_intra<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    height: usize,
    limits: Limits,
) {
    chroma_turned(samples, at, stride, height, |lines, _| {
        chroma_lines_intra(lines, limits)
    });
}
