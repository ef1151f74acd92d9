//! A decoded picture: its samples, and the motion that later pictures refer to.

use crate::sample::Sample;
use std::sync::Arc;

/// A motion vector in quarter samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mv {
    pub x: i16,
    pub y: i16,
}

impl Mv {
    /// Shorthand.
    pub const fn new(x: i16, y: i16) -> Self {
        Self { x, y }
    }
}

/// How chroma is sampled: ChromaArrayType (clause 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chroma {
    /// No chroma, or planes coded each as one.
    Monochrome,
    /// 4:2:0.
    Cs420,
    /// 4:2:2.
    Cs422,
    /// 4:4:4.
    Cs444,
}

impl Chroma {
    /// Width and height of a macroblock's chroma block; 0 without chroma.
    pub(crate) fn block(self) -> (usize, usize) {
        match self {
            Self::Monochrome => (0, 0),
            Self::Cs420 => (8, 8),
            Self::Cs422 => (8, 16),
            Self::Cs444 => (16, 16),
        }
    }
}

/// Size and sample format of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    /// PicWidthInMbs.
    pub width_mbs: usize,
    /// FrameHeightInMbs.
    pub height_mbs: usize,
    /// How the planes are sampled (`chroma_format_idc`).
    pub chroma: Chroma,
    /// Bits of a sample.
    pub bit_depth: u8,
}

impl Format {
    /// Width, which is the stride, and height of a plane in samples.
    pub fn plane(&self, index: usize) -> (usize, usize) {
        let (width, height) = match index {
            0 => (16, 16),
            _ => self.chroma.block(),
        };
        (self.width_mbs * width, self.height_mbs * height)
    }

    /// Macroblocks of a frame.
    pub fn mbs(&self) -> usize {
        self.width_mbs * self.height_mbs
    }

    /// Largest sample.
    pub fn max(&self) -> i32 {
        (1 << self.bit_depth) - 1
    }
}

/// No reference: intra, or the other list only.
pub(crate) const NO_REFERENCE: i32 = -1;

/// Bits of [`Motion::flags`].
pub(crate) const MOTION_FIELD: u8 = 1;

/// Motion of a picture. A macroblock at column x of row y has index `y * width + x`; the rows of a
/// field, and the field macroblocks of an MBAFF pair, are interleaved as the rows of samples are: a
/// top field's row y at 2y, a bottom field's at 2y + 1.
#[derive(Clone, Debug, Default)]
pub(crate) struct Motion {
    /// By list: 16 of each macroblock, in raster order.
    pub mv: [Vec<Mv>; 2],
    /// By list: `ref_idx` of the four 8×8 blocks; -1 for none.
    pub ref_idx: [Vec<i8>; 2],
    /// By list: which picture that is: its id × 4 + its parity (1 top, 2 bottom, 3 frame).
    pub ref_id: [Vec<i32>; 2],
    /// Bits of each macroblock.
    pub flags: Vec<u8>,
}

/// A picture.
#[derive(Clone, Debug)]
pub(crate) struct Picture<S> {
    /// Its format.
    pub format: Format,
    /// Y, Cb, Cr, without padding: the width of a plane is its stride.
    pub planes: [Arc<Vec<S>>; 3],
    /// Its motion.
    pub motion: Motion,
    /// Decoded as an MBAFF frame.
    pub mbaff: bool,
    /// Picture order counts of its fields.
    pub pocs: [i32; 2],
    /// Why it cannot be trusted, by field.
    pub damage: [Option<Arc<str>>; 2],
}

impl<S: Sample> Picture<S> {
    /// A grey picture; `old` gives its buffers where they fit.
    pub fn new(format: Format, old: Option<Self>) -> Self {
        let grey = S::from_int(1 << (format.bit_depth - 1));
        let reused = old.filter(|old| old.format == format);
        let (planes, motion) = match reused {
            Some(old) => (
                old.planes.map(|plane| Arc::try_unwrap(plane).ok()),
                old.motion,
            ),
            None => ([None, None, None], Motion::of(format.mbs())),
        };
        let mut index = 0;
        let planes = planes.map(|plane| {
            let (width, height) = format.plane(index);
            index += 1;
            Arc::new(plane.unwrap_or_else(|| vec![grey; width * height]))
        });
        Self {
            format,
            planes,
            motion,
            mbaff: false,
            pocs: [i32::MAX; 2],
            damage: [None, None],
        }
    }
}

impl Motion {
    fn of(mbs: usize) -> Self {
        let both = |n: usize| [vec![Mv::default(); n], vec![Mv::default(); n]];
        Self {
            mv: both(mbs * 16),
            ref_idx: [vec![-1; mbs * 4], vec![-1; mbs * 4]],
            ref_id: [vec![NO_REFERENCE; mbs * 4], vec![NO_REFERENCE; mbs * 4]],
            flags: vec![0; mbs],
        }
    }
}
