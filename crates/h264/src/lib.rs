//! H.264 (ITU-T H.264, ISO/IEC 14496-10) decoder: access units to planes. Pure: no I/O, no threads.
//! Clause numbers are those of ITU-T H.264 (08/2021).

mod bits;
mod error;
mod sample;

pub use error::Error;
