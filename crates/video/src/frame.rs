//! A decoded picture.

use crate::{ColorDescription, Pts};
use std::sync::Arc;

/// A decoded picture in planes, cropped to what is shown, not yet rotated or converted.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Presentation time: the one of the access unit that was decoded.
    pub pts: Pts,
    /// Those of further access units that hold a part of it: its second field, or no picture at all.
    pub other_pts: Vec<Pts>,
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

/// One plane of samples: a view into what the decoder wrote, which is not copied.
#[derive(Clone, Debug)]
pub struct Plane {
    /// Samples in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Samples from one row to the next.
    pub stride: usize,
    /// Place of the first sample.
    pub start: usize,
    /// All samples, those that are not shown too.
    pub samples: Samples,
}

impl Plane {
    /// A plane without padding.
    pub fn tight(width: u32, height: u32, samples: impl Into<Samples>) -> Self {
        Self {
            width,
            height,
            stride: width as usize,
            start: 0,
            samples: samples.into(),
        }
    }

    /// All samples of all rows are there, at least one.
    pub fn is_whole(&self) -> bool {
        let (width, height) = (self.width as usize, self.height as usize);
        let end = height
            .checked_sub(1)
            .and_then(|rows| rows.checked_mul(self.stride))
            .and_then(|at| at.checked_add(self.start)?.checked_add(width));
        width > 0 && self.stride >= width && end.is_some_and(|end| end <= self.samples.len())
    }

    /// A row; empty where the plane has no such row.
    pub fn row(&self, y: usize) -> Row<'_> {
        let span = || {
            let from = y.checked_mul(self.stride)?.checked_add(self.start)?;
            let to = from.checked_add(self.width as usize)?;
            (y < self.height as usize).then_some(from..to)
        };
        let span = span().unwrap_or(0..0);
        match &self.samples {
            Samples::U8(samples) => Row::U8(samples.get(span).unwrap_or_default()),
            Samples::U16(samples) => Row::U16(samples.get(span).unwrap_or_default()),
        }
    }
}

/// Samples of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row<'a> {
    /// 8 bit.
    U8(&'a [u8]),
    /// 9 to 16 bit.
    U16(&'a [u16]),
}

/// Plane storage, shared with the decoder until both are done with it.
#[derive(Clone, Debug)]
pub enum Samples {
    /// 8 bit.
    U8(Arc<Vec<u8>>),
    /// 9 to 16 bit, in the low bits, native endian.
    U16(Arc<Vec<u16>>),
}

impl Samples {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(samples) => samples.len(),
            Self::U16(samples) => samples.len(),
        }
    }

    /// None.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that they take.
    pub fn bytes(&self) -> usize {
        match self {
            Self::U8(samples) => samples.len(),
            Self::U16(samples) => samples.len() * 2,
        }
    }
}

impl From<Vec<u8>> for Samples {
    fn from(samples: Vec<u8>) -> Self {
        Self::U8(Arc::new(samples))
    }
}

impl From<Vec<u16>> for Samples {
    fn from(samples: Vec<u16>) -> Self {
        Self::U16(Arc::new(samples))
    }
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
