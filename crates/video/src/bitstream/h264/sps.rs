//! Sequence parameter sets, clause 7.3.2.1.1, with their VUI (Annex E).

use super::nal::{nal_type, nal_unit_type};
use crate::bitstream::bits::{BitReader, rbsp};
use crate::bitstream::parameter_sets::SequenceParameterSet;
use crate::bitstream::vui::{FrameDuration, Vui, vui_head};

/// Sequence parameter set, clause 7.3.2.1.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sps {
    /// `seq_parameter_set_id`.
    pub id: u8,
    /// `profile_idc`.
    pub profile_idc: u8,
    /// The byte of `constraint_set` flags, set 0 in the top bit.
    pub constraints: u8,
    /// `level_idc`.
    pub level_idc: u8,
    /// 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma_format_idc: u8,
    /// `separate_colour_plane_flag`.
    pub separate_planes: bool,
    /// Bits per luma sample.
    pub bit_depth_luma: u8,
    /// Bits per chroma sample.
    pub bit_depth_chroma: u8,
    /// `qpprime_y_zero_transform_bypass_flag`: lossless macroblocks may occur.
    pub lossless: bool,
    /// Bits of `frame_num`.
    pub log2_max_frame_num: u8,
    /// `pic_order_cnt_type`.
    pub poc_type: u8,
    /// Bits of `pic_order_cnt_lsb` (type 0).
    pub log2_max_poc_lsb: u8,
    /// `delta_pic_order_always_zero_flag` (type 1).
    pub delta_pic_order_always_zero: bool,
    /// `offset_for_non_ref_pic` (type 1).
    pub offset_for_non_ref_pic: i32,
    /// `offset_for_top_to_bottom_field` (type 1).
    pub offset_for_top_to_bottom: i32,
    /// `offset_for_ref_frame` (type 1).
    pub offset_for_ref_frame: Vec<i32>,
    /// `max_num_ref_frames`.
    pub max_num_ref_frames: u32,
    /// False where fields or MBAFF may occur.
    pub frame_mbs_only: bool,
    /// Luma samples cropped at the left and at the top.
    pub crop_origin: (u32, u32),
    /// Shown width after cropping, luma samples.
    pub width: u32,
    /// Shown height after cropping, luma samples.
    pub height: u32,
    /// VUI; defaults where absent.
    pub vui: Vui,
}

impl Sps {
    /// From a NAL unit (header byte included, emulation prevention still in).
    pub fn parse(nal: &[u8]) -> Option<Self> {
        if nal_unit_type(nal)? != nal_type::SPS {
            return None;
        }
        let bytes = rbsp(nal.get(1..)?);
        let mut bits = BitReader::new(&bytes);
        let (profile_idc, constraints, level_idc) = (bits.byte()?, bits.byte()?, bits.byte()?);
        let id = bits.ue_up_to(31)?;
        let chroma = ChromaInfo::parse(&mut bits, profile_idc)?;
        let log2_max_frame_num = bits.ue_up_to(12)? + 4;
        let poc = PocInfo::parse(&mut bits)?;
        let max_num_ref_frames = bits.ue()?;
        bits.skip(1)?; // gaps_in_frame_num_value_allowed_flag
        let width_mbs = bits.ue()?.checked_add(1)?;
        let height_units = bits.ue()?.checked_add(1)?;
        let frame_mbs_only = bits.flag()?;
        if !frame_mbs_only {
            bits.skip(1)?; // mb_adaptive_frame_field_flag
        }
        bits.skip(1)?; // direct_8x8_inference_flag
        let field = if frame_mbs_only { 1 } else { 2 };
        let crop = Crop::parse(&mut bits, &chroma, field)?;
        let width = width_mbs.checked_mul(16)?.checked_sub(crop.size.0)?;
        let height = height_units
            .checked_mul(16 * field)?
            .checked_sub(crop.size.1)?;
        // A VUI cut short is common in the wild: keep the picture format without it.
        let vui = match bits.flag() {
            Some(true) => parse_vui(&mut bits).unwrap_or_default(),
            _ => Vui::default(),
        };
        Some(Self {
            id,
            profile_idc,
            constraints,
            level_idc,
            chroma_format_idc: chroma.format,
            separate_planes: chroma.separate_planes,
            bit_depth_luma: chroma.depth_luma,
            bit_depth_chroma: chroma.depth_chroma,
            lossless: chroma.lossless,
            log2_max_frame_num,
            poc_type: poc.kind,
            log2_max_poc_lsb: poc.log2_max_lsb,
            delta_pic_order_always_zero: poc.delta_always_zero,
            offset_for_non_ref_pic: poc.non_ref,
            offset_for_top_to_bottom: poc.top_to_bottom,
            offset_for_ref_frame: poc.ref_frames,
            max_num_ref_frames,
            frame_mbs_only,
            crop_origin: crop.origin,
            width,
            height,
            vui,
        })
    }

    /// Profile as ffprobe names it.
    pub fn profile(&self) -> String {
        profile_name(self.profile_idc, self.constraints)
    }
}

/// Profile name from `profile_idc` and the byte of constraint flags (clause A.2).
pub fn profile_name(profile_idc: u8, constraints: u8) -> String {
    let (set1, set3) = (constraints & 0x40 != 0, constraints & 0x10 != 0);
    let name = match profile_idc {
        66 if set1 => "Constrained Baseline",
        66 => "Baseline",
        77 => "Main",
        88 => "Extended",
        100 => "High",
        110 if set3 => "High 10 Intra",
        110 => "High 10",
        122 if set3 => "High 4:2:2 Intra",
        122 => "High 4:2:2",
        144 => "High 4:4:4",
        244 if set3 => "High 4:4:4 Intra",
        244 => "High 4:4:4 Predictive",
        44 => "CAVLC 4:4:4",
        118 => "Multiview High",
        128 => "Stereo High",
        other => return format!("profile {other}"),
    };
    name.to_owned()
}

struct ChromaInfo {
    format: u8,
    separate_planes: bool,
    depth_luma: u8,
    depth_chroma: u8,
    lossless: bool,
}

impl ChromaInfo {
    fn parse(bits: &mut BitReader<'_>, profile_idc: u8) -> Option<Self> {
        let mut info = Self {
            format: 1,
            separate_planes: false,
            depth_luma: 8,
            depth_chroma: 8,
            lossless: false,
        };
        if !matches!(
            profile_idc,
            100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135
        ) {
            return Some(info);
        }
        info.format = bits.ue_up_to(3)?;
        if info.format == 3 {
            info.separate_planes = bits.flag()?;
        }
        info.depth_luma = bits.ue_up_to(6)? + 8;
        info.depth_chroma = bits.ue_up_to(6)? + 8;
        info.lossless = bits.flag()?;
        if bits.flag()? {
            for list in 0..if info.format == 3 { 12 } else { 8 } {
                if bits.flag()? {
                    skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
        Some(info)
    }
}

fn skip_scaling_list(bits: &mut BitReader<'_>, size: usize) -> Option<()> {
    let (mut last, mut next) = (8_i64, 8_i64);
    for _ in 0..size {
        if next != 0 {
            next = (last + i64::from(bits.se()?)).rem_euclid(256);
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

#[derive(Default)]
struct PocInfo {
    kind: u8,
    log2_max_lsb: u8,
    delta_always_zero: bool,
    non_ref: i32,
    top_to_bottom: i32,
    ref_frames: Vec<i32>,
}

impl PocInfo {
    fn parse(bits: &mut BitReader<'_>) -> Option<Self> {
        let mut info = Self {
            kind: bits.ue_up_to(2)?,
            ..Self::default()
        };
        match info.kind {
            0 => info.log2_max_lsb = bits.ue_up_to(12)? + 4,
            1 => {
                info.delta_always_zero = bits.flag()?;
                info.non_ref = bits.se()?;
                info.top_to_bottom = bits.se()?;
                for _ in 0..bits.ue_up_to(255)? {
                    info.ref_frames.push(bits.se()?);
                }
            }
            _ => {}
        }
        Some(info)
    }
}

/// Luma samples cropped (clause 7.4.2.1.1).
#[derive(Default)]
struct Crop {
    /// At the left and at the top.
    origin: (u32, u32),
    /// In all, in x and in y.
    size: (u32, u32),
}

impl Crop {
    fn parse(bits: &mut BitReader<'_>, chroma: &ChromaInfo, field: u32) -> Option<Self> {
        if !bits.flag()? {
            return Some(Self::default());
        }
        let (unit_x, unit_y) = match chroma.format {
            1 => (2, 2 * field),
            2 => (2, field),
            _ => (1, field),
        };
        let (left, right) = (bits.ue()?, bits.ue()?);
        let (top, bottom) = (bits.ue()?, bits.ue()?);
        Some(Self {
            origin: (left.checked_mul(unit_x)?, top.checked_mul(unit_y)?),
            size: (
                left.checked_add(right)?.checked_mul(unit_x)?,
                top.checked_add(bottom)?.checked_mul(unit_y)?,
            ),
        })
    }
}

fn parse_vui(bits: &mut BitReader<'_>) -> Option<Vui> {
    let mut vui = vui_head(bits)?;
    if bits.flag()? {
        let (units, scale) = (bits.bits(32)?, bits.bits(32)?);
        bits.skip(1)?; // fixed_frame_rate_flag
        // One tick is one field: a frame lasts two (clause E.2.1).
        vui.frame_duration = units
            .checked_mul(2)
            .filter(|&num| num > 0 && scale > 0)
            .map(|num| FrameDuration { num, den: scale });
    }
    let nal_hrd = bits.flag()?;
    if nal_hrd {
        skip_hrd(bits)?;
    }
    let vcl_hrd = bits.flag()?;
    if vcl_hrd {
        skip_hrd(bits)?;
    }
    if nal_hrd || vcl_hrd {
        bits.skip(1)?; // low_delay_hrd_flag
    }
    bits.skip(1)?; // pic_struct_present_flag
    if bits.flag()? {
        bits.skip(1)?; // motion_vectors_over_pic_boundaries_flag
        for _ in 0..4 {
            bits.ue()?; // denominators and vector lengths
        }
        vui.max_num_reorder_frames = Some(bits.ue()?);
    }
    Some(vui)
}

fn skip_hrd(bits: &mut BitReader<'_>) -> Option<()> {
    let count = bits.ue_up_to(31)?;
    bits.skip(8)?; // bit_rate_scale, cpb_size_scale
    for _ in 0..=count {
        bits.ue()?;
        bits.ue()?;
        bits.skip(1)?;
    }
    bits.skip(20)
}

impl SequenceParameterSet for Sps {
    fn parse(nal: &[u8]) -> Option<Self> {
        Self::parse(nal)
    }

    fn id(&self) -> u8 {
        self.id
    }
}
