//! H.264 (ITU-T H.264, ISO/IEC 14496-10) decoder: access units to planes. Pure: no I/O, no threads.
//! Clause numbers are those of ITU-T H.264 (08/2021).

#![allow(
    clippy::needless_range_loop,
    reason = "several arrays are indexed alike, with the indices of the clauses"
)]

mod bits;
mod cabac;
mod cavlc;
mod decoder;
mod engine;
mod error;
mod filter;
mod frame;
mod kernels;
mod macroblock;
mod nal;
mod opening;
mod parameter_sets;
mod picture;
mod poc;
mod pps;
mod quantisation;
mod references;
mod sample;
mod scaling;
mod scan;
mod sei;
mod slice;
mod slice_groups;
mod slice_header;
mod sps;
mod vector;

pub use decoder::Decoder;
pub use error::Error;
pub use frame::{Frame, Plane, Samples};
pub use picture::Chroma;
