//! Streams that the tests write themselves: slice groups, slices in any order, redundant pictures, pairs
//! of fields, reference lists and their damage; and bytes that are no streams at all.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, and helpers here belong to tests"
)]

mod fields;
mod groups;
mod hostile;
mod references;
mod writer;

use framemill_h264::{Decoder, Frame, Samples};

/// The luma value of each macroblock of a frame, which must be of one value each.
fn values(frame: &Frame) -> Vec<u8> {
    let plane = &frame.planes[0];
    let Samples::U8(samples) = &plane.samples else {
        panic!("8 bit expected");
    };
    let at = |x: usize, y: usize| samples[plane.start + y * plane.stride + x];
    let (width, height) = (plane.width as usize / 16, plane.height as usize / 16);
    let value = |i: usize| {
        let (x, y) = (i % width * 16, i / width * 16);
        let value = at(x, y);
        assert!(
            (0..256).all(|j| at(x + j % 16, y + j / 16) == value),
            "macroblock {i}"
        );
        value
    };
    (0..width * height).map(value).collect()
}

/// Decodes access units; frames and errors in their order.
fn decode(units: &[Vec<Vec<u8>>]) -> Vec<Frame> {
    let mut decoder = Decoder::default();
    let mut frames = Vec::new();
    for (tag, units) in units.iter().enumerate() {
        frames.extend(
            decoder
                .decode(units.iter().map(Vec::as_slice), tag as i64)
                .unwrap(),
        );
    }
    frames.extend(decoder.flush());
    frames
}
