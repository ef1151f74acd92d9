//! Baseline JPEG (ITU-T T.81) from planes: 8 bit YCbCr with chroma of half the width and height, in one
//! scan, with Huffman tables made for the image. Pure: no I/O, no threads. The same planes give the same
//! bytes on every platform.
//!
//! ```text
//! planes ─▶ blocks ─▶ transform, quantise ─▶ symbols ─▶ (count, make tables) ─▶ bits
//! ```

mod encode;
mod huffman;
mod quantise;
mod symbols;
mod tables;
mod transform;
mod write;

pub use encode::{Error, Plane, encode};
