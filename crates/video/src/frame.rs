//! A decoded picture.

use crate::{ColorDescription, Pts};

/// A decoded picture in planes, cropped to what is shown, not yet rotated or converted.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Presentation time: the one of the access unit that was decoded.
    pub pts: Pts,
    /// Shown width in luma samples, at least 1.
    pub width: u32,
    /// Shown height in luma samples, at least 1.
    pub height: u32,
    /// How chroma is sampled; [`ChromaSampling::Monochrome`] has one plane, all others three.
    pub chroma: ChromaSampling,
    /// Significant bits per sample: 8 with [`Samples::U8`], 9 to 16 with [`Samples::U16`].
    pub bit_depth: u8,
    /// Y, then Cb and Cr. (G, B, R where the matrix is [`crate::Matrix::Identity`].)
    pub planes: Vec<Plane>,
    /// Colour as the bitstream says, the container filling what it leaves open.
    pub color: ColorDescription,
    /// Why the picture cannot be trusted: its own data was damaged, or something that it refers to
    /// was damaged or is missing. `None`: it is exact.
    pub damage: Option<String>,
}

/// One plane of samples, without padding: `samples.len() == width * height`.
#[derive(Clone, Debug)]
pub struct Plane {
    /// Samples in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The samples, row by row.
    pub samples: Samples,
}

/// Plane storage.
#[derive(Clone, Debug)]
pub enum Samples {
    /// 8 bit.
    U8(Vec<u8>),
    /// 9 to 16 bit, in the low bits, native endian.
    U16(Vec<u16>),
}

/// Chroma sampling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChromaSampling {
    /// No chroma.
    Monochrome,
    /// 4:2:0: half width, half height (rounded up).
    Cs420,
    /// 4:2:2: half width (rounded up).
    Cs422,
    /// 4:4:4.
    Cs444,
}
