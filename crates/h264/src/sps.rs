//! Sequence parameter sets, clause 7.3.2.1.

use crate::Error;
use crate::bits::BitReader;
use crate::picture::{Chroma, Format};
use crate::scaling::ScalingLists;

/// Macroblocks of a picture at the highest level (MaxFS of level 6.2, table A-1).
const MAX_FRAME_MBS: u64 = 139_264;
/// Macroblocks of all reference frames together (MaxDpbMbs of level 6.2, table A-1).
const MAX_DPB_MBS: u64 = 696_320;
/// Most reference frames (clause A.3.1).
const MAX_REFERENCES: u32 = 16;

/// Samples cut off, in luma samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Crop {
    pub left: u32,
    pub right: u32,
    pub top: u32,
    pub bottom: u32,
}

/// How picture order counts are coded (clause 8.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PocType {
    /// 0.
    Lsb { log2_max: u32 },
    /// 1.
    Cycle {
        delta_always_zero: bool,
        offset_for_non_ref_pic: i32,
        offset_for_top_to_bottom: i32,
        offsets: Vec<i32>,
    },
    /// 2.
    DecodingOrder,
}

/// A sequence parameter set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sps {
    pub id: u32,
    pub chroma: Chroma,
    pub bit_depth_luma: u8,
    pub bit_depth_chroma: u8,
    /// `qpprime_y_zero_transform_bypass_flag`.
    pub lossless_qpprime: bool,
    pub scaling: Option<ScalingLists>,
    pub log2_max_frame_num: u32,
    pub poc: PocType,
    pub max_num_ref_frames: u32,
    pub gaps_allowed: bool,
    pub width_mbs: u32,
    pub height_map_units: u32,
    pub frame_mbs_only: bool,
    /// `mb_adaptive_frame_field_flag`.
    pub mbaff: bool,
    pub direct_8x8_inference: bool,
    pub crop: Crop,
}

impl Sps {
    /// Parses an RBSP. The VUI is not read: nothing in it changes samples.
    ///
    /// # Errors
    /// Values out of range, and what this decoder refuses: data that only the Extended profile has,
    /// planes coded apart, depths that differ, pictures above level 6.2.
    pub fn parse(rbsp: &[u8]) -> Result<Self, Error> {
        let mut bits = BitReader::new(rbsp);
        let profile = bits.bits(8);
        bits.skip(16);
        let id = bits.ue_to(31, "seq_parameter_set_id")?;
        let high = matches!(
            profile,
            100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135
        );
        let format = match high {
            true => SampleFormat::parse(&mut bits)?,
            false => SampleFormat::default(),
        };
        let log2_max_frame_num = bits.ue_to(12, "log2_max_frame_num_minus4")? + 4;
        let poc = parse_poc(&mut bits)?;
        let max_num_ref_frames = bits.ue_to(MAX_REFERENCES, "max_num_ref_frames")?;
        let gaps_allowed = bits.flag();
        let width_mbs = bits.ue_to(MAX_FRAME_MBS as u32, "pic_width_in_mbs_minus1")? + 1;
        let height_map_units =
            bits.ue_to(MAX_FRAME_MBS as u32, "pic_height_in_map_units_minus1")? + 1;
        let frame_mbs_only = bits.flag();
        let mbaff = !frame_mbs_only && bits.flag();
        let direct_8x8_inference = bits.flag();
        let crop = if bits.flag() {
            parse_crop(&mut bits, format.chroma, frame_mbs_only)?
        } else {
            Crop::default()
        };
        if bits.overrun() {
            return Err(Error::damaged("sequence parameter set ends early"));
        }
        let sps = Self {
            id,
            chroma: format.chroma,
            bit_depth_luma: format.luma,
            bit_depth_chroma: format.chroma_depth,
            lossless_qpprime: format.lossless,
            scaling: format.scaling,
            log2_max_frame_num,
            poc,
            max_num_ref_frames,
            gaps_allowed,
            width_mbs,
            height_map_units,
            frame_mbs_only,
            mbaff,
            direct_8x8_inference,
            crop,
        };
        sps.check_size()?;
        Ok(sps)
    }

    /// Bounds memory before anything is allocated.
    fn check_size(&self) -> Result<(), Error> {
        let mbs = u64::from(self.width_mbs) * u64::from(self.height_mbs());
        // One reference frame is always allowed.
        let held = mbs * u64::from(self.max_num_ref_frames);
        if mbs > MAX_FRAME_MBS || (self.max_num_ref_frames > 1 && held > MAX_DPB_MBS) {
            return Err(Error::unsupported(format!(
                "{}x{} with {} reference frames, more than level 6.2 allows,",
                self.width_mbs * 16,
                self.height_mbs() * 16,
                self.max_num_ref_frames
            )));
        }
        let (across, down) = (
            self.crop.left + self.crop.right,
            self.crop.top + self.crop.bottom,
        );
        if across >= self.width_mbs * 16 || down >= self.height_mbs() * 16 {
            return Err(Error::damaged("cropping leaves nothing of the picture"));
        }
        Ok(())
    }

    /// FrameHeightInMbs.
    pub fn height_mbs(&self) -> u32 {
        self.height_map_units << u32::from(!self.frame_mbs_only)
    }

    /// Shown width in luma samples.
    pub fn width(&self) -> u32 {
        self.width_mbs * 16 - self.crop.left - self.crop.right
    }

    /// Shown height in luma samples.
    pub fn height(&self) -> u32 {
        self.height_mbs() * 16 - self.crop.top - self.crop.bottom
    }

    /// What pictures look like in memory.
    pub fn format(&self) -> Format {
        Format {
            width_mbs: self.width_mbs as usize,
            height_mbs: self.height_mbs() as usize,
            chroma: self.chroma,
            bit_depth: self.bit_depth_luma,
        }
    }
}

/// What the high profiles say of samples.
struct SampleFormat {
    chroma: Chroma,
    luma: u8,
    chroma_depth: u8,
    lossless: bool,
    scaling: Option<ScalingLists>,
}

impl Default for SampleFormat {
    fn default() -> Self {
        Self {
            chroma: Chroma::Cs420,
            luma: 8,
            chroma_depth: 8,
            lossless: false,
            scaling: None,
        }
    }
}

impl SampleFormat {
    fn parse(bits: &mut BitReader<'_>) -> Result<Self, Error> {
        let chroma = match bits.ue_to(3, "chroma_format_idc")? {
            0 => Chroma::Monochrome,
            1 => Chroma::Cs420,
            2 => Chroma::Cs422,
            _ => Chroma::Cs444,
        };
        if chroma == Chroma::Cs444 && bits.flag() {
            return Err(Error::unsupported("4:4:4 with colour planes coded apart"));
        }
        let luma = bits.ue_to(6, "bit_depth_luma_minus8")? as u8 + 8;
        let coded = bits.ue_to(6, "bit_depth_chroma_minus8")? as u8 + 8;
        if luma != coded && chroma != Chroma::Monochrome {
            return Err(Error::unsupported(format!(
                "{luma} bit luma with {coded} bit chroma"
            )));
        }
        let lossless = bits.flag();
        let eights = if chroma == Chroma::Cs444 { 6 } else { 2 };
        let scaling = match bits.flag() {
            true => Some(ScalingLists::parse(bits, eights)?),
            false => None,
        };
        Ok(Self {
            chroma,
            luma,
            chroma_depth: luma,
            lossless,
            scaling,
        })
    }
}

fn parse_poc(bits: &mut BitReader<'_>) -> Result<PocType, Error> {
    match bits.ue_to(2, "pic_order_cnt_type")? {
        0 => Ok(PocType::Lsb {
            log2_max: bits.ue_to(12, "log2_max_pic_order_cnt_lsb_minus4")? + 4,
        }),
        1 => {
            let delta_always_zero = bits.flag();
            let offset_for_non_ref_pic = bits.se()?;
            let offset_for_top_to_bottom = bits.se()?;
            let count = bits.ue_to(255, "num_ref_frames_in_pic_order_cnt_cycle")?;
            let offsets = (0..count).map(|_| bits.se()).collect::<Result<_, _>>()?;
            Ok(PocType::Cycle {
                delta_always_zero,
                offset_for_non_ref_pic,
                offset_for_top_to_bottom,
                offsets,
            })
        }
        _ => Ok(PocType::DecodingOrder),
    }
}

/// Crop units of table 6-1.
fn parse_crop(
    bits: &mut BitReader<'_>,
    chroma: Chroma,
    frame_mbs_only: bool,
) -> Result<Crop, Error> {
    let across = if matches!(chroma, Chroma::Cs420 | Chroma::Cs422) {
        2
    } else {
        1
    };
    let down = if chroma == Chroma::Cs420 { 2 } else { 1 } << u32::from(!frame_mbs_only);
    let limit = MAX_FRAME_MBS as u32 * 16;
    let mut offset = |unit: u32| Ok(bits.ue_to(limit, "frame_crop_offset")? * unit);
    Ok(Crop {
        left: offset(across)?,
        right: offset(across)?,
        top: offset(down)?,
        bottom: offset(down)?,
    })
}
