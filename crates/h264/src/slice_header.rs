//! Slice headers, clause 7.3.3.

use crate::Error;
use crate::bits::BitReader;
use crate::nal::{NalHeader, kind};
use crate::parameter_sets::ParameterSets;
use crate::picture::Chroma;
use crate::pps::{GroupMap, Pps};
use crate::sps::{PocType, Sps};
use std::sync::Arc;

/// `slice_type`, table 7-6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SliceKind {
    P,
    B,
    I,
}

/// A frame or a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Structure {
    Frame,
    Top,
    Bottom,
}

/// How a list is changed (clause 7.3.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Modification {
    /// Difference of picture numbers.
    Short(i64),
    /// `long_term_pic_num`.
    Long(u32),
}

/// Weights and offsets of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WeightEntry {
    pub luma: (i32, i32),
    pub chroma: [(i32, i32); 2],
}

/// `pred_weight_table()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Weights {
    /// `luma_log2_weight_denom`.
    pub luma_log2: u8,
    /// `chroma_log2_weight_denom`.
    pub chroma_log2: u8,
    /// By list and reference.
    pub entries: [Vec<WeightEntry>; 2],
}

/// A memory management control operation (clause 7.4.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mmco {
    /// 1: `difference_of_pic_nums_minus1` + 1.
    UnmarkShort(i64),
    /// 2: `long_term_pic_num`.
    UnmarkLong(u32),
    /// 3: the difference, and `long_term_frame_idx`.
    ShortToLong(i64, u32),
    /// 4: `max_long_term_frame_idx_plus1`.
    LimitLong(u32),
    /// 5.
    UnmarkAll,
    /// 6: `long_term_frame_idx`.
    CurrentToLong(u32),
}

/// `dec_ref_pic_marking()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Marking {
    /// Of an IDR picture: whether it is a long-term reference.
    Idr {
        long_term: bool,
    },
    SlidingWindow,
    Adaptive(Vec<Mmco>),
}

/// The deblocking filter's settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Deblocking {
    /// `disable_deblocking_filter_idc`.
    pub disabled_idc: u8,
    /// FilterOffsetA.
    pub alpha_offset: i32,
    /// FilterOffsetB.
    pub beta_offset: i32,
}

/// A slice header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SliceHeader {
    pub nal_ref_idc: u8,
    pub idr: bool,
    pub first_mb: u32,
    pub kind: SliceKind,
    pub pps_id: u32,
    pub frame_num: u32,
    pub structure: Structure,
    pub idr_pic_id: u32,
    pub poc_lsb: u32,
    pub delta_poc_bottom: i32,
    pub delta_poc: [i32; 2],
    pub redundant_pic_cnt: u32,
    pub direct_spatial: bool,
    /// Entries of the lists; 0 where there is none.
    pub ref_counts: [usize; 2],
    pub modifications: [Vec<Modification>; 2],
    pub weights: Option<Weights>,
    pub marking: Marking,
    pub cabac_init_idc: u8,
    /// SliceQPY.
    pub qp: i32,
    pub deblocking: Deblocking,
    pub slice_group_change_cycle: u32,
}

/// A header with what it refers to, and where slice data begins in its RBSP, in bits.
pub(crate) type Parsed = (SliceHeader, Arc<Sps>, Arc<Pps>, usize);

/// Most operations: more than there can be pictures of each kind.
const MAX_OPERATIONS: usize = 66;

impl SliceHeader {
    /// Parses the header of a slice.
    ///
    /// # Errors
    /// Values out of range, missing parameter sets, SP and SI slices.
    pub fn parse(nal: NalHeader, rbsp: &[u8], sets: &mut ParameterSets) -> Result<Parsed, Error> {
        let mut bits = BitReader::new(rbsp);
        let first_mb = bits.ue()?;
        let kind = match bits.ue_to(9, "slice_type")? % 5 {
            0 => SliceKind::P,
            1 => SliceKind::B,
            2 => SliceKind::I,
            3 => return Err(Error::unsupported("an SP slice (Extended profile)")),
            _ => return Err(Error::unsupported("an SI slice (Extended profile)")),
        };
        let pps_id = bits.ue_to(255, "pic_parameter_set_id")?;
        let (sps, pps) = sets.of(pps_id)?;
        let mut header = Self {
            nal_ref_idc: nal.ref_idc,
            idr: nal.kind == kind::IDR,
            first_mb,
            kind,
            pps_id,
            frame_num: bits.bits(sps.log2_max_frame_num),
            structure: Structure::Frame,
            idr_pic_id: 0,
            poc_lsb: 0,
            delta_poc_bottom: 0,
            delta_poc: [0; 2],
            redundant_pic_cnt: 0,
            direct_spatial: false,
            ref_counts: [0; 2],
            modifications: [Vec::new(), Vec::new()],
            weights: None,
            marking: Marking::SlidingWindow,
            cabac_init_idc: 0,
            qp: 0,
            deblocking: Deblocking::default(),
            slice_group_change_cycle: 0,
        };
        header.rest(&mut bits, &sps, &pps)?;
        header.check(&sps, &bits)?;
        Ok((header, sps, pps, bits.position()))
    }

    fn rest(&mut self, bits: &mut BitReader<'_>, sps: &Sps, pps: &Pps) -> Result<(), Error> {
        if !sps.frame_mbs_only && bits.flag() {
            self.structure = if bits.flag() {
                Structure::Bottom
            } else {
                Structure::Top
            };
        }
        if self.idr {
            self.idr_pic_id = bits.ue_to(65535, "idr_pic_id")?;
        }
        self.parse_poc(bits, sps, pps)?;
        if pps.redundant_pic_cnt_present {
            self.redundant_pic_cnt = bits.ue_to(127, "redundant_pic_cnt")?;
        }
        if self.kind == SliceKind::B {
            self.direct_spatial = bits.flag();
        }
        self.parse_references(bits, sps, pps)?;
        if self.nal_ref_idc != 0 {
            self.marking = parse_marking(bits, self.idr)?;
        }
        if pps.cabac && self.kind != SliceKind::I {
            self.cabac_init_idc = bits.ue_to(2, "cabac_init_idc")? as u8;
        }
        self.qp = pps.init_qp.saturating_add(bits.se()?);
        if pps.deblocking_control_present {
            self.deblocking = parse_deblocking(bits)?;
        }
        if let Some(groups) = &pps.groups
            && let GroupMap::Changing(_, _, rate) = groups.map
        {
            let units = sps.width_mbs * sps.height_map_units;
            let size = u32::BITS - units.div_ceil(rate).leading_zeros();
            self.slice_group_change_cycle = bits.bits(size);
        }
        Ok(())
    }

    /// What must hold whatever follows.
    fn check(&self, sps: &Sps, bits: &BitReader<'_>) -> Result<(), Error> {
        let lowest = -6 * (i32::from(sps.bit_depth_luma) - 8);
        if self.qp < lowest || self.qp > 51 {
            return Err(Error::damaged(format!(
                "slice_qp_delta gives QP {}",
                self.qp
            )));
        }
        if self.idr && self.kind != SliceKind::I {
            return Err(Error::damaged("IDR picture with a slice that is not I"));
        }
        if self.idr && self.nal_ref_idc == 0 {
            return Err(Error::damaged("IDR picture that is no reference"));
        }
        if bits.overrun() {
            return Err(Error::damaged("slice header ends early"));
        }
        Ok(())
    }

    fn parse_poc(&mut self, bits: &mut BitReader<'_>, sps: &Sps, pps: &Pps) -> Result<(), Error> {
        let both = pps.field_poc_present && self.structure == Structure::Frame;
        match &sps.poc {
            PocType::Lsb { log2_max } => {
                self.poc_lsb = bits.bits(*log2_max);
                if both {
                    self.delta_poc_bottom = bits.se()?;
                }
            }
            PocType::Cycle {
                delta_always_zero: false,
                ..
            } => {
                self.delta_poc[0] = bits.se()?;
                if both {
                    self.delta_poc[1] = bits.se()?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn parse_references(
        &mut self,
        bits: &mut BitReader<'_>,
        sps: &Sps,
        pps: &Pps,
    ) -> Result<(), Error> {
        let lists = match self.kind {
            SliceKind::I => return Ok(()),
            SliceKind::P => 1,
            SliceKind::B => 2,
        };
        let mut counts = pps.ref_counts;
        if bits.flag() {
            for count in counts.iter_mut().take(lists) {
                *count = bits.ue_to(31, "num_ref_idx_active_minus1")? + 1;
            }
        }
        let limit = if self.structure == Structure::Frame {
            16
        } else {
            32
        };
        for list in 0..lists {
            if counts[list] > limit {
                return Err(Error::damaged(format!(
                    "reference list of {}, limit {limit}",
                    counts[list]
                )));
            }
            self.ref_counts[list] = counts[list] as usize;
            self.modifications[list] =
                parse_modifications(bits, counts[list], max_pic_num(sps, self.structure))?;
        }
        let explicit = match self.kind {
            SliceKind::P => pps.weighted_pred,
            _ => pps.weighted_bipred_idc == 1,
        };
        if explicit {
            self.weights = Some(self.parse_weights(bits, sps.chroma)?);
        }
        Ok(())
    }

    fn parse_weights(&self, bits: &mut BitReader<'_>, chroma: Chroma) -> Result<Weights, Error> {
        let luma_log2 = bits.ue_to(7, "luma_log2_weight_denom")? as u8;
        let has_chroma = chroma != Chroma::Monochrome;
        let chroma_log2 = match has_chroma {
            true => bits.ue_to(7, "chroma_log2_weight_denom")? as u8,
            false => 0,
        };
        let mut entries = [Vec::new(), Vec::new()];
        for (list, entries) in entries.iter_mut().enumerate() {
            for _ in 0..self.ref_counts[list] {
                let mut entry = WeightEntry {
                    luma: (1 << luma_log2, 0),
                    chroma: [(1 << chroma_log2, 0); 2],
                };
                if bits.flag() {
                    entry.luma = parse_weight(bits)?;
                }
                if has_chroma && bits.flag() {
                    entry.chroma = [parse_weight(bits)?, parse_weight(bits)?];
                }
                entries.push(entry);
            }
        }
        Ok(Weights {
            luma_log2,
            chroma_log2,
            entries,
        })
    }
}

fn parse_weight(bits: &mut BitReader<'_>) -> Result<(i32, i32), Error> {
    Ok((bits.se_to(128, "weight")?, bits.se_to(128, "offset")?))
}

/// MaxPicNum.
fn max_pic_num(sps: &Sps, structure: Structure) -> u32 {
    let max_frame_num = 1 << sps.log2_max_frame_num;
    match structure {
        Structure::Frame => max_frame_num,
        _ => 2 * max_frame_num,
    }
}

/// `ref_pic_list_modification()` of a list of `count` pictures, whose numbers are below `max`.
fn parse_modifications(
    bits: &mut BitReader<'_>,
    count: u32,
    max: u32,
) -> Result<Vec<Modification>, Error> {
    let mut all = Vec::new();
    if !bits.flag() {
        return Ok(all);
    }
    loop {
        let operation = bits.ue_to(3, "modification_of_pic_nums_idc")?;
        all.push(match operation {
            0 => {
                Modification::Short(-i64::from(bits.ue_to(max - 1, "abs_diff_pic_num_minus1")?) - 1)
            }
            1 => {
                Modification::Short(i64::from(bits.ue_to(max - 1, "abs_diff_pic_num_minus1")?) + 1)
            }
            2 => Modification::Long(bits.ue()?),
            _ => return Ok(all),
        });
        if all.len() > count as usize {
            return Err(Error::damaged(format!(
                "more modifications of a reference list than its {count} pictures"
            )));
        }
    }
}

fn parse_marking(bits: &mut BitReader<'_>, idr: bool) -> Result<Marking, Error> {
    if idr {
        bits.flag();
        return Ok(Marking::Idr {
            long_term: bits.flag(),
        });
    }
    if !bits.flag() {
        return Ok(Marking::SlidingWindow);
    }
    let mut all = Vec::new();
    loop {
        let operation = bits.ue_to(6, "memory_management_control_operation")?;
        all.push(match operation {
            0 => return Ok(Marking::Adaptive(all)),
            1 => Mmco::UnmarkShort(i64::from(bits.ue()?) + 1),
            2 => Mmco::UnmarkLong(bits.ue()?),
            3 => Mmco::ShortToLong(i64::from(bits.ue()?) + 1, bits.ue()?),
            4 => Mmco::LimitLong(bits.ue()?),
            5 => Mmco::UnmarkAll,
            _ => Mmco::CurrentToLong(bits.ue()?),
        });
        if all.len() > MAX_OPERATIONS {
            return Err(Error::damaged("too many memory management operations"));
        }
    }
}

fn parse_deblocking(bits: &mut BitReader<'_>) -> Result<Deblocking, Error> {
    let disabled_idc = bits.ue_to(2, "disable_deblocking_filter_idc")? as u8;
    let mut out = Deblocking {
        disabled_idc,
        ..Deblocking::default()
    };
    if disabled_idc != 1 {
        out.alpha_offset = bits.se_to(6, "slice_alpha_c0_offset_div2")? * 2;
        out.beta_offset = bits.se_to(6, "slice_beta_offset_div2")? * 2;
    }
    Ok(out)
}

/// Whether `next` begins another picture than that of `header` (clause 7.4.1.2.4).
pub(crate) fn is_new_picture(header: &SliceHeader, next: &SliceHeader) -> bool {
    header.frame_num != next.frame_num
        || header.pps_id != next.pps_id
        || header.structure != next.structure
        || (header.nal_ref_idc != next.nal_ref_idc
            && (header.nal_ref_idc == 0 || next.nal_ref_idc == 0))
        || header.poc_lsb != next.poc_lsb
        || header.delta_poc_bottom != next.delta_poc_bottom
        || header.delta_poc != next.delta_poc
        || header.idr != next.idr
        || header.idr_pic_id != next.idr_pic_id
}
