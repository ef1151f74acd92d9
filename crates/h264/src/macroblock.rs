//! What is kept of a decoded macroblock for its neighbours and for the deblocking filter.

/// What a macroblock is, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kind(pub u16);

impl Kind {
    /// Intra_4x4 or Intra_8x8.
    pub const INTRA_NXN: u16 = 1;
    /// Intra_16x16.
    pub const INTRA_16X16: u16 = 2;
    /// I_PCM.
    pub const PCM: u16 = 4;
    /// P or B.
    pub const INTER: u16 = 8;
    /// P_Skip or B_Skip.
    pub const SKIP: u16 = 16;
    /// B_Direct_16x16 or B_Skip.
    pub const DIRECT: u16 = 32;
    /// `transform_size_8x8_flag`.
    pub const TRANSFORM_8X8: u16 = 64;
    /// A field macroblock: of a field, or of a pair of fields in an MBAFF frame.
    pub const FIELD: u16 = 128;
    /// One motion vector (and reference) for each list.
    pub const ONE_PARTITION: u16 = 256;

    /// No partition is smaller than 8×8.
    pub const LARGE_PARTITIONS: u16 = 512;

    const INTRA: u16 = Self::INTRA_NXN | Self::INTRA_16X16 | Self::PCM;

    /// All of `bits` are set, or some where they are several kinds.
    #[inline(always)]
    pub fn is(self, bits: u16) -> bool {
        self.0 & bits != 0
    }

    /// Intra of any sort.
    #[inline(always)]
    pub fn intra(self) -> bool {
        self.is(Self::INTRA)
    }
}

/// Bits of [`Mb::pattern`] above the four of luma and the two of chroma: `coded_block_flag` of the DC
/// blocks of Y, Cb and Cr.
pub(crate) const DC_FLAGS: u32 = 8;

/// A decoded macroblock. Blocks of 4×4 are counted in raster order: `y * 4 + x`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mb {
    /// Number of its slice in the picture, from 1; 0 where it is not decoded.
    pub slice: u32,
    /// What it is.
    pub kind: Kind,
    /// QPY.
    pub qp: i8,
    /// QPC of Cb and Cr, for the filter.
    pub chroma_qp: [i8; 2],
    /// `coded_block_pattern` with [`DC_FLAGS`].
    pub pattern: u16,
    /// Bit i: luma block i has coefficients (with the 8×8 transform: its 8×8 block has).
    pub nonzero: u16,
    /// `intra_chroma_pred_mode`.
    pub chroma_mode: u8,
    /// Bit i: 8×8 block i is predicted in direct mode.
    pub direct: u8,
    /// total_coeff of the 4×4 blocks of each plane; in 4:2:0 and 4:2:2 chroma has two columns of them.
    pub totals: [[u8; 16]; 3],
    /// Intra4x4PredMode or Intra8x8PredMode; 2 where it is none of both.
    pub intra_modes: [u8; 16],
    /// Magnitudes of motion vector differences by list, at most 255: x, y.
    pub mvd: [[[u8; 2]; 16]; 2],
}
