//! VP8 (RFC 6386) and VP9 (VP9 Bitstream & Decoding Process Specification): frame headers.

use super::bits::BitReader;
use crate::ColorDescription;

/// A VP8 frame tag and, for key frames, the size (RFC 6386 clause 9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vp8Frame {
    /// Decoding can start here.
    pub key: bool,
    /// `version`, 0 to 3.
    pub version: u8,
    /// `show_frame`.
    pub show: bool,
    /// Width and height, key frames only.
    pub size: Option<(u32, u32)>,
}

impl Vp8Frame {
    /// From the first ten bytes of a frame (three for inter frames).
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let &[b0, _, _, ref rest @ ..] = bytes else {
            return None;
        };
        let key = b0 & 1 == 0;
        let size = match (key, rest) {
            (false, _) => None,
            (true, &[0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..]) => Some((
                u32::from(u16::from_le_bytes([w0, w1]) & 0x3fff),
                u32::from(u16::from_le_bytes([h0, h1]) & 0x3fff),
            )),
            (true, _) => return None,
        };
        Some(Self {
            key,
            version: (b0 >> 1) & 7,
            show: b0 & 0x10 != 0,
            size,
        })
    }
}

/// The start of a VP9 uncompressed header, clause 6.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vp9Frame {
    /// `profile`, 0 to 3.
    pub profile: u8,
    /// Shows a frame decoded earlier; nothing else is coded then.
    pub show_existing: bool,
    /// Decoding can start here.
    pub key: bool,
    /// `show_frame`.
    pub show: bool,
    /// Slots that keep this frame.
    pub refresh: u8,
    /// Bit depth, subsampling in x and y and colour; key frames only.
    pub format: Option<Vp9Format>,
    /// Width and height; key frames only.
    pub size: Option<(u32, u32)>,
}

/// `color_config`, clause 6.2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vp9Format {
    /// Bits per sample.
    pub bit_depth: u8,
    /// Chroma subsampled in x and in y.
    pub subsampling: (bool, bool),
    /// Colour; VP9 names matrix and range only.
    pub color: ColorDescription,
}

impl Vp9Frame {
    /// From a frame's first bytes (see [`vp9_frames`] for superframes).
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut bits = BitReader::new(bytes);
        if bits.bits(2)? != 2 {
            return None; // frame_marker
        }
        let profile = u8::from(bits.flag()?) | (u8::from(bits.flag()?) << 1);
        if profile == 3 && bits.flag()? {
            return None; // reserved_zero
        }
        let mut frame = Self {
            profile,
            show_existing: bits.flag()?,
            key: false,
            show: true,
            refresh: 0,
            format: None,
            size: None,
        };
        if frame.show_existing {
            return Some(frame);
        }
        frame.key = !bits.flag()?;
        frame.show = bits.flag()?;
        let resilient = bits.flag()?;
        if frame.key {
            frame.key_frame(&mut bits)?;
        } else {
            frame.inter_frame(&mut bits, resilient)?;
        }
        Some(frame)
    }

    fn key_frame(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        sync_code(bits)?;
        self.format = Some(Vp9Format::parse(bits, self.profile)?);
        self.refresh = 0xff;
        let (width, height) = (bits.bits(16)? + 1, bits.bits(16)? + 1);
        self.size = Some((width, height));
        Some(())
    }

    fn inter_frame(&mut self, bits: &mut BitReader<'_>, resilient: bool) -> Option<()> {
        let intra_only = !self.show && bits.flag()?;
        if !resilient {
            bits.skip(2)?; // reset_frame_context
        }
        if intra_only {
            sync_code(bits)?;
            if self.profile > 0 {
                Vp9Format::parse(bits, self.profile)?;
            }
        }
        self.refresh = bits.byte()?;
        Some(())
    }
}

impl Vp9Format {
    fn parse(bits: &mut BitReader<'_>, profile: u8) -> Option<Self> {
        let bit_depth = match profile {
            0 | 1 => 8,
            _ if bits.flag()? => 12,
            _ => 10,
        };
        // color_space, table in clause 7.2.2, as H.273 matrix coefficients.
        let space = bits.bits(3)?;
        let matrix = match space {
            1 => 5,
            2 => 1,
            3 => 6,
            4 => 7,
            5 => 9,
            7 => 0,
            _ => 2,
        };
        let odd = profile & 1 == 1;
        let (full, subsampling) = if space == 7 {
            // Only odd profiles have RGB; reserved_zero.
            if !odd || bits.flag()? {
                return None;
            }
            (true, (false, false))
        } else {
            let full = bits.flag()?;
            let subsampling = if odd {
                let pair = (bits.flag()?, bits.flag()?);
                // 4:2:0 is for even profiles; reserved_zero.
                if pair == (true, true) || bits.flag()? {
                    return None;
                }
                pair
            } else {
                (true, true)
            };
            (full, subsampling)
        };
        Some(Self {
            bit_depth,
            subsampling,
            color: ColorDescription::from_cicp(2, 2, matrix, Some(full)),
        })
    }
}

fn sync_code(bits: &mut BitReader<'_>) -> Option<()> {
    (bits.bits(24)? == 0x49_83_42).then_some(())
}

/// The frames of a VP9 chunk: a superframe's parts (Annex B), or the chunk itself. Needs the
/// whole chunk: the superframe index stands at its end.
#[cfg(feature = "vp9")]
pub fn vp9_frames(chunk: &[u8]) -> Vec<&[u8]> {
    superframe(chunk).unwrap_or_else(|| vec![chunk])
}

#[cfg(feature = "vp9")]
fn superframe(chunk: &[u8]) -> Option<Vec<&[u8]>> {
    let &marker = chunk.last()?;
    if marker & 0xe0 != 0xc0 {
        return None;
    }
    let count = usize::from(marker & 7) + 1;
    let bytes_each = usize::from((marker >> 3) & 3) + 1;
    let index_at = chunk.len().checked_sub(2 + count * bytes_each)?;
    let index = chunk.get(index_at..)?;
    if index.first() != Some(&marker) {
        return None;
    }
    let mut rest = chunk.get(..index_at)?;
    let mut frames = Vec::with_capacity(count);
    for entry in index.get(1..)?.chunks_exact(bytes_each).take(count) {
        let size = entry
            .iter()
            .rev()
            .fold(0_usize, |sum, &byte| (sum << 8) | usize::from(byte));
        let (frame, tail) = rest.split_at_checked(size)?;
        if !frame.is_empty() {
            frames.push(frame);
        }
        rest = tail;
    }
    Some(frames)
}
