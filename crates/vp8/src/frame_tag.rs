//! RFC 6386 clause 9.1: the bytes of a frame that are not entropy coded.

use crate::error::Error;

/// Size of the tag of every frame, in bytes.
const TAG: usize = 3;
/// Size of what a key frame has more, in bytes.
const KEY_FRAME: usize = 7;

/// Size of a picture in pixels, each 1 to 16383.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
}

/// How pixels between pixels are predicted (clauses 9.1 and 18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// Version 0: six taps.
    SixTap,
    /// Versions 1 and 2: two taps.
    Bilinear,
    /// Version 3: two taps in luma, whole pixels in chroma.
    FullPixelChroma,
}

/// A frame's tag, and what follows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameTag<'a> {
    /// `None` in interframes.
    pub key_frame: Option<Size>,
    pub version: Version,
    pub show: bool,
    pub first_partition: &'a [u8],
    /// Sizes of the token partitions, and the partitions.
    pub tokens: &'a [u8],
}

impl<'a> FrameTag<'a> {
    /// # Errors
    /// Everything that is wrong with these bytes.
    pub fn parse(frame: &'a [u8]) -> Result<Self, Error> {
        let short = Error::Short(frame.len());
        let (tag, rest) = frame.split_first_chunk::<TAG>().ok_or(short)?;
        let [a, b, c] = tag.map(u32::from);
        let tag = a | (b << 8) | (c << 16);
        let version = match (tag >> 1) & 7 {
            0 => Version::SixTap,
            1 | 2 => Version::Bilinear,
            3 => Version::FullPixelChroma,
            reserved => return Err(Error::Version(reserved as u8)),
        };
        let (key_frame, rest) = if tag & 1 == 0 {
            let (head, rest) = rest.split_first_chunk::<KEY_FRAME>().ok_or(short)?;
            (Some(size(head)?), rest)
        } else {
            (None, rest)
        };
        let size = (tag >> 5) as usize;
        let left = rest.len();
        let parts = rest.split_at_checked(size);
        let (first_partition, tokens) = parts.ok_or(Error::FirstPartition { size, left })?;
        Ok(Self {
            key_frame,
            version,
            show: (tag >> 4) & 1 == 1,
            first_partition,
            tokens,
        })
    }
}

/// Size in a key frame; the scale in the upper two bits of each side is for the display only.
fn size(head: &[u8; KEY_FRAME]) -> Result<Size, Error> {
    let [0x9d, 0x01, 0x2a, sides @ ..] = *head else {
        return Err(Error::StartCode);
    };
    let [a, b, c, d] = sides;
    let width = u16::from_le_bytes([a, b]) & 0x3fff;
    let height = u16::from_le_bytes([c, d]) & 0x3fff;
    if width == 0 || height == 0 {
        return Err(Error::Empty { width, height });
    }
    Ok(Size { width, height })
}

/// The size that a key frame has, `None` for an interframe: what decoding it takes can be judged
/// before [`Decoder::decode`](crate::Decoder::decode) allocates.
///
/// # Errors
/// Those of a frame that would be refused for its first ten bytes.
pub fn key_frame_size(frame: &[u8]) -> Result<Option<Size>, Error> {
    FrameTag::parse(frame).map(|tag| tag.key_frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key frame of version 0, shown, whose first partition has `first` bytes of the two it has.
    fn key_frame(first: u8) -> [u8; 12] {
        let size = [0x40, 0xc1, 0xf0, 0x40]; // 320x240 and scales of 3 and 1
        let mut frame = [
            0x10 | (first << 5),
            0,
            0,
            0x9d,
            0x01,
            0x2a,
            0,
            0,
            0,
            0,
            7,
            8,
        ];
        frame[6..10].copy_from_slice(&size);
        frame
    }

    #[test]
    fn a_key_frame() {
        let frame = key_frame(1);
        let tag = FrameTag::parse(&frame).unwrap();
        let size = Size {
            width: 320,
            height: 240,
        };
        assert_eq!(tag.key_frame, Some(size));
        assert_eq!((tag.version, tag.show), (Version::SixTap, true));
        assert_eq!((tag.first_partition, tag.tokens), (&[7][..], &[8][..]));
        assert_eq!(key_frame_size(&frame), Ok(Some(size)));
    }

    #[test]
    fn an_interframe() {
        let tag = FrameTag::parse(&[0x27, 0, 0, 5]).unwrap();
        assert_eq!(tag.key_frame, None);
        assert_eq!((tag.version, tag.show), (Version::FullPixelChroma, false));
        assert_eq!((tag.first_partition, tag.tokens), (&[5][..], &[][..]));
    }

    #[test]
    fn refusals() {
        let refused = |frame: &[u8]| FrameTag::parse(frame).unwrap_err();
        assert_eq!(refused(&[1, 0]), Error::Short(2));
        assert_eq!(refused(&key_frame(0)[..9]), Error::Short(9));
        assert_eq!(refused(&[0x09, 0, 0]), Error::Version(4));
        let (size, left) = (3, 2);
        assert_eq!(refused(&key_frame(3)), Error::FirstPartition { size, left });
        let mut frame = key_frame(0);
        frame[5] = 0x2b;
        assert_eq!(refused(&frame), Error::StartCode);
        let mut frame = key_frame(0);
        frame[8..10].copy_from_slice(&[0, 0xc0]);
        let (width, height) = (320, 0);
        assert_eq!(refused(&frame), Error::Empty { width, height });
    }
}
