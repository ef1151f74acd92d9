//! Chooses, scores, converts and encodes frames. Pure: no I/O.
//!
//! ```text
//! VideoIndex + Selection ─▶ Plan ─▶ (decode) ─▶ Frame ─▶ Scores ─▶ FilterDecision
//!                                               └──────▶ RgbImage ─▶ image file
//! ```

mod chroma;
mod convert;
mod cost;
mod curve;
mod encode;
mod filter;
mod hdr;
mod matrix;
mod plan;
mod resize;
mod rgb;
mod rows;
mod score;
mod structure;

pub use convert::{ConvertError, to_rgb};
pub use cost::Cost;
pub use encode::{EncodeError, encode};
pub use filter::{Deduplicator, FilterDecision, FrameFilter};
pub use plan::{Plan, PlanError, plan};
pub use rgb::RgbImage;
pub use score::{Scores, Thumb, score};
pub use structure::{GopStructure, Spread, gop_structure};
