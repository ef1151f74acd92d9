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

/// filterSamplesFlag (8-462) as a mask, where `bs` is one of bS.
#[inline(always)]
fn filtered<V: Vector>([p1, p0, q0, q1]: Chroma<V>, bs: V, l: Limits) -> V {
    let beta = V::splat(l.beta);
    (p0 - q0).abs().less(V::splat(l.alpha))
        & (p1 - p0).abs().less(beta)
        & (q1 - q0).abs().less(beta)
        & bs
}

/// The four samples nearest to the edge.
#[inline(always)]
fn inner<V: Vector>([_, _, p1, p0, q0, q1, _, _]: Luma<V>) -> Chroma<V> {
    [p1, p0, q0, q1]
}

/// How lines of `M` samples are filtered into the `N` nearest to the edge.
trait Change<V: Vector, const M: usize, const N: usize> {
    /// Which of eight lines are filtered, of which the edge's line `first` is the first.
    fn mask(&self, lines: [V; M], first: usize) -> V;
    /// The lines; those that are not filtered as they are.
    fn change(&self, lines: [V; M], mask: V, first: usize) -> [V; N];

    /// Both; `None` where no line is filtered.
    #[inline(always)]
    fn apply(&self, lines: [V; M], first: usize) -> Option<[V; N]> {
        let mask = self.mask(lines, first);
        mask.any().then(|| self.change(lines, mask, first))
    }
}

/// bS below 4, of edges of so many lines.
struct Below4<const LINES: usize> {
    limits: Limits,
    /// Below 0 where nothing is filtered.
    tc0: [i16; 4],
}

impl<const LINES: usize> Below4<LINES> {
    /// tC0 of eight of the lines, two or four of each quarter.
    #[inline(always)]
    fn tc0<V: Vector>(&self, first: usize) -> V {
        let at = |i: usize| self.tc0[((first + i) * 4 / LINES) & 3];
        V::of([at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)])
    }
}

/// Clause 8.7.2.3 of luma.
impl<V: Vector, const LINES: usize> Change<V, 8, 4> for Below4<LINES> {
    #[inline(always)]
    fn mask(&self, lines: Luma<V>, first: usize) -> V {
        filtered(
            inner(lines),
            V::splat(-1).less(self.tc0(first)),
            self.limits,
        )
    }

    #[inline(always)]
    fn change(&self, lines: Luma<V>, on: V, first: usize) -> [V; 4] {
        let [_, p2, p1, p0, q0, q1, q2, _] = lines;
        let beta = V::splat(self.limits.beta);
        let tc0 = self.tc0::<V>(first) & on;
        let ap = (p2 - p0).abs().less(beta) & on;
        let aq = (q2 - q0).abs().less(beta) & on;
        // A mask is -1.
        let tc = tc0 - ap - aq;
        let delta = ((((q0 - p0) << 2) + (p1 - q1) + V::splat(4)) >> 3).within(tc);
        let middle = (p0 + q0 + V::splat(1)) >> 1;
        let side = |x2: V, x1: V, on: V| x1 + (((x2 + middle - (x1 << 1)) >> 1).within(tc0) & on);
        let clip = |numbers: V| numbers.max(V::splat(0)).min(V::splat(self.limits.max));
        [
            side(p2, p1, ap),
            clip(p0 + delta),
            clip(q0 - delta),
            side(q2, q1, aq),
        ]
    }
}

/// Clause 8.7.2.3 of chroma.
impl<V: Vector, const LINES: usize> Change<V, 4, 2> for Below4<LINES> {
    #[inline(always)]
    fn mask(&self, lines: Chroma<V>, first: usize) -> V {
        filtered(lines, V::splat(-1).less(self.tc0(first)), self.limits)
    }

    #[inline(always)]
    fn change(&self, lines: Chroma<V>, on: V, first: usize) -> [V; 2] {
        let [p1, p0, q0, q1] = lines;
        let tc = (self.tc0::<V>(first) + V::splat(1)) & on;
        let delta = ((((q0 - p0) << 2) + (p1 - q1) + V::splat(4)) >> 3).within(tc);
        let clip = |numbers: V| numbers.max(V::splat(0)).min(V::splat(self.limits.max));
        [clip(p0 + delta), clip(q0 - delta)]
    }
}

/// bS 4.
struct Is4(Limits);

/// Clause 8.7.2.4 of luma.
impl<V: Vector> Change<V, 8, 6> for Is4 {
    #[inline(always)]
    fn mask(&self, lines: Luma<V>, _: usize) -> V {
        filtered(inner(lines), V::splat(-1), self.0)
    }

    #[inline(always)]
    fn change(&self, lines: Luma<V>, on: V, _: usize) -> [V; 6] {
        let [p3, p2, p1, p0, q0, q1, q2, q3] = lines;
        let beta = V::splat(self.0.beta);
        let small = (p0 - q0).abs().less(V::splat((self.0.alpha >> 2) + 2)) & on;
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
        [p[0], p[1], p[2], q[2], q[1], q[0]]
    }
}

/// Clause 8.7.2.4 of chroma.
impl<V: Vector> Change<V, 4, 2> for Is4 {
    #[inline(always)]
    fn mask(&self, lines: Chroma<V>, _: usize) -> V {
        filtered(lines, V::splat(-1), self.0)
    }

    #[inline(always)]
    fn change(&self, [p1, p0, q0, q1]: Chroma<V>, on: V, _: usize) -> [V; 2] {
        let side = |x1: V, x0: V, y1: V| on.choose(((x1 << 1) + x0 + y1 + V::splat(2)) >> 2, x0);
        [side(p1, p0, q1), side(q1, q0, p1)]
    }
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

/// Writes the `N` lines nearest to the edge. It ends at a line that is not there, and is no loop: what
/// Cranelift finds behind a branch that comes back it reckons again for each line.
#[inline(always)]
fn store<S: Sample, const N: usize>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    lines: [S::Vector; N],
) -> Option<()> {
    let first = at.checked_sub(stride * (N / 2))?;
    let mut put = |i: usize| {
        if i < N {
            *row_mut(samples, first + i * stride)? = S::store(lines[i.min(N - 1)]);
        }
        Some(())
    };
    put(0)?;
    put(1)?;
    put(2)?;
    put(3)?;
    put(4)?;
    put(5)
}

/// Filters `8 * T` lines across a horizontal edge, below which `at` is.
#[inline(always)]
fn across<S: Sample, const T: usize, const M: usize, const N: usize>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    change: &impl Change<S::Vector, M, N>,
) {
    for x in (0..8 * T).step_by(8) {
        if let Some(lines) = load::<S, M>(samples, at + x, stride)
            && let Some(done) = change.apply(lines, x)
        {
            store(samples, at + x, stride, done);
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
    across::<S, 2, 8, 4>(samples, at, stride, &Below4::<16> { limits, tc0 });
}

/// The same where bS is 4.
pub(crate) fn luma_top_intra<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    limits: Limits,
) {
    across::<S, 2, 8, 6>(samples, at, stride, &Is4(limits));
}

/// Filters the 16 lines of 8 samples around a vertical edge, right of which `at` is.
#[inline(always)]
fn turned<S: Sample, const N: usize>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    change: &impl Change<S::Vector, 8, N>,
) {
    let Some(first) = at.checked_sub(4) else {
        return;
    };
    // Listed one by one, so here and below: the compiler keeps them in registers.
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
    let half = |i: usize| columns.map(|column| S::halves(column)[i]);
    let (upper, lower) = (half(0), half(1));
    let masks = (change.mask(upper, 0), change.mask(lower, 8));
    if !masks.0.any() && !masks.1.any() {
        return;
    }
    let upper = change.change(upper, masks.0, 0);
    let lower = change.change(lower, masks.1, 8);
    let mut join = |i: usize| {
        if i < N {
            let i = i.min(N - 1);
            columns[4 - N / 2 + i] = S::joined([upper[i], lower[i]]);
        }
    };
    join(0);
    join(1);
    join(2);
    join(3);
    join(4);
    join(5);
    for (y, line) in S::turn_back(columns).iter().enumerate() {
        let Some(to) = row_mut(samples, first + y * stride) else {
            return;
        };
        *to = *line;
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
    turned(samples, at, stride, &Below4::<16> { limits, tc0 });
}

/// The same where bS is 4.
pub(crate) fn luma_left_intra<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    limits: Limits,
) {
    turned(samples, at, stride, &Is4(limits));
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
    let first = |sample| S::store(sample)[0];
    match tc0.map(|tc0| [tc0; 4]) {
        Some(tc0) => {
            if let Some(done) = (Below4::<16> { limits, tc0 }).apply(lines, 0) {
                line[2..6].copy_from_slice(&done.map(first));
            }
        }
        None => {
            if let Some(done) = Is4(limits).apply(lines, 0) {
                line[1..7].copy_from_slice(&done.map(first));
            }
        }
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
    let done: Option<[_; 2]> = match tc0.map(|tc0| [tc0; 4]) {
        Some(tc0) => (Below4::<8> { limits, tc0 }).apply(lines, 0),
        None => Is4(limits).apply(lines, 0),
    };
    if let Some(done) = done {
        line[1..3].copy_from_slice(&done.map(|sample| S::store(sample)[0]));
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
    across::<S, 1, 4, 2>(samples, at, stride, &Below4::<8> { limits, tc0 });
}

/// The same where bS is 4.
pub(crate) fn chroma_top_intra<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    limits: Limits,
) {
    across::<S, 1, 4, 2>(samples, at, stride, &Is4(limits));
}

/// A vertical edge of `height` (8 or 16) chroma samples, 8 at once.
#[inline(always)]
fn chroma_turned<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    height: usize,
    change: &impl Change<S::Vector, 4, 2>,
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
        let Some([left, right]) = change.apply(S::turn_chroma(&lines), first) else {
            continue;
        };
        for (y, pair) in S::turn_pair(left, right).iter().enumerate() {
            let Some(to) = row_mut(samples, from + y * stride + 1) else {
                return;
            };
            *to = *pair;
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
    match height {
        8 => chroma_turned(samples, at, stride, 8, &Below4::<8> { limits, tc0 }),
        _ => chroma_turned(samples, at, stride, 16, &Below4::<16> { limits, tc0 }),
    }
}

/// The same where bS is 4.
pub(crate) fn chroma_left_intra<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    height: usize,
    limits: Limits,
) {
    chroma_turned(samples, at, stride, height, &Is4(limits));
}
