//! RFC 6386 clause 15: the loop filter's geometry and control parameters.

use crate::edge_filter::{EdgeFilter, Limits, MacroblockEdge, Segments, SimpleEdge, SubblockEdge};
use crate::header::{FilterDeltas, FilterHeader, Segmentation};
use crate::lanes::{from_rows, halves, pair, to_rows};
use crate::modes::{Luma, Macroblock, Prediction};
use crate::motion::{Motion, Reference};
use crate::picture::{Picture, Plane};
use wide::u8x16;

/// What the loop filter needs of a macroblock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Strength {
    /// 0 to 63, 0 for none.
    level: u8,
    /// Whether the edges between subblocks are filtered (clause 15.1).
    subblocks: bool,
}

/// The loop filter of a frame.
pub(crate) struct LoopFilter<'a> {
    pub header: FilterHeader,
    pub key_frame: bool,
    pub segmentation: &'a Segmentation,
    pub deltas: &'a FilterDeltas,
}

impl LoopFilter<'_> {
    /// Clauses 9.3, 9.4 and 15.1; `coded`: whether the macroblock has coefficients.
    pub fn strength(&self, macroblock: &Macroblock, coded: bool) -> Strength {
        Strength {
            level: self.level(macroblock),
            subblocks: coded || !macroblock.prediction.has_y2(),
        }
    }

    fn level(&self, macroblock: &Macroblock) -> u8 {
        let frame = i32::from(self.header.level);
        let own = i32::from(self.segmentation.filter_level[macroblock.segment]);
        let level = match (self.segmentation.enabled, self.segmentation.absolute) {
            (false, _) => frame,
            (true, false) => (frame + own).clamp(0, 63),
            (true, true) => own.clamp(0, 63),
        };
        if !self.deltas.enabled {
            return level as u8;
        }
        let (reference, mode) = match &macroblock.prediction {
            Prediction::Intra { luma, .. } => match luma {
                Luma::Subblocks(_) => (0, Some(0)),
                Luma::Whole(_) => (0, None),
            },
            Prediction::Inter { reference, motion } => {
                let reference = match reference {
                    Reference::Last => 1,
                    Reference::Golden => 2,
                    Reference::Alternate => 3,
                };
                let mode = match motion {
                    Motion::Zero => 1,
                    Motion::Whole(_) => 2,
                    Motion::Split { .. } => 3,
                };
                (reference, Some(mode))
            }
        };
        let reference = i32::from(self.deltas.reference[reference]);
        let mode = mode.map_or(0, |mode| i32::from(self.deltas.mode[mode]));
        (level + reference + mode).clamp(0, 63) as u8
    }

    /// Clause 15.4: of edges between macroblocks, and between subblocks.
    fn limits(&self, level: u8) -> [Limits; 2] {
        let sharpness = self.header.sharpness;
        let interior = match sharpness {
            0 => level,
            1..=4 => (level >> 1).min(9 - sharpness),
            _ => (level >> 2).min(9 - sharpness),
        };
        let interior = interior.max(1);
        let high_variance = match (level, self.key_frame) {
            (40.., true) => 2,
            (15.., true) => 1,
            (40.., false) => 3,
            (20.., false) => 2,
            (15.., false) => 1,
            _ => 0,
        };
        // At most 2 * 65 + 63.
        [2 * (level + 2), 2 * level].map(|edge| Limits {
            edge: edge + interior,
            interior,
            high_variance,
        })
    }

    /// Filters row `y` of macroblocks, and what it touches of the row above, which is filtered.
    pub fn filter_row(&self, picture: &mut Picture, y: usize, strengths: &[Strength]) {
        if self.header.level == 0 {
            return;
        }
        let [luma, u, v] = &mut picture.planes;
        let (mut luma, mut chroma) = (LumaPart(luma), ChromaPart(u, v));
        for (x, strength) in strengths.iter().enumerate().filter(|(_, it)| it.level > 0) {
            let [whole, sub] = self.limits(strength.level);
            let sub = strength.subblocks.then_some(sub);
            if self.header.simple {
                filter_part::<_, SimpleEdge, SimpleEdge>(&mut luma, (x, y), &whole, sub.as_ref());
            } else {
                filter_part::<_, MacroblockEdge, SubblockEdge>(
                    &mut luma,
                    (x, y),
                    &whole,
                    sub.as_ref(),
                );
                filter_part::<_, MacroblockEdge, SubblockEdge>(
                    &mut chroma,
                    (x, y),
                    &whole,
                    sub.as_ref(),
                );
            }
        }
    }
}

/// Filters the part of the macroblock in this column and row that is in these planes, in the order
/// of clause 15.1.
fn filter_part<P: Part, Whole: EdgeFilter, Sub: EdgeFilter>(
    part: &mut P,
    at: (usize, usize),
    whole: &Limits,
    sub: Option<&Limits>,
) {
    let (x, y) = (P::SIDE * at.0, P::SIDE * at.1);
    let (left, top) = (x > 0, y > 0);
    let mut lanes = [u8x16::ZERO; 24];
    if let Some(sub) = sub {
        // Eight columns before the macroblock, then those of the macroblock.
        let groups = usize::from(!left)..=P::SIDE / 8;
        for group in groups.clone() {
            let columns = part.columns(x + 8 * group - 8, y);
            lanes[8 * group..8 * group + 8].copy_from_slice(&columns);
        }
        filter_edges::<Whole, Sub>(&mut lanes, 8, P::SIDE, left.then_some(whole), Some(sub));
        for group in groups {
            part.put_columns(x + 8 * group - 8, y, &lanes[8 * group..8 * group + 8]);
        }
    } else if left {
        let mut columns = part.columns(x - 4, y);
        if Whole::filter(&mut columns, whole) {
            part.put_columns(x - 4, y, &columns);
        }
    }
    let first = if top { 0 } else { 4 };
    let end = 4 + if sub.is_some() { P::SIDE } else { 4 };
    for (lanes, row) in lanes[first..end].iter_mut().zip(first..) {
        *lanes = part.row(x, y + row - 4);
    }
    filter_edges::<Whole, Sub>(&mut lanes, 4, P::SIDE, top.then_some(whole), sub);
    for (lanes, row) in lanes[first..end].iter().zip(first..) {
        part.put_row(x, y + row - 4, *lanes);
    }
}

/// Filters the edge before lane `at`, and each fourth one after it up to `side`.
#[inline(always)]
fn filter_edges<Whole: EdgeFilter, Sub: EdgeFilter>(
    lanes: &mut [u8x16; 24],
    at: usize,
    side: usize,
    whole: Option<&Limits>,
    sub: Option<&Limits>,
) {
    if let Some(limits) = whole {
        filter_edge::<Whole>(lanes, at, limits);
    }
    if let Some(limits) = sub {
        for more in (4..side).step_by(4) {
            filter_edge::<Sub>(lanes, at + more, limits);
        }
    }
}

#[inline(always)]
fn filter_edge<F: EdgeFilter>(lanes: &mut [u8x16; 24], at: usize, limits: &Limits) {
    if let Some(segments) = lanes[at - 4..].first_chunk_mut() {
        F::filter(segments, limits);
    }
}

/// Planes whose edges are 16 pixels long, filtered at once.
trait Part {
    /// The side of a macroblock in pixels.
    const SIDE: usize;

    /// Eight columns from column `x` on, with 16 rows from row `y` on.
    fn columns(&self, x: usize, y: usize) -> Segments;
    fn put_columns(&mut self, x: usize, y: usize, columns: &[u8x16]);
    /// 16 pixels of row `y` from column `x` on.
    fn row(&self, x: usize, y: usize) -> u8x16;
    fn put_row(&mut self, x: usize, y: usize, row: u8x16);
}

struct LumaPart<'a>(&'a mut Plane);

impl Part for LumaPart<'_> {
    const SIDE: usize = 16;

    #[inline(always)]
    fn columns(&self, x: usize, y: usize) -> Segments {
        from_rows(|row| eight(self.0, x, y + row))
    }

    #[inline(always)]
    fn put_columns(&mut self, x: usize, y: usize, columns: &[u8x16]) {
        to_rows(columns, |row, pixels| put_eight(self.0, x, y + row, pixels));
    }

    #[inline(always)]
    fn row(&self, x: usize, y: usize) -> u8x16 {
        let start = y * self.0.width + x;
        let pixels = self.0.samples[start..].first_chunk();
        pixels.copied().map_or(u8x16::ZERO, u8x16::new)
    }

    #[inline(always)]
    fn put_row(&mut self, x: usize, y: usize, row: u8x16) {
        let start = y * self.0.width + x;
        self.0.samples[start..start + 16].copy_from_slice(row.as_array_ref());
    }
}

/// U, then V: eight pixels of each.
struct ChromaPart<'a>(&'a mut Plane, &'a mut Plane);

impl Part for ChromaPart<'_> {
    const SIDE: usize = 8;

    #[inline(always)]
    fn columns(&self, x: usize, y: usize) -> Segments {
        from_rows(|row| match row {
            0..8 => eight(self.0, x, y + row),
            _ => eight(self.1, x, y + row - 8),
        })
    }

    #[inline(always)]
    fn put_columns(&mut self, x: usize, y: usize, columns: &[u8x16]) {
        to_rows(columns, |row, pixels| match row {
            0..8 => put_eight(self.0, x, y + row, pixels),
            _ => put_eight(self.1, x, y + row - 8, pixels),
        });
    }

    #[inline(always)]
    fn row(&self, x: usize, y: usize) -> u8x16 {
        pair(eight(self.0, x, y), eight(self.1, x, y))
    }

    #[inline(always)]
    fn put_row(&mut self, x: usize, y: usize, row: u8x16) {
        let [u, v] = halves(row);
        put_eight(self.0, x, y, u);
        put_eight(self.1, x, y, v);
    }
}

#[inline(always)]
fn eight(plane: &Plane, x: usize, y: usize) -> [u8; 8] {
    let pixels = plane.samples[y * plane.width + x..].first_chunk();
    pixels.copied().unwrap_or_default()
}

#[inline(always)]
fn put_eight(plane: &mut Plane, x: usize, y: usize, pixels: [u8; 8]) {
    let start = y * plane.width + x;
    plane.samples[start..start + 8].copy_from_slice(&pixels);
}
