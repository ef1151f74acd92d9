//! RFC 6386 clauses 15.2 and 15.3: the filters of the loop filter, on 16 segments at once. A
//! segment is the eight pixels across an edge, `[p3, p2, p1, p0, q0, q1, q2, q3]`.
//!
//! The clause reckons with pixels less 128 and clamps to eight bits with sign. Here pixels are as
//! they are and have 16 bits, which makes clamping to eight bits without sign the same.

use crate::lanes::widened;
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

/// One of the filters.
pub(crate) trait EdgeFilter {
    /// Filters 16 segments. Gives whether any is changed.
    fn filter(segments: &mut Segments, limits: &Limits) -> bool;
}

/// 16 segments: each pixel's place has its lanes.
pub(crate) type Segments = [u8x16; 8];

#[inline(always)]
fn absolute_difference(a: u8x16, b: u8x16) -> u8x16 {
    a.saturating_sub(b) | b.saturating_sub(a)
}

/// Above zero where the step across the edge is above its limit.
#[inline(always)]
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
#[inline(always)]
fn applies(segments: &Segments, limits: &Limits) -> u8x16 {
    let [p3, p2, p1, p0, q0, q1, q2, q3] = *segments;
    let mut most = u8x16::ZERO;
    for (a, b) in [(p3, p2), (p2, p1), (p1, p0), (q0, q1), (q1, q2), (q2, q3)] {
        most = most.max(absolute_difference(a, b));
    }
    let interior = most.saturating_sub(u8x16::splat(limits.interior));
    (interior | edge_excess(segments, limits)).cmp_eq(u8x16::ZERO)
}

/// All bits where the variance is not high: the contrary of `hev`.
#[inline(always)]
fn is_flat(segments: &Segments, limits: &Limits) -> u8x16 {
    let [_, _, p1, p0, q0, q1, _, _] = *segments;
    let most = absolute_difference(p1, p0).max(absolute_difference(q1, q0));
    let excess = most.saturating_sub(u8x16::splat(limits.high_variance));
    excess.cmp_eq(u8x16::ZERO)
}

/// Reckons with 16 bits: both halves of the lanes one after the other, clamped to pixels.
#[inline(always)]
fn with_16_bits<const N: usize, const M: usize>(
    pixels: [u8x16; N],
    reckon: impl Fn([i16x8; N]) -> [i16x8; M],
) -> [u8x16; M] {
    // Loops, as `map` of arrays of vectors goes through memory.
    let mut low = [i16x8::ZERO; N];
    let mut high = [i16x8::ZERO; N];
    for ((low, high), pixel) in low.iter_mut().zip(&mut high).zip(pixels) {
        [*low, *high] = widened(pixel);
    }
    let (low, high) = (reckon(low), reckon(high));
    let mut reckoned = [u8x16::ZERO; M];
    for (pixel, (low, high)) in reckoned.iter_mut().zip(low.into_iter().zip(high)) {
        *pixel = u8x16::narrow_i16x8(low, high);
    }
    reckoned
}

#[inline(always)]
fn clamp(value: i16x8) -> i16x8 {
    value.max(i16x8::splat(-128)).min(i16x8::splat(127))
}

/// What all filters begin with.
#[inline(always)]
fn base(p1: i16x8, p0: i16x8, q0: i16x8, q1: i16x8) -> i16x8 {
    clamp(clamp(p1 - q1) + (q0 - p0) * i16x8::splat(3))
}

/// What `common_adjust` adds to `p0` and what it takes from `q0`.
#[inline(always)]
fn adjustment(base: i16x8) -> (i16x8, i16x8) {
    let most = i16x8::splat(127);
    let add = (base + i16x8::splat(3)).min(most) >> 3;
    let take = (base + i16x8::splat(4)).min(most) >> 3;
    (add, take)
}

/// Clause 15.2.
pub(crate) struct SimpleEdge;

impl EdgeFilter for SimpleEdge {
    #[inline(always)]
    fn filter(segments: &mut Segments, limits: &Limits) -> bool {
        let applies = edge_excess(segments, limits).cmp_eq(u8x16::ZERO);
        if applies.none() {
            return false;
        }
        let [_, _, p1, p0, q0, q1, _, _] = *segments;
        let adjusted = with_16_bits([p1, p0, q0, q1], |[p1, p0, q0, q1]| {
            let (add, take) = adjustment(base(p1, p0, q0, q1));
            [p0 + add, q0 - take]
        });
        segments[3] = applies.blend(adjusted[0], p0);
        segments[4] = applies.blend(adjusted[1], q0);
        true
    }
}

/// Clause 15.3: `subblock_filter`.
pub(crate) struct SubblockEdge;

impl EdgeFilter for SubblockEdge {
    #[inline(always)]
    fn filter(segments: &mut Segments, limits: &Limits) -> bool {
        let applies = applies(segments, limits);
        if applies.none() {
            return false;
        }
        let flat = is_flat(segments, limits);
        let [_, _, p1, p0, q0, q1, _, _] = *segments;
        // Where it is flat the outer pixels are changed and do not count.
        let outer_p = flat.blend(u8x16::ZERO, p1);
        let outer_q = flat.blend(u8x16::ZERO, q1);
        let pixels = [outer_p, outer_q, p1, p0, q0, q1];
        let adjusted = with_16_bits(pixels, |[outer_p, outer_q, p1, p0, q0, q1]| {
            let (add, take) = adjustment(base(outer_p, p0, q0, outer_q));
            let beside = (take + i16x8::splat(1)) >> 1;
            [p1 + beside, p0 + add, q0 - take, q1 - beside]
        });
        segments[2] = (applies & flat).blend(adjusted[0], p1);
        segments[3] = applies.blend(adjusted[1], p0);
        segments[4] = applies.blend(adjusted[2], q0);
        segments[5] = (applies & flat).blend(adjusted[3], q1);
        true
    }
}

/// Clause 15.3: `MBfilter`.
pub(crate) struct MacroblockEdge;

impl EdgeFilter for MacroblockEdge {
    #[inline(always)]
    fn filter(segments: &mut Segments, limits: &Limits) -> bool {
        let applies = applies(segments, limits);
        if applies.none() {
            return false;
        }
        let flat = is_flat(segments, limits);
        let [_, p2, p1, p0, q0, q1, q2, _] = *segments;
        let narrow = with_16_bits([p1, p0, q0, q1], |[p1, p0, q0, q1]| {
            let (add, take) = adjustment(base(p1, p0, q0, q1));
            [p0 + add, q0 - take]
        });
        let wide = with_16_bits([p2, p1, p0, q0, q1, q2], |[p2, p1, p0, q0, q1, q2]| {
            let ninth = base(p1, p0, q0, q1) * i16x8::splat(9);
            let half = i16x8::splat(63);
            let far = (ninth + half) >> 7;
            let near = (ninth + ninth + half) >> 7;
            let nearest = (ninth + ninth + ninth + half) >> 7;
            [
                p2 + far,
                p1 + near,
                p0 + nearest,
                q0 - nearest,
                q1 - near,
                q2 - far,
            ]
        });
        let both = applies & flat;
        segments[1] = both.blend(wide[0], p2);
        segments[2] = both.blend(wide[1], p1);
        segments[3] = applies.blend(flat.blend(wide[2], narrow[0]), p0);
        segments[4] = applies.blend(flat.blend(wide[3], narrow[1]), q0);
        segments[5] = both.blend(wide[4], q1);
        segments[6] = both.blend(wide[5], q2);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The filters of clauses 15.2 and 15.3 on one segment, with numbers as they are there.
    mod clause {
        use super::Limits;

        fn c(value: i32) -> i32 {
            value.clamp(-128, 127)
        }

        fn common_adjust(outer: bool, s: &mut [i32; 8]) -> i32 {
            let [_, _, p1, p0, q0, q1, ..] = *s;
            let a = c(if outer { c(p1 - q1) } else { 0 } + 3 * (q0 - p0));
            let (b, a) = (c(a + 3) >> 3, c(a + 4) >> 3);
            s[4] = c(q0 - a);
            s[3] = c(p0 + b);
            a
        }

        fn edge(s: &[i32; 8], limits: &Limits) -> bool {
            (s[3] - s[4]).abs() * 2 + (s[2] - s[5]).abs() / 2 <= i32::from(limits.edge)
        }

        fn filter_yes(s: &[i32; 8], limits: &Limits) -> bool {
            let steps = [(0, 1), (1, 2), (2, 3), (4, 5), (5, 6), (6, 7)];
            let within = |(a, b): (usize, usize)| (s[a] - s[b]).abs() <= limits.interior.into();
            edge(s, limits) && steps.into_iter().all(within)
        }

        fn hev(s: &[i32; 8], limits: &Limits) -> bool {
            let steps = (s[2] - s[3]).abs().max((s[5] - s[4]).abs());
            steps > limits.high_variance.into()
        }

        pub fn simple(s: &mut [i32; 8], limits: &Limits) {
            if edge(s, limits) {
                common_adjust(true, s);
            }
        }

        pub fn subblock(s: &mut [i32; 8], limits: &Limits) {
            if filter_yes(s, limits) {
                let hv = hev(s, limits);
                let a = (common_adjust(hv, s) + 1) >> 1;
                if !hv {
                    s[5] = c(s[5] - a);
                    s[2] = c(s[2] + a);
                }
            }
        }

        pub fn macroblock(s: &mut [i32; 8], limits: &Limits) {
            if !filter_yes(s, limits) {
                return;
            }
            if hev(s, limits) {
                common_adjust(true, s);
                return;
            }
            let w = c(c(s[2] - s[5]) + 3 * (s[4] - s[3]));
            for (step, factor) in [27, 18, 9].into_iter().enumerate() {
                let a = c((factor * w + 63) >> 7);
                s[4 + step] = c(s[4 + step] - a);
                s[3 - step] = c(s[3 - step] + a);
            }
        }
    }

    fn check<F: EdgeFilter>(
        segments: &[[u8; 16]; 8],
        limits: &Limits,
        clause: fn(&mut [i32; 8], &Limits),
    ) {
        let mut filtered = segments.map(u8x16::new);
        let changed = F::filter(&mut filtered, limits);
        let filtered = filtered.map(u8x16::to_array);
        assert!(changed || filtered == *segments);
        for lane in 0..16 {
            let mut segment = segments.map(|pixels| i32::from(pixels[lane]) - 128);
            clause(&mut segment, limits);
            let expected = segment.map(|pixel| (pixel + 128) as u8);
            assert_eq!(filtered.map(|pixels| pixels[lane]), expected);
        }
    }

    proptest! {
        #[test]
        fn as_the_clause_says(
            base in any::<u8>(),
            spread in prop::sample::select(vec![2_u8, 6, 20, 80, 255]),
            noise in any::<[[u8; 16]; 8]>(),
            (edge, interior, high_variance) in (0..=193_u8, 0..=63_u8, 0..=3_u8),
        ) {
            let segments = noise.map(|it| it.map(|it| base.saturating_add(it % spread)));
            let limits = Limits { edge, interior, high_variance };
            check::<SimpleEdge>(&segments, &limits, clause::simple);
            check::<SubblockEdge>(&segments, &limits, clause::subblock);
            check::<MacroblockEdge>(&segments, &limits, clause::macroblock);
        }
    }
}
