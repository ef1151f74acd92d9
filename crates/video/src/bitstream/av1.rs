//! AV1 (AV1 Bitstream & Decoding Process Specification): OBUs, sequence header, frame header
//! start.

use super::bits::BitReader;
use crate::ColorDescription;

/// OBU types, clause 6.2.2.
pub mod obu_type {
    /// Sequence header.
    pub const SEQUENCE_HEADER: u8 = 1;
    /// Frame header.
    pub const FRAME_HEADER: u8 = 3;
    /// Frame header and tiles.
    pub const FRAME: u8 = 6;
}

/// One open bitstream unit, clause 5.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Obu<'a> {
    /// `obu_type`.
    pub kind: u8,
    /// Header, size and payload.
    pub whole: &'a [u8],
    /// Payload; cut short where `bytes` end early.
    pub payload: &'a [u8],
}

/// The OBUs in a temporal unit of the low-overhead format; ends at what it cannot read.
pub fn obus(bytes: &[u8]) -> impl Iterator<Item = Obu<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let &header = rest.first()?;
        if header & 0x80 != 0 {
            return None; // obu_forbidden_bit
        }
        let mut at = if header & 4 != 0 { 2 } else { 1 };
        let size = if header & 2 != 0 {
            let (size, length) = leb128(rest.get(at..)?)?;
            at += length;
            usize::try_from(size).ok()?
        } else {
            rest.len().checked_sub(at)?
        };
        let end = at.checked_add(size)?.min(rest.len());
        let obu = Obu {
            kind: (header >> 3) & 15,
            whole: rest.get(..end)?,
            payload: rest.get(at..end)?,
        };
        rest = rest.get(end..)?;
        Some(obu)
    })
}

/// `leb128()`: value and bytes read, clause 4.10.5.
pub fn leb128(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7f) << (index * 7);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

/// Sequence header OBU, clause 5.5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SequenceHeader {
    /// `seq_profile`: 0 Main, 1 High, 2 Professional.
    pub profile: u8,
    /// `reduced_still_picture_header`.
    pub reduced_still_picture: bool,
    /// Ticks per picture, where `equal_picture_interval` says so: (ticks, ticks per second).
    pub frame_duration: Option<(u32, u32)>,
    /// Largest width.
    pub width: u32,
    /// Largest height.
    pub height: u32,
    /// `frame_id_numbers_present_flag` as bits of a frame id; 0 where absent.
    pub frame_id_bits: u8,
    /// `seq_force_screen_content_tools` (2: each frame says).
    pub force_screen_content_tools: u8,
    /// `seq_force_integer_mv` (2: each frame says).
    pub force_integer_mv: u8,
    /// Bits of an order hint; 0 where off.
    pub order_hint_bits: u8,
    /// Decoder model: `equal_picture_interval` and bits of `frame_presentation_time`, where
    /// shown frames carry it.
    pub presentation_time_bits: u8,
    /// `decoder_model_info_present_flag`.
    pub decoder_model: bool,
    /// Bits per sample.
    pub bit_depth: u8,
    /// No chroma.
    pub monochrome: bool,
    /// Chroma subsampled in x and in y.
    pub subsampling: (bool, bool),
    /// Colour.
    pub color: ColorDescription,
}

impl SequenceHeader {
    /// From the payload of a sequence header OBU.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut bits = BitReader::new(payload);
        let mut header = Self {
            profile: bits3(&mut bits)?,
            ..Self::default()
        };
        bits.skip(1)?; // still_picture
        header.reduced_still_picture = bits.flag()?;
        if header.reduced_still_picture {
            bits.skip(5)?; // seq_level_idx
        } else {
            header.operating_points(&mut bits)?;
        }
        let (width_bits, height_bits) = (bits.bits(4)? + 1, bits.bits(4)? + 1);
        header.width = bits.bits(width_bits)? + 1;
        header.height = bits.bits(height_bits)? + 1;
        header.force_screen_content_tools = 2;
        header.force_integer_mv = 2;
        if !header.reduced_still_picture && bits.flag()? {
            let delta = bits.bits(4)? + 2;
            header.frame_id_bits = u8::try_from(bits.bits(3)? + delta + 1).ok()?;
        }
        bits.skip(3)?; // use_128x128_superblock, filter intra, intra edge filter
        if !header.reduced_still_picture {
            header.tools(&mut bits)?;
        }
        bits.skip(3)?; // superres, cdef, restoration
        header.color_config(&mut bits)?;
        Some(header)
    }

    fn operating_points(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        let mut delay_bits = 0;
        if bits.flag()? {
            let (ticks, scale) = (bits.bits(32)?, bits.bits(32)?);
            let equal_interval = bits.flag()?;
            if equal_interval {
                let per_picture = bits.ue()?.checked_add(1)?.checked_mul(ticks)?;
                self.frame_duration =
                    (per_picture > 0 && scale > 0).then_some((per_picture, scale));
            }
            self.decoder_model = bits.flag()?;
            if self.decoder_model {
                delay_bits = bits.bits(5)? + 1;
                bits.skip(32 + 5)?; // num_units_in_decoding_tick, buffer_removal_time_length
                let time_bits = u8::try_from(bits.bits(5)? + 1).ok()?;
                self.presentation_time_bits = if equal_interval { 0 } else { time_bits };
            }
        }
        let initial_delay = bits.flag()?;
        for _ in 0..=bits.bits(5)? {
            bits.skip(12)?; // operating_point_idc
            if bits.bits(5)? > 7 {
                bits.skip(1)?; // seq_tier
            }
            if self.decoder_model && bits.flag()? {
                bits.skip(2 * delay_bits as usize + 1)?;
            }
            if initial_delay && bits.flag()? {
                bits.skip(4)?;
            }
        }
        Some(())
    }

    fn tools(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        bits.skip(4)?; // interintra, masked compound, warped motion, dual filter
        let order_hints = bits.flag()?;
        if order_hints {
            bits.skip(2)?; // jnt_comp, ref_frame_mvs
        }
        self.force_screen_content_tools = if bits.flag()? {
            2
        } else {
            u8::from(bits.flag()?)
        };
        if self.force_screen_content_tools > 0 {
            self.force_integer_mv = if bits.flag()? {
                2
            } else {
                u8::from(bits.flag()?)
            };
        }
        if order_hints {
            self.order_hint_bits = bits3(bits)? + 1;
        }
        Some(())
    }

    fn color_config(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        let high = bits.flag()?;
        self.bit_depth = match (self.profile, high) {
            (2, true) if bits.flag()? => 12,
            (_, true) => 10,
            (_, false) => 8,
        };
        self.monochrome = self.profile != 1 && bits.flag()?;
        let codes = if bits.flag()? {
            (bits.byte()?, bits.byte()?, bits.byte()?)
        } else {
            (2, 2, 2)
        };
        let color = |full| ColorDescription::from_cicp(codes.0, codes.1, codes.2, Some(full));
        if self.monochrome {
            self.subsampling = (true, true);
            self.color = color(bits.flag()?);
            return Some(());
        }
        if codes == (1, 13, 0) {
            self.color = color(true); // sRGB is full range, 4:4:4
            return Some(());
        }
        self.color = color(bits.flag()?);
        self.subsampling = match self.profile {
            0 => (true, true),
            1 => (false, false),
            _ if self.bit_depth == 12 => {
                let x = bits.flag()?;
                (x, x && bits.flag()?)
            }
            _ => (true, false),
        };
        Some(())
    }

    /// Profile as ffprobe names it.
    pub fn profile_name(&self) -> String {
        match self.profile {
            0 => "Main".to_owned(),
            1 => "High".to_owned(),
            2 => "Professional".to_owned(),
            other => format!("profile {other}"),
        }
    }
}

fn bits3(bits: &mut BitReader<'_>) -> Option<u8> {
    u8::try_from(bits.bits(3)?).ok()
}

/// `frame_type`, clause 6.8.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameType {
    /// Decoding can start here.
    Key,
    /// Predicted.
    Inter,
    /// Intra, but no start.
    IntraOnly,
    /// Replaces all references.
    Switch,
}

/// The start of a frame header, clause 5.9.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Shows a frame decoded earlier; nothing else is coded then.
    pub show_existing: bool,
    /// Frame type (`Inter` for `show_existing`, which does not say).
    pub frame_type: FrameType,
    /// Shown at once.
    pub show: bool,
    /// `refresh_frame_flags`: slots that keep this frame. `None` where other syntax hides it.
    pub refresh: Option<u8>,
}

impl FrameHeader {
    /// From the payload of a frame or frame header OBU.
    pub fn parse(payload: &[u8], sequence: &SequenceHeader) -> Option<Self> {
        let mut bits = BitReader::new(payload);
        if sequence.reduced_still_picture {
            return Some(Self {
                show_existing: false,
                frame_type: FrameType::Key,
                show: true,
                refresh: Some(0xff),
            });
        }
        if bits.flag()? {
            return Some(Self {
                show_existing: true,
                frame_type: FrameType::Inter,
                show: true,
                refresh: None,
            });
        }
        let frame_type = match bits.bits(2)? {
            0 => FrameType::Key,
            1 => FrameType::Inter,
            2 => FrameType::IntraOnly,
            _ => FrameType::Switch,
        };
        let show = bits.flag()?;
        if show && sequence.decoder_model {
            bits.skip(usize::from(sequence.presentation_time_bits))?;
        }
        let showable = if show {
            frame_type != FrameType::Key
        } else {
            bits.flag()?
        };
        let _ = showable;
        let mut header = Self {
            show_existing: false,
            frame_type,
            show,
            refresh: None,
        };
        header.refresh = header.refresh_flags(&mut bits, sequence);
        Some(header)
    }

    fn refresh_flags(&self, bits: &mut BitReader<'_>, sequence: &SequenceHeader) -> Option<u8> {
        let intra = matches!(self.frame_type, FrameType::Key | FrameType::IntraOnly);
        let resilient = match self.frame_type {
            FrameType::Switch => true,
            FrameType::Key if self.show => true,
            _ => bits.flag()?,
        };
        bits.skip(1)?; // disable_cdf_update
        let screen_content = match sequence.force_screen_content_tools {
            2 => bits.flag()?,
            other => other == 1,
        };
        if screen_content && sequence.force_integer_mv == 2 {
            bits.skip(1)?; // force_integer_mv
        }
        bits.skip(usize::from(sequence.frame_id_bits))?;
        if self.frame_type != FrameType::Switch {
            bits.skip(1)?; // frame_size_override_flag
        }
        bits.skip(usize::from(sequence.order_hint_bits))?;
        if !intra && !resilient {
            bits.skip(3)?; // primary_ref_frame
        }
        if sequence.decoder_model {
            return None; // buffer removal times depend on operating points
        }
        if self.frame_type == FrameType::Switch || (self.frame_type == FrameType::Key && self.show)
        {
            return Some(0xff);
        }
        bits.byte()
    }
}

/// Whether a temporal unit shows a key frame, so that decoding can start there. The unit may be
/// cut short after a few hundred bytes. `sequence` is the sequence header in force, and is
/// replaced by one in the unit.
pub fn shows_key_frame(unit: &[u8], sequence: &mut Option<SequenceHeader>) -> bool {
    let mut key = false;
    for obu in obus(unit) {
        match obu.kind {
            obu_type::SEQUENCE_HEADER => {
                *sequence = SequenceHeader::parse(obu.payload).or(*sequence);
            }
            obu_type::FRAME | obu_type::FRAME_HEADER => {
                let header = sequence
                    .as_ref()
                    .and_then(|sequence| FrameHeader::parse(obu.payload, sequence));
                key |= header.is_some_and(|header| {
                    header.show && !header.show_existing && header.frame_type == FrameType::Key
                });
            }
            _ => {}
        }
    }
    key
}
