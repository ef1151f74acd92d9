//! Deblocking filter, clause 8.7: which edges ([`edges`], in MBAFF frames [`mbaff`]), how strong
//! ([`strength`]); the samples are filtered in [`crate::kernels`].

mod edges;
mod mbaff;
mod strength;

pub(crate) use edges::{Filter, SliceFilter};
