//! HEVC with `rust_h265`, in decoding order: the frame that an access unit ends with is its own.

use super::nal;
use super::picture::{MAX_PIXELS, Shape, check_size, damaged, unsupported};
use crate::bitstream::hevc::Sps;
use crate::{
    ChromaSampling, CodecConfig, ColorDescription, DecodeError, Decoder, Frame, Pts, Samples,
};
use rust_h265::{DecodeLimits, NalUnit, NalUnitType, PixelData};
use std::borrow::Cow;
use std::collections::VecDeque;

const CODEC: &str = "hevc";

/// Estimated bytes of one picture in the decoder.
const MAX_PICTURE_MEMORY: u64 = 1 << 30;

/// Refuses what `rust_h265` cannot decode, by name.
///
/// # Errors
/// [`DecodeError::Unsupported`].
pub(super) fn check_sps(sps: &Sps) -> Result<(), DecodeError> {
    check_size(CODEC, sps.width, sps.height)?;
    let refuse = |what: String| Err(unsupported(CODEC, what));
    match sps.chroma_format_idc {
        0 => return refuse("HEVC monochrome (4:0:0)".into()),
        2 => return refuse(format!("HEVC 4:2:2 ({} bit)", sps.bit_depth_luma)),
        _ => {}
    }
    if sps.bit_depth_luma > 12 || sps.bit_depth_chroma > 12 {
        return refuse(format!("HEVC {} bit", sps.bit_depth_luma));
    }
    if sps.bit_depth_luma != sps.bit_depth_chroma {
        return refuse(format!(
            "HEVC with {} bit luma and {} bit chroma",
            sps.bit_depth_luma, sps.bit_depth_chroma
        ));
    }
    Ok(())
}

/// See the module.
pub(super) struct HevcDecoder {
    inner: rust_h265::Decoder,
    length_size: Option<u8>,
    container_color: ColorDescription,
    color: ColorDescription,
    ready: VecDeque<Frame>,
}

impl HevcDecoder {
    /// Takes in the parameter sets of `config`.
    pub fn open(config: &CodecConfig) -> Result<Self, DecodeError> {
        let mut decoder = Self {
            inner: rust_h265::Decoder::with_limits(DecodeLimits {
                max_picture_pixels: u64::from(MAX_PIXELS),
                max_picture_memory_bytes: MAX_PICTURE_MEMORY,
            }),
            length_size: config.nal_length_size,
            container_color: config.color,
            color: config.color,
            ready: VecDeque::new(),
        };
        for unit in crate::bitstream::nal::annexb(&config.parameter_sets) {
            decoder.unit(unit, Pts(0))?;
        }
        Ok(decoder)
    }

    fn unit(&mut self, unit: &[u8], pts: Pts) -> Result<(), DecodeError> {
        let Some(nal) = rust_h265::parse_nal(unit) else {
            return Ok(());
        };
        // Layers above the base layer (MV-HEVC, SHVC) are other views of the same picture.
        if nal.nuh_layer_id != 0 {
            return Ok(());
        }
        match nal.nal_unit_type {
            // Nothing in the VPS is needed for one layer, and what is rejected in an SPS or a
            // PPS is said again by the first slice that uses it: many streams carry unused ones.
            NalUnitType::Vps => Ok(()),
            NalUnitType::Sps => {
                if let Some(sps) = Sps::parse(unit) {
                    check_sps(&sps)?;
                    self.color = sps.vui.color.or(self.container_color);
                }
                self.inner.decode_nal(&nal).map(drop).or(Ok(()))
            }
            NalUnitType::Pps => self.inner.decode_nal(&nal).map(drop).or(Ok(())),
            _ => self.feed(&nal, pts),
        }
    }

    fn feed(&mut self, nal: &NalUnit<'_>, pts: Pts) -> Result<(), DecodeError> {
        if let Some(frame) = self.inner.decode_nal(nal).map_err(error)? {
            self.ready.push_back(convert(frame, pts, self.color)?);
        }
        Ok(())
    }
}

impl Decoder for HevcDecoder {
    fn decode(&mut self, access_unit: &[u8], pts: Pts) -> Result<(), DecodeError> {
        for unit in nal::units(CODEC, access_unit, self.length_size)? {
            self.unit(unit, pts)?;
        }
        // A delimiter ends the picture, so that its frame comes out with its own PTS, or none
        // at all where the picture is skipped (RASL pictures after a start at a CRA picture).
        let delimiter = NalUnit {
            nal_unit_type: NalUnitType::Aud,
            nuh_layer_id: 0,
            temporal_id: 0,
            rbsp: Cow::Borrowed(&[]),
            epb_positions: Vec::new(),
        };
        self.feed(&delimiter, pts)
    }

    fn next_frame(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    fn flush(&mut self) -> Result<(), DecodeError> {
        Ok(())
    }
}

fn convert(
    frame: rust_h265::Frame,
    pts: Pts,
    color: ColorDescription,
) -> Result<Frame, DecodeError> {
    let shape = Shape {
        codec: CODEC,
        width: frame.width,
        height: frame.height,
        chroma: match frame.chroma_format_idc {
            1 => ChromaSampling::Cs420,
            2 => ChromaSampling::Cs422,
            3 => ChromaSampling::Cs444,
            _ => ChromaSampling::Monochrome,
        },
        bit_depth: frame.bit_depth,
    };
    let planes = [frame.y, frame.u, frame.v].map(|plane| match plane {
        PixelData::U8(samples) => Samples::U8(samples),
        PixelData::U16(samples) => Samples::U16(samples),
    });
    shape.frame(pts, color, planes)
}

fn error(error: rust_h265::DecodeError) -> DecodeError {
    match error {
        rust_h265::DecodeError::Unsupported(what) | rust_h265::DecodeError::ResourceLimit(what) => {
            unsupported(CODEC, what)
        }
        other => damaged(CODEC, other.to_string()),
    }
}
