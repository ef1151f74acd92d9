//! Picture parameter sets, clause 7.3.2.3.

use super::nal::{layer_id, nal_type, nal_unit_type};
use crate::bitstream::bits::{BitReader, rbsp};
use crate::bitstream::parameter_sets::PictureParameterSet;

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
            id: bits.ue_up_to(63)?,
            sps_id: bits.ue_up_to(15)?,
            dependent_slices: bits.flag()?,
            output_flag_present: bits.flag()?,
            extra_slice_header_bits: u8::try_from(bits.bits(3)?).ok()?,
        })
    }
}

/// Of the base layer: other layers have parameter sets of the same ids.
impl PictureParameterSet for Pps {
    fn parse(nal: &[u8]) -> Option<Self> {
        (layer_id(nal)? == 0).then(|| Self::parse(nal))?
    }

    fn id(&self) -> u8 {
        self.id
    }

    fn sps_id(&self) -> u8 {
        self.sps_id
    }
}
