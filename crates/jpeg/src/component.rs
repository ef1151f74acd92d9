//! Components of an image (T.81 clause A.1.1).

use crate::quantizer::Kind;
use crate::strip::Strip;

/// Components and how chroma is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// Luma only.
    Grey,
    /// Chroma of half the width and height.
    Cs420,
    /// Chroma of half the width.
    Cs422,
    /// Chroma of the same size.
    Cs444,
}

impl Sampling {
    /// Blocks of luma in an MCU, across and down: luma's sampling factors.
    pub(crate) fn luma_blocks(self) -> (usize, usize) {
        match self {
            Self::Grey | Self::Cs444 => (1, 1),
            Self::Cs420 => (2, 2),
            Self::Cs422 => (2, 1),
        }
    }

    /// Rows of luma in an MCU: [`crate::Encoder::push`] takes multiples of it.
    pub fn mcu_height(self) -> usize {
        8 * self.luma_blocks().1
    }

    /// Size of the chroma planes of an image; `None` for grey.
    pub fn chroma_size(self, width: usize, height: usize) -> Option<(usize, usize)> {
        let (across, down) = self.luma_blocks();
        (self != Self::Grey).then(|| (width.div_ceil(across), height.div_ceil(down)))
    }
}

/// What is known of a plane while it is encoded.
pub(crate) struct Component {
    pub kind: Kind,
    /// Samples in a row.
    pub width: usize,
    /// Blocks of it in an MCU, across and down.
    pub blocks: (usize, usize),
    /// Its samples in the row of MCUs at hand.
    pub strip: Strip,
    /// The last block's DC coefficient.
    pub dc: i16,
}
