//! In which order coefficients are coded (clause 8.5.6), and what they are multiplied with.

/// Table 8-2 of positions `y * 4 + x`: frame macroblocks.
pub(crate) const ZIGZAG_4X4: [u8; 16] = [0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15];

/// The same of field macroblocks.
pub(crate) const FIELD_4X4: [u8; 16] = [0, 4, 1, 8, 12, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15];

/// Positions `y * 8 + x` of frame macroblocks (table 8-13).
#[rustfmt::skip]
pub(crate) const ZIGZAG_8X8: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// The same of field macroblocks.
#[rustfmt::skip]
pub(crate) const FIELD_8X8: [u8; 64] = [
    0, 8, 16, 1, 9, 24, 32, 17, 2, 25, 40, 48, 56, 33, 10, 3,
    18, 41, 49, 57, 26, 11, 4, 19, 34, 42, 50, 58, 27, 12, 5, 20,
    35, 43, 51, 59, 28, 13, 6, 21, 36, 44, 52, 60, 29, 14, 22, 37,
    45, 53, 61, 30, 7, 15, 38, 46, 54, 62, 23, 31, 39, 47, 55, 63,
];

/// Chroma DC coefficients of 4:2:0 as a matrix of 2 × 2 (8-330).
pub(crate) const CHROMA_DC_420: [u8; 16] = [0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Chroma DC coefficients of 4:2:2 as a matrix of 4 rows and 2 columns (8-331).
pub(crate) const CHROMA_DC_422: [u8; 16] = [0, 2, 1, 4, 6, 3, 5, 7, 0, 0, 0, 0, 0, 0, 0, 0];

/// Levels that are not scaled where they are read.
pub(crate) const UNSCALED: [i32; 64] = [1; 64];

/// A block about to be read.
pub(crate) struct Block<'a> {
    /// ctxBlockCat (table 9-42).
    pub category: usize,
    /// In a field macroblock.
    pub field: bool,
    /// maxNumCoeff.
    pub coefficients: usize,
    /// Position of each coefficient; from its second entry on where the DC is coded apart.
    pub scan: &'a [u8],
    /// What the level at each position is multiplied with.
    pub scale: &'a [i32],
    /// Bits of a fraction in `scale`.
    pub shift: u32,
}

impl Block<'_> {
    /// Position and scaled value (8-336, 8-337, 8-356) of the `place`th coefficient.
    #[inline(always)]
    pub fn scaled(&self, place: usize, level: i32) -> (usize, i32) {
        let to = usize::from(self.scan.get(place).copied().unwrap_or(0));
        let scale = self.scale.get(to).copied().unwrap_or(0);
        let round = (1 << self.shift) >> 1;
        (
            to,
            level.wrapping_mul(scale).wrapping_add(round) >> self.shift,
        )
    }
}
