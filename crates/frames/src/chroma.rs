//! Chroma at luma resolution.

use crate::rows::load_row;
use framemill_video::{ChromaSampling, Frame, Plane};

/// Weights of the four chroma samples around a luma sample that lies a quarter of a chroma
/// sample off one of them, nearest last but one: the cubic of ffmpeg's scaler (B = 0,
/// C = 0.6) at distances 1.75, 0.75, 0.25 and 1.25.
const CUBIC: [f32; 4] = [-0.028_125, 0.240_625, 0.871_875, -0.084_375];

/// The same for the first and third luma sample of a row or column. ffmpeg rounds the start of
/// the window towards zero, so that near the edge the farthest weight is lost there; images are
/// to equal ffmpeg's, hence so here.
const CUBIC_EDGE: [f32; 4] = [
    0.0,
    0.240_625 / 1.028_125,
    0.871_875 / 1.028_125,
    -0.084_375 / 1.028_125,
];

/// Rows of both chroma planes, upsampled. Chroma is taken to lie in the middle of the luma
/// samples it belongs to in both directions, as ffmpeg 4 to 7 do unless told otherwise.
pub(crate) struct ChromaRows<'a> {
    planes: [&'a Plane; 2],
    half_width: bool,
    half_height: bool,
    /// Of each plane the last rows at luma width, row `y` at `y % 4`.
    recent: [[Vec<f32>; 4]; 2],
    /// Highest value an upsampled sample may take, see [`upsample_row`].
    ceiling: f32,
    /// Chroma rows in `recent` so far.
    loaded: usize,
    /// A chroma row with two samples of margin on each side.
    padded: Vec<f32>,
    /// Result of blending rows.
    blended: [Vec<f32>; 2],
}

impl<'a> ChromaRows<'a> {
    /// For the chroma planes of `frame`, which fit it.
    pub fn new(cb: &'a Plane, cr: &'a Plane, frame: &Frame) -> Self {
        let (chroma, width) = (frame.chroma, frame.width as usize);
        let codes = (1u32 << frame.bit_depth.min(16)) as f32;
        let row = || vec![0.0; width];
        let rows = || [row(), row(), row(), row()];
        Self {
            planes: [cb, cr],
            half_width: matches!(chroma, ChromaSampling::Cs420 | ChromaSampling::Cs422),
            half_height: chroma == ChromaSampling::Cs420,
            recent: [rows(), rows()],
            ceiling: codes - codes / 32_768.0,
            loaded: 0,
            padded: vec![0.0; cb.width as usize + 4],
            blended: [row(), row()],
        }
    }

    /// Both planes at luma row `y`. Rows must be asked for in order.
    pub fn row(&mut self, y: usize) -> (&[f32], &[f32]) {
        if !self.half_height {
            self.load_up_to(y);
            let [cb, cr] = &self.recent;
            return (&cb[y % 4], &cr[y % 4]);
        }
        let last = (self.planes[0].height as usize).saturating_sub(1);
        let near = y / 2;
        // The four rows from top to bottom; beyond the edge the edge row is repeated.
        let top = if y.is_multiple_of(2) {
            near + 8 - 2
        } else {
            near + 8 - 1
        };
        let rows = [0, 1, 2, 3].map(|i| (top + i).saturating_sub(8).min(last));
        let mut weights = if y == 0 || y == 2 { CUBIC_EDGE } else { CUBIC };
        if y % 2 == 1 {
            weights.reverse();
        }
        self.load_up_to(rows[3]);
        for (recent, blended) in self.recent.iter().zip(&mut self.blended) {
            blend(rows.map(|row| recent[row % 4].as_slice()), weights, blended);
        }
        (&self.blended[0], &self.blended[1])
    }

    fn load_up_to(&mut self, row: usize) {
        while self.loaded <= row {
            for (plane, recent) in self.planes.iter().zip(&mut self.recent) {
                let out = &mut recent[self.loaded % 4];
                if self.half_width {
                    upsample_row(plane, self.loaded, self.ceiling, &mut self.padded, out);
                } else {
                    load_row(plane, self.loaded, out);
                }
            }
            self.loaded += 1;
        }
    }
}

/// Upsamples a row to twice its width. Overshoot above the highest code is cut off at
/// `ceiling`, as in ffmpeg, whose rows between its two passes have 15 bits; that below 0 is not.
fn upsample_row(plane: &Plane, y: usize, ceiling: f32, padded: &mut [f32], out: &mut [f32]) {
    let width = plane.width as usize;
    let Some(inner) = padded.get_mut(2..width + 2) else {
        return;
    };
    load_row(plane, y, inner);
    let (first, last) = (padded[2], padded[width + 1]);
    padded[..2].fill(first);
    padded[width + 2..].fill(last);
    let [a, b, c, d] = CUBIC;
    let (pairs, odd) = out.as_chunks_mut::<2>();
    let taps = padded
        .iter()
        .zip(&padded[1..])
        .zip(&padded[2..])
        .zip(&padded[3..])
        .zip(&padded[4..]);
    for (pair, ((((p0, p1), p2), p3), p4)) in pairs.iter_mut().zip(taps) {
        let left = a * p0 + b * p1 + c * p2 + d * p3;
        let right = d * p1 + c * p2 + b * p3 + a * p4;
        pair[0] = if left < ceiling { left } else { ceiling };
        pair[1] = if right < ceiling { right } else { ceiling };
    }
    if let ([odd], [p0, p1, p2, p3]) = (odd, &padded[width - 1..width + 3]) {
        *odd = (a * p0 + b * p1 + c * p2 + d * p3).min(ceiling);
    }
    let [_, b, c, d] = CUBIC_EDGE;
    for (out, taps) in out.iter_mut().step_by(2).zip(padded.windows(4)).take(2) {
        *out = (b * taps[1] + c * taps[2] + d * taps[3]).min(ceiling);
    }
}

fn blend([p0, p1, p2, p3]: [&[f32]; 4], [a, b, c, d]: [f32; 4], out: &mut [f32]) {
    for ((((out, p0), p1), p2), p3) in out.iter_mut().zip(p0).zip(p1).zip(p2).zip(p3) {
        *out = a * p0 + b * p1 + c * p2 + d * p3;
    }
}
