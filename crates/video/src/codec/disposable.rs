//! Access units that no other one refers to.

use crate::bitstream::{av1, h264, hevc, nal};
use crate::{Codec, CodecConfig};

/// Whether no other access unit refers to this one, read from its first bytes: H.264
/// `nal_ref_idc == 0`, HEVC sub-layer non-reference pictures of the highest sub-layer, AV1
/// frames that refresh nothing, all of Motion JPEG. `false` when in doubt, and for VP8 and VP9
/// always. `access_unit` may be cut off after a few hundred bytes.
pub fn is_disposable(config: &CodecConfig, access_unit: &[u8]) -> bool {
    match config.codec {
        Codec::H264 => h264_disposable(config, access_unit),
        Codec::Hevc => hevc_disposable(config, access_unit).unwrap_or(false),
        Codec::Av1 => av1_disposable(config, access_unit).unwrap_or(false),
        // Frames that refresh no slot still hand probabilities, and in VP9 motion vectors and
        // the segmentation map, on to the next frame, whatever that is.
        Codec::Vp8 | Codec::Vp9 => false,
        Codec::Mjpeg => true,
    }
}

/// Samples that hold one frame, at most, where a container gives each field of H.264 a sample of its own:
/// two fields, and before each a sample with its SEI messages alone.
pub const MOST_SAMPLES_OF_FRAME: u32 = 4;

/// Whether the parameter sets allow frames to be coded as two fields, which a container may give
/// a sample each. H.264 only: in HEVC every field is a picture of its own. `true` when in doubt.
pub fn may_have_fields(config: &CodecConfig) -> bool {
    if config.codec != Codec::H264 {
        return false;
    }
    let mut sets = nal::annexb(&config.parameter_sets)
        .filter_map(h264::Sps::parse)
        .peekable();
    sets.peek().is_none() || sets.any(|sps| !sps.frame_mbs_only)
}

fn units<'a>(config: &CodecConfig, bytes: &'a [u8]) -> Box<dyn Iterator<Item = &'a [u8]> + 'a> {
    match config.nal_length_size {
        Some(size) => Box::new(nal::length_prefixed(bytes, size)),
        None => Box::new(nal::annexb(bytes)),
    }
}

fn h264_disposable(config: &CodecConfig, access_unit: &[u8]) -> bool {
    let slice = |unit: &&[u8]| matches!(h264::nal_unit_type(unit), Some(1..=5));
    let mut slices = units(config, access_unit).filter(slice).peekable();
    slices.peek().is_some() && slices.all(|unit| h264::nal_ref_idc(unit) == Some(0))
}

fn hevc_disposable(config: &CodecConfig, access_unit: &[u8]) -> Option<bool> {
    // A picture of a lower sub-layer may still be referred to by higher ones.
    let top = nal::annexb(&config.parameter_sets)
        .filter_map(hevc::Sps::parse)
        .map(|sps| sps.max_sub_layers)
        .max()?
        .checked_sub(1)?;
    let mut found = false;
    for unit in units(config, access_unit) {
        let kind = hevc::nal_unit_type(unit)?;
        if kind == hevc::nal_type::SPS {
            return None; // it may have another number of sub-layers
        }
        if !hevc::is_slice(kind) || hevc::layer_id(unit)? != 0 {
            continue;
        }
        if !hevc::is_sub_layer_non_reference(kind) || hevc::temporal_id(unit)? != top {
            return Some(false);
        }
        found = true;
    }
    Some(found)
}

fn av1_disposable(config: &CodecConfig, access_unit: &[u8]) -> Option<bool> {
    let mut sequence = av1::obus(&config.parameter_sets)
        .filter(|obu| obu.kind == av1::obu_type::SEQUENCE_HEADER)
        .find_map(|obu| av1::SequenceHeader::parse(obu.payload));
    let mut found = false;
    for obu in av1::obus(access_unit) {
        match obu.kind {
            av1::obu_type::SEQUENCE_HEADER => {
                sequence = Some(av1::SequenceHeader::parse(obu.payload)?);
            }
            av1::obu_type::FRAME | av1::obu_type::FRAME_HEADER => {
                let header = av1::FrameHeader::parse(obu.payload, sequence.as_ref()?)?;
                // Showing a key frame again refreshes every slot; it does not say whether.
                if header.show_existing || !header.show || header.refresh? != 0 {
                    return Some(false);
                }
                found = true;
            }
            _ => {}
        }
    }
    Some(found)
}
