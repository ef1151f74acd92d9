//! Sample filters of the deblocking filter (clause 8.7.2.3, 8.7.2.4): all lines of an edge at once.
//! Vertical edges are turned round, filtered and turned back.

use super::{row, row_mut};
use crate::sample::{Sample, Wide};

/// α, β and the largest sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub alpha: i32,
    pub beta: i32,
    pub max: i32,
}

/// The same in the numbers of the samples.
#[derive(Clone, Copy)]
struct WideLimits<T> {
    alpha: T,
    beta: T,
    max: T,
}

impl Limits {
    #[inline(always)]
    fn wide<T: Wide>(self) -> WideLimits<T> {
        WideLimits {
            alpha: T::of(self.alpha),
            beta: T::of(self.beta),
            max: T::of(self.max),
        }
    }
}

/// `N` lines across an edge: p3, p2, p1, p0, q0, q1, q2, q3.
type Across<S, const N: usize> = [[S; N]; 8];

/// filterSamplesFlag but for bS (8-462).
#[inline(always)]
fn filtered<T: Wide>(p1: T, p0: T, q0: T, q1: T, l: WideLimits<T>) -> bool {
    ((p0 - q0).magnitude() < l.alpha)
        & ((p1 - p0).magnitude() < l.beta)
        & ((q1 - q0).magnitude() < l.beta)
}

#[inline(always)]
fn clamp<T: Wide>(value: T, limit: T) -> T {
    value.min(limit).max(T::default() - limit)
}

/// bS below 4 of luma (clause 8.7.2.3); `tc0` is below 0 where nothing is filtered.
#[inline(always)]
fn luma_lines<S: Sample, const N: usize>(
    lines: &mut Across<S, N>,
    tc0: &[S::Wide; N],
    limits: Limits,
) {
    let l = limits.wide::<S::Wide>();
    let (zero, one, four) = (S::Wide::default(), S::Wide::from(1), S::Wide::from(4));
    for i in 0..N {
        let [_, p2, p1, p0, q0, q1, q2, _] = lines.each_ref().map(|line| line[i].wide());
        let on = filtered(p1, p0, q0, q1, l) & (tc0[i] >= zero);
        let tc0 = if on { tc0[i] } else { zero };
        let ap = (p2 - p0).magnitude() < l.beta;
        let aq = (q2 - q0).magnitude() < l.beta;
        let tc = tc0 + if ap & on { one } else { zero } + if aq & on { one } else { zero };
        let delta = clamp((((q0 - p0) << 2) + (p1 - q1) + four) >> 3, tc);
        let middle = (p0 + q0 + one) >> 1;
        let dp = clamp((p2 + middle - (p1 << 1)) >> 1, tc0);
        let dq = clamp((q2 + middle - (q1 << 1)) >> 1, tc0);
        lines[2][i] = S::narrow(p1 + if ap { dp } else { zero });
        lines[3][i] = S::clip_wide(p0 + delta, l.max);
        lines[4][i] = S::clip_wide(q0 - delta, l.max);
        lines[5][i] = S::narrow(q1 + if aq { dq } else { zero });
    }
}

/// bS 4 of luma (clause 8.7.2.4).
#[inline(always)]
fn luma_lines_intra<S: Sample, const N: usize>(lines: &mut Across<S, N>, limits: Limits) {
    let l = limits.wide::<S::Wide>();
    let (two, four) = (S::Wide::from(2), S::Wide::from(4));
    let near = (l.alpha >> 2) + two;
    for i in 0..N {
        let [p3, p2, p1, p0, q0, q1, q2, q3] = lines.each_ref().map(|line| line[i].wide());
        let on = filtered(p1, p0, q0, q1, l);
        let small = (p0 - q0).magnitude() < near;
        let p_strong = small & ((p2 - p0).magnitude() < l.beta);
        let q_strong = small & ((q2 - q0).magnitude() < l.beta);
        let side = |x3: S::Wide,
                    x2: S::Wide,
                    x1: S::Wide,
                    x0: S::Wide,
                    y0: S::Wide,
                    y1: S::Wide,
                    strong: bool| {
            let sum = x1 + x0 + y0;
            let weak = ((x1 << 1) + x0 + y1 + two) >> 2;
            let new = [
                ((x3 << 1) + (x2 << 1) + x2 + sum + four) >> 3,
                (x2 + sum + two) >> 2,
                (x2 + (sum << 1) + y1 + four) >> 3,
            ];
            [
                if on & strong { new[0] } else { x2 },
                if on & strong { new[1] } else { x1 },
                if !on {
                    x0
                } else if strong {
                    new[2]
                } else {
                    weak
                },
            ]
        };
        let p = side(p3, p2, p1, p0, q0, q1, p_strong);
        let q = side(q3, q2, q1, q0, p0, p1, q_strong);
        for (place, value) in [
            (1, p[0]),
            (2, p[1]),
            (3, p[2]),
            (4, q[2]),
            (5, q[1]),
            (6, q[0]),
        ] {
            lines[place][i] = S::narrow(value);
        }
    }
}

/// p1, p0, q0, q1.
type AcrossChroma<S, const N: usize> = [[S; N]; 4];

/// bS below 4 of chroma.
#[inline(always)]
fn chroma_lines<S: Sample, const N: usize>(
    lines: &mut AcrossChroma<S, N>,
    tc0: &[S::Wide; N],
    limits: Limits,
) {
    let l = limits.wide::<S::Wide>();
    let (zero, one, four) = (S::Wide::default(), S::Wide::from(1), S::Wide::from(4));
    for i in 0..N {
        let [p1, p0, q0, q1] = lines.each_ref().map(|line| line[i].wide());
        let on = filtered(p1, p0, q0, q1, l) & (tc0[i] >= zero);
        let tc = if on { tc0[i] + one } else { zero };
        let delta = clamp((((q0 - p0) << 2) + (p1 - q1) + four) >> 3, tc);
        lines[1][i] = S::clip_wide(p0 + delta, l.max);
        lines[2][i] = S::clip_wide(q0 - delta, l.max);
    }
}

/// bS 4 of chroma.
#[inline(always)]
fn chroma_lines_intra<S: Sample, const N: usize>(lines: &mut AcrossChroma<S, N>, limits: Limits) {
    let l = limits.wide::<S::Wide>();
    let two = S::Wide::from(2);
    for i in 0..N {
        let [p1, p0, q0, q1] = lines.each_ref().map(|line| line[i].wide());
        let on = filtered(p1, p0, q0, q1, l);
        let p = ((p1 << 1) + p0 + q1 + two) >> 2;
        let q = ((q1 << 1) + q0 + p1 + two) >> 2;
        lines[1][i] = S::narrow(if on { p } else { p0 });
        lines[2][i] = S::narrow(if on { q } else { q0 });
    }
}

/// tC0 of each of `N` lines.
#[inline(always)]
fn spread<T: Wide, const N: usize>(tc0: [i16; 4]) -> [T; N] {
    std::array::from_fn(|i| T::from(tc0[i * 4 / N]))
}

/// The lines above and below a horizontal edge of 16 luma samples.
#[inline(always)]
fn load<S: Sample, const N: usize, const M: usize>(
    samples: &[S],
    at: usize,
    stride: usize,
) -> Option<[[S; N]; M]> {
    let first = at.checked_sub(stride * (M / 2))?;
    let mut lines = [[S::default(); N]; M];
    for (i, line) in lines.iter_mut().enumerate() {
        *line = *row(samples, first + i * stride)?;
    }
    Some(lines)
}

/// Writes lines back, but the `skip` outermost, which no filter changes.
#[inline(always)]
fn store<S: Sample, const N: usize, const M: usize>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    lines: &[[S; N]; M],
    skip: usize,
) {
    for (i, line) in lines.iter().enumerate().take(M - skip).skip(skip) {
        if let Some(to) = row_mut(samples, at + i * stride - stride * (M / 2)) {
            *to = *line;
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
    if let Some(mut lines) = load::<S, 16, 8>(samples, at, stride) {
        luma_lines(&mut lines, &spread(tc0), limits);
        store(samples, at, stride, &lines, 2);
    }
}

/// The same where bS is 4.
pub(crate) fn luma_top_intra<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    limits: Limits,
) {
    if let Some(mut lines) = load::<S, 16, 8>(samples, at, stride) {
        luma_lines_intra(&mut lines, limits);
        store(samples, at, stride, &lines, 1);
    }
}

/// The 16 lines of 8 samples around a vertical edge, right of which `at` is.
#[inline(always)]
fn load_turned<S: Sample>(samples: &[S], at: usize, stride: usize) -> Option<Across<S, 16>> {
    let first = at.checked_sub(4)?;
    let mut lines = [[S::default(); 8]; 16];
    for (y, line) in lines.iter_mut().enumerate() {
        *line = *row(samples, first + y * stride)?;
    }
    Some(S::turn(&lines))
}

#[inline(always)]
fn store_turned<S: Sample>(samples: &mut [S], at: usize, stride: usize, columns: &Across<S, 16>) {
    for (y, line) in S::turn_back(columns).iter().enumerate() {
        if let Some(to) = row_mut(samples, at + y * stride - 4) {
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
    if let Some(mut columns) = load_turned(samples, at, stride) {
        luma_lines(&mut columns, &spread(tc0), limits);
        store_turned(samples, at, stride, &columns);
    }
}

/// The same where bS is 4.
pub(crate) fn luma_left_intra<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    limits: Limits,
) {
    if let Some(mut columns) = load_turned(samples, at, stride) {
        luma_lines_intra(&mut columns, limits);
        store_turned(samples, at, stride, &columns);
    }
}

/// A line across a vertical edge of luma.
pub(crate) fn luma_line<S: Sample>(samples: &mut [S], at: usize, limits: Limits, tc0: Option<i16>) {
    let Some(line) = at
        .checked_sub(4)
        .and_then(|first| row_mut::<S, 8>(samples, first))
    else {
        return;
    };
    let mut lines = line.map(|sample| [sample]);
    match tc0 {
        Some(tc0) => luma_lines(&mut lines, &[S::Wide::from(tc0)], limits),
        None => luma_lines_intra(&mut lines, limits),
    }
    *line = lines.map(|[sample]| sample);
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
    let mut lines = line.map(|sample| [sample]);
    match tc0 {
        Some(tc0) => chroma_lines(&mut lines, &[S::Wide::from(tc0)], limits),
        None => chroma_lines_intra(&mut lines, limits),
    }
    *line = lines.map(|[sample]| sample);
}

/// A horizontal edge of 8 chroma samples.
pub(crate) fn chroma_top<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    limits: Limits,
    tc0: [i16; 4],
) {
    if let Some(mut lines) = load::<S, 8, 4>(samples, at, stride) {
        chroma_lines(&mut lines, &spread(tc0), limits);
        store(samples, at, stride, &lines, 1);
    }
}

/// The same where bS is 4.
pub(crate) fn chroma_top_intra<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    limits: Limits,
) {
    if let Some(mut lines) = load::<S, 8, 4>(samples, at, stride) {
        chroma_lines_intra(&mut lines, limits);
        store(samples, at, stride, &lines, 1);
    }
}

/// A vertical edge of `height` (8 or 16) chroma samples, 8 at once.
fn chroma_columns<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    height: usize,
    filter: impl Fn(&mut AcrossChroma<S, 8>, usize),
) {
    for first in (0..height).step_by(8) {
        let mut columns = [[S::default(); 8]; 4];
        for y in 0..8 {
            let from = (at + (first + y) * stride).checked_sub(2);
            let Some(line) = from.and_then(|from| row::<S, 4>(samples, from)) else {
                return;
            };
            for x in 0..4 {
                columns[x][y] = line[x];
            }
        }
        filter(&mut columns, first);
        for y in 0..8 {
            let to = at + (first + y) * stride - 1;
            if let Some(line) = row_mut::<S, 2>(samples, to) {
                *line = [columns[1][y], columns[2][y]];
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
    chroma_columns(samples, at, stride, height, |columns, first| {
        let tc0 = std::array::from_fn(|y| S::Wide::from(tc0[((first + y) * 4 / height) & 3]));
        chroma_lines(columns, &tc0, limits);
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
    chroma_columns(samples, at, stride, height, |columns, _| {
        chroma_lines_intra(columns, limits)
    });
}
