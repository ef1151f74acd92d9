//! Slice headers, clause 7.3.3.

use super::nal::{nal_ref_idc, nal_type, nal_unit_type};
use super::pps::Pps;
use super::sps::Sps;
use crate::bitstream::bits::{BitReader, rbsp};
use crate::bitstream::parameter_sets::ParameterSets;

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
    pub fn parse(nal: &[u8], sets: &ParameterSets<Sps, Pps>) -> Option<Self> {
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
