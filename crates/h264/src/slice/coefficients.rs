//! Scaled transform coefficients of a macroblock.

use crate::sample::Sample;

/// total_coeff in a cache: the block is not available (CAVLC).
pub(super) const NO_TOTAL: u8 = 64;

/// Scaled coefficients of a macroblock.
pub(super) struct Coefficients<S: Sample> {
    /// Of Y, Cb, Cr: of 16 4×4 blocks in decoding order, or four 8×8 blocks, in raster order each.
    pub blocks: [[S::Coefficient; 256]; 3],
    /// DC coefficients that are coded apart.
    pub dc: [[S::Coefficient; 16]; 3],
    /// Whether there are DC coefficients, and bit i: block i has AC coefficients (all of it, where its
    /// DC is not apart).
    pub has_dc: [bool; 3],
    pub has: [u16; 3],
}

impl<S: Sample> Default for Coefficients<S> {
    fn default() -> Self {
        Self {
            blocks: [[S::Coefficient::default(); 256]; 3],
            dc: [[S::Coefficient::default(); 16]; 3],
            has_dc: [false; 3],
            has: [0; 3],
        }
    }
}
