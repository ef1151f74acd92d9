//! A baseline JPEG encoder, ITU-T T.81 | ISO/IEC 10918-1, for planes of 8-bit samples: grey, or
//! YCbCr in 4:2:0, 4:2:2 or 4:4:4. One scan, Huffman tables made for the image, a JFIF header.
//!
//! Only integers are used, so the same planes give the same bytes on every host.
//!
//! ```text
//! rows of planes ─▶ DCT ─▶ quantised block ─▶ symbols, counted ─┐
//!                                             Huffman tables ◀──┤
//!                                                 file ◀────────┘
//! ```
//!
//! ```
//! use framemill_jpeg::{PlaneView, Sampling, encode};
//!
//! let samples: Vec<u8> = (0..64 * 48).map(|i| (i % 64 * 4) as u8).collect();
//! let luma = PlaneView::new(&samples, 64, 64, 48)?;
//! let file = encode(&[luma], Sampling::Grey, 90)?;
//! assert_eq!(file[..4], [0xff, 0xd8, 0xff, 0xe0]);
//! # Ok::<(), framemill_jpeg::JpegError>(())
//! ```

mod bits;
mod component;
mod dct;
mod encoder;
mod error;
mod header;
mod huffman;
mod plane;
mod quantizer;
mod rgb;
mod strip;
mod symbols;
mod zigzag;

pub use component::Sampling;
pub use encoder::{Encoder, encode};
pub use error::JpegError;
pub use plane::PlaneView;
pub use rgb::{encode_rgb, rgb_to_ycbcr};
