//! Inverse transforms, clause 8.5.10 to 8.5.15. Coefficients are scaled already; each function leaves
//! its block zero.

use super::row_mut;
use crate::sample::Sample;

/// Where the residual of a lossless block adds up along (clause 8.5.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Vertical,
    Horizontal,
}

/// A line of the 4×4 transform (8-338 to 8-345), of four columns or rows at once.
#[inline(always)]
fn four(a: [i32; 4], b: [i32; 4], c: [i32; 4], d: [i32; 4]) -> [[i32; 4]; 4] {
    let mut out = [[0_i32; 4]; 4];
    for i in 0..4 {
        let (e, f) = (a[i].wrapping_add(c[i]), a[i].wrapping_sub(c[i]));
        let g = (b[i] >> 1).wrapping_sub(d[i]);
        let h = b[i].wrapping_add(d[i] >> 1);
        out[0][i] = e.wrapping_add(h);
        out[1][i] = f.wrapping_add(g);
        out[2][i] = f.wrapping_sub(g);
        out[3][i] = e.wrapping_sub(h);
    }
    out
}

#[inline(always)]
fn transposed<const N: usize>(m: &[[i32; N]; N]) -> [[i32; N]; N] {
    std::array::from_fn(|x| std::array::from_fn(|y| m[y][x]))
}

/// Adds `residual`, rounded by 6 bits, to the samples.
#[inline(always)]
fn add<S: Sample, const N: usize>(
    samples: &mut [S],
    at: usize,
    stride: usize,
    residual: &[[i32; N]; N],
    max: i32,
) {
    for (y, residual) in residual.iter().enumerate() {
        let Some(to) = row_mut::<S, N>(samples, at + y * stride) else {
            return;
        };
        for x in 0..N {
            to[x] = S::clip(to[x].int() + (residual[x].wrapping_add(32) >> 6), max);
        }
    }
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
    let columns: [[i32; 4]; 4] =
        std::array::from_fn(|x| std::array::from_fn(|y| block[y * 4 + x].into()));
    let [a, b, c, d] = columns;
    let rows = transposed(&four(a, b, c, d));
    let [a, b, c, d] = rows;
    add(samples, at, stride, &four(a, b, c, d), max);
    *block = [S::Coefficient::default(); 16];
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
    let dc: i32 = block[0].into();
    block[0] = S::Coefficient::default();
    add(samples, at, stride, &[[dc; 4]; 4], max);
}

/// A line of the 8×8 transform (8-358 to 8-385), of eight columns or rows at once.
#[inline(always)]
fn eight(m: &[[i32; 8]; 8]) -> [[i32; 8]; 8] {
    let mut out = [[0_i32; 8]; 8];
    for i in 0..8 {
        let at = |n: usize| m[n][i];
        let add = i32::wrapping_add;
        let sub = i32::wrapping_sub;
        let a0 = add(at(0), at(4));
        let a2 = sub(at(0), at(4));
        let a4 = sub(at(2) >> 1, at(6));
        let a6 = add(at(2), at(6) >> 1);
        let (b0, b2, b4, b6) = (add(a0, a6), add(a2, a4), sub(a2, a4), sub(a0, a6));
        let a1 = sub(sub(sub(at(5), at(3)), at(7)), at(7) >> 1);
        let a3 = sub(sub(add(at(1), at(7)), at(3)), at(3) >> 1);
        let a5 = add(add(sub(at(7), at(1)), at(5)), at(5) >> 1);
        let a7 = add(add(add(at(3), at(5)), at(1)), at(1) >> 1);
        let b1 = add(a1, a7 >> 2);
        let b7 = sub(a7, a1 >> 2);
        let b3 = add(a3, a5 >> 2);
        let b5 = sub(a3 >> 2, a5);
        out[0][i] = add(b0, b7);
        out[1][i] = add(b2, b5);
        out[2][i] = add(b4, b3);
        out[3][i] = add(b6, b1);
        out[4][i] = sub(b6, b1);
        out[5][i] = sub(b4, b3);
        out[6][i] = sub(b2, b5);
        out[7][i] = sub(b0, b7);
    }
    out
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
    let columns: [[i32; 8]; 8] =
        std::array::from_fn(|x| std::array::from_fn(|y| block[y * 8 + x].into()));
    let rows = transposed(&eight(&columns));
    add(samples, at, stride, &eight(&rows), max);
    *block = [S::Coefficient::default(); 64];
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
