//! VP8 decoder after RFC 6386, "VP8 Data Format and Decoding Guide". Pure: no I/O, no threads.
//!
//! All of versions 0 to 3. Every frame comes out as the RFC's reference decoder makes it, bit for
//! bit, or with its [`Damage`], or not at all.

mod bool_decoder;
#[cfg(test)]
#[path = "../tests/common/bool_encoder.rs"]
mod bool_encoder;
mod decoder;
mod dequantization;
mod edge_filter;
mod entropy;
mod error;
mod frame;
mod frame_tag;
mod header;
mod inter;
mod interpolation;
mod intra;
mod lanes;
mod loop_filter;
mod macroblocks;
mod modes;
mod motion;
mod picture;
mod reconstruction;
mod references;
mod sub_mode_table;
mod token_tables;
mod tokens;
mod transform;

pub use decoder::Decoder;
pub use error::{Damage, Error};
pub use frame::Frame;
pub use frame_tag::{Size, key_frame_size};
