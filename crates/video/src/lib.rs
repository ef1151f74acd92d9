//! Finds and decodes video frames. Pure: no I/O, no clock, no threads; the same code runs
//! natively and inside a WASI component.
//!
//! Two halves, joined by [`VideoIndex`]:
//!
//! - [`container`] turns a file's bytes into a [`VideoIndex`]: one video track, its codec
//!   configuration and its sample table. The reader never holds the file: it answers
//!   [`Progress::Need`] with the byte range it wants next.
//! - [`codec`] turns access units into [`Frame`]s, behind one [`Decoder`] trait.
//!
//! Both read headers of coded video with `bitstream`.
//!
//! ```text
//! bytes ─▶ IndexReader ─▶ VideoIndex ─▶ (a plan chooses samples) ─▶ AccessUnit ─▶ Decoder ─▶ Frame
//! ```
//!
//! The index of a file in memory; of an object each range is fetched as it is asked for:
//!
//! ```
//! use framemill_video::{Codec, IndexError, IndexReader, Progress, VideoIndex};
//!
//! fn read_index(file: &[u8]) -> Result<VideoIndex, IndexError> {
//!     let mut reader = IndexReader::new(file.len() as u64);
//!     loop {
//!         match reader.advance()? {
//!             Progress::Done(index) => return Ok(*index),
//!             Progress::Need(range) => {
//!                 let end = file.len().min(range.end as usize);
//!                 reader.supply(range.start, &file[range.start as usize..end]);
//!             }
//!         }
//!     }
//! }
//!
//! let clip = include_bytes!(concat!(
//!     env!("CARGO_MANIFEST_DIR"),
//!     "/../../tests/clips/h264.mp4"
//! ));
//! let index = read_index(clip).unwrap();
//! assert_eq!((index.config.codec, index.samples.len()), (Codec::H264, 30));
//! assert_eq!(index.timescale.seconds(index.duration), 3.0);
//! assert_eq!(
//!     read_index(b"this is no video"),
//!     Err(IndexError::UnknownContainer)
//! );
//! ```

mod bitstream;
pub mod codec;
mod color;
pub mod container;
mod error;
mod frame;
mod index;
mod limits;
mod time;

pub use codec::{Decoder, check_supported, is_disposable, open_decoder};
pub use color::{ColorDescription, Matrix, Primaries, Range, Transfer};
pub use container::{IndexReader, Progress};
pub use error::{DecodeError, IndexError};
pub use frame::{ChromaSampling, Frame, Plane, Row, Samples};
pub use index::{
    ByteRange, Codec, CodecConfig, Container, Dependence, IndexWarning, PixelAspect, Rotation,
    Sample, Unwrap, VideoIndex,
};
pub use limits::MAX_SAMPLE_SIZE;
pub use time::{Dts, Pts, Timescale};
