//! Headers of coded video: just enough of each codec's syntax to find pictures, order them and
//! describe them. Nothing here decodes. Every parser is total: bytes from outside give `None`,
//! never a panic, and work is bounded by the input's length.

pub mod av1;
pub mod bits;
pub mod h264;
pub mod hevc;
pub mod nal;
mod parameter_sets;
mod poc;
pub mod vpx;
mod vui;

pub use parameter_sets::ParameterSets;
pub use vui::Vui;
