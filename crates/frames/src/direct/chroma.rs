use super::matrix::JpegMatrix;
use super::strip::{STRIP, strip};
use crate::rows::{byte_row, widen};
use framemill_jpeg::{JpegError, PlaneView};
use framemill_video::{ChromaSampling, Frame, Plane};

/// Chroma without colour.
const NEUTRAL: u8 = 128;

/// JPEG's chroma of a frame in 4:2:0, a strip at a time. Where the frame has more samples, each is
/// the mean of two or four: JPEG's chroma lies in the middle of the luma samples it belongs to, as
/// the frame's is taken to.
pub(super) struct ChromaStrip<'a> {
    /// Cb and Cr, unless grey.
    planes: Option<[&'a Plane; 2]>,
    sampling: ChromaSampling,
    matrix: JpegMatrix,
    width: usize,
    height: usize,
    /// Sums of samples of a row of Cb and of Cr.
    sums: [Vec<i16>; 2],
    /// Rows of the strip, [`Self::stride`] apart.
    rows: [Vec<u8>; 2],
    stride: usize,
}

impl<'a> ChromaStrip<'a> {
    pub fn new(frame: &'a Frame, matrix: &JpegMatrix) -> Self {
        let planes = match frame.planes.as_slice() {
            [_, cb, cr, ..] if frame.chroma != ChromaSampling::Monochrome => Some([cb, cr]),
            _ => None,
        };
        let width = (frame.width as usize).div_ceil(2);
        let stride = width.next_multiple_of(16);
        let rows = || vec![NEUTRAL; stride * STRIP / 2];
        Self {
            planes,
            sampling: frame.chroma,
            matrix: *matrix,
            width,
            height: (frame.height as usize).div_ceil(2),
            sums: [vec![0; stride], vec![0; stride]],
            rows: [rows(), rows()],
            stride,
        }
    }

    /// Cb and Cr of the strip that begins at luma row `top`.
    pub fn view(&mut self, top: usize) -> Result<[PlaneView<'_>; 2], JpegError> {
        let top = top / 2;
        let height = self.height.saturating_sub(top).min(STRIP / 2);
        if let Some([cb, cr]) = self.planes {
            if self.matrix.keeps_chroma() && self.sampling == ChromaSampling::Cs420 {
                return Ok([strip(cb, top, height)?, strip(cr, top, height)?]);
            }
            let [cb_rows, cr_rows] = &mut self.rows;
            let rows = cb_rows.chunks_exact_mut(self.stride);
            let rows = rows.zip(cr_rows.chunks_exact_mut(self.stride)).take(height);
            for (i, (cb_row, cr_row)) in rows.enumerate() {
                let [cb_sums, cr_sums] = &mut self.sums;
                sum(cb, self.sampling, top + i, cb_sums);
                let doublings = sum(cr, self.sampling, top + i, cr_sums);
                let sums = [cb_sums.as_slice(), cr_sums.as_slice()];
                self.matrix.chroma(sums, doublings, [cb_row, cr_row]);
            }
        }
        let [cb, cr] = &self.rows;
        let view = |rows| PlaneView::new(rows, self.stride, self.width, height);
        Ok([view(cb)?, view(cr)?])
    }
}

/// Adds the samples of which row `y` in 4:2:0 is the mean, and returns their number's logarithm.
fn sum(plane: &Plane, sampling: ChromaSampling, y: usize, out: &mut [i16]) -> i32 {
    let (upper, lower) = (byte_row(plane, 2 * y), byte_row(plane, 2 * y + 1));
    match sampling {
        ChromaSampling::Monochrome | ChromaSampling::Cs420 => {
            widen(byte_row(plane, y), out);
            0
        }
        ChromaSampling::Cs422 => {
            for (out, (upper, lower)) in out.iter_mut().zip(upper.iter().zip(lower)) {
                *out = i16::from(*upper) + i16::from(*lower);
            }
            1
        }
        ChromaSampling::Cs444 => {
            for (out, (upper, lower)) in out.iter_mut().zip(upper.chunks(2).zip(lower.chunks(2))) {
                // At the edge there may be one column only, which counts twice.
                let two = |pair: &[u8]| match *pair {
                    [left, right] => i16::from(left) + i16::from(right),
                    [one] => 2 * i16::from(one),
                    _ => 0,
                };
                *out = two(upper) + two(lower);
            }
            2
        }
    }
}
