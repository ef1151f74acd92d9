//! The two decoder crates behind one interface: a NAL unit in, and at the end of an access unit
//! the picture it holds out.

use crate::codec::picture::{Shape, damaged, unsupported};
use crate::limits::MAX_PIXELS;
use crate::{ChromaSampling, ColorDescription, DecodeError, Frame, Pts, Samples};
use oxideav_h265::nal::NalIter;
use oxideav_h265::picture::Plane as GeneralPlane;
use oxideav_h265::sequence::{DecodedFrame, SequenceDecoder, SequenceError};
use rust_h265::{DecodeLimits, NalUnit, NalUnitType, PixelData};
use std::borrow::Cow;

/// Codec name in messages.
pub(super) const CODEC: &str = "hevc";
/// Estimated bytes of one picture in `rust_h265`.
const MAX_PICTURE_MEMORY: u64 = 1 << 30;

/// The two engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// 4:2:0 and 4:4:4: `rust_h265`.
    Fast,
    /// 4:0:0 and 4:2:2: `oxideav-h265`.
    General,
}

/// An open decoder.
pub(super) enum Engine {
    Fast(Box<rust_h265::Decoder>),
    General(Box<SequenceDecoder>),
}

impl Engine {
    pub fn open(choice: Choice) -> Self {
        match choice {
            Choice::Fast => {
                let limits = DecodeLimits {
                    max_picture_pixels: u64::from(MAX_PIXELS),
                    max_picture_memory_bytes: MAX_PICTURE_MEMORY,
                };
                Self::Fast(Box::new(rust_h265::Decoder::with_limits(limits)))
            }
            Choice::General => Self::General(Box::new(SequenceDecoder::new())),
        }
    }

    pub fn choice(&self) -> Choice {
        match self {
            Self::Fast(_) => Choice::Fast,
            Self::General(_) => Choice::General,
        }
    }

    /// Decodes a NAL unit. Pictures of an access unit that has ended come out.
    pub fn unit(&mut self, unit: &[u8]) -> Result<Vec<Picture>, DecodeError> {
        match self {
            Self::Fast(decoder) => match rust_h265::parse_nal(unit) {
                Some(nal) => fast(decoder, &nal),
                None => Ok(Vec::new()),
            },
            Self::General(decoder) => {
                let stream = [&[0, 0, 1], unit].concat();
                for nal in NalIter::new(&stream) {
                    let pushed = nal.map_err(SequenceError::from);
                    pushed
                        .and_then(|nal| decoder.push_nal_unit(nal))
                        .map_err(general_error)?;
                }
                Ok(general(decoder))
            }
        }
    }

    /// Ends the access unit, so that its picture comes out now, or none at all where it is
    /// skipped (RASL pictures after a start at a CRA picture).
    pub fn end(&mut self) -> Result<Vec<Picture>, DecodeError> {
        match self {
            Self::Fast(decoder) => fast(
                decoder,
                &NalUnit {
                    nal_unit_type: NalUnitType::Aud,
                    nuh_layer_id: 0,
                    temporal_id: 0,
                    rbsp: Cow::Borrowed(&[]),
                    epb_positions: Vec::new(),
                },
            ),
            Self::General(decoder) => {
                decoder.flush().map_err(general_error)?;
                Ok(general(decoder))
            }
        }
    }
}

/// What comes out.
pub(super) struct Picture {
    shape: Shape,
    planes: Vec<Samples>,
}

impl Picture {
    /// As a frame.
    pub fn frame(self, pts: Pts, color: ColorDescription) -> Result<Frame, DecodeError> {
        self.shape.frame(pts, color, self.planes)
    }
}

fn chroma(format_idc: u32) -> ChromaSampling {
    match format_idc {
        1 => ChromaSampling::Cs420,
        2 => ChromaSampling::Cs422,
        3 => ChromaSampling::Cs444,
        _ => ChromaSampling::Monochrome,
    }
}

fn fast(decoder: &mut rust_h265::Decoder, nal: &NalUnit<'_>) -> Result<Vec<Picture>, DecodeError> {
    use rust_h265::DecodeError as Error;
    let frame = decoder.decode_nal(nal).map_err(|error| match error {
        Error::Unsupported(what) | Error::ResourceLimit(what) => unsupported(CODEC, what),
        other => damaged(CODEC, other.to_string()),
    })?;
    let samples = |plane| match plane {
        PixelData::U8(samples) => Samples::from(samples),
        PixelData::U16(samples) => Samples::from(samples),
    };
    Ok(Vec::from_iter(frame.map(|frame| Picture {
        shape: Shape {
            codec: CODEC,
            width: frame.width,
            height: frame.height,
            chroma: chroma(frame.chroma_format_idc),
            bit_depth: frame.bit_depth,
        },
        planes: [frame.y, frame.u, frame.v].map(samples).into(),
    })))
}

fn general(decoder: &mut SequenceDecoder) -> Vec<Picture> {
    let decoded = decoder.take_decoded().into_iter();
    decoded.filter(|frame| frame.output).map(picture).collect()
}

fn picture(frame: DecodedFrame) -> Picture {
    let picture = frame.output_picture();
    let bit_depth = picture.bit_depth_luma();
    let samples = |plane| {
        let samples = picture.plane(plane);
        if bit_depth > 8 {
            return Samples::from(samples.to_vec());
        }
        // 8-bit samples in 16: nothing is lost.
        let bytes: Vec<u8> = samples.iter().map(|&sample| sample as u8).collect();
        bytes.into()
    };
    let shape = Shape {
        codec: CODEC,
        width: u32::try_from(picture.width_luma()).unwrap_or(0),
        height: u32::try_from(picture.height_luma()).unwrap_or(0),
        chroma: chroma(u32::from(picture.chroma_array_type())),
        bit_depth,
    };
    let planes = [GeneralPlane::Luma, GeneralPlane::Cb, GeneralPlane::Cr];
    let planes = planes.into_iter().take(shape.planes()).map(samples);
    Picture {
        planes: planes.collect(),
        shape,
    }
}

fn general_error(error: SequenceError) -> DecodeError {
    match error {
        SequenceError::Unsupported(what) => unsupported(CODEC, what),
        other => damaged(CODEC, other.to_string()),
    }
}
