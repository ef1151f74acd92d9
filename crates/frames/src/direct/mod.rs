//! JPEG from a decoder's planes, without RGB between: what the colour matrix and the range change
//! is changed at the resolution that each plane has.

mod chroma;
mod luma;
mod matrix;

use crate::matrix::{Layout, RowMatrix};
use crate::rows::bytes;
use chroma::ChromaStrip;
use framemill_contract::ColorFacts;
use framemill_jpeg::{Encoder, JpegError, PlaneView, Sampling};
use framemill_video::{ChromaSampling, Frame, Plane, Samples};
use luma::LumaStrip;
use matrix::JpegMatrix;

/// Rows of luma that are converted at once: an MCU's.
const STRIP: usize = 16;

/// Whether a frame of these colours can be encoded so: 8 bit, not HDR, YCbCr by a matrix or grey.
pub(crate) fn applies(frame: &Frame, color: &ColorFacts) -> bool {
    let matrix = RowMatrix::new(color.matrix, color.range, frame.bit_depth);
    let grey = frame.chroma == ChromaSampling::Monochrome;
    let bytes = |plane: &Plane| matches!(plane.samples, Samples::U8(_));
    let linear = matrix.layout == Layout::YCbCr || grey;
    !color.tone_mapped && frame.planes.iter().all(bytes) && linear
}

/// Encodes a frame whose planes fit it and to which this applies, as 4:2:0 with three components
/// whatever the frame has, as from RGB.
pub(crate) fn encode(frame: &Frame, color: &ColorFacts, quality: u8) -> Result<Vec<u8>, JpegError> {
    let (width, height) = (frame.width as usize, frame.height as usize);
    let mut encoder = Encoder::new(width, height, Sampling::Cs420, quality)?;
    let matrix = RowMatrix::new(color.matrix, color.range, frame.bit_depth);
    let matrix = JpegMatrix::new(&matrix);
    let Some(mut luma) = LumaStrip::new(frame, &matrix) else {
        return encoder.finish();
    };
    let mut chroma = ChromaStrip::new(frame, &matrix);
    for top in (0..height).step_by(STRIP) {
        let luma = luma.view(top)?;
        let [cb, cr] = chroma.view(top)?;
        encoder.push(&[luma, cb, cr])?;
    }
    encoder.finish()
}

/// A strip of a plane as it is.
fn strip(plane: &Plane, top: usize, rows: usize) -> Result<PlaneView<'_>, JpegError> {
    let (samples, stride) = bytes(plane);
    let samples = samples.get(top * stride..).unwrap_or_default();
    PlaneView::new(samples, stride, plane.width as usize, rows)
}
