//! Chroma at luma resolution in whole numbers: what [`crate::chroma`] does, for 8-bit video.

use crate::vector::{Pair, loaded};
use framemill_video::ChromaSampling;
use wide::i16x8;

/// Bits of fraction of the weights.
const FRACTION: i32 = 15;
const HALF: i32 = 1 << (FRACTION - 1);

/// [`crate::chroma::CUBIC`] with [`FRACTION`].
const CUBIC: [i16; 4] = [-922, 7_885, 28_570, -2_765];
/// [`crate::chroma::CUBIC_EDGE`] with [`FRACTION`].
const CUBIC_EDGE: [i16; 4] = [0, 7_669, 27_788, -2_689];

/// Upsamples a plane of numbers row by row. The numbers are so small that the filter's overshoot,
/// a factor of 1.23 in each direction, fits 16 bits; what it does not fit is cut off.
pub(crate) struct Upsampler {
    width: usize,
    rows: usize,
    half_width: bool,
    half_height: bool,
    /// Highest number after the first direction.
    ceiling: i16,
    /// The last rows at luma width, row `y` at `y % 4`.
    recent: [Vec<i16>; 4],
    /// Rows in `recent` so far.
    loaded: usize,
    /// A row with two numbers of margin on the left, and more on the right.
    padded: Vec<i16>,
    /// Result of blending rows.
    blended: Vec<i16>,
}

impl Upsampler {
    /// For a plane of this size.
    pub fn new(chroma: ChromaSampling, (width, rows): (usize, usize), ceiling: i16) -> Self {
        let half_width = matches!(chroma, ChromaSampling::Cs420 | ChromaSampling::Cs422);
        let vectors = width.next_multiple_of(16);
        let row = || vec![0; if half_width { 2 * vectors } else { vectors }];
        Self {
            width,
            rows,
            half_width,
            half_height: chroma == ChromaSampling::Cs420,
            ceiling,
            recent: [row(), row(), row(), row()],
            loaded: 0,
            padded: vec![0; 2 + vectors + 6],
            blended: row(),
        }
    }

    /// The plane at luma row `y`, and some numbers beyond its end: sixteens. Rows must be asked for
    /// in order; `load` fills in a row of the plane, and what it likes beyond its end.
    pub fn row(&mut self, y: usize, load: impl FnMut(usize, &mut [i16])) -> &[i16] {
        let last = self.rows.saturating_sub(1);
        if !self.half_height {
            self.load_up_to(y.min(last), load);
            return &self.recent[y % 4];
        }
        // The four rows from top to bottom; beyond the edge the edge row is repeated.
        let top = y / 2 + y % 2;
        let rows = [0, 1, 2, 3].map(|i| (top + i).saturating_sub(2).min(last));
        let mut weights = if y == 0 || y == 2 { CUBIC_EDGE } else { CUBIC };
        if y % 2 == 1 {
            weights.reverse();
        }
        self.load_up_to(rows[3], load);
        let rows = rows.map(|row| self.recent[row % 4].as_slice());
        blend(rows, weights, &mut self.blended);
        &self.blended
    }

    fn load_up_to(&mut self, row: usize, mut load: impl FnMut(usize, &mut [i16])) {
        while self.loaded <= row {
            let out = &mut self.recent[self.loaded % 4];
            if self.half_width {
                let end = self.padded.len() - 6;
                load(self.loaded, self.padded.get_mut(2..end).unwrap_or_default());
                let (first, last) = (self.padded[2], self.padded[self.width + 1]);
                self.padded[..2].fill(first);
                self.padded[self.width + 2..].fill(last);
                upsample_row(&self.padded, self.ceiling, out);
            } else {
                load(self.loaded, out);
            }
            self.loaded += 1;
        }
    }
}

/// Upsamples a row to twice its width.
fn upsample_row(padded: &[i16], ceiling: i16, out: &mut [i16]) {
    let [a, b, c, d] = CUBIC;
    let ceiling = i16x8::splat(ceiling);
    let windows = padded.windows(12).step_by(8);
    for (out, window) in out.as_chunks_mut::<16>().0.iter_mut().zip(windows) {
        let at = |i: usize| {
            let numbers = window.get(i..).and_then(|rest| rest.first_chunk::<8>());
            loaded(numbers.unwrap_or(&[0; 8]))
        };
        let [p0, p1, p2, p3, p4] = [at(0), at(1), at(2), at(3), at(4)];
        let left = Pair::of(p0, p1).times([a, b]);
        let left = left.plus(Pair::of(p2, p3).times([c, d]));
        let right = Pair::of(p1, p2).times([d, c]);
        let right = right.plus(Pair::of(p3, p4).times([b, a]));
        let left = left.shifted(HALF, FRACTION).min(ceiling);
        let right = right.shifted(HALF, FRACTION).min(ceiling);
        Pair::of(left, right).store(out);
    }
    let [_, b, c, d] = CUBIC_EDGE.map(i32::from);
    for (out, taps) in out.iter_mut().step_by(2).zip(padded.windows(4)).take(2) {
        let [_, p1, p2, p3] = [0, 1, 2, 3].map(|i| i32::from(taps[i]));
        let sum = (b * p1 + c * p2 + d * p3 + HALF) >> FRACTION;
        *out = sum.clamp(i16::MIN.into(), ceiling.as_array_ref()[0].into()) as i16;
    }
}

fn blend([p0, p1, p2, p3]: [&[i16]; 4], [a, b, c, d]: [i16; 4], out: &mut [i16]) {
    let rows = p0.as_chunks().0.iter().zip(p1.as_chunks().0);
    let rows = rows.zip(p2.as_chunks().0.iter().zip(p3.as_chunks().0));
    for (out, ((p0, p1), (p2, p3))) in out.as_chunks_mut::<8>().0.iter_mut().zip(rows) {
        let upper = Pair::of(loaded(p0), loaded(p1)).times([a, b]);
        let lower = Pair::of(loaded(p2), loaded(p3)).times([c, d]);
        *out = upper.plus(lower).shifted(HALF, FRACTION).to_array();
    }
}
