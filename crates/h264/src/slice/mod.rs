//! Slice data, clause 7.3.4: macroblocks are parsed and reconstructed.

mod block;
mod coefficients;
mod current;
mod data;
mod direct;
mod direct_tables;
mod entropy;
mod flags;
mod inter;
mod intra;
mod kinds;
mod motion;
mod neighbours;
mod parameters;
mod predict;
mod reconstruct;
mod reference;
mod residual;
mod scratch;
mod state;

pub(crate) use entropy::Entropy;
pub(crate) use parameters::{Parameters, Target};
pub(crate) use reference::{Lists, Ref};
pub(crate) use state::Slice;
