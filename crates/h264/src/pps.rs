//! Picture parameter sets, clause 7.3.2.2.

use crate::Error;
use crate::bits::BitReader;
use crate::picture::Chroma;
use crate::scaling::ScalingLists;
use crate::sps::Sps;

/// How macroblocks are spread over slice groups (`slice_group_map_type`, clause 8.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GroupMap {
    /// 0: `run_length_minus1` + 1 of each group.
    Interleaved(Vec<u32>),
    /// 1.
    Dispersed,
    /// 2: `top_left` and `bottom_right` of each group but the last.
    Foreground(Vec<(u32, u32)>),
    /// 3 to 5: the type, `slice_group_change_direction_flag`, SliceGroupChangeRate.
    Changing(u32, bool, u32),
    /// 6: `slice_group_id`.
    Explicit(Vec<u8>),
}

/// Slice groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SliceGroups {
    /// How many: 2 to 8.
    pub count: u32,
    pub map: GroupMap,
}

/// A picture parameter set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pps {
    /// `entropy_coding_mode_flag`.
    pub cabac: bool,
    /// `bottom_field_pic_order_in_frame_present_flag`.
    pub field_poc_present: bool,
    pub groups: Option<SliceGroups>,
    /// `num_ref_idx_l0_default_active_minus1` + 1, and of list 1.
    pub ref_counts: [u32; 2],
    pub weighted_pred: bool,
    pub weighted_bipred_idc: u32,
    /// 26 + `pic_init_qp_minus26`.
    pub init_qp: i32,
    /// Of Cb and Cr.
    pub chroma_qp_offset: [i32; 2],
    pub deblocking_control_present: bool,
    pub constrained_intra_pred: bool,
    pub redundant_pic_cnt_present: bool,
    pub transform_8x8: bool,
    pub scaling: Option<ScalingLists>,
}

/// Ids of an RBSP's PPS: its own and its SPS's.
///
/// # Errors
/// They are out of range.
pub(crate) fn ids(rbsp: &[u8]) -> Result<(u32, u32), Error> {
    let mut bits = BitReader::new(rbsp);
    let id = bits.ue_to(255, "pic_parameter_set_id")?;
    Ok((id, bits.ue_to(31, "seq_parameter_set_id")?))
}

impl Pps {
    /// Parses an RBSP whose SPS is `sps`: the number of scaling lists depends on it.
    ///
    /// # Errors
    /// Values out of range.
    pub fn parse(rbsp: &[u8], sps: &Sps) -> Result<Self, Error> {
        let mut bits = BitReader::new(rbsp);
        bits.ue()?;
        bits.ue()?;
        let cabac = bits.flag();
        let field_poc_present = bits.flag();
        let groups = parse_groups(&mut bits, sps)?;
        let ref_counts = [
            bits.ue_to(31, "num_ref_idx_l0_default_active_minus1")? + 1,
            bits.ue_to(31, "num_ref_idx_l1_default_active_minus1")? + 1,
        ];
        let weighted_pred = bits.flag();
        let weighted_bipred_idc = bits.bits(2);
        if weighted_bipred_idc > 2 {
            return Err(Error::damaged("weighted_bipred_idc is 3"));
        }
        let init_qp = 26 + bits.se_to(62, "pic_init_qp_minus26")?;
        bits.se_to(26, "pic_init_qs_minus26")?;
        let first = bits.se_to(12, "chroma_qp_index_offset")?;
        let mut pps = Self {
            cabac,
            field_poc_present,
            groups,
            ref_counts,
            weighted_pred,
            weighted_bipred_idc,
            init_qp,
            chroma_qp_offset: [first; 2],
            deblocking_control_present: bits.flag(),
            constrained_intra_pred: bits.flag(),
            redundant_pic_cnt_present: bits.flag(),
            transform_8x8: false,
            scaling: None,
        };
        if bits.more_rbsp_data() {
            pps.extension(&mut bits, sps)?;
        }
        if bits.overrun() {
            return Err(Error::damaged("picture parameter set ends early"));
        }
        Ok(pps)
    }

    /// What the high profiles add.
    fn extension(&mut self, bits: &mut BitReader<'_>, sps: &Sps) -> Result<(), Error> {
        self.transform_8x8 = bits.flag();
        if bits.flag() {
            let all = if sps.chroma == Chroma::Cs444 { 6 } else { 2 };
            let eights = if self.transform_8x8 { all } else { 0 };
            self.scaling = Some(ScalingLists::parse(bits, eights)?);
        }
        self.chroma_qp_offset[1] = bits.se_to(12, "second_chroma_qp_index_offset")?;
        Ok(())
    }
}

fn parse_groups(bits: &mut BitReader<'_>, sps: &Sps) -> Result<Option<SliceGroups>, Error> {
    let count = bits.ue_to(7, "num_slice_groups_minus1")? + 1;
    if count == 1 {
        return Ok(None);
    }
    let units = sps.width_mbs * sps.height_map_units;
    let map = match bits.ue_to(6, "slice_group_map_type")? {
        0 => {
            let run = |_| Ok(bits.ue_to(units - 1, "run_length_minus1")? + 1);
            GroupMap::Interleaved((0..count).map(run).collect::<Result<_, Error>>()?)
        }
        1 => GroupMap::Dispersed,
        2 => {
            let corner = |_| {
                let top_left = bits.ue_to(units - 1, "top_left")?;
                Ok((top_left, bits.ue_to(units - 1, "bottom_right")?))
            };
            GroupMap::Foreground((1..count).map(corner).collect::<Result<_, Error>>()?)
        }
        kind @ 3..=5 => {
            let direction = bits.flag();
            let rate = bits.ue_to(units - 1, "slice_group_change_rate_minus1")? + 1;
            GroupMap::Changing(kind, direction, rate)
        }
        _ => {
            let ids = bits.ue_to(units - 1, "pic_size_in_map_units_minus1")? + 1;
            let size = u32::BITS - (count - 1).leading_zeros();
            let id = |_| bits.bits(size) as u8;
            GroupMap::Explicit((0..ids).map(id).collect())
        }
    };
    Ok(Some(SliceGroups { count, map }))
}
