//! Video usability information: the part that H.264 and H.265 share (Annex E of both).

use super::bits::BitReader;
use crate::ColorDescription;

/// Clock of a stream as its VUI says: one picture lasts `num / den` seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameDuration {
    /// Numerator, in units of 1/`den` seconds; not zero.
    pub num: u32,
    /// Denominator, ticks per second; not zero.
    pub den: u32,
}

/// The video usability information we read (H.264 Annex E, H.265 Annex E).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vui {
    /// Sample aspect ratio (horizontal, vertical).
    pub sample_aspect: Option<(u32, u32)>,
    /// Colour.
    pub color: ColorDescription,
    /// Picture rate.
    pub frame_duration: Option<FrameDuration>,
    /// H.264 `max_num_reorder_frames`.
    pub max_num_reorder_frames: Option<u32>,
}

/// Sample aspect ratios, table E-1 of H.264 and H.265, from `aspect_ratio_idc` 1.
const SAMPLE_ASPECTS: [(u32, u32); 16] = [
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];

/// The part of the VUI that both codecs share: aspect ratio up to chroma location.
pub(super) fn vui_head(bits: &mut BitReader<'_>) -> Option<Vui> {
    let mut vui = Vui::default();
    if bits.flag()? {
        let idc = bits.bits(8)?;
        vui.sample_aspect = if idc == 255 {
            let (h, v) = (bits.bits(16)?, bits.bits(16)?);
            (h > 0 && v > 0).then_some((h, v))
        } else {
            let index = usize::try_from(idc).ok()?;
            index
                .checked_sub(1)
                .and_then(|index| SAMPLE_ASPECTS.get(index))
                .copied()
        };
    }
    if bits.flag()? {
        bits.skip(1)?; // overscan_appropriate_flag
    }
    if bits.flag()? {
        bits.skip(3)?; // video_format
        let full = bits.flag()?;
        vui.color = if bits.flag()? {
            let (primaries, transfer, matrix) = (bits.byte()?, bits.byte()?, bits.byte()?);
            ColorDescription::from_cicp(primaries, transfer, matrix, Some(full))
        } else {
            ColorDescription::from_cicp(2, 2, 2, Some(full))
        };
    }
    if bits.flag()? {
        bits.ue()?; // chroma_sample_loc_type_top_field
        bits.ue()?; // chroma_sample_loc_type_bottom_field
    }
    Some(vui)
}
