//! Visual sample entries (ISO 14496-12 clause 12.1, ISO 14496-15, QuickTime).

use super::boxes::{NAME, child, children};
use crate::container::config::CodecParameters;
use crate::container::fields::{Fields, fourcc};
use crate::{Codec, CodecConfig, ColorDescription, IndexError, PixelAspect};

/// One description of coded pictures.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) codec: Codec,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) parameters: CodecParameters,
    /// As `colr` says.
    pub(super) color: ColorDescription,
    pub(super) pixel_aspect: Option<PixelAspect>,
}

impl Entry {
    /// What a decoder needs for its samples.
    pub(super) fn config(&self) -> CodecConfig {
        let size = (self.width, self.height);
        self.parameters.config(self.codec, size, self.color)
    }
}

/// Why an entry cannot be used.
#[derive(Debug)]
pub(super) enum EntryError {
    Encrypted(String),
    Codec(String),
    Damaged(String),
}

impl EntryError {
    pub(super) fn into_index_error(self) -> IndexError {
        match self {
            Self::Encrypted(scheme) => IndexError::Encrypted { scheme },
            Self::Codec(codec) => IndexError::UnsupportedCodec { codec },
            Self::Damaged(what) => IndexError::Damaged {
                container: NAME,
                what,
            },
        }
    }
}

/// Bytes of a visual sample entry before its boxes.
const FIXED: usize = 78;

/// `body` is what follows the entry's size and code.
pub(super) fn parse(code: [u8; 4], body: &[u8]) -> Result<Entry, EntryError> {
    let boxes = body.get(FIXED..).unwrap_or_default();
    if &code == b"encv" || &code == b"drmi" {
        return Err(EntryError::Encrypted(
            scheme(boxes).unwrap_or_else(|| fourcc(code)),
        ));
    }
    let codec = codec(code, boxes).ok_or_else(|| EntryError::Codec(fourcc(code)))?;
    let (Some(width), Some(height)) = (body.be16(24), body.be16(26)) else {
        return Err(EntryError::Damaged(format!(
            "sample description `{}` is too short",
            fourcc(code)
        )));
    };
    Ok(Entry {
        codec,
        width: u32::from(width),
        height: u32::from(height),
        parameters: record(codec, boxes)?,
        color: color(boxes),
        pixel_aspect: child(boxes, b"pasp").and_then(|pasp| {
            let (h, v) = (pasp.be32(0)?, pasp.be32(4)?);
            (h > 0 && v > 0).then_some(PixelAspect { h, v })
        }),
    })
}

fn codec(code: [u8; 4], boxes: &[u8]) -> Option<Codec> {
    match &code {
        b"avc1" | b"avc3" => Some(Codec::H264),
        b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => Some(Codec::Hevc),
        b"av01" => Some(Codec::Av1),
        b"vp08" => Some(Codec::Vp8),
        b"vp09" => Some(Codec::Vp9),
        b"jpeg" | b"mjpa" | b"mjpg" | b"MJPG" | b"AVDJ" | b"dmb1" => Some(Codec::Mjpeg),
        b"mp4v" if object_type(child(boxes, b"esds")?) == Some(0x6c) => Some(Codec::Mjpeg),
        _ => None,
    }
}

/// `objectTypeIndication` of an elementary stream descriptor (ISO 14496-1 clause 7.2.6).
fn object_type(esds: &[u8]) -> Option<u8> {
    let mut at = 4;
    if descriptor(esds, &mut at)? != 3 {
        return None;
    }
    let flags = esds.u8(at + 2)?;
    at += 3;
    if flags & 0x80 != 0 {
        at += 2;
    }
    if flags & 0x40 != 0 {
        at += 1 + usize::from(esds.u8(at)?);
    }
    if flags & 0x20 != 0 {
        at += 2;
    }
    (descriptor(esds, &mut at)? == 4)
        .then(|| esds.u8(at))
        .flatten()
}

/// Tag of the descriptor at `at`; moves past its header.
fn descriptor(esds: &[u8], at: &mut usize) -> Option<u8> {
    let tag = esds.u8(*at)?;
    *at += 1;
    for _ in 0..4 {
        let byte = esds.u8(*at)?;
        *at += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(tag)
}

/// The codec's configuration record. Parameter sets may come in the stream instead.
fn record(codec: Codec, boxes: &[u8]) -> Result<CodecParameters, EntryError> {
    type Parse = fn(&[u8]) -> Option<CodecParameters>;
    let (kind, parse): (&[u8; 4], Parse) = match codec {
        Codec::H264 => (b"avcC", CodecParameters::from_avcc),
        Codec::Hevc => (b"hvcC", CodecParameters::from_hvcc),
        Codec::Av1 => (b"av1C", CodecParameters::from_av1c),
        Codec::Vp8 | Codec::Vp9 => (b"vpcC", CodecParameters::from_vpcc),
        Codec::Mjpeg => return Ok(CodecParameters::default()),
    };
    match (child(boxes, kind), codec) {
        (Some(body), _) => parse(body).ok_or_else(|| {
            EntryError::Damaged(format!(
                "codec configuration `{}` is too short",
                fourcc(*kind)
            ))
        }),
        // Without it nobody knows how long a NAL unit's length is.
        (None, Codec::H264 | Codec::Hevc) => Err(EntryError::Damaged(format!(
            "codec configuration `{}` is missing",
            fourcc(*kind)
        ))),
        (None, _) => Ok(CodecParameters::default()),
    }
}

/// `colr`: ISO `nclx` or QuickTime `nclc`.
fn color(boxes: &[u8]) -> ColorDescription {
    children(boxes)
        .filter(|(kind, _)| kind == b"colr")
        .find_map(|(_, colr)| {
            let code = |at| colr.be16(at).and_then(|code| u8::try_from(code).ok());
            let full = match colr.array(0)? {
                [b'n', b'c', b'l', b'x'] => Some(colr.u8(10)? & 0x80 != 0),
                [b'n', b'c', b'l', b'c'] => None,
                _ => return None,
            };
            Some(ColorDescription::from_cicp(
                code(4)?,
                code(6)?,
                code(8)?,
                full,
            ))
        })
        .unwrap_or_default()
}

/// Scheme of `sinf`/`schm` (clause 8.12.5).
fn scheme(boxes: &[u8]) -> Option<String> {
    child(child(boxes, b"sinf")?, b"schm")?.array(4).map(fourcc)
}
