//! What is refused from the parameter sets alone, by name.

use crate::DecodeError;
use crate::bitstream::h264::Sps;
use crate::codec::picture::{check_size, damaged, unsupported};

/// Codec name in messages.
pub(super) const CODEC: &str = "h264";

/// Macroblocks of a picture, and of all reference pictures together, at the highest level
/// (table A-1, level 6.2). A decoder allocates as many as the SPS says.
const MAX_FRAME_MBS: u64 = 139_264;
const MAX_DPB_MBS: u64 = 696_320;
/// Most reference frames (clause A.3.1).
const MAX_REFERENCES: u32 = 16;

/// Refuses what the decoder does not have, by name.
///
/// # Errors
/// [`DecodeError::Unsupported`], and `Damaged` for more reference frames than there can be.
pub fn check_sps(sps: &Sps) -> Result<(), DecodeError> {
    check_size(CODEC, sps.width, sps.height)?;
    check_level(sps)?;
    let refuse = |what: &str| {
        Err(unsupported(
            CODEC,
            format!("H.264 {}: {what}", sps.profile()),
        ))
    };
    if sps.separate_planes {
        return refuse("4:4:4 with colour planes coded apart");
    }
    match (sps.bit_depth_luma, sps.bit_depth_chroma) {
        (luma @ 8..=14, chroma) if luma == chroma || sps.chroma_format_idc == 0 => Ok(()),
        (luma, chroma) => refuse(&format!("{luma} bit luma, {chroma} bit chroma")),
    }
}

fn check_level(sps: &Sps) -> Result<(), DecodeError> {
    let mbs = u64::from(sps.width.div_ceil(16)) * u64::from(sps.height.div_ceil(16));
    if sps.max_num_ref_frames > MAX_REFERENCES {
        let count = sps.max_num_ref_frames;
        return Err(damaged(CODEC, format!("{count} reference frames")));
    }
    // One reference frame is always allowed.
    let held = mbs.saturating_mul(u64::from(sps.max_num_ref_frames));
    if mbs > MAX_FRAME_MBS || (sps.max_num_ref_frames > 1 && held > MAX_DPB_MBS) {
        let (width, height, count) = (sps.width, sps.height, sps.max_num_ref_frames);
        return Err(unsupported(
            CODEC,
            format!("{width}x{height} with {count} reference frames, more than level 6.2 allows"),
        ));
    }
    Ok(())
}

/// Extended profile.
pub(super) fn data_partitioning() -> DecodeError {
    unsupported(CODEC, "H.264 Extended: data partitioning")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitstream::Vui;

    fn sps(width: u32, height: u32, max_num_ref_frames: u32) -> Sps {
        Sps {
            id: 0,
            profile_idc: 100,
            constraints: 0,
            level_idc: 62,
            chroma_format_idc: 1,
            separate_planes: false,
            bit_depth_luma: 8,
            bit_depth_chroma: 8,
            lossless: false,
            log2_max_frame_num: 4,
            poc_type: 0,
            log2_max_poc_lsb: 4,
            delta_pic_order_always_zero: false,
            offset_for_non_ref_pic: 0,
            offset_for_top_to_bottom: 0,
            offset_for_ref_frame: Vec::new(),
            max_num_ref_frames,
            frame_mbs_only: true,
            crop_origin: (0, 0),
            width,
            height,
            vui: Vui::default(),
        }
    }

    #[test]
    fn memory_is_bounded_by_the_highest_level() {
        check_sps(&sps(1920, 1080, 16)).unwrap();
        check_sps(&sps(8192, 4320, 5)).unwrap();
        check_sps(&sps(8192, 4320, 16)).unwrap_err();
        check_sps(&sps(16_384, 4096, 1)).unwrap_err();
        check_sps(&sps(1920, 1080, 17)).unwrap_err();
    }
}
