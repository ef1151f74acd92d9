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

    /// p0 and q0, moved towards each other by tC at most (8-467 to 8-469).
    #[inline(always)]
    fn moved<V: Vector>(&self, [p1, p0, q0, q1]: Chroma<V>, tc: V) -> [V; 2] {
        let delta = ((((q0 - p0) << 2) + (p1 - q1) + V::splat(4)) >> 3).within(tc);
        let clip = |numbers: V| numbers.max(V::splat(0)).min(V::splat(self.limits.max));
        [clip(p0 + delta), clip(q0 - delta)]
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
        let [p0_moved, q0_moved] = self.moved([p1, p0, q0, q1], tc);
        let middle = (p0 + q0 + V::splat(1)) >> 1;
        let side = |x2: V, x1: V, on: V| x1 + (((x2 + middle - (x1 << 1)) >> 1).within(tc0) & on);
        [side(p2, p1, ap), p0_moved, q0_moved, side(q2, q1, aq)]
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
        self.moved(lines, (self.tc0::<V>(first) + V::splat(1)) & on)
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

/// Writes samples; `None` where there is no such place.
#[inline(always)]
fn put<S: Sample, const N: usize>(samples: &mut [S], at: usize, line: [S; N]) -> Option<()> {
    *row_mut(samples, at)? = line;
    Some(())
}

/// Writes the `N` lines nearest to the edge. It ends at a line that is not there, and is no loop: what
/// Cranelift finds behind a branch that comes back it reckons again for each line, and each turn of a
/// loop is a check for interruption.
#[inline(always)]
fn store<S: Sample, const N: usize>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    lines: [S::Vector; N],
) -> Option<()> {
    let first = at.checked_sub(stride * (N / 2))?;
    let line = |i: usize| S::store(lines[i.min(N - 1)]);
    put(samples, first, line(0))?;
    put(samples, first + stride, line(1))?;
    if N > 2 {
        put(samples, first + 2 * stride, line(2))?;
        put(samples, first + 3 * stride, line(3))?;
    }
    if N > 4 {
        put(samples, first + 4 * stride, line(4))?;
        put(samples, first + 5 * stride, line(5))?;
    }
    Some(())
}

/// Filters eight lines across a horizontal edge, below which `at` is and of whose lines `first` is the
/// first.
#[inline(always)]
fn across<S: Sample, const M: usize, const N: usize>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    first: usize,
    change: &impl Change<S::Vector, M, N>,
) {
    if let Some(lines) = load::<S, M>(samples, at + first, stride)
        && let Some(done) = change.apply(lines, first)
    {
        store(samples, at + first, stride, done);
    }
}

/// A horizontal edge of 16 luma samples, below which `at` is.
#[inline(never)]
pub(crate) fn luma_top<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    limits: Limits,
    tc0: [i16; 4],
) {
    let change = Below4::<16> { limits, tc0 };
    across::<S, 8, 4>(samples, at, stride, 0, &change);
    across::<S, 8, 4>(samples, at, stride, 8, &change);
}

/// The same where bS is 4.
#[inline(never)]
pub(crate) fn luma_top_intra<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    limits: Limits,
) {
    across::<S, 8, 6>(samples, at, stride, 0, &Is4(limits));
    across::<S, 8, 6>(samples, at, stride, 8, &Is4(limits));
}

/// Filters the 16 lines of 8 samples around a vertical edge, right of which `at` is.
#[inline(always)]
fn turned<S: Sample, const N: usize>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    change: &impl Change<S::Vector, 8, N>,
) -> Option<()> {
    let first = at.checked_sub(4)?;
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
        return None;
    }
    let upper = change.change(upper, masks.0, 0);
    let lower = change.change(lower, masks.1, 8);
    let joined = |i: usize| S::joined([upper[i.min(N - 1)], lower[i.min(N - 1)]]);
    let beside = 4 - N / 2;
    columns[beside] = joined(0);
    columns[beside + 1] = joined(1);
    columns[beside + 2] = joined(2);
    columns[beside + 3] = joined(3);
    if N > 4 {
        columns[beside + 4] = joined(4);
        columns[beside + 5] = joined(5);
    }
    let lines = S::turn_back(columns);
    put(samples, first, lines[0])?;
    put(samples, first + stride, lines[1])?;
    put(samples, first + 2 * stride, lines[2])?;
    put(samples, first + 3 * stride, lines[3])?;
    put(samples, first + 4 * stride, lines[4])?;
    put(samples, first + 5 * stride, lines[5])?;
    put(samples, first + 6 * stride, lines[6])?;
    put(samples, first + 7 * stride, lines[7])?;
    put(samples, first + 8 * stride, lines[8])?;
    put(samples, first + 9 * stride, lines[9])?;
    put(samples, first + 10 * stride, lines[10])?;
    put(samples, first + 11 * stride, lines[11])?;
    put(samples, first + 12 * stride, lines[12])?;
    put(samples, first + 13 * stride, lines[13])?;
    put(samples, first + 14 * stride, lines[14])?;
    put(samples, first + 15 * stride, lines[15])
}

/// A vertical edge of 16 luma samples.
#[inline(never)]
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
#[inline(never)]
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
#[inline(never)]
pub(crate) fn chroma_top<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    limits: Limits,
    tc0: [i16; 4],
) {
    across::<S, 4, 2>(samples, at, stride, 0, &Below4::<8> { limits, tc0 });
}

/// The same where bS is 4.
#[inline(never)]
pub(crate) fn chroma_top_intra<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    limits: Limits,
) {
    across::<S, 4, 2>(samples, at, stride, 0, &Is4(limits));
}

/// Filters eight lines around a vertical edge of chroma, right of which `at` is and of whose lines
/// `line` is the first.
#[inline(always)]
fn chroma_turned<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    line: usize,
    change: &impl Change<S::Vector, 4, 2>,
) -> Option<()> {
    let first = (at + line * stride).checked_sub(2)?;
    let get = |y: usize| {
        row(samples, first + y * stride)
            .copied()
            .unwrap_or([S::default(); 4])
    };
    let lines = [
        get(0),
        get(1),
        get(2),
        get(3),
        get(4),
        get(5),
        get(6),
        get(7),
    ];
    let [left, right] = change.apply(S::turn_chroma(&lines), line)?;
    let pairs = S::turn_pair(left, right);
    let beside = first + 1;
    put(samples, beside, pairs[0])?;
    put(samples, beside + stride, pairs[1])?;
    put(samples, beside + 2 * stride, pairs[2])?;
    put(samples, beside + 3 * stride, pairs[3])?;
    put(samples, beside + 4 * stride, pairs[4])?;
    put(samples, beside + 5 * stride, pairs[5])?;
    put(samples, beside + 6 * stride, pairs[6])?;
    put(samples, beside + 7 * stride, pairs[7])
}

/// A vertical edge of `height` (8 or 16) chroma samples.
#[inline(never)]
pub(crate) fn chroma_left<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    height: usize,
    limits: Limits,
    tc0: [i16; 4],
) {
    if height == 8 {
        chroma_turned(samples, at, stride, 0, &Below4::<8> { limits, tc0 });
        return;
    }
    chroma_turned(samples, at, stride, 0, &Below4::<16> { limits, tc0 });
    chroma_turned(samples, at, stride, 8, &Below4::<16> { limits, tc0 });
}

/// The same where bS is 4.
#[inline(never)]
pub(crate) fn chroma_left_intra<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    height: usize,
    limits: Limits,
) {
    chroma_turned(samples, at, stride, 0, &Is4(limits));
    if height > 8 {
        chroma_turned(samples, at, stride, 8, &Is4(limits));
    }
}
