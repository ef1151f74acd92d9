//! Arithmetic on samples, eight at once where it counts ([`crate::vector`]): simd128 in wasm, SSE natively,
//! NEON on ARM, without `unsafe`.
//!
//! Places are indices into a plane; what would lie outside of it is not written.

mod block;
mod deblock;
mod inter;
mod intra;
#[cfg(test)]
mod tests;
mod transform;
mod weight;

pub(crate) use block::Block;
pub(crate) use deblock::{
    Limits, chroma_left, chroma_left_intra, chroma_line, chroma_top, chroma_top_intra, luma_left,
    luma_left_intra, luma_line, luma_top, luma_top_intra,
};
pub(crate) use inter::{chroma, luma};
pub(crate) use intra::{
    ChromaEdges, Neighbours, chroma as intra_chroma, intra4x4, intra8x8, intra16x16,
};
pub(crate) use transform::{
    Direction, bypass_add, chroma_dc_420, chroma_dc_422, idct4x4_add, idct4x4_dc_add, idct8x8_add,
    luma_dc,
};
pub(crate) use weight::{average, weight_one, weight_two};

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
