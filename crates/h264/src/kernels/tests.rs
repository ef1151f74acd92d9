//! Every kernel that works on eight samples at once against the clause's formula, sample by sample, on
//! random samples of 8 and of 14 bits.

use super::*;
use crate::sample::Sample;
use proptest::prelude::*;

const STRIDE: usize = 40;
const LINES: usize = 32;
/// Where blocks begin: with room for margins on all sides.
const AT: usize = 8 * STRIDE + 8;

/// A plane from random numbers. Of each four values three are near each other, as filters need it.
fn plane<S: Sample>(seed: u64, max: i32) -> Vec<S> {
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as i32
    };
    let near = next() % (max + 1);
    let scale = (max / 255).max(1);
    let mut sample = || match next() % 4 {
        0 if seed.is_multiple_of(3) => next() % (max + 1),
        _ => (near + (next() % 24 - 12) * scale).clamp(0, max),
    };
    (0..STRIDE * LINES).map(|_| S::from_int(sample())).collect()
}

fn block(width: usize, height: usize) -> Block {
    Block {
        at: AT,
        stride: STRIDE,
        width,
        height,
    }
}

fn clip(value: i32, max: i32) -> i32 {
    value.clamp(0, max)
}

/// Table 8-12 with (8-241) to (8-260).
fn luma_sample<S: Sample>(samples: &[S], at: usize, (dx, dy): (u8, u8), max: i32) -> i32 {
    let get = |x: isize, y: isize| samples[at.wrapping_add_signed(y * STRIDE as isize + x)].int();
    let taps = |v: [i32; 6]| v[0] - 5 * v[1] + 20 * v[2] + 20 * v[3] - 5 * v[4] + v[5];
    let along = |y: isize| taps([-2, -1, 0, 1, 2, 3].map(|x| get(x, y)));
    let half_x = |y| clip((along(y) + 16) >> 5, max);
    let half_y = |x| {
        clip(
            (taps([-2, -1, 0, 1, 2, 3].map(|y| get(x, y))) + 16) >> 5,
            max,
        )
    };
    let middle = || clip((taps([-2, -1, 0, 1, 2, 3].map(along)) + 512) >> 10, max);
    let mean = |a: i32, b: i32| (a + b + 1) >> 1;
    let (right, below) = (isize::from(dx == 3), isize::from(dy == 3));
    match (dx, dy) {
        (0, 0) => get(0, 0),
        (2, 0) => half_x(0),
        (_, 0) => mean(half_x(0), get(right, 0)),
        (0, 2) => half_y(0),
        (0, _) => mean(half_y(0), get(0, below)),
        (2, 2) => middle(),
        (2, _) => mean(middle(), half_x(below)),
        (_, 2) => mean(middle(), half_y(right)),
        _ => mean(half_x(below), half_y(right)),
    }
}

fn check_luma<S: Sample>(seed: u64, max: i32) {
    let source = plane::<S>(seed, max);
    for width in [4, 8, 16] {
        for height in [4, 8, 16] {
            for quarter in 0..16 {
                let part = (quarter % 4, quarter / 4);
                let mut out = plane::<S>(!seed, max);
                let mut expected = out.clone();
                luma(
                    (&source, AT, STRIDE),
                    &mut out,
                    block(width, height),
                    part,
                    max,
                );
                for i in 0..width * height {
                    let at = AT + i / width * STRIDE + i % width;
                    expected[at] = S::from_int(luma_sample(&source, at, part, max));
                }
                assert_eq!(out, expected, "{width}x{height} at {part:?}");
            }
        }
    }
}

/// (8-266).
fn check_chroma<S: Sample>(seed: u64, max: i32) {
    let source = plane::<S>(seed, max);
    for (width, height) in [
        (2, 2),
        (2, 4),
        (4, 2),
        (4, 4),
        (4, 8),
        (8, 4),
        (8, 8),
        (8, 16),
    ] {
        for (dx, dy) in [(0, 0), (3, 0), (0, 5), (7, 7), (1, 6), (4, 4)] {
            let mut out = plane::<S>(!seed, max);
            let mut expected = out.clone();
            chroma(
                (&source, AT, STRIDE),
                &mut out,
                block(width, height),
                (dx, dy),
            );
            let (dx, dy) = (i32::from(dx), i32::from(dy));
            for i in 0..width * height {
                let at = AT + i / width * STRIDE + i % width;
                let get = |step: usize| source[at + step].int();
                let sum = (8 - dx) * (8 - dy) * get(0)
                    + dx * (8 - dy) * get(1)
                    + (8 - dx) * dy * get(STRIDE)
                    + dx * dy * get(STRIDE + 1);
                expected[at] = S::from_int((sum + 32) >> 6);
            }
            assert_eq!(out, expected, "{width}x{height} at {dx}, {dy}");
        }
    }
}

/// (8-273) to (8-276).
fn check_weights<S: Sample>(seed: u64, max: i32, weights: [i32; 2], offset: i32, shift: u32) {
    let other: [S; 256] = std::array::from_fn(|i| plane::<S>(seed ^ 77, max)[i]);
    let start = plane::<S>(seed, max);
    for width in [2, 4, 8, 16] {
        let block = block(width, 4);
        let check = |done: &[S], formula: &dyn Fn(i32, i32) -> i32, name: &str| {
            let mut expected = start.clone();
            for i in 0..width * 4 {
                let at = AT + i / width * STRIDE + i % width;
                let second = other[i / width * 16 + i % width].int();
                expected[at] = S::from_int(clip(formula(start[at].int(), second), max));
            }
            assert_eq!(done, expected, "{name} of {width}");
        };
        let mut out = start.clone();
        average(&mut out, block, &other);
        check(&out, &|a, b| (a + b + 1) >> 1, "average");
        let mut out = start.clone();
        weight_one(&mut out, block, shift, (weights[0], offset), max);
        let round = (1 << shift) >> 1;
        check(
            &out,
            &|a, _| ((a * weights[0] + round) >> shift) + offset,
            "one weight",
        );
        let mut out = start.clone();
        weight_two(&mut out, block, &other, shift, weights, offset, max);
        let sum = |a: i32, b: i32| a * weights[0] + b * weights[1] + (1 << shift);
        check(
            &out,
            &|a, b| (sum(a, b) >> (shift + 1)) + offset,
            "two weights",
        );
    }
}

/// Clauses 8.7.2.3 and 8.7.2.4 of one line: p3 to q3 of luma, p1 to q1 of chroma.
fn filter_line(line: &mut [i32], l: Limits, tc0: Option<i32>, luma: bool) {
    let n = line.len() / 2;
    let (p, q) = (|i: usize| n - 1 - i, |i: usize| n + i);
    let old = line.to_vec();
    let (p0, p1, q0, q1) = (old[p(0)], old[p(1)], old[q(0)], old[q(1)]);
    let on = (p0 - q0).abs() < l.alpha && (p1 - p0).abs() < l.beta && (q1 - q0).abs() < l.beta;
    if !on || tc0.is_some_and(|tc0| tc0 < 0) {
        return;
    }
    let near = |x: fn(usize, usize) -> usize| luma && (old[x(n, 2)] - old[x(n, 0)]).abs() < l.beta;
    let (ap, aq) = (near(|n, i| n - 1 - i), near(|n, i| n + i));
    if let Some(tc0) = tc0 {
        let tc = if luma {
            tc0 + i32::from(ap) + i32::from(aq)
        } else {
            tc0 + 1
        };
        let delta = ((((q0 - p0) << 2) + (p1 - q1) + 4) >> 3).clamp(-tc, tc);
        line[p(0)] = clip(p0 + delta, l.max);
        line[q(0)] = clip(q0 - delta, l.max);
        if ap {
            line[p(1)] += ((old[p(2)] + ((p0 + q0 + 1) >> 1) - (p1 << 1)) >> 1).clamp(-tc0, tc0);
        }
        if aq {
            line[q(1)] += ((old[q(2)] + ((p0 + q0 + 1) >> 1) - (q1 << 1)) >> 1).clamp(-tc0, tc0);
        }
        return;
    }
    let small = (p0 - q0).abs() < (l.alpha >> 2) + 2;
    if ap && small {
        line[p(0)] = (old[p(2)] + 2 * p1 + 2 * p0 + 2 * q0 + q1 + 4) >> 3;
        line[p(1)] = (old[p(2)] + p1 + p0 + q0 + 2) >> 2;
        line[p(2)] = (2 * old[p(3)] + 3 * old[p(2)] + p1 + p0 + q0 + 4) >> 3;
    } else {
        line[p(0)] = (2 * p1 + p0 + q1 + 2) >> 2;
    }
    if aq && small {
        line[q(0)] = (p1 + 2 * p0 + 2 * q0 + 2 * q1 + old[q(2)] + 4) >> 3;
        line[q(1)] = (p0 + q0 + q1 + old[q(2)] + 2) >> 2;
        line[q(2)] = (2 * old[q(3)] + 3 * old[q(2)] + q1 + q0 + p0 + 4) >> 3;
    } else {
        line[q(0)] = (2 * q1 + q0 + p1 + 2) >> 2;
    }
}

/// Filters an edge of `count` lines by the formula: `reach` samples on each side, `across` apart, lines
/// `along` apart.
fn filter_edge<S: Sample>(
    samples: &mut [S],
    (count, reach): (usize, usize),
    (across, along): (usize, usize),
    l: Limits,
    tc0: Option<[i16; 4]>,
) {
    for i in 0..count {
        let first = AT + i * along - reach * across;
        let place = |j: usize| first + j * across;
        let mut line: Vec<i32> = (0..2 * reach).map(|j| samples[place(j)].int()).collect();
        let tc0 = tc0.map(|tc0| i32::from(tc0[i * 4 / count]));
        filter_line(&mut line, l, tc0, reach == 4);
        for (j, value) in line.into_iter().enumerate() {
            samples[place(j)] = S::from_int(value);
        }
    }
}

fn check_deblocking<S: Sample>(seed: u64, max: i32, alpha: i32, beta: i32, tc0: [i16; 4]) {
    let start = plane::<S>(seed, max);
    let scale = (max + 1) / 256;
    let l = Limits {
        alpha: alpha * scale,
        beta: beta * scale,
        max,
    };
    let check = |filter: &dyn Fn(&mut [S]), size, steps, tc0, name: &str| {
        let (mut out, mut expected) = (start.clone(), start.clone());
        filter(&mut out);
        filter_edge(&mut expected, size, steps, l, tc0);
        assert_eq!(out, expected, "{name}");
    };
    let (left, top) = ((1, STRIDE), (STRIDE, 1));
    check(
        &|s| luma_left(s, AT, STRIDE, l, tc0),
        (16, 4),
        left,
        Some(tc0),
        "luma left",
    );
    check(
        &|s| luma_left_intra(s, AT, STRIDE, l),
        (16, 4),
        left,
        None,
        "luma left, intra",
    );
    check(
        &|s| luma_top(s, AT, STRIDE, l, tc0),
        (16, 4),
        top,
        Some(tc0),
        "luma top",
    );
    check(
        &|s| luma_top_intra(s, AT, STRIDE, l),
        (16, 4),
        top,
        None,
        "luma top, intra",
    );
    for height in [8, 16] {
        let size = (height, 2);
        check(
            &|s| chroma_left(s, AT, STRIDE, height, l, tc0),
            size,
            left,
            Some(tc0),
            "chroma left",
        );
        check(
            &|s| chroma_left_intra(s, AT, STRIDE, height, l),
            size,
            left,
            None,
            "chroma left, intra",
        );
    }
    check(
        &|s| chroma_top(s, AT, STRIDE, l, tc0),
        (8, 2),
        top,
        Some(tc0),
        "chroma top",
    );
    check(
        &|s| chroma_top_intra(s, AT, STRIDE, l),
        (8, 2),
        top,
        None,
        "chroma top, intra",
    );
    let one = Some([tc0[0]; 4]);
    check(
        &|s| luma_line(s, AT, l, Some(tc0[0])),
        (1, 4),
        left,
        one,
        "luma line",
    );
    check(
        &|s| luma_line(s, AT, l, None),
        (1, 4),
        left,
        None,
        "luma line, intra",
    );
    check(
        &|s| chroma_line(s, AT, l, Some(tc0[0])),
        (1, 2),
        left,
        one,
        "chroma line",
    );
    check(
        &|s| chroma_line(s, AT, l, None),
        (1, 2),
        left,
        None,
        "chroma line, intra",
    );
}

/// 8 and 14 bits.
const MAX: (i32, i32) = (255, 16383);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn luma_is_interpolated(seed in any::<u64>()) {
        check_luma::<u8>(seed, MAX.0);
        check_luma::<u16>(seed, MAX.1);
    }

    #[test]
    fn chroma_is_interpolated(seed in any::<u64>()) {
        check_chroma::<u8>(seed, MAX.0);
        check_chroma::<u16>(seed, MAX.1);
    }

    #[test]
    fn predictions_are_weighted(
        seed in any::<u64>(),
        first in -128..=128_i32,
        second in -128..=128_i32,
        offset in -128..=127_i32,
        shift in 0..=7_u32,
    ) {
        check_weights::<u8>(seed, MAX.0, [first, second], offset, shift);
        check_weights::<u16>(seed, MAX.1, [first, second], offset << 6, shift);
    }

    #[test]
    fn edges_are_filtered(
        seed in any::<u64>(),
        alpha in 4..=255_i32,
        beta in 2..=18_i32,
        tc0 in proptest::array::uniform4(-1..=25_i16),
    ) {
        check_deblocking::<u8>(seed, MAX.0, alpha, beta, tc0);
        let scaled = tc0.map(|tc0| if tc0 < 0 { tc0 } else { tc0 << 6 });
        check_deblocking::<u16>(seed, MAX.1, alpha, beta, scaled);
    }

    #[test]
    fn turning_is_undone(lines in proptest::array::uniform16(proptest::array::uniform8(any::<u8>()))) {
        check_turning::<u8>(lines);
        check_turning::<u16>(lines.map(|line| line.map(|sample| u16::from(sample) << 6)));
    }

    #[test]
    fn residuals_are_added(seed in any::<u64>(), residual in proptest::array::uniform32(-300..=300_i32)) {
        check_transforms::<u8>(seed, MAX.0, &residual);
        check_transforms::<u16>(seed, MAX.1, &residual.map(|value| value * 64));
    }
}

fn check_turning<S: Sample>(lines: [[S; 8]; 16]) {
    let columns = S::turn(&lines);
    for (x, column) in columns.into_iter().enumerate() {
        let halves = S::halves(column).map(S::store);
        for (y, sample) in halves.as_flattened().iter().enumerate() {
            assert_eq!(lines[y][x], *sample);
        }
    }
    let joined = columns.map(|column| S::joined(S::halves(column)));
    assert_eq!(S::turn_back(joined), lines);
    let narrow: [[S; 4]; 8] = std::array::from_fn(|y| std::array::from_fn(|x| lines[y][x]));
    let columns = S::turn_chroma(&narrow);
    for (x, column) in columns.into_iter().enumerate() {
        assert_eq!(S::store(column), narrow.map(|line| line[x]));
    }
    let pairs = narrow.map(|[_, left, right, _]| [left, right]);
    assert_eq!(S::turn_pair(columns[1], columns[2]), pairs);
}

/// (8-338 to 8-345)
fn four(w: [i32; 4]) -> [i32; 4] {
    let (e, f) = (w[0] + w[2], w[0] - w[2]);
    let (g, h) = ((w[1] >> 1) - w[3], w[1] + (w[3] >> 1));
    [e + h, f + g, f - g, e - h]
}

/// (8-358 to 8-385)
fn eight(w: [i32; 8]) -> [i32; 8] {
    let a = [
        w[0] + w[4],
        -w[3] + w[5] - w[7] - (w[7] >> 1),
        w[0] - w[4],
        w[1] + w[7] - w[3] - (w[3] >> 1),
        (w[2] >> 1) - w[6],
        -w[1] + w[7] + w[5] + (w[5] >> 1),
        w[2] + (w[6] >> 1),
        w[3] + w[5] + w[1] + (w[1] >> 1),
    ];
    let b = [
        a[0] + a[6],
        a[1] + (a[7] >> 2),
        a[2] + a[4],
        a[3] + (a[5] >> 2),
        a[2] - a[4],
        (a[3] >> 2) - a[5],
        a[0] - a[6],
        a[7] - (a[1] >> 2),
    ];
    [
        b[0] + b[7],
        b[2] + b[5],
        b[4] + b[3],
        b[6] + b[1],
        b[6] - b[1],
        b[4] - b[3],
        b[2] - b[5],
        b[0] - b[7],
    ]
}

/// Each row transformed, then each column, rounded and added (clause 8.5.12.2, 8.5.13, 8.5.14).
fn added<S: Sample, const N: usize>(
    samples: &mut [S],
    residual: &[i32],
    transform: fn([i32; N]) -> [i32; N],
    max: i32,
) {
    let turned = |m: [[i32; N]; N]| -> [[i32; N]; N] {
        std::array::from_fn(|x| std::array::from_fn(|y| m[y][x]))
    };
    let rows: [[i32; N]; N] = std::array::from_fn(|y| std::array::from_fn(|x| residual[y * N + x]));
    let done = turned(turned(rows.map(transform)).map(transform));
    for (y, row) in done.iter().enumerate() {
        for (x, value) in row.iter().enumerate() {
            let sample = &mut samples[AT + y * STRIDE + x];
            *sample = S::from_int(clip(sample.int() + ((value + 32) >> 6), max));
        }
    }
}

fn check_transforms<S: Sample>(seed: u64, max: i32, residual: &[i32; 32]) {
    let samples = plane::<S>(seed, max);
    let coefficient = |i: usize| residual[i * 7 % 32] * i32::from(i == 0 || !i.is_multiple_of(3));
    let zero = S::Coefficient::default();

    let (mut out, mut expected) = (samples.clone(), samples.clone());
    let mut block: [_; 16] = std::array::from_fn(|i| S::coefficient(coefficient(i)));
    added(&mut expected, &block.map(Into::into), four, max);
    idct4x4_add(&mut out, AT, STRIDE, &mut block, max);
    assert_eq!((&out, block), (&expected, [zero; 16]));

    let (mut out, mut expected) = (samples.clone(), samples.clone());
    block[0] = S::coefficient(residual[0]);
    added(&mut expected, &block.map(Into::into), four, max);
    idct4x4_dc_add(&mut out, AT, STRIDE, &mut block, max);
    assert_eq!((&out, block), (&expected, [zero; 16]));

    let (mut out, mut expected) = (samples.clone(), samples);
    let mut block: [_; 64] = std::array::from_fn(|i| S::coefficient(coefficient(i)));
    added(&mut expected, &block.map(Into::into), eight, max);
    idct8x8_add(&mut out, AT, STRIDE, &mut block, max);
    assert_eq!((&out, block), (&expected, [zero; 64]));
}
