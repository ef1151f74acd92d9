//! Inverse transforms, clause 8.5.10 to 8.5.15. Coefficients are scaled already; each function leaves
//! its block zero.

use super::block::clipped;
use super::row_mut;
use crate::sample::Sample;
use crate::vector::Vector;

/// Where the residual of a lossless block adds up along (clause 8.5.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Vertical,
    Horizontal,
}

/// The 4×4 transform (8-338 to 8-345) of the first four lanes.
#[inline(always)]
fn four<V: Vector>([a, b, c, d]: [V; 4]) -> [V; 4] {
    let (e, f) = (a + c, a - c);
    let (g, h) = ((b >> 1) - d, b + (d >> 1));
    [e + h, f + g, f - g, e - h]
}

/// Four rows from the halves of two vectors.
#[inline(always)]
fn quarters<V: Vector>([first, second]: [V; 2]) -> [V; 4] {
    [first, first.upper(), second, second.upper()]
}

/// Adds a row of `N` residuals, rounded by 6 bits, to the samples; with 14 bits as with 8 nothing
/// overflows that clause 8.5.12 allows, and what it does not allow wraps.
#[inline(always)]
fn add<S: Sample, const N: usize>(
    samples: &mut [S],
    at: usize,
    residual: S::Vector,
    max: i32,
) -> Option<()> {
    let to = row_mut::<S, N>(samples, at)?;
    let mut line = [S::default(); 8];
    line[..N].copy_from_slice(to);
    let sum = S::load(line) + ((residual + S::Vector::splat(32)) >> 6);
    to.copy_from_slice(&S::store(clipped::<S>(sum, max))[..N]);
    Some(())
}

/// Adds rows, and ends at one that is not there; no loop, as in [`super::deblock`].
#[inline(always)]
fn add_rows<S: Sample, const N: usize>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    rows: [S::Vector; N],
    max: i32,
) -> Option<()> {
    let row = |y: usize| rows[y.min(N - 1)];
    add::<S, N>(samples, at, row(0), max)?;
    add::<S, N>(samples, at + stride, row(1), max)?;
    add::<S, N>(samples, at + 2 * stride, row(2), max)?;
    add::<S, N>(samples, at + 3 * stride, row(3), max)?;
    if N > 4 {
        add::<S, N>(samples, at + 4 * stride, row(4), max)?;
        add::<S, N>(samples, at + 5 * stride, row(5), max)?;
        add::<S, N>(samples, at + 6 * stride, row(6), max)?;
        add::<S, N>(samples, at + 7 * stride, row(7), max)?;
    }
    Some(())
}

/// Clause 8.5.12.2 of a 4×4 block.
#[inline]
pub(crate) fn idct4x4_add<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    block: &mut [S::Coefficient; 16],
    max: i32,
) {
    let [first, second] = block.as_chunks_mut::<8>().0 else {
        return;
    };
    let [first, second] = S::take(first).interleaved(S::take(second));
    // Twice interleaved, rows are columns.
    let [a, b, c, d] = four(quarters(first.interleaved(second)));
    let ([even, _], [odd, _]) = (a.interleaved(c), b.interleaved(d));
    let rows = four(quarters(even.interleaved(odd)));
    add_rows(samples, at, stride, rows, max);
}

/// The same where only the DC is not zero.
#[inline]
pub(crate) fn idct4x4_dc_add<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    block: &mut [S::Coefficient; 16],
    max: i32,
) {
    let dc = S::Vector::splat(std::mem::take(&mut block[0]).into());
    add_rows(samples, at, stride, [dc; 4], max);
}

/// The 8×8 transform (8-358 to 8-385) of eight columns or rows.
#[inline(always)]
fn eight<V: Vector>(m: [V; 8]) -> [V; 8] {
    let (a0, a2) = (m[0] + m[4], m[0] - m[4]);
    let (a4, a6) = ((m[2] >> 1) - m[6], m[2] + (m[6] >> 1));
    let (b0, b2, b4, b6) = (a0 + a6, a2 + a4, a2 - a4, a0 - a6);
    let a1 = m[5] - m[3] - m[7] - (m[7] >> 1);
    let a3 = m[1] + m[7] - m[3] - (m[3] >> 1);
    let a5 = m[7] - m[1] + m[5] + (m[5] >> 1);
    let a7 = m[3] + m[5] + m[1] + (m[1] >> 1);
    let (b1, b7) = (a1 + (a7 >> 2), a7 - (a1 >> 2));
    let (b3, b5) = (a3 + (a5 >> 2), (a3 >> 2) - a5);
    [
        b0 + b7,
        b2 + b5,
        b4 + b3,
        b6 + b1,
        b6 - b1,
        b4 - b3,
        b2 - b5,
        b0 - b7,
    ]
}

/// Rows as columns: thrice interleaved, the three bits of the row and of the column change places.
#[inline(always)]
fn turned<V: Vector>(rows: [V; 8]) -> [V; 8] {
    let interleaved = |[a, b, c, d, e, f, g, h]: [V; 8]| {
        let ([a, e], [b, f]) = (a.interleaved(e), b.interleaved(f));
        let ([c, g], [d, h]) = (c.interleaved(g), d.interleaved(h));
        [a, e, b, f, c, g, d, h]
    };
    interleaved(interleaved(interleaved(rows)))
}

/// Clause 8.5.13.
#[inline]
pub(crate) fn idct8x8_add<S: Sample>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    block: &mut [S::Coefficient; 64],
    max: i32,
) {
    let [a, b, c, d, e, f, g, h] = block.as_chunks_mut::<8>().0 else {
        return;
    };
    let (a, b, c, d) = (S::take(a), S::take(b), S::take(c), S::take(d));
    let (e, f, g, h) = (S::take(e), S::take(f), S::take(g), S::take(h));
    let columns = turned([a, b, c, d, e, f, g, h]);
    let rows = eight(turned(eight(columns)));
    add_rows(samples, at, stride, rows, max);
}

/// Adds a lossless block of `N` × `N` (clause 8.5.15).
pub(crate) fn bypass_add<S: Sample, const N: usize>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    block: &mut [S::Coefficient],
    direction: Option<Direction>,
    max: i32,
) {
    let mut sums = [[0_i32; N]; N];
    for (line, from) in sums.iter_mut().zip(block.chunks_exact(N)) {
        for (sum, &value) in line.iter_mut().zip(from) {
            *sum = value.into();
        }
    }
    block.fill(S::Coefficient::default());
    for i in 1..N {
        for j in 0..N {
            match direction {
                Some(Direction::Vertical) => sums[i][j] = sums[i][j].wrapping_add(sums[i - 1][j]),
                Some(Direction::Horizontal) => sums[j][i] = sums[j][i].wrapping_add(sums[j][i - 1]),
                None => {}
            }
        }
    }
    for (y, sums) in sums.iter().enumerate() {
        let Some(to) = row_mut::<S, N>(samples, at + y * stride) else {
            return;
        };
        for (to, sum) in to.iter_mut().zip(sums) {
            *to = S::clip(to.int().wrapping_add(*sum), max);
        }
    }
}

fn transposed(m: &[[i32; 4]; 4]) -> [[i32; 4]; 4] {
    std::array::from_fn(|x| std::array::from_fn(|y| m[y][x]))
}

/// The transform of DC coefficients (8-328), of four columns or rows.
fn hadamard(m: [[i32; 4]; 4]) -> [[i32; 4]; 4] {
    let mut out = [[0_i32; 4]; 4];
    for i in 0..4 {
        let (a, b) = (m[0][i].wrapping_add(m[1][i]), m[0][i].wrapping_sub(m[1][i]));
        let (c, d) = (m[2][i].wrapping_add(m[3][i]), m[2][i].wrapping_sub(m[3][i]));
        out[0][i] = a.wrapping_add(c);
        out[1][i] = a.wrapping_sub(c);
        out[2][i] = b.wrapping_sub(d);
        out[3][i] = b.wrapping_add(d);
    }
    out
}

/// (8-333, 8-334).
fn scaled_dc(value: i32, scale: i32, qp: i32) -> i32 {
    let product = value.wrapping_mul(scale);
    let sixth = qp / 6;
    if qp >= 36 {
        product.wrapping_shl((sixth - 6) as u32)
    } else {
        product.wrapping_add(1 << (5 - sixth)) >> (6 - sixth)
    }
}

/// Intra_16x16 DC coefficients (clause 8.5.10), in raster order.
pub(crate) fn luma_dc<S: Sample>(dc: &mut [S::Coefficient; 16], scale: i32, qp: i32) {
    let m: [[i32; 4]; 4] = std::array::from_fn(|y| std::array::from_fn(|x| dc[y * 4 + x].into()));
    let f = hadamard(transposed(&hadamard(m)));
    let f = transposed(&f);
    for (i, dc) in dc.iter_mut().enumerate() {
        *dc = S::coefficient(scaled_dc(f[i / 4][i % 4], scale, qp));
    }
}

/// Chroma DC coefficients of 4:2:0 (8-329, 8-330).
pub(crate) fn chroma_dc_420<S: Sample>(dc: &mut [S::Coefficient; 4], scale: i32, qp: i32) {
    let [a, b, c, d]: [i32; 4] = dc.map(Into::into);
    let add = i32::wrapping_add;
    let sub = i32::wrapping_sub;
    let f = [
        add(add(a, b), add(c, d)),
        add(sub(a, b), sub(c, d)),
        sub(add(a, b), add(c, d)),
        sub(sub(a, b), sub(c, d)),
    ];
    *dc = f.map(|f| S::coefficient(f.wrapping_mul(scale).wrapping_shl((qp / 6) as u32) >> 5));
}

/// Chroma DC coefficients of 4:2:2, four rows of two; `scale` and `qp` are those of QP′c,dc (8-331).
pub(crate) fn chroma_dc_422<S: Sample>(dc: &mut [S::Coefficient; 8], scale: i32, qp: i32) {
    let at = |i: usize| -> i32 { dc[i].into() };
    let sums = std::array::from_fn(|y| {
        [
            at(y * 2).wrapping_add(at(y * 2 + 1)),
            at(y * 2).wrapping_sub(at(y * 2 + 1)),
            0,
            0,
        ]
    });
    let f = hadamard(sums);
    for (i, dc) in dc.iter_mut().enumerate() {
        *dc = S::coefficient(scaled_dc(f[i / 2][i % 2], scale, qp));
    }
}
