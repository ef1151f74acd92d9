//! RFC 6386 clause 15: the loop filter's geometry and control parameters.

use crate::edge_filter::{
    Limits, Segments, from_rows, macroblock_edge, simple_edge, subblock_edge, to_rows,
};
use crate::header::{FilterDeltas, FilterHeader, Segmentation};
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
        for (x, strength) in strengths.iter().enumerate().filter(|(_, it)| it.level > 0) {
            let [whole, sub] = self.limits(strength.level);
            let sub = strength.subblocks.then_some(sub);
            if self.header.simple {
                filter_simple(&mut picture.planes[0], (x, y), &whole, sub.as_ref());
            } else {
                filter_normal(&mut picture.planes, (x, y), &whole, sub.as_ref());
            }
        }
    }
}

/// A filter on the segments of an edge.
type Filter = fn(&mut Segments, &Limits);

/// Clause 15.2: luma only.
fn filter_simple(luma: &mut Plane, at: (usize, usize), whole: &Limits, sub: Option<&Limits>) {
    filter_luma(
        luma,
        at,
        (simple_edge, whole),
        sub.map(|limits| (simple_edge as Filter, limits)),
    );
}

/// Clause 15.3.
fn filter_normal(
    [y, u, v]: &mut [Plane; 3],
    at: (usize, usize),
    whole: &Limits,
    sub: Option<&Limits>,
) {
    filter_luma(
        y,
        at,
        (macroblock_edge, whole),
        sub.map(|limits| (subblock_edge as Filter, limits)),
    );
    let (x, y) = (8 * at.0, 8 * at.1);
    if x > 0 {
        filter_chroma_columns(u, v, (x, y), macroblock_edge, whole);
    }
    if let Some(sub) = sub {
        filter_chroma_columns(u, v, (x + 4, y), subblock_edge, sub);
    }
    if y > 0 {
        filter_chroma_rows(u, v, (x, y), macroblock_edge, whole);
    }
    if let Some(sub) = sub {
        filter_chroma_rows(u, v, (x, y + 4), subblock_edge, sub);
    }
}

/// The edges of the macroblock in this column and row, in the order of clause 15.1.
fn filter_luma(
    luma: &mut Plane,
    at: (usize, usize),
    (whole, limits): (Filter, &Limits),
    sub: Option<(Filter, &Limits)>,
) {
    let (x, y) = (16 * at.0, 16 * at.1);
    if x > 0 {
        filter_luma_columns(luma, (x, y), whole, limits);
    }
    if let Some((filter, limits)) = sub {
        for more in [4, 8, 12] {
            filter_luma_columns(luma, (x + more, y), filter, limits);
        }
    }
    if y > 0 {
        filter_luma_rows(luma, (x, y), whole, limits);
    }
    if let Some((filter, limits)) = sub {
        for more in [4, 8, 12] {
            filter_luma_rows(luma, (x, y + more), filter, limits);
        }
    }
}

/// The vertical edge to the left of column `x`, from row `y` on.
fn filter_luma_columns(luma: &mut Plane, at: (usize, usize), filter: Filter, limits: &Limits) {
    let mut rows = [[0; 8]; 16];
    read_rows(luma, (at.0 - 4, at.1), &mut rows);
    let mut segments = from_rows(&rows);
    filter(&mut segments, limits);
    write_rows(luma, (at.0 - 4, at.1), &to_rows(segments));
}

/// The same of both chroma planes.
fn filter_chroma_columns(
    u: &mut Plane,
    v: &mut Plane,
    at: (usize, usize),
    filter: Filter,
    limits: &Limits,
) {
    let at = (at.0 - 4, at.1);
    let mut rows = [[0; 8]; 16];
    let (upper, lower) = rows.split_at_mut(8);
    read_rows(u, at, upper);
    read_rows(v, at, lower);
    let mut segments = from_rows(&rows);
    filter(&mut segments, limits);
    let rows = to_rows(segments);
    let (upper, lower) = rows.split_at(8);
    write_rows(u, at, upper);
    write_rows(v, at, lower);
}

/// The horizontal edge above row `y`, from column `x` on.
fn filter_luma_rows(luma: &mut Plane, at: (usize, usize), filter: Filter, limits: &Limits) {
    let mut rows = [[0; 16]; 8];
    read_rows(luma, (at.0, at.1 - 4), &mut rows);
    let mut segments = rows.map(u8x16::new);
    filter(&mut segments, limits);
    write_rows(luma, (at.0, at.1 - 4), &segments.map(u8x16::to_array));
}

/// The same of both chroma planes.
fn filter_chroma_rows(
    u: &mut Plane,
    v: &mut Plane,
    at: (usize, usize),
    filter: Filter,
    limits: &Limits,
) {
    let at = (at.0, at.1 - 4);
    let mut rows = [[[0; 8]; 8]; 2];
    read_rows(u, at, &mut rows[0]);
    read_rows(v, at, &mut rows[1]);
    let mut segments = std::array::from_fn(|row| {
        let mut both = [0; 16];
        both[..8].copy_from_slice(&rows[0][row]);
        both[8..].copy_from_slice(&rows[1][row]);
        u8x16::new(both)
    });
    filter(&mut segments, limits);
    for (row, both) in segments.iter().enumerate() {
        let both = both.as_array_ref();
        rows[0][row].copy_from_slice(&both[..8]);
        rows[1][row].copy_from_slice(&both[8..]);
    }
    write_rows(u, at, &rows[0]);
    write_rows(v, at, &rows[1]);
}

/// Reads rows of pixels from column `x` and row `y` on.
fn read_rows<const W: usize>(plane: &Plane, (x, y): (usize, usize), rows: &mut [[u8; W]]) {
    let start = y * plane.width + x;
    let from = plane.samples[start..].chunks(plane.width);
    for (to, from) in rows.iter_mut().zip(from) {
        to.copy_from_slice(&from[..W]);
    }
}

/// The contrary of [`read_rows`].
fn write_rows<const W: usize>(plane: &mut Plane, (x, y): (usize, usize), rows: &[[u8; W]]) {
    let start = y * plane.width + x;
    let to = plane.samples[start..].chunks_mut(plane.width);
    for (to, from) in to.zip(rows) {
        to[..W].copy_from_slice(from);
    }
}
