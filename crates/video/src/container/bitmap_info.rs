//! BITMAPINFOHEADER, which AVI and Matroska share.

use super::config::CodecParameters;
use super::fields::{Fields, fourcc};
use crate::{Codec, IndexError};

/// Codec and configuration.
pub(super) fn parse(header: &[u8]) -> Result<(Codec, CodecParameters), IndexError> {
    let code: [u8; 4] = header.array(16).unwrap_or_default();
    let codec = match &code.map(|byte| byte.to_ascii_uppercase()) {
        b"MJPG" | b"AVRN" | b"LJPG" | b"JPGL" | b"MJLS" | b"JPEG" | b"IJPG" | b"AVDJ" | b"DMB1" => {
            Codec::Mjpeg
        }
        b"H264" | b"X264" | b"AVC1" | b"DAVC" | b"VSSH" | b"SMV2" => Codec::H264,
        b"HEVC" | b"H265" | b"HVC1" | b"HEV1" | b"X265" => Codec::Hevc,
        b"AV01" => Codec::Av1,
        b"VP80" => Codec::Vp8,
        b"VP90" => Codec::Vp9,
        _ => {
            return Err(IndexError::UnsupportedCodec {
                codec: fourcc(code),
            });
        }
    };
    let extra = header.get(40..).unwrap_or_default();
    // Configuration records start with version 1, byte streams with zeros.
    let parameters = match (codec, extra.first()) {
        (Codec::H264, Some(1)) => CodecParameters::from_avcc(extra),
        (Codec::Hevc, Some(1)) => CodecParameters::from_hvcc(extra),
        (Codec::Av1, Some(0x81)) => CodecParameters::from_av1c(extra),
        (Codec::H264 | Codec::Hevc, _) => {
            Some(CodecParameters::from_access_unit(codec, None, extra))
        }
        _ => None,
    };
    Ok((codec, parameters.unwrap_or_default()))
}
