//! Strips of planes.

use crate::rows::bytes;
use framemill_jpeg::{JpegError, PlaneView};
use framemill_video::Plane;

/// Rows of luma that are converted at once: an MCU's.
pub(super) const STRIP: usize = 16;

/// A strip of a plane as it is.
pub(super) fn strip(plane: &Plane, top: usize, rows: usize) -> Result<PlaneView<'_>, JpegError> {
    let (samples, stride) = bytes(plane);
    let samples = samples.get(top * stride..).unwrap_or_default();
    PlaneView::new(samples, stride, plane.width as usize, rows)
}
