//! The two decoder crates behind one interface.

use super::support::{CODEC, Choice};
use crate::bitstream::bits::rbsp;
use crate::codec::picture::{Shape, byte_samples, damaged, unsupported};
use crate::{ChromaSampling, ColorDescription, DecodeError, Frame, Pts};
use rust_h264::decoder::{ChromaFormat, Decoder as General};
use rust_h264::nal::{NalUnit, NalUnitType};
use rusty_h264_decoder::Decoder as Progressive;

/// An open decoder and whether it has decoded anything yet.
pub(super) struct Engine {
    inner: Inner,
    fresh: bool,
}

enum Inner {
    Progressive(Box<Progressive>),
    General(Box<General>),
}

/// What comes out, planes as bytes.
pub(super) struct Picture {
    width: u32,
    height: u32,
    chroma: ChromaSampling,
    bit_depth: u8,
    planes: [Vec<u8>; 3],
}

impl Picture {
    /// As a frame; monochrome comes from the decoder as 4:2:0 with grey chroma.
    pub fn frame(
        self,
        pts: Pts,
        color: ColorDescription,
        monochrome: bool,
    ) -> Result<Frame, DecodeError> {
        let shape = Shape {
            codec: CODEC,
            width: self.width,
            height: self.height,
            chroma: if monochrome {
                ChromaSampling::Monochrome
            } else {
                self.chroma
            },
            bit_depth: self.bit_depth,
        };
        let planes = self.planes.map(|plane| byte_samples(plane, self.bit_depth));
        shape.frame(pts, color, planes)
    }
}

impl Engine {
    pub fn open(choice: Choice) -> Self {
        let inner = match choice {
            Choice::Progressive => Inner::Progressive(Box::new(Progressive::new())),
            Choice::General => Inner::General(Box::new(General::new())),
        };
        Self { inner, fresh: true }
    }

    pub fn choice(&self) -> Choice {
        match self.inner {
            Inner::Progressive(_) => Choice::Progressive,
            Inner::General(_) => Choice::General,
        }
    }

    /// Nothing was decoded yet.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Takes in a parameter set. What it rejects matters only if a slice uses it, and then the
    /// slice says so.
    pub fn parameter_set(&mut self, unit: &[u8]) {
        let _ = match &mut self.inner {
            Inner::Progressive(decoder) => progressive(decoder, unit).map(drop),
            Inner::General(decoder) => general(decoder, unit).map(drop),
        };
    }

    /// Decodes the slices of an access unit.
    pub fn decode<'a>(
        &mut self,
        units: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Vec<Picture>, DecodeError> {
        let fresh = std::mem::replace(&mut self.fresh, false);
        let mut pictures = Vec::new();
        for unit in units {
            let picture = match &mut self.inner {
                Inner::Progressive(decoder) => progressive(decoder, unit),
                Inner::General(decoder) => general(decoder, unit),
            };
            match picture {
                // Later on it says "unsupported" of damaged data too.
                Err(DecodeError::Unsupported { what, .. }) if !fresh => {
                    return Err(damaged(CODEC, what));
                }
                other => pictures.extend(other?),
            }
        }
        Ok(pictures)
    }

    /// Ends the frame whose slices are all in, so that it comes out now.
    pub fn finish_picture(&mut self) -> Option<Picture> {
        match &mut self.inner {
            Inner::Progressive(_) => None,
            Inner::General(decoder) => decoder.flush().map(from_general),
        }
    }

    /// Forgets a field that waits for its second half.
    pub fn drop_field(&mut self) {
        if let Inner::General(decoder) = &mut self.inner {
            decoder.flush();
        }
    }
}

fn progressive(decoder: &mut Progressive, unit: &[u8]) -> Result<Option<Picture>, DecodeError> {
    use rusty_h264_decoder::DecodeError as Error;
    let stream = [&[0, 0, 1], unit].concat();
    let frame = decoder.decode(&stream).map_err(|error| match error {
        Error::Unsupported(what) => unsupported(CODEC, what),
        other => damaged(CODEC, other.to_string()),
    })?;
    Ok(frame.map(|frame| Picture {
        width: u32::try_from(frame.width).unwrap_or(0),
        height: u32::try_from(frame.height).unwrap_or(0),
        chroma: ChromaSampling::Cs420,
        bit_depth: 8,
        planes: [frame.y, frame.u, frame.v],
    }))
}

fn general(decoder: &mut General, unit: &[u8]) -> Result<Option<Picture>, DecodeError> {
    use rust_h264::error::DecodeError as Error;
    let Some((&head, body)) = unit.split_first() else {
        return Ok(None);
    };
    let nal = NalUnit {
        nal_ref_idc: (head >> 5) & 3,
        nal_unit_type: NalUnitType::from(head & 0x1f),
        rbsp: rbsp(body),
    };
    let frame = decoder.decode_nal(&nal).map_err(|error| match error {
        Error::Unsupported(what) => unsupported(CODEC, what),
        other => damaged(CODEC, other.to_string()),
    })?;
    Ok(frame.map(from_general))
}

fn from_general(frame: rust_h264::decoder::Frame) -> Picture {
    Picture {
        width: frame.width,
        height: frame.height,
        chroma: match frame.chroma_format {
            ChromaFormat::Yuv420 => ChromaSampling::Cs420,
            ChromaFormat::Yuv422 => ChromaSampling::Cs422,
        },
        bit_depth: frame.bit_depth,
        planes: [frame.y, frame.u, frame.v],
    }
}
