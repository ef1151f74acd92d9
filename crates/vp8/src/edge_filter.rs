//! RFC 6386 clauses 15.2 and 15.3: the filters of the loop filter, on 16 segments at once. A
//! segment is the eight pixels across an edge, `[p3, p2, p1, p0, q0, q1, q2, q3]`.
//!
//! The clause reckons with pixels less 128 and clamps to eight bits with sign. Here pixels are as
//! they are and have 16 bits, which makes clamping to eight bits without sign the same.

use wide::{i16x8, u8x16};

/// Thresholds of one kind of edge (clause 15.4).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Of the steps across the edge.
    pub edge: u8,
    /// Of the steps beside the edge.
    pub interior: u8,
    /// Of the steps beside the edge where the filter is narrow.
    pub high_variance: u8,
}

/// 16 segments: each pixel's place has its lanes.
pub(crate) type Segments = [u8x16; 8];

fn absolute_difference(a: u8x16, b: u8x16) -> u8x16 {
    a.saturating_sub(b) | b.saturating_sub(a)
}

/// Above zero where the step across the edge is above its limit.
fn edge_excess(segments: &Segments, limits: &Limits) -> u8x16 {
    let [_, _, p1, p0, q0, q1, _, _] = *segments;
    let limit = u8x16::splat(limits.edge);
    let inner = absolute_difference(p0, q0);
    let twice = inner.saturating_add(inner);
    // Half the outer step is within what is left where the step is within twice that and one.
    let left = limit.saturating_sub(twice);
    let most = left.saturating_add(left).saturating_add(u8x16::splat(1));
    twice.saturating_sub(limit) | absolute_difference(p1, q1).saturating_sub(most)
}

/// All bits where the normal filters apply: `filter_yes`.
fn applies(segments: &Segments, limits: &Limits) -> u8x16 {
    let [p3, p2, p1, p0, q0, q1, q2, q3] = *segments;
    let steps = [(p3, p2), (p2, p1), (p1, p0), (q0, q1), (q1, q2), (q2, q3)];
    let most = steps.into_iter().fold(u8x16::ZERO, |most, (a, b)| {
        most.max(absolute_difference(a, b))
    });
    let interior = most.saturating_sub(u8x16::splat(limits.interior));
    (interior | edge_excess(segments, limits)).cmp_eq(u8x16::ZERO)
}

/// All bits where the variance is not high: the contrary of `hev`.
fn is_flat(segments: &Segments, limits: &Limits) -> u8x16 {
    let [_, _, p1, p0, q0, q1, _, _] = *segments;
    let most = absolute_difference(p1, p0).max(absolute_difference(q1, q0));
    let excess = most.saturating_sub(u8x16::splat(limits.high_variance));
    excess.cmp_eq(u8x16::ZERO)
}

/// Both halves of 16 lanes.
fn widen(lanes: u8x16) -> [i16x8; 2] {
    [i16x8::from_u8x16_low(lanes), i16x8::from_u8x16_high(lanes)]
}

/// Both halves, clamped to pixels.
fn narrow([low, high]: [i16x8; 2]) -> u8x16 {
    u8x16::narrow_i16x8(low, high)
}

fn clamp(value: i16x8) -> i16x8 {
    value.max(i16x8::splat(-128)).min(i16x8::splat(127))
}

/// What all filters begin with.
fn base([p1, p0, q0, q1]: [i16x8; 4]) -> i16x8 {
    clamp(clamp(p1 - q1) + (q0 - p0) * i16x8::splat(3))
}

/// What `common_adjust` adds to `p0` and what it takes from `q0`.
fn adjustment(base: i16x8) -> (i16x8, i16x8) {
    let most = i16x8::splat(127);
    let add = (base + i16x8::splat(3)).min(most) >> 3;
    let take = (base + i16x8::splat(4)).min(most) >> 3;
    (add, take)
}

/// The lanes of half `half` of some pixels.
fn half<const N: usize>(pixels: &[[i16x8; 2]; N], half: usize) -> [i16x8; N] {
    pixels.map(|pixel| pixel[half])
}

/// Clause 15.2.
pub(crate) fn simple_edge(segments: &mut Segments, limits: &Limits) {
    let applies = edge_excess(segments, limits).cmp_eq(u8x16::ZERO);
    let [_, _, p1, p0, q0, q1, _, _] = *segments;
    let pixels = [p1, p0, q0, q1].map(widen);
    let adjusted = [0, 1].map(|at| {
        let pixels = half(&pixels, at);
        let (add, take) = adjustment(base(pixels));
        [pixels[1] + add, pixels[2] - take]
    });
    let adjusted = [0, 1].map(|pixel| narrow(adjusted.map(|half| half[pixel])));
    segments[3] = applies.blend(adjusted[0], p0);
    segments[4] = applies.blend(adjusted[1], q0);
}

/// Clause 15.3: `subblock_filter`.
pub(crate) fn subblock_edge(segments: &mut Segments, limits: &Limits) {
    let applies = applies(segments, limits);
    if applies.none() {
        return;
    }
    let flat = is_flat(segments, limits);
    let [_, _, p1, p0, q0, q1, _, _] = *segments;
    // Where it is flat the outer pixels are changed and do not count.
    let outer = [p1, q1].map(|pixel| widen(flat.blend(u8x16::ZERO, pixel)));
    let pixels = [p1, p0, q0, q1].map(widen);
    let adjusted = [0, 1].map(|at| {
        let [p1, p0, q0, q1] = half(&pixels, at);
        let [outer_p, outer_q] = half(&outer, at);
        let (add, take) = adjustment(base([outer_p, p0, q0, outer_q]));
        let beside = (take + i16x8::splat(1)) >> 1;
        [p1 + beside, p0 + add, q0 - take, q1 - beside]
    });
    let adjusted = [0, 1, 2, 3].map(|pixel| narrow(adjusted.map(|half| half[pixel])));
    segments[2] = (applies & flat).blend(adjusted[0], p1);
    segments[3] = applies.blend(adjusted[1], p0);
    segments[4] = applies.blend(adjusted[2], q0);
    segments[5] = (applies & flat).blend(adjusted[3], q1);
}

/// Clause 15.3: `MBfilter`.
pub(crate) fn macroblock_edge(segments: &mut Segments, limits: &Limits) {
    let applies = applies(segments, limits);
    if applies.none() {
        return;
    }
    let flat = is_flat(segments, limits);
    let [_, p2, p1, p0, q0, q1, q2, _] = *segments;
    let pixels = [p2, p1, p0, q0, q1, q2].map(widen);
    let adjusted = [0, 1].map(|at| {
        let [p2, p1, p0, q0, q1, q2] = half(&pixels, at);
        let base = base([p1, p0, q0, q1]);
        let (add, take) = adjustment(base);
        let [far, near, nearest] =
            [9, 18, 27].map(|factor| (base * i16x8::splat(factor) + i16x8::splat(63)) >> 7);
        let wide = [
            p2 + far,
            p1 + near,
            p0 + nearest,
            q0 - nearest,
            q1 - near,
            q2 - far,
        ];
        (wide, [p0 + add, q0 - take])
    });
    let wide = [0, 1, 2, 3, 4, 5].map(|pixel| narrow(adjusted.map(|(wide, _)| wide[pixel])));
    let narrow = [0, 1].map(|pixel| narrow(adjusted.map(|(_, narrow)| narrow[pixel])));
    let both = applies & flat;
    segments[1] = both.blend(wide[0], p2);
    segments[2] = both.blend(wide[1], p1);
    segments[3] = applies.blend(flat.blend(wide[2], narrow[0]), p0);
    segments[4] = applies.blend(flat.blend(wide[3], narrow[1]), q0);
    segments[5] = both.blend(wide[4], q1);
    segments[6] = both.blend(wide[5], q2);
}

/// Segments out of 16 rows of eight pixels, which lie across a vertical edge.
pub(crate) fn from_rows(rows: &[[u8; 8]; 16]) -> Segments {
    let pairs: Segments = std::array::from_fn(|at| {
        let mut pair = [0; 16];
        pair[..8].copy_from_slice(&rows[2 * at]);
        pair[8..].copy_from_slice(&rows[2 * at + 1]);
        u8x16::new(pair)
    });
    (0..4).fold(pairs, |lanes, _| interleave(lanes))
}

/// The contrary of [`from_rows`].
pub(crate) fn to_rows(segments: Segments) -> [[u8; 8]; 16] {
    let pairs = (0..3).fold(segments, |lanes, _| interleave(lanes));
    let mut rows = [[0; 8]; 16];
    for (rows, pair) in rows.as_chunks_mut::<2>().0.iter_mut().zip(pairs) {
        let pair = pair.to_array();
        rows[0].copy_from_slice(&pair[..8]);
        rows[1].copy_from_slice(&pair[8..]);
    }
    rows
}

/// Of 128 bytes in their order, each one of the first half and then that of the second half: the
/// seven bits of a byte's place are rotated by one. Four times, of a place's four bits of row and
/// three of column, and the rows and columns have changed places; three times more, and they are
/// back.
fn interleave(lanes: Segments) -> Segments {
    std::array::from_fn(|at| {
        let (first, second) = (lanes[at / 2], lanes[at / 2 + 4]);
        if at % 2 == 0 {
            u8x16::unpack_low(first, second)
        } else {
            u8x16::unpack_high(first, second)
        }
    })
}
