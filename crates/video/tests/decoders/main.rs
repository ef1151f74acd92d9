//! Every decoder against ffmpeg, frame by frame, on clips that ffmpeg makes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, and helpers here belong to tests"
)]

mod clips;
mod damage;
mod exact;
mod flips;
mod references;
mod refusals;
mod seeking;

use clips::Unit;
use framemill_video::{CodecConfig, DecodeError, Frame, Row, open_decoder};

/// Decodes all of `units`, frames in presentation order; all must be exact.
fn decode(config: &CodecConfig, units: &[Unit]) -> Result<Vec<Frame>, DecodeError> {
    let mut decoder = open_decoder(config)?;
    let mut frames = Vec::new();
    for unit in units {
        decoder.decode(&unit.bytes, unit.pts)?;
        frames.extend(std::iter::from_fn(|| decoder.next_frame()));
    }
    decoder.flush()?;
    frames.extend(std::iter::from_fn(|| decoder.next_frame()));
    frames.sort_by_key(|frame| frame.pts);
    let doubts = frames.iter().find_map(|frame| frame.damage.as_ref());
    assert_eq!(doubts, None);
    Ok(frames)
}

/// A frame's samples as ffmpeg's rawvideo has them: planes in order, 16 bit little endian.
fn raw(frame: &Frame) -> Vec<u8> {
    let mut bytes = Vec::new();
    for plane in &frame.planes {
        assert!(plane.is_whole());
        for y in 0..plane.height as usize {
            match plane.row(y) {
                Row::U8(samples) => bytes.extend(samples),
                Row::U16(samples) => bytes.extend(samples.iter().flat_map(|s| s.to_le_bytes())),
            }
        }
    }
    bytes
}
