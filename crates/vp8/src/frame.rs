//! What a decoder gives.

use crate::error::Damage;
use crate::picture::Picture;
use std::sync::Arc;

/// A decoded frame: YUV 4:2:0 of 8 bits, BT.601 and limited range (RFC 6386 clause 9.2). Cheap to
/// clone.
#[derive(Clone, Debug)]
pub struct Frame {
    picture: Arc<Picture>,
}

impl Frame {
    pub(crate) fn new(picture: Arc<Picture>) -> Self {
        Self { picture }
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        u32::from(self.picture.size.width)
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        u32::from(self.picture.size.height)
    }

    /// Why the frame is not, or may not be, what was encoded. `None` where nothing speaks against
    /// it.
    pub fn damage(&self) -> Option<Damage> {
        self.picture.damage
    }

    /// Rows of plane 0 (Y), 1 (U) or 2 (V), from the top. Chroma has half the width and height,
    /// rounded up.
    ///
    /// # Panics
    /// There are three planes.
    pub fn rows(&self, plane: usize) -> impl ExactSizeIterator<Item = &[u8]> {
        let (width, height) = self.plane_size(plane);
        let plane = &self.picture.planes[plane];
        plane
            .samples
            .chunks_exact(plane.width)
            .take(height)
            .map(move |row| &row[..width])
    }

    /// The samples of a plane, row by row.
    ///
    /// # Panics
    /// There are three planes.
    pub fn samples(&self, plane: usize) -> Vec<u8> {
        let (width, height) = self.plane_size(plane);
        let mut samples = Vec::with_capacity(width * height);
        for row in self.rows(plane) {
            samples.extend_from_slice(row);
        }
        samples
    }

    fn plane_size(&self, plane: usize) -> (usize, usize) {
        let (width, height) = (self.picture.size.width, self.picture.size.height);
        let scale = |side: u16| match plane {
            0 => usize::from(side),
            _ => usize::from(side).div_ceil(2),
        };
        (scale(width), scale(height))
    }
}
