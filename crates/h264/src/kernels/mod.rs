//! Arithmetic on samples. All of it is written as loops over rows of a width known at compile time, in
//! numbers just wide enough ([`crate::sample::Wide`]): the compiler makes simd128, SSE, AVX2 and NEON of
//! them, without `unsafe` and without a second version for each. Tests compare every kernel with the
//! clause's formula, sample by sample.
//!
//! Places are indices into a plane; what would lie outside of it is not written.

mod deblock;
mod inter;
mod intra;
mod transform;

pub(crate) use deblock::{
    Limits, chroma_left, chroma_left_intra, chroma_line, chroma_top, chroma_top_intra, luma_left,
    luma_left_intra, luma_line, luma_top, luma_top_intra,
};
pub(crate) use inter::{Block, average, chroma, luma, weight_one, weight_two};
pub(crate) use intra::{
    ChromaEdges, Neighbours, chroma as intra_chroma, intra4x4, intra8x8, intra16x16,
};
pub(crate) use transform::{
    Direction, bypass_add, chroma_dc_420, chroma_dc_422, idct4x4_add, idct4x4_dc_add, idct8x8_add,
    luma_dc,
};

/// `N` samples from `at` on.
#[inline(always)]
fn row<S, const N: usize>(samples: &[S], at: usize) -> Option<&[S; N]> {
    samples.get(at..)?.first_chunk()
}

/// `N` samples from `at` on, to write to.
#[inline(always)]
fn row_mut<S, const N: usize>(samples: &mut [S], at: usize) -> Option<&mut [S; N]> {
    samples.get_mut(at..)?.first_chunk_mut()
}
