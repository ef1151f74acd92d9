//! What all decoders have in common.

use crate::{DecodeError, Frame, Pts};

/// Turns access units in decoding order into frames, in decoding order too: callers pick by
/// PTS, so no reordering buffer is held.
pub trait Decoder {
    /// Decodes one access unit. Its frame, if it shows one, carries `pts`; the frame of two
    /// fields that come as two access units carries that of the first, and the second's in
    /// [`Frame::other_pts`].
    ///
    /// Frames that are ready are taken with [`Decoder::next_frame`]; a decoder may hold the
    /// newest one back until the next call or [`Decoder::flush`].
    ///
    /// # Errors
    /// [`DecodeError`]; after `Damaged` the caller resumes at the next sync sample with a new
    /// decoder.
    fn decode(&mut self, access_unit: &[u8], pts: Pts) -> Result<(), DecodeError>;

    /// The next decoded frame, if one is ready.
    fn next_frame(&mut self) -> Option<Frame>;

    /// Finishes what is held back. After it, [`Decoder::next_frame`] gives the rest.
    ///
    /// # Errors
    /// As [`Decoder::decode`].
    fn flush(&mut self) -> Result<(), DecodeError>;
}
