//! HEVC (ITU-T H.265): parameter sets, slice segment header starts, picture order.

use super::poc::unwrap_msb;
use super::{BitReader, FrameDuration, Vui, rbsp, vui_head};
use std::collections::BTreeMap;

/// NAL unit types, table 7-1.
pub mod nal_type {
    /// First of the leading picture types that references may skip.
    pub const RADL_N: u8 = 6;
    /// Last leading picture type.
    pub const RASL_R: u8 = 9;
    /// First broken-link access picture.
    pub const BLA_W_LP: u8 = 16;
    /// Instantaneous refresh.
    pub const IDR_W_RADL: u8 = 19;
    /// Instantaneous refresh without leading pictures.
    pub const IDR_N_LP: u8 = 20;
    /// Clean random access.
    pub const CRA: u8 = 21;
    /// Video parameter set.
    pub const VPS: u8 = 32;
    /// Sequence parameter set.
    pub const SPS: u8 = 33;
    /// Picture parameter set.
    pub const PPS: u8 = 34;
    /// Access unit delimiter.
    pub const AUD: u8 = 35;
    /// SEI before the picture.
    pub const PREFIX_SEI: u8 = 39;
}

/// `nal_unit_type` of a NAL unit.
pub fn nal_unit_type(nal: &[u8]) -> Option<u8> {
    nal.first().map(|byte| (byte >> 1) & 0x3f)
}

/// `nuh_layer_id` of a NAL unit.
pub fn layer_id(nal: &[u8]) -> Option<u8> {
    Some(((nal.first()? & 1) << 5) | (nal.get(1)? >> 3))
}

/// `TemporalId` of a NAL unit.
pub fn temporal_id(nal: &[u8]) -> Option<u8> {
    (nal.get(1)? & 7).checked_sub(1)
}

/// Whether this type is a slice segment.
pub fn is_slice(nal_unit_type: u8) -> bool {
    nal_unit_type <= nal_type::RASL_R
        || (nal_type::BLA_W_LP..=nal_type::CRA).contains(&nal_unit_type)
}

/// Whether this type is an intra random access point.
pub fn is_random_access(nal_unit_type: u8) -> bool {
    (nal_type::BLA_W_LP..=23).contains(&nal_unit_type)
}

/// Whether this type is a sub-layer non-reference picture (`_N` types, clause 7.4.2.2): no
/// picture of its own temporal sub-layer refers to it.
pub fn is_sub_layer_non_reference(nal_unit_type: u8) -> bool {
    nal_unit_type <= 14 && nal_unit_type.is_multiple_of(2)
}

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
        let id = small(bits.ue()?, 15)?;
        let chroma_format_idc = small(bits.ue()?, 3)?;
        let separate_planes = chroma_format_idc == 3 && bits.flag()?;
        let (coded_width, coded_height) = (bits.ue()?, bits.ue()?);
        let (crop_x, crop_y) = conformance_window(&mut bits, chroma_format_idc)?;
        let width = coded_width.checked_sub(crop_x)?;
        let height = coded_height.checked_sub(crop_y)?;
        let bit_depth_luma = small(bits.ue()?, 8)? + 8;
        let bit_depth_chroma = small(bits.ue()?, 8)? + 8;
        let log2_max_poc_lsb = small(bits.ue()?, 12)? + 4;
        let ordering_for_all = bits.flag()?;
        for _ in 0..=if ordering_for_all { sub_layers } else { 0 } {
            for _ in 0..3 {
                bits.ue()?;
            }
        }
        let log2_min_block = small(bits.ue()?, 13)? + 3;
        let log2_ctb = log2_min_block.checked_add(small(bits.ue()?, 13)?)?;
        let address_bits = address_bits(coded_width, coded_height, log2_ctb)?;
        // What follows leads to the VUI: keep the picture format where it cannot be read.
        let vui = tail_to_vui(&mut bits, log2_max_poc_lsb).unwrap_or_default();
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
            vui,
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

/// From the transform block sizes to the end of the VUI.
fn tail_to_vui(bits: &mut BitReader<'_>, log2_max_poc_lsb: u8) -> Option<Vui> {
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
    let sets = small(bits.ue()?, 64)?;
    let mut delta_counts = Vec::new();
    for index in 0..sets {
        let count = short_term_set(bits, index, &delta_counts)?;
        delta_counts.push(count);
    }
    if bits.flag()? {
        for _ in 0..small(bits.ue()?, 32)? {
            bits.skip(usize::from(log2_max_poc_lsb) + 1)?;
        }
    }
    bits.skip(2)?; // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
    if bits.flag()? {
        parse_vui(bits)
    } else {
        Some(Vui::default())
    }
}

/// Number of pictures in a short-term reference set, clause 7.3.7.
fn short_term_set(bits: &mut BitReader<'_>, index: u8, before: &[u32]) -> Option<u32> {
    if index > 0 && bits.flag()? {
        bits.skip(1)?; // delta_rps_sign
        bits.ue()?; // abs_delta_rps_minus1
        let mut count = 0_u32;
        for _ in 0..=*before.last()? {
            let used = bits.flag()?;
            if used || bits.flag()? {
                count += 1;
            }
        }
        return Some(count);
    }
    let (negative, positive) = (small(bits.ue()?, 16)?, small(bits.ue()?, 16)?);
    let count = u32::from(negative) + u32::from(positive);
    for _ in 0..count {
        bits.ue()?;
        bits.skip(1)?;
    }
    Some(count)
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

fn small(value: u32, limit: u8) -> Option<u8> {
    u8::try_from(value).ok().filter(|&value| value <= limit)
}

/// The start of a picture parameter set, clause 7.3.2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pps {
    /// `pps_pic_parameter_set_id`.
    pub id: u8,
    /// `pps_seq_parameter_set_id`.
    pub sps_id: u8,
    /// `dependent_slice_segments_enabled_flag`.
    pub dependent_slices: bool,
    /// `output_flag_present_flag`.
    pub output_flag_present: bool,
    /// `num_extra_slice_header_bits`.
    pub extra_slice_header_bits: u8,
}

impl Pps {
    /// From a NAL unit (header bytes included).
    pub fn parse(nal: &[u8]) -> Option<Self> {
        if nal_unit_type(nal)? != nal_type::PPS {
            return None;
        }
        let bytes = rbsp(nal.get(2..nal.len().min(64))?);
        let mut bits = BitReader::new(&bytes);
        Some(Self {
            id: small(bits.ue()?, 63)?,
            sps_id: small(bits.ue()?, 15)?,
            dependent_slices: bits.flag()?,
            output_flag_present: bits.flag()?,
            extra_slice_header_bits: u8::try_from(bits.bits(3)?).ok()?,
        })
    }
}

/// The start of a slice segment header, clause 7.3.6.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceHeader {
    /// `nal_unit_type`.
    pub nal_unit_type: u8,
    /// `TemporalId`.
    pub temporal_id: u8,
    /// `first_slice_segment_in_pic_flag`: a new picture starts.
    pub first_in_picture: bool,
    /// Parameter set referred to.
    pub pps_id: u8,
    /// `slice_pic_order_cnt_lsb`; 0 for IDR. `None` for a dependent segment.
    pub poc_lsb: Option<u32>,
    /// `slice_type`: 0 B, 1 P, 2 I. `None` for a dependent segment.
    pub slice_type: Option<u8>,
    /// `pic_output_flag`.
    pub output: bool,
}

/// Bytes of a slice NAL unit that hold all of a [`SliceHeader`].
pub const SLICE_HEAD: usize = 64;

impl SliceHeader {
    /// From a slice NAL unit; only its first [`SLICE_HEAD`] bytes are looked at.
    pub fn parse(nal: &[u8], sets: &ParameterSets) -> Option<Self> {
        let kind = nal_unit_type(nal).filter(|&kind| is_slice(kind))?;
        let bytes = rbsp(nal.get(2..nal.len().min(SLICE_HEAD))?);
        let mut bits = BitReader::new(&bytes);
        let first_in_picture = bits.flag()?;
        if is_random_access(kind) {
            bits.skip(1)?; // no_output_of_prior_pics_flag
        }
        let pps_id = small(bits.ue()?, 63)?;
        let (sps, pps) = sets.of(pps_id)?;
        let mut header = Self {
            nal_unit_type: kind,
            temporal_id: temporal_id(nal)?,
            first_in_picture,
            pps_id,
            poc_lsb: None,
            slice_type: None,
            output: true,
        };
        if !first_in_picture {
            let dependent = pps.dependent_slices && bits.flag()?;
            bits.skip(usize::from(sps.address_bits))?;
            if dependent {
                return Some(header);
            }
        }
        bits.skip(usize::from(pps.extra_slice_header_bits))?;
        header.slice_type = Some(small(bits.ue()?, 2)?);
        if pps.output_flag_present {
            header.output = bits.flag()?;
        }
        if sps.separate_planes {
            bits.skip(2)?;
        }
        let idr = matches!(kind, nal_type::IDR_W_RADL | nal_type::IDR_N_LP);
        header.poc_lsb = Some(if idr {
            0
        } else {
            bits.bits(u32::from(sps.log2_max_poc_lsb))?
        });
        Some(header)
    }
}

/// The parameter sets in force, by id.
#[derive(Clone, Debug, Default)]
pub struct ParameterSets {
    sps: BTreeMap<u8, Sps>,
    pps: BTreeMap<u8, Pps>,
}

impl ParameterSets {
    /// Takes in a NAL unit if it is a parameter set that we can read; says whether it was.
    /// Only the base layer counts.
    pub fn absorb(&mut self, nal: &[u8]) -> bool {
        if layer_id(nal) != Some(0) {
            return false;
        }
        if let Some(sps) = Sps::parse(nal) {
            self.sps.insert(sps.id, sps);
            return true;
        }
        if let Some(pps) = Pps::parse(nal) {
            self.pps.insert(pps.id, pps);
            return true;
        }
        false
    }

    /// The pair that a slice with this PPS id uses.
    pub fn of(&self, pps_id: u8) -> Option<(&Sps, &Pps)> {
        let pps = self.pps.get(&pps_id)?;
        Some((self.sps.get(&pps.sps_id)?, pps))
    }

    /// The sequence parameter set with the lowest id.
    pub fn first_sps(&self) -> Option<&Sps> {
        self.sps.values().next()
    }
}

/// Picture order count, clause 8.3.1, from picture to picture in decoding order.
#[derive(Clone, Copy, Debug, Default)]
pub struct PocCounter {
    prev_msb: i64,
    prev_lsb: i64,
    seen: bool,
}

/// Order of one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureOrder {
    /// `PicOrderCntVal`.
    pub count: i64,
    /// The count starts anew here: all earlier pictures come before (IDR, BLA, first picture).
    pub restart: bool,
}

impl PocCounter {
    /// The order of the picture that `slice` (its first, independent one) belongs to. Call once
    /// for each picture.
    pub fn next(&mut self, sps: &Sps, slice: &SliceHeader) -> PictureOrder {
        let kind = slice.nal_unit_type;
        let restart = (nal_type::BLA_W_LP..=nal_type::IDR_N_LP).contains(&kind)
            || (is_random_access(kind) && !self.seen);
        self.seen = true;
        let lsb = i64::from(slice.poc_lsb.unwrap_or(0));
        let max = 1_i64 << sps.log2_max_poc_lsb;
        let msb = if restart {
            0
        } else {
            unwrap_msb(lsb, self.prev_lsb, self.prev_msb, max)
        };
        let leading = (nal_type::RADL_N..=nal_type::RASL_R).contains(&kind);
        if slice.temporal_id == 0 && !leading && !is_sub_layer_non_reference(kind) {
            (self.prev_msb, self.prev_lsb) = (msb, lsb);
        }
        PictureOrder {
            count: msb.saturating_add(lsb),
            restart,
        }
    }
}
