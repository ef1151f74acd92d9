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
pub use frame::{ChromaSampling, Frame, Plane, Samples};
pub use index::{
    ByteRange, Codec, CodecConfig, Container, Dependence, IndexWarning, PixelAspect, Rotation,
    Sample, Unwrap, VideoIndex,
};
pub use limits::MAX_SAMPLE_SIZE;
pub use time::{Dts, Pts, Timescale};
