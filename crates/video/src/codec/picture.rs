//! From what the decoder crates hand out to [`Frame`]s, with sizes checked.

use crate::limits::{MAX_PIXELS, MAX_SIDE};
use crate::{ChromaSampling, ColorDescription, DecodeError, Frame, Plane, Pts, Samples};

/// Refuses pictures that a decoder should not be asked to allocate.
///
/// # Errors
/// [`DecodeError::Damaged`] for an empty picture, [`DecodeError::Unsupported`] for one above
/// the limits.
pub(super) fn check_size(codec: &'static str, width: u32, height: u32) -> Result<(), DecodeError> {
    if width == 0 || height == 0 {
        return Err(damaged(codec, format!("picture of {width}x{height}")));
    }
    let pixels = u64::from(width) * u64::from(height);
    if width > MAX_SIDE || height > MAX_SIDE || pixels > u64::from(MAX_PIXELS) {
        return Err(unsupported(
            codec,
            format!("picture of {width}x{height}, limit {MAX_SIDE} a side and {MAX_PIXELS} in all"),
        ));
    }
    Ok(())
}

/// Shorthand.
pub(super) fn damaged(codec: &'static str, what: impl Into<String>) -> DecodeError {
    DecodeError::Damaged {
        codec,
        what: what.into(),
    }
}

/// Shorthand.
pub(super) fn unsupported(codec: &'static str, what: impl Into<String>) -> DecodeError {
    DecodeError::Unsupported {
        codec,
        what: what.into(),
    }
}

/// What all decoder crates say of a picture besides its samples.
#[cfg_attr(
    not(any(
        feature = "h264",
        feature = "hevc",
        feature = "av1",
        feature = "vp9",
        feature = "vp8",
        feature = "mjpeg"
    )),
    allow(dead_code, reason = "a build without codecs has no pictures")
)]
pub(super) struct Shape {
    pub codec: &'static str,
    pub width: u32,
    pub height: u32,
    pub chroma: ChromaSampling,
    pub bit_depth: u8,
}

#[cfg_attr(
    not(any(
        feature = "h264",
        feature = "hevc",
        feature = "av1",
        feature = "vp9",
        feature = "vp8",
        feature = "mjpeg"
    )),
    allow(dead_code, reason = "a build without codecs has no pictures")
)]
impl Shape {
    /// Width and height of a plane.
    pub fn plane_size(&self, index: usize) -> (u32, u32) {
        if index == 0 {
            return (self.width, self.height);
        }
        match self.chroma {
            ChromaSampling::Monochrome => (0, 0),
            ChromaSampling::Cs420 => (self.width.div_ceil(2), self.height.div_ceil(2)),
            ChromaSampling::Cs422 => (self.width.div_ceil(2), self.height),
            ChromaSampling::Cs444 => (self.width, self.height),
        }
    }

    /// How many planes.
    pub fn planes(&self) -> usize {
        match self.chroma {
            ChromaSampling::Monochrome => 1,
            _ => 3,
        }
    }

    /// The frame made of samples without padding, exactly those that the shape says.
    ///
    /// # Errors
    /// As [`Shape::view`].
    pub fn frame(
        &self,
        pts: Pts,
        color: ColorDescription,
        planes: impl IntoIterator<Item = Samples>,
    ) -> Result<Frame, DecodeError> {
        let mut done = Vec::with_capacity(self.planes());
        for (index, samples) in planes.into_iter().take(self.planes()).enumerate() {
            let (width, height) = self.plane_size(index);
            if samples.len() as u64 != u64::from(width) * u64::from(height) {
                return Err(self.misfit(index, samples.len()));
            }
            done.push(Plane::tight(width, height, samples));
        }
        self.view(pts, color, done)
    }

    /// The frame made of `planes`.
    ///
    /// # Errors
    /// [`DecodeError::Damaged`] where they do not fit the shape: a decoder crate that disagrees with
    /// itself must not become an index out of bounds later.
    pub fn view(
        &self,
        pts: Pts,
        color: ColorDescription,
        planes: Vec<Plane>,
    ) -> Result<Frame, DecodeError> {
        check_size(self.codec, self.width, self.height)?;
        for (index, plane) in planes.iter().enumerate() {
            let deep = matches!(plane.samples, Samples::U16(_));
            let fits = (plane.width, plane.height) == self.plane_size(index) && plane.is_whole();
            if !fits || deep != (self.bit_depth > 8) {
                return Err(self.misfit(index, plane.samples.len()));
            }
        }
        if planes.len() != self.planes() {
            return Err(damaged(self.codec, format!("{} planes", planes.len())));
        }
        Ok(Frame {
            pts,
            other_pts: Vec::new(),
            width: self.width,
            height: self.height,
            chroma: self.chroma,
            bit_depth: self.bit_depth,
            planes,
            color,
            damage: None,
        })
    }

    fn misfit(&self, index: usize, len: usize) -> DecodeError {
        let (width, height) = self.plane_size(index);
        damaged(
            self.codec,
            format!("plane {index} has {len} samples, {width}x{height} expected"),
        )
    }
}

/// A plane of bytes: one a sample up to 8 bit, two (little endian) above.
#[cfg(feature = "vp9")]
pub(super) fn byte_samples(bytes: Vec<u8>, bit_depth: u8) -> Samples {
    if bit_depth <= 8 {
        return bytes.into();
    }
    let pairs = bytes.as_chunks::<2>().0;
    let words: Vec<_> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    words.into()
}
