use super::matrix::JpegMatrix;
use super::strip::{STRIP, strip};
use crate::rows::{byte_row, widen};
use crate::upsample::Upsampler;
use framemill_jpeg::{JpegError, PlaneView};
use framemill_video::{ChromaSampling, Frame, Plane};

/// JPEG's luma of a frame, a strip at a time.
pub(super) struct LumaStrip<'a> {
    plane: &'a Plane,
    matrix: JpegMatrix,
    detail: Detail<'a>,
    /// A row as numbers.
    numbers: Vec<i16>,
    /// Rows of the strip, [`Self::stride`] apart.
    rows: Vec<u8>,
    stride: usize,
}

/// What chroma adds to luma.
enum Detail<'a> {
    /// Nothing: as many zeros as luma has samples.
    None(Vec<i16>),
    /// A mix of Cb and Cr, upsampled.
    Of(Box<(Mix<'a>, Upsampler)>),
}

/// Cb and Cr, and a row of each as numbers.
struct Mix<'a> {
    planes: [&'a Plane; 2],
    rows: [Vec<i16>; 2],
}

impl Mix<'_> {
    /// A row, not upsampled yet.
    fn row(&mut self, matrix: &JpegMatrix, y: usize, out: &mut [i16]) {
        for (plane, row) in self.planes.iter().zip(&mut self.rows) {
            widen(byte_row(plane, y), row);
        }
        let [cb, cr] = &self.rows;
        matrix.detail([cb, cr], out);
    }
}

impl<'a> LumaStrip<'a> {
    /// `None` for a frame without planes.
    pub fn new(frame: &'a Frame, matrix: &JpegMatrix) -> Option<Self> {
        let plane = frame.planes.first()?;
        let stride = (plane.width as usize).next_multiple_of(16);
        let detail = match frame.planes.as_slice() {
            [_, cb, cr, ..]
                if matrix.has_detail() && frame.chroma != ChromaSampling::Monochrome =>
            {
                let size = (cb.width as usize, cb.height as usize);
                let row = || vec![0; size.0.next_multiple_of(16)];
                let mix = Mix {
                    planes: [cb, cr],
                    rows: [row(), row()],
                };
                Detail::Of(Box::new((
                    mix,
                    Upsampler::new(frame.chroma, size, i16::MAX),
                )))
            }
            _ => Detail::None(vec![0; stride]),
        };
        Some(Self {
            plane,
            matrix: *matrix,
            detail,
            numbers: vec![0; stride],
            rows: vec![0; stride * STRIP],
            stride,
        })
    }

    /// The strip that begins at row `top`. Strips must be asked for in order.
    pub fn view(&mut self, top: usize) -> Result<PlaneView<'_>, JpegError> {
        let height = (self.plane.height as usize).saturating_sub(top).min(STRIP);
        if self.matrix.keeps_luma() {
            return strip(self.plane, top, height);
        }
        for (i, out) in self
            .rows
            .chunks_exact_mut(self.stride)
            .take(height)
            .enumerate()
        {
            let matrix = &self.matrix;
            let detail = match &mut self.detail {
                Detail::None(zeros) => zeros,
                Detail::Of(both) => {
                    let (mix, upsampler) = both.as_mut();
                    upsampler.row(top + i, |y, out| mix.row(matrix, y, out))
                }
            };
            widen(byte_row(self.plane, top + i), &mut self.numbers);
            matrix.luma(&self.numbers, detail, out);
        }
        PlaneView::new(&self.rows, self.stride, self.plane.width as usize, height)
    }
}
