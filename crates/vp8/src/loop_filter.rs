//! RFC 6386 clause 15: the loop filter's geometry and control parameters.

use crate::edge_filter::{EdgeFilter, Limits, MacroblockEdge, Segments, SimpleEdge, SubblockEdge};
use crate::header::{FilterDeltas, FilterHeader, Segmentation};
use crate::lanes::{columns_to_rows, halves, pair, rows_to_columns};
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
    let left = (x > 0).then_some(whole);
    let top = (y > 0).then_some(whole);
    match sub {
        Some(sub) => filter_all::<P, Whole, Sub>(part, (x, y), (left, top), sub),
        None => filter_outline::<P, Whole>(part, (x, y), (left, top)),
    }
}

/// The edges to the left and above only.
#[inline(always)]
fn filter_outline<P: Part, F: EdgeFilter>(
    part: &mut P,
    (x, y): (usize, usize),
    (left, top): (Option<&Limits>, Option<&Limits>),
) {
    if let Some(limits) = left {
        let mut columns = part.columns(x - 4, y);
        if F::filter(&mut columns, limits) {
            part.put_columns(x - 4, y, columns);
        }
    }
    if let Some(limits) = top {
        let mut rows = [u8x16::ZERO; 8];
        part.read_rows(x, y - 4, &mut rows);
        if F::filter(&mut rows, limits) {
            part.put_rows(x, y - 4, &rows);
        }
    }
}

/// These, and those between subblocks.
#[inline(always)]
fn filter_all<P: Part, Whole: EdgeFilter, Sub: EdgeFilter>(
    part: &mut P,
    (x, y): (usize, usize),
    (left, top): (Option<&Limits>, Option<&Limits>),
    sub: &Limits,
) {
    // Eight columns to the left, then those of the macroblock.
    let mut columns = [u8x16::ZERO; 24];
    let own = 8..8 + P::SIDE;
    part.read_rows(x, y, &mut columns[own.clone()]);
    rows_to_columns(&mut columns[own.clone()]);
    if left.is_some() {
        columns[..8].copy_from_slice(&part.columns(x - 8, y));
    }
    filter_edges::<P, Whole, Sub>(&mut columns, 8, left, sub);
    if let Some((columns, _)) = columns.split_first_chunk().filter(|_| left.is_some()) {
        part.put_columns(x - 8, y, *columns);
    }
    columns_to_rows(&mut columns[own.clone()]);

    // Four rows above, then those of the macroblock.
    let mut rows = [u8x16::ZERO; 20];
    rows[4..4 + P::SIDE].copy_from_slice(&columns[own]);
    if top.is_some() {
        part.read_rows(x, y - 4, &mut rows[..4]);
    }
    filter_edges::<P, Whole, Sub>(&mut rows, 4, top, sub);
    if top.is_some() {
        part.put_rows(x, y - 4, &rows[..4]);
    }
    part.put_rows(x, y, &rows[4..4 + P::SIDE]);
}

/// Filters the edge before lanes `at`, and those between the subblocks after it.
#[inline(always)]
fn filter_edges<P: Part, Whole: EdgeFilter, Sub: EdgeFilter>(
    lanes: &mut [u8x16],
    at: usize,
    whole: Option<&Limits>,
    sub: &Limits,
) {
    if let Some(limits) = whole {
        filter_edge::<Whole>(lanes, at, limits);
    }
    for more in (4..P::SIDE).step_by(4) {
        filter_edge::<Sub>(lanes, at + more, sub);
    }
}

#[inline(always)]
fn filter_edge<F: EdgeFilter>(lanes: &mut [u8x16], at: usize, limits: &Limits) {
    if let Some(segments) = lanes[at - 4..].first_chunk_mut() {
        F::filter(segments, limits);
    }
}

/// Planes whose edges are 16 pixels long when filtered at once.
trait Part {
    /// The side of a macroblock in pixels.
    const SIDE: usize;

    /// Rows of 16 pixels from column `x` and row `y` on.
    fn read_rows(&self, x: usize, y: usize, rows: &mut [u8x16]);
    fn put_rows(&mut self, x: usize, y: usize, rows: &[u8x16]);
    /// Eight columns of 16 pixels from column `x` and row `y` on.
    fn columns(&self, x: usize, y: usize) -> Segments;
    fn put_columns(&mut self, x: usize, y: usize, columns: Segments);
}

struct LumaPart<'a>(&'a mut Plane);

impl Part for LumaPart<'_> {
    const SIDE: usize = 16;

    #[inline(always)]
    fn read_rows(&self, x: usize, y: usize, rows: &mut [u8x16]) {
        let mut place = y * self.0.width + x;
        for row in rows {
            *row = u8x16::new(pixels(self.0, place));
            place += self.0.width;
        }
    }

    #[inline(always)]
    fn put_rows(&mut self, x: usize, y: usize, rows: &[u8x16]) {
        let mut place = y * self.0.width + x;
        for row in rows {
            put_pixels(self.0, place, row.as_array_ref());
            place += self.0.width;
        }
    }

    #[inline(always)]
    fn columns(&self, x: usize, y: usize) -> Segments {
        let mut lanes = [u8x16::ZERO; 8];
        let mut place = y * self.0.width + x;
        for lanes in &mut lanes {
            let next = place + self.0.width;
            *lanes = pair(pixels(self.0, place), pixels(self.0, next));
            place = next + self.0.width;
        }
        rows_to_columns(&mut lanes);
        lanes
    }

    #[inline(always)]
    fn put_columns(&mut self, x: usize, y: usize, mut columns: Segments) {
        columns_to_rows(&mut columns);
        let mut place = y * self.0.width + x;
        for lanes in columns {
            let [first, second] = halves(lanes);
            let next = place + self.0.width;
            put_pixels(self.0, place, &first);
            put_pixels(self.0, next, &second);
            place = next + self.0.width;
        }
    }
}

/// U and V: eight pixels of one and then eight of the other.
struct ChromaPart<'a>(&'a mut Plane, &'a mut Plane);

impl Part for ChromaPart<'_> {
    const SIDE: usize = 8;

    #[inline(always)]
    fn read_rows(&self, x: usize, y: usize, rows: &mut [u8x16]) {
        let mut place = y * self.0.width + x;
        for row in rows {
            *row = pair(pixels(self.0, place), pixels(self.1, place));
            place += self.0.width;
        }
    }

    #[inline(always)]
    fn put_rows(&mut self, x: usize, y: usize, rows: &[u8x16]) {
        let mut place = y * self.0.width + x;
        for row in rows {
            let [u, v] = halves(*row);
            put_pixels(self.0, place, &u);
            put_pixels(self.1, place, &v);
            place += self.0.width;
        }
    }

    #[inline(always)]
    fn columns(&self, x: usize, y: usize) -> Segments {
        let mut lanes = [u8x16::ZERO; 8];
        self.read_rows(x, y, &mut lanes);
        rows_to_columns(&mut lanes);
        lanes
    }

    #[inline(always)]
    fn put_columns(&mut self, x: usize, y: usize, mut columns: Segments) {
        columns_to_rows(&mut columns);
        self.put_rows(x, y, &columns);
    }
}

#[inline(always)]
fn pixels<const N: usize>(plane: &Plane, place: usize) -> [u8; N] {
    let pixels = plane.samples[place..].first_chunk();
    pixels.copied().unwrap_or([0; N])
}

#[inline(always)]
fn put_pixels<const N: usize>(plane: &mut Plane, place: usize, pixels: &[u8; N]) {
    if let Some(to) = plane.samples[place..].first_chunk_mut() {
        *to = *pixels;
    }
}
