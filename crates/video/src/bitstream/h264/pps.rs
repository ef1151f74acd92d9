//! Picture parameter sets, clause 7.3.2.2.

use super::nal::{nal_type, nal_unit_type};
use crate::bitstream::bits::{BitReader, rbsp};
use crate::bitstream::parameter_sets::PictureParameterSet;

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
            sps_id: bits.ue_up_to(31)?,
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

impl PictureParameterSet for Pps {
    fn parse(nal: &[u8]) -> Option<Self> {
        Self::parse(nal)
    }

    fn id(&self) -> u8 {
        self.id
    }

    fn sps_id(&self) -> u8 {
        self.sps_id
    }
}
