//! What the decoder hands out.

use crate::picture::{Chroma, Format};
use std::sync::Arc;

/// A decoded frame, cropped to what is shown. Its samples are shared with the decoder until both are
/// done with them: nothing is copied.
#[derive(Clone, Debug)]
pub struct Frame {
    /// What was given with the access unit that the frame began in.
    pub tag: i64,
    /// What was given with the access unit that brought the second field, where it is another one.
    pub second_tag: Option<i64>,
    /// Shown width in luma samples.
    pub width: u32,
    /// Shown height in luma samples.
    pub height: u32,
    /// How chroma is sampled.
    pub chroma: Chroma,
    /// Bits of a sample, 8 to 14.
    pub bit_depth: u8,
    /// Y, Cb, Cr; one plane where there is no chroma.
    pub planes: Vec<Plane>,
    /// Why the picture is not what was encoded, where it is not: its own data is damaged, or a picture
    /// that it refers to is or is missing.
    pub damage: Option<String>,
}

/// A plane of a frame: a view into a larger one.
#[derive(Clone, Debug)]
pub struct Plane {
    /// Samples in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// From one row to the next, in samples.
    pub stride: usize,
    /// The first sample that is shown.
    pub start: usize,
    /// All samples.
    pub samples: Samples,
}

/// Samples of a plane.
#[derive(Clone, Debug)]
pub enum Samples {
    /// 8 bit.
    U8(Arc<Vec<u8>>),
    /// 9 to 14 bit.
    U16(Arc<Vec<u16>>),
}

/// Samples by their type.
pub(crate) trait Store: Sized {
    /// As a plane of a frame holds them.
    fn samples(plane: &Arc<Vec<Self>>) -> Samples;
}

impl Store for u8 {
    fn samples(plane: &Arc<Vec<Self>>) -> Samples {
        Samples::U8(plane.clone())
    }
}

impl Store for u16 {
    fn samples(plane: &Arc<Vec<Self>>) -> Samples {
        Samples::U16(plane.clone())
    }
}

/// The part of a picture that is shown (clause 7.4.2.1.1, frame cropping), in luma samples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub height: usize,
}

/// The planes of a picture, cropped.
pub(crate) fn planes<S: Store>(
    format: Format,
    planes: &[Arc<Vec<S>>; 3],
    shown: Shown,
) -> Vec<Plane> {
    let (shift_x, shift_y) = match format.chroma {
        Chroma::Monochrome | Chroma::Cs444 => (0, 0),
        Chroma::Cs420 => (1, 1),
        Chroma::Cs422 => (1, 0),
    };
    let count = if format.chroma == Chroma::Monochrome {
        1
    } else {
        3
    };
    let plane = |(index, samples): (usize, &Arc<Vec<S>>)| {
        let (x, y) = if index == 0 {
            (0, 0)
        } else {
            (shift_x, shift_y)
        };
        let (stride, _) = format.plane(index);
        Plane {
            width: ((shown.width + x) >> x) as u32,
            height: ((shown.height + y) >> y) as u32,
            stride,
            start: (shown.top >> y) * stride + (shown.left >> x),
            samples: S::samples(samples),
        }
    };
    planes.iter().enumerate().take(count).map(plane).collect()
}
