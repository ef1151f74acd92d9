//! What a frame's header promises, before it is decoded: references that are there and fit, and
//! parts that lie within its data. The decoder takes what is missing for something else.

use super::error::{CODEC, error};
use crate::DecodeError;
use crate::bitstream::vpx::Vp9Frame;
use crate::codec::picture::{check_size, damaged, unsupported};
use rusty_vp9::{BitReader, FrameHeader};

/// What later frames must know of one that they refer to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Slot {
    width: u32,
    height: u32,
    format: Format,
}

/// Bit depth, and subsampling in x and y.
type Format = (u32, u32, u32);

/// The reference slots, without pictures; `None` where nothing was kept.
#[derive(Debug, Default)]
pub(super) struct Checker {
    slots: [Option<Slot>; 8],
    /// Of the last frame that says it.
    format: Format,
}

impl Checker {
    /// Takes in a frame that is about to be decoded; its header, with the size that it has or
    /// inherits.
    ///
    /// # Errors
    /// [`DecodeError`] where it cannot be decoded as it is.
    pub fn frame(&mut self, frame: &[u8]) -> Result<Vp9Frame, DecodeError> {
        let header = Vp9Frame::parse(frame).ok_or_else(|| damaged(CODEC, "frame header"))?;
        if header.show_existing {
            return Ok(header);
        }
        if header
            .format
            .is_some_and(|it| it.subsampling == (false, true))
        {
            return Err(unsupported(CODEC, "VP9 4:4:0"));
        }
        let sizes = self.slots.map(|slot| {
            let slot = slot.unwrap_or_default();
            (slot.width, slot.height)
        });
        let parsed = rusty_vp9::parse_uncompressed_header(&mut BitReader::new(frame), &sizes)
            .map_err(error)?;
        check_size(CODEC, parsed.width, parsed.height)?;
        if parsed.key_frame || parsed.intra_only {
            self.format = (parsed.bit_depth, parsed.subsampling_x, parsed.subsampling_y);
        } else {
            self.references(&parsed)?;
        }
        parts(frame, &parsed)?;
        let kept = Slot {
            width: parsed.width,
            height: parsed.height,
            format: self.format,
        };
        for (number, slot) in self.slots.iter_mut().enumerate() {
            if header.refresh & (1 << number) != 0 {
                *slot = Some(kept);
            }
        }
        Ok(header)
    }

    /// Each reference must be there and have the frame's format, one at least a size that can be
    /// scaled from (clause 8.5.2.3): twice as large at most, and a sixteenth at least.
    fn references(&self, frame: &FrameHeader) -> Result<(), DecodeError> {
        let mut fits = false;
        for number in frame.ref_frame_idx {
            let slot = self.slots.get(number).copied().flatten();
            let missing = || damaged(CODEC, format!("reference {number} is missing"));
            let slot = slot.ok_or_else(missing)?;
            if slot.format != self.format {
                let what = format!("reference {number} has another format");
                return Err(damaged(CODEC, what));
            }
            let side =
                |own: u32, of: u32| own.saturating_mul(2) >= of && own <= of.saturating_mul(16);
            fits |= side(frame.width, slot.width) && side(frame.height, slot.height);
        }
        match fits {
            true => Ok(()),
            false => Err(damaged(CODEC, "no reference has a size that can be scaled")),
        }
    }
}

/// The compressed header and each tile begin with a marker bit, which is 0, and lie within the
/// frame (clauses 6.4 and 9.2.1).
fn parts(frame: &[u8], header: &FrameHeader) -> Result<(), DecodeError> {
    let cut = || damaged(CODEC, "parts of the frame end behind it");
    let after = frame.get(header.uncompressed_bytes..).ok_or_else(cut)?;
    let size = usize::try_from(header.header_size).map_err(|_| cut())?;
    let (compressed, mut rest) = after.split_at_checked(size).ok_or_else(cut)?;
    marker(compressed)?;
    let tiles = 1_u32
        << header
            .tile_cols_log2
            .saturating_add(header.tile_rows_log2)
            .min(8);
    for _ in 1..tiles {
        let (size, tail) = rest.split_first_chunk().ok_or_else(cut)?;
        let size = usize::try_from(u32::from_be_bytes(*size)).map_err(|_| cut())?;
        let (tile, tail) = tail.split_at_checked(size).ok_or_else(cut)?;
        marker(tile)?;
        rest = tail;
    }
    marker(rest)
}

fn marker(part: &[u8]) -> Result<(), DecodeError> {
    match part.first() {
        Some(byte) if byte & 0x80 == 0 => Ok(()),
        Some(_) => Err(damaged(CODEC, "marker bit is set")),
        None => Err(damaged(CODEC, "part of the frame is empty")),
    }
}
