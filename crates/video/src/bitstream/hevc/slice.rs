//! Slice segment headers, clause 7.3.6.1.

use super::nal::{is_random_access, is_slice, nal_type, nal_unit_type, temporal_id};
use super::pps::Pps;
use super::sps::Sps;
use crate::bitstream::bits::{BitReader, rbsp};
use crate::bitstream::parameter_sets::ParameterSets;

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
    pub fn parse(nal: &[u8], sets: &ParameterSets<Sps, Pps>) -> Option<Self> {
        let kind = nal_unit_type(nal).filter(|&kind| is_slice(kind))?;
        let bytes = rbsp(nal.get(2..nal.len().min(SLICE_HEAD))?);
        Self::read(&mut BitReader::new(&bytes), nal, kind, sets)
    }

    /// From the bits behind a slice's NAL unit header. For an independent slice segment, what is
    /// left of `bits` then begins with its reference picture sets.
    pub(super) fn read(
        bits: &mut BitReader<'_>,
        nal: &[u8],
        kind: u8,
        sets: &ParameterSets<Sps, Pps>,
    ) -> Option<Self> {
        let first_in_picture = bits.flag()?;
        if is_random_access(kind) {
            bits.skip(1)?; // no_output_of_prior_pics_flag
        }
        let pps_id = bits.ue_up_to(63)?;
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
        header.slice_type = Some(bits.ue_up_to(2)?);
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
