//! Which decoder an H.264 stream needs, or the name of what none of them has.

use super::CODEC;
use crate::DecodeError;
use crate::bitstream::h264::{Pps, Sps};
use crate::codec::picture::{check_size, unsupported};

/// The two engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// 8-bit 4:2:0 frames: `rusty_h264`.
    Progressive,
    /// The rest: `rust_h264`.
    General,
}

/// Refuses what neither decoder has, by name.
///
/// # Errors
/// [`DecodeError::Unsupported`].
pub(in crate::codec) fn check_sps(sps: &Sps) -> Result<(), DecodeError> {
    check_size(CODEC, sps.width, sps.height)?;
    let refuse = |what: &str| {
        Err(unsupported(
            CODEC,
            format!("H.264 {}: {what}", sps.profile()),
        ))
    };
    if sps.chroma_format_idc == 3 {
        return refuse("4:4:4");
    }
    if sps.lossless {
        return refuse("lossless");
    }
    let depths = (sps.bit_depth_luma, sps.bit_depth_chroma);
    match depths {
        (8, 8) | (10, 10) => Ok(()),
        (8 | 10, _) if sps.chroma_format_idc == 0 => Ok(()),
        (luma, chroma) => refuse(&format!("{luma} bit luma, {chroma} bit chroma")),
    }
}

/// The engine for pictures with these parameter sets.
///
/// # Errors
/// [`DecodeError::Unsupported`] for what neither has.
pub(super) fn choose(sps: &Sps, pps: &Pps) -> Result<Choice, DecodeError> {
    check_sps(sps)?;
    if pps.slice_groups {
        let what = format!("H.264 {}: flexible macroblock order", sps.profile());
        return Err(unsupported(CODEC, what));
    }
    let progressive = sps.frame_mbs_only
        && sps.bit_depth_luma == 8
        && sps.chroma_format_idc == 1
        // Not known to `rusty_h264`: cropping at the top or left, counts of type 1 with B
        // pictures, weights of B slices.
        && sps.crop_origin == (0, 0)
        && sps.poc_type != 1
        && pps.weighted_bipred_idc != 1;
    Ok(if progressive {
        Choice::Progressive
    } else {
        Choice::General
    })
}

/// Extended profile.
pub(super) fn data_partitioning() -> DecodeError {
    unsupported(CODEC, "H.264 Extended: data partitioning")
}
