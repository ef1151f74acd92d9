//! Sequence parameter sets, clause 7.3.2.2, with their VUI (Annex E).

use super::nal::{layer_id, nal_type, nal_unit_type};
use super::reference_sets::SequenceReferences;
use crate::bitstream::bits::{BitReader, rbsp};
use crate::bitstream::parameter_sets::SequenceParameterSet;
use crate::bitstream::vui::{FrameDuration, Vui, vui_head};

/// Sequence parameter set, clause 7.3.2.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sps {
    /// `sps_seq_parameter_set_id`.
    pub id: u8,
    /// `sps_max_sub_layers_minus1` + 1.
    pub max_sub_layers: u8,
    /// Profile.
    pub profile: ProfileTierLevel,
    /// 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma_format_idc: u8,
    /// `separate_colour_plane_flag`.
    pub separate_planes: bool,
    /// Shown width after the conformance window, luma samples.
    pub width: u32,
    /// Shown height after the conformance window, luma samples.
    pub height: u32,
    /// Bits per luma sample.
    pub bit_depth_luma: u8,
    /// Bits per chroma sample.
    pub bit_depth_chroma: u8,
    /// Bits of `slice_pic_order_cnt_lsb`.
    pub log2_max_poc_lsb: u8,
    /// Bits of a slice segment address.
    pub address_bits: u8,
    /// Which pictures may be referred to; `None` where that cannot be read.
    pub references: Option<SequenceReferences>,
    /// VUI; defaults where absent.
    pub vui: Vui,
}

/// The general part of `profile_tier_level`, clause 7.3.3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProfileTierLevel {
    /// `general_profile_idc`.
    pub profile_idc: u8,
    /// `general_profile_compatibility_flag`, flag 0 in the top bit.
    pub compatibility: u32,
    /// `general_level_idc`.
    pub level_idc: u8,
}

impl ProfileTierLevel {
    fn parse(bits: &mut BitReader<'_>, max_sub_layers_minus1: u8) -> Option<Self> {
        bits.skip(3)?; // general_profile_space, general_tier_flag
        let profile_idc = u8::try_from(bits.bits(5)?).ok()?;
        let compatibility = bits.bits(32)?;
        bits.skip(48)?; // source and constraint flags
        let level_idc = bits.byte()?;
        let mut present = Vec::new();
        for _ in 0..max_sub_layers_minus1 {
            present.push((bits.flag()?, bits.flag()?));
        }
        if max_sub_layers_minus1 > 0 {
            bits.skip(2 * (8 - usize::from(max_sub_layers_minus1)))?;
        }
        for (profile, level) in present {
            bits.skip(if profile { 88 } else { 0 })?;
            bits.skip(if level { 8 } else { 0 })?;
        }
        Some(Self {
            profile_idc,
            compatibility,
            level_idc,
        })
    }

    /// Profile as ffprobe names it.
    pub fn name(&self) -> String {
        let compatible = |idc: u32| self.compatibility & (0x8000_0000 >> idc) != 0;
        let name = match self.profile_idc {
            1 => "Main",
            2 => "Main 10",
            3 => "Main Still Picture",
            4 => "Rext",
            0 if compatible(1) => "Main",
            0 if compatible(2) => "Main 10",
            9 => "SCC",
            other => return format!("profile {other}"),
        };
        name.to_owned()
    }
}

impl Sps {
    /// From a NAL unit (header bytes included, emulation prevention still in).
    pub fn parse(nal: &[u8]) -> Option<Self> {
        if nal_unit_type(nal)? != nal_type::SPS {
            return None;
        }
        let bytes = rbsp(nal.get(2..)?);
        let mut bits = BitReader::new(&bytes);
        bits.skip(4)?; // sps_video_parameter_set_id
        let sub_layers = u8::try_from(bits.bits(3)?).ok().filter(|&n| n <= 6)?;
        bits.skip(1)?; // sps_temporal_id_nesting_flag
        let profile = ProfileTierLevel::parse(&mut bits, sub_layers)?;
        let id = bits.ue_up_to(15)?;
        let chroma_format_idc = bits.ue_up_to(3)?;
        let separate_planes = chroma_format_idc == 3 && bits.flag()?;
        let (coded_width, coded_height) = (bits.ue()?, bits.ue()?);
        let (crop_x, crop_y) = conformance_window(&mut bits, chroma_format_idc)?;
        let width = coded_width.checked_sub(crop_x)?;
        let height = coded_height.checked_sub(crop_y)?;
        let bit_depth_luma = bits.ue_up_to(8)? + 8;
        let bit_depth_chroma = bits.ue_up_to(8)? + 8;
        let log2_max_poc_lsb = bits.ue_up_to(12)? + 4;
        let ordering_for_all = bits.flag()?;
        for _ in 0..=if ordering_for_all { sub_layers } else { 0 } {
            for _ in 0..3 {
                bits.ue()?;
            }
        }
        let log2_min_block = bits.ue_up_to(13)? + 3;
        let log2_ctb = log2_min_block.checked_add(bits.ue_up_to(13)?)?;
        let address_bits = address_bits(coded_width, coded_height, log2_ctb)?;
        // Keep the picture format where what follows cannot be read.
        let references = references(&mut bits, log2_max_poc_lsb);
        let vui = references.as_ref().and_then(|_| vui(&mut bits));
        Some(Self {
            id,
            max_sub_layers: sub_layers + 1,
            profile,
            chroma_format_idc,
            separate_planes,
            width,
            height,
            bit_depth_luma,
            bit_depth_chroma,
            log2_max_poc_lsb,
            address_bits,
            references,
            vui: vui.unwrap_or_default(),
        })
    }
}

fn conformance_window(bits: &mut BitReader<'_>, chroma_format_idc: u8) -> Option<(u32, u32)> {
    if !bits.flag()? {
        return Some((0, 0));
    }
    let (unit_x, unit_y) = match chroma_format_idc {
        1 => (2, 2),
        2 => (2, 1),
        _ => (1, 1),
    };
    let (left, right) = (bits.ue()?, bits.ue()?);
    let (top, bottom) = (bits.ue()?, bits.ue()?);
    Some((
        left.checked_add(right)?.checked_mul(unit_x)?,
        top.checked_add(bottom)?.checked_mul(unit_y)?,
    ))
}

fn address_bits(width: u32, height: u32, log2_ctb: u8) -> Option<u8> {
    let ctb = 1_u64
        .checked_shl(u32::from(log2_ctb))
        .filter(|_| log2_ctb < 32)?;
    let count = u64::from(width)
        .div_ceil(ctb)
        .checked_mul(u64::from(height).div_ceil(ctb))?;
    u8::try_from(64 - count.saturating_sub(1).leading_zeros()).ok()
}

/// From the transform block sizes to the reference picture sets.
fn references(bits: &mut BitReader<'_>, log2_max_poc_lsb: u8) -> Option<SequenceReferences> {
    for _ in 0..4 {
        bits.ue()?; // transform block sizes, hierarchy depths
    }
    if bits.flag()? && bits.flag()? {
        skip_scaling_list_data(bits)?;
    }
    bits.skip(2)?; // amp_enabled_flag, sample_adaptive_offset_enabled_flag
    if bits.flag()? {
        bits.skip(8)?; // PCM bit depths
        bits.ue()?;
        bits.ue()?;
        bits.skip(1)?;
    }
    SequenceReferences::parse(bits, log2_max_poc_lsb)
}

/// From behind the reference picture sets to the end of the VUI.
fn vui(bits: &mut BitReader<'_>) -> Option<Vui> {
    bits.skip(2)?; // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
    if bits.flag()? {
        parse_vui(bits)
    } else {
        Some(Vui::default())
    }
}

fn skip_scaling_list_data(bits: &mut BitReader<'_>) -> Option<()> {
    for size in 0..4_u32 {
        for _ in (0..6).step_by(if size == 3 { 3 } else { 1 }) {
            if !bits.flag()? {
                bits.ue()?;
                continue;
            }
            if size > 1 {
                bits.se()?;
            }
            for _ in 0..64.min(1 << (4 + (size << 1))) {
                bits.se()?;
            }
        }
    }
    Some(())
}

fn parse_vui(bits: &mut BitReader<'_>) -> Option<Vui> {
    let mut vui = vui_head(bits)?;
    bits.skip(3)?; // neutral_chroma_indication, field_seq, frame_field_info_present
    if bits.flag()? {
        for _ in 0..4 {
            bits.ue()?; // default display window
        }
    }
    if bits.flag()? {
        let (num, den) = (bits.bits(32)?, bits.bits(32)?);
        vui.frame_duration = (num > 0 && den > 0).then_some(FrameDuration { num, den });
    }
    Some(vui)
}

/// Of the base layer: other layers have parameter sets of the same ids.
impl SequenceParameterSet for Sps {
    fn parse(nal: &[u8]) -> Option<Self> {
        (layer_id(nal)? == 0).then(|| Self::parse(nal))?
    }

    fn id(&self) -> u8 {
        self.id
    }
}
