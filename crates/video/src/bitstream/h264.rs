//! H.264 (ITU-T H.264): parameter sets, slice header starts, picture order.

pub use super::poc::PocCounter;
use super::{BitReader, FrameDuration, Vui, rbsp, vui_head};
use std::collections::BTreeMap;

/// NAL unit types, table 7-1.
pub mod nal_type {
    /// Slice of a non-IDR picture.
    pub const SLICE: u8 = 1;
    /// Data partition A.
    pub const PARTITION_A: u8 = 2;
    /// Slice of an IDR picture.
    pub const IDR: u8 = 5;
    /// Supplemental enhancement information.
    pub const SEI: u8 = 6;
    /// Sequence parameter set.
    pub const SPS: u8 = 7;
    /// Picture parameter set.
    pub const PPS: u8 = 8;
    /// Access unit delimiter.
    pub const AUD: u8 = 9;
}

/// `nal_unit_type` of a NAL unit.
pub fn nal_unit_type(nal: &[u8]) -> Option<u8> {
    nal.first().map(|byte| byte & 0x1f)
}

/// `nal_ref_idc` of a NAL unit: 0 where no other picture refers to it.
pub fn nal_ref_idc(nal: &[u8]) -> Option<u8> {
    nal.first().map(|byte| (byte >> 5) & 3)
}

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
        let id = small(bits.ue()?, 31)?;
        let chroma = ChromaInfo::parse(&mut bits, profile_idc)?;
        let log2_max_frame_num = small(bits.ue()?, 12)? + 4;
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
        info.format = small(bits.ue()?, 3)?;
        if info.format == 3 {
            info.separate_planes = bits.flag()?;
        }
        info.depth_luma = small(bits.ue()?, 6)? + 8;
        info.depth_chroma = small(bits.ue()?, 6)? + 8;
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
            kind: small(bits.ue()?, 2)?,
            ..Self::default()
        };
        match info.kind {
            0 => info.log2_max_lsb = small(bits.ue()?, 12)? + 4,
            1 => {
                info.delta_always_zero = bits.flag()?;
                info.non_ref = bits.se()?;
                info.top_to_bottom = bits.se()?;
                for _ in 0..small(bits.ue()?, 255)? {
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
    let count = small(bits.ue()?, 31)?;
    bits.skip(8)?; // bit_rate_scale, cpb_size_scale
    for _ in 0..=count {
        bits.ue()?;
        bits.ue()?;
        bits.skip(1)?;
    }
    bits.skip(20)
}

fn small(value: u32, limit: u8) -> Option<u8> {
    u8::try_from(value).ok().filter(|&value| value <= limit)
}

/// The start of a picture parameter set, clause 7.3.2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pps {
    /// `pic_parameter_set_id`.
    pub id: u8,
    /// `seq_parameter_set_id` that it refers to.
    pub sps_id: u8,
    /// CABAC rather than CAVLC.
    pub cabac: bool,
    /// `bottom_field_pic_order_in_frame_present_flag`.
    pub bottom_field_poc_present: bool,
    /// More than one slice group (flexible macroblock order).
    pub slice_groups: bool,
    /// `weighted_bipred_idc`: 1 where B slices carry weights; 0 where slice groups hide it.
    pub weighted_bipred_idc: u8,
    /// `num_ref_idx_l0_default_active_minus1` and `…l1…`, each + 1.
    pub default_references: [u32; 2],
    /// `redundant_pic_cnt_present_flag`.
    pub redundant_pictures: bool,
}

impl Pps {
    /// From a NAL unit (header byte included).
    pub fn parse(nal: &[u8]) -> Option<Self> {
        if nal_unit_type(nal)? != nal_type::PPS {
            return None;
        }
        let bytes = rbsp(nal.get(1..nal.len().min(64))?);
        let mut bits = BitReader::new(&bytes);
        let mut pps = Self {
            id: u8::try_from(bits.ue()?).ok()?,
            sps_id: small(bits.ue()?, 31)?,
            cabac: bits.flag()?,
            bottom_field_poc_present: bits.flag()?,
            slice_groups: bits.ue()? > 0,
            weighted_bipred_idc: 0,
            default_references: [1, 1],
            redundant_pictures: false,
        };
        if !pps.slice_groups {
            pps.default_references = [bits.ue()?.checked_add(1)?, bits.ue()?.checked_add(1)?];
            bits.skip(1)?; // weighted_pred_flag
            pps.weighted_bipred_idc = u8::try_from(bits.bits(2)?).ok()?;
            for _ in 0..3 {
                bits.se()?; // pic_init_qp_minus26, pic_init_qs_minus26, chroma_qp_index_offset
            }
            bits.skip(2)?; // deblocking_filter_control_present_flag, constrained_intra_pred_flag
            pps.redundant_pictures = bits.flag()?;
        }
        Some(pps)
    }
}

/// Kind of a slice, `slice_type` modulo 5 (table 7-6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SliceType {
    /// Predicted.
    P,
    /// Bi-predicted.
    B,
    /// Intra.
    I,
    /// Switching P.
    Sp,
    /// Switching I.
    Si,
}

/// The start of a slice header, clause 7.3.3, up to the picture order fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceHeader {
    /// `nal_unit_type` 5.
    pub idr: bool,
    /// `nal_ref_idc`.
    pub ref_idc: u8,
    /// `first_mb_in_slice`.
    pub first_mb: u32,
    /// `slice_type`.
    pub slice_type: SliceType,
    /// `slice_type` 5 to 9: every slice of the picture has this type.
    pub all_slices_alike: bool,
    /// Parameter set referred to.
    pub pps_id: u8,
    /// Its sequence parameter set.
    pub sps_id: u8,
    /// `frame_num`.
    pub frame_num: u32,
    /// `field_pic_flag`.
    pub field: bool,
    /// `bottom_field_flag`.
    pub bottom: bool,
    /// `idr_pic_id`, 0 where not IDR.
    pub idr_pic_id: u32,
    /// `pic_order_cnt_lsb` (type 0).
    pub poc_lsb: u32,
    /// `delta_pic_order_cnt_bottom` (type 0).
    pub delta_poc_bottom: i32,
    /// `delta_pic_order_cnt` (type 1).
    pub delta_poc: [i32; 2],
    /// Entries of the two reference picture lists; 0 where the slice type has none. `None` where
    /// the header is cut off.
    pub references: Option<[u32; 2]>,
}

/// Bytes of a slice NAL unit that hold all of a [`SliceHeader`].
pub const SLICE_HEAD: usize = 64;

impl SliceHeader {
    /// From a NAL unit of type 1, 2 or 5; only its first [`SLICE_HEAD`] bytes are looked at.
    pub fn parse(nal: &[u8], sets: &ParameterSets) -> Option<Self> {
        let kind = nal_unit_type(nal)?;
        if !matches!(
            kind,
            nal_type::SLICE | nal_type::PARTITION_A | nal_type::IDR
        ) {
            return None;
        }
        let bytes = rbsp(nal.get(1..nal.len().min(SLICE_HEAD))?);
        let mut bits = BitReader::new(&bytes);
        let idr = kind == nal_type::IDR;
        let first_mb = bits.ue()?;
        let (slice_type, all_slices_alike) = slice_type(bits.ue()?)?;
        let pps_id = u8::try_from(bits.ue()?).ok()?;
        let (sps, pps) = sets.of(pps_id)?;
        if sps.separate_planes {
            bits.skip(2)?;
        }
        let mut header = Self {
            idr,
            ref_idc: nal_ref_idc(nal)?,
            first_mb,
            slice_type,
            all_slices_alike,
            pps_id,
            sps_id: sps.id,
            frame_num: bits.bits(u32::from(sps.log2_max_frame_num))?,
            field: false,
            bottom: false,
            idr_pic_id: 0,
            poc_lsb: 0,
            delta_poc_bottom: 0,
            delta_poc: [0; 2],
            references: None,
        };
        if !sps.frame_mbs_only {
            header.field = bits.flag()?;
            header.bottom = header.field && bits.flag()?;
        }
        if idr {
            header.idr_pic_id = bits.ue()?;
        }
        let both_fields = pps.bottom_field_poc_present && !header.field;
        if sps.poc_type == 0 {
            header.poc_lsb = bits.bits(u32::from(sps.log2_max_poc_lsb))?;
            if both_fields {
                header.delta_poc_bottom = bits.se()?;
            }
        } else if sps.poc_type == 1 && !sps.delta_pic_order_always_zero {
            header.delta_poc[0] = bits.se()?;
            if both_fields {
                header.delta_poc[1] = bits.se()?;
            }
        }
        header.references = header.reference_counts(&mut bits, pps);
        Some(header)
    }

    fn reference_counts(&self, bits: &mut BitReader<'_>, pps: &Pps) -> Option<[u32; 2]> {
        if pps.redundant_pictures {
            bits.ue()?; // redundant_pic_cnt
        }
        let lists = match self.slice_type {
            SliceType::I | SliceType::Si => return Some([0, 0]),
            SliceType::P | SliceType::Sp => 1,
            SliceType::B => 2,
        };
        if lists == 2 {
            bits.skip(1)?; // direct_spatial_mv_pred_flag
        }
        let overridden = bits.flag()?;
        let mut counts = [0, 0];
        for (count, default) in counts.iter_mut().zip(pps.default_references).take(lists) {
            *count = if overridden {
                bits.ue()?.checked_add(1)?
            } else {
                default
            };
        }
        Some(counts)
    }

    /// Whether `self` starts another primary coded picture than `before` belongs to
    /// (clause 7.4.1.2.4). A slice with macroblock 0 counts as a start too: encoders that
    /// repeat `idr_pic_id` are more common than arbitrary slice order.
    pub fn starts_picture_after(&self, before: &Self) -> bool {
        self.first_mb == 0
            || self.frame_num != before.frame_num
            || self.sps_id != before.sps_id
            || self.field != before.field
            || self.bottom != before.bottom
            || (self.ref_idc == 0) != (before.ref_idc == 0)
            || self.poc_lsb != before.poc_lsb
            || self.delta_poc_bottom != before.delta_poc_bottom
            || self.delta_poc != before.delta_poc
            || self.idr != before.idr
            || self.idr_pic_id != before.idr_pic_id
    }

    /// Whether `self` is the second field of the frame whose first field is `first`.
    pub fn completes_frame_of(&self, first: &Self) -> bool {
        self.field
            && first.field
            && self.bottom != first.bottom
            && self.frame_num == first.frame_num
            && !self.idr
    }
}

fn slice_type(code: u32) -> Option<(SliceType, bool)> {
    let kind = match code % 5 {
        0 => SliceType::P,
        1 => SliceType::B,
        2 => SliceType::I,
        3 => SliceType::Sp,
        _ => SliceType::Si,
    };
    (code < 10).then_some((kind, code >= 5))
}

/// The parameter sets in force, by id.
#[derive(Clone, Debug, Default)]
pub struct ParameterSets {
    sps: BTreeMap<u8, Sps>,
    pps: BTreeMap<u8, Pps>,
}

impl ParameterSets {
    /// Takes in a NAL unit if it is a parameter set that we can read; says whether it was.
    pub fn absorb(&mut self, nal: &[u8]) -> bool {
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

    /// The pair that a slice with this `pic_parameter_set_id` uses.
    pub fn of(&self, pps_id: u8) -> Option<(&Sps, &Pps)> {
        let pps = self.pps.get(&pps_id)?;
        Some((self.sps.get(&pps.sps_id)?, pps))
    }

    /// The sequence parameter set with the lowest id.
    pub fn first_sps(&self) -> Option<&Sps> {
        self.sps.values().next()
    }
}

/// Whether a supplemental enhancement NAL unit holds a recovery point (payload type 6,
/// clause D.1.8) at this very picture: `recovery_frame_cnt` 0. Streams that refresh step by step
/// name later ones, and are not exact until then.
pub fn is_recovery_point(nal: &[u8]) -> bool {
    let body = nal.get(1..).unwrap_or_default();
    nal_unit_type(nal) == Some(nal_type::SEI)
        && sei_payload(&rbsp(body), 6, |payload| {
            payload.first().is_some_and(|b| b & 0x80 != 0)
        })
}

/// Whether an SEI RBSP holds a message of this payload type (H.264 7.3.2.3.1, H.265 7.3.5) of
/// which `is` holds.
fn sei_payload(mut rest: &[u8], wanted: u32, is: impl Fn(&[u8]) -> bool) -> bool {
    fn number(rest: &mut &[u8]) -> Option<u32> {
        let mut sum = 0_u32;
        loop {
            let (&byte, tail) = rest.split_first()?;
            *rest = tail;
            sum = sum.checked_add(u32::from(byte))?;
            if byte != 255 {
                return Some(sum);
            }
        }
    }
    while rest.len() > 2 {
        let (Some(kind), Some(size)) = (number(&mut rest), number(&mut rest)) else {
            return false;
        };
        if kind == wanted {
            return is(rest);
        }
        let Some(tail) = rest.get(size as usize..) else {
            return false;
        };
        rest = tail;
    }
    false
}
