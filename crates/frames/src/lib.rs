//! Chooses, scores, converts and encodes frames. Pure: no I/O.
//!
//! ```text
//! VideoIndex + Selection ─▶ Plan ─▶ (decode) ─▶ Frame ─▶ Scores ─▶ Verdict
//!                                               └──────▶ RgbImage ─▶ JPEG | PNG | WebP
//! ```

mod chroma;
mod convert;
mod curve;
mod encode;
mod hdr;
mod matrix;
mod plan;
mod resize;
mod rgb;
mod structure;
mod targets;

pub use convert::{ConvertError, to_rgb};
pub use encode::{EncodeError, encode};
pub use plan::{Plan, PlanError, plan};
pub use rgb::RgbImage;
pub use structure::{GopStructure, Spread, gop_structure};
