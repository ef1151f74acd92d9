//! Codec configuration from the records that containers carry and from the first access unit.

use super::fields::Fields;
use crate::bitstream::{av1, h264, hevc, nal, vpx};
use crate::{Codec, CodecConfig, ColorDescription, PixelAspect};

/// What a configuration record or a bitstream says.
#[derive(Clone, Debug, Default)]
pub(super) struct CodecParameters {
    pub(super) nal_length_size: Option<u8>,
    pub(super) parameter_sets: Vec<u8>,
    pub(super) profile: String,
    pub(super) size: Option<(u32, u32)>,
    pub(super) color: ColorDescription,
    pub(super) pixel_aspect: Option<PixelAspect>,
    /// Seconds per picture as a fraction.
    pub(super) frame_duration: Option<(u32, u32)>,
}

/// Appends a NAL unit behind a start code.
pub(super) fn push_nal(sets: &mut Vec<u8>, nal: &[u8]) {
    sets.extend_from_slice(&[0, 0, 0, 1]);
    sets.extend_from_slice(nal);
}

impl CodecParameters {
    fn add_h264_sps(&mut self, sps: &h264::Sps) {
        self.profile = sps.profile();
        self.size = Some((sps.width, sps.height));
        self.add_vui(&sps.vui);
    }

    fn add_hevc_sps(&mut self, sps: &hevc::Sps) {
        self.profile = sps.profile.name();
        self.size = Some((sps.width, sps.height));
        self.add_vui(&sps.vui);
    }

    fn add_vui(&mut self, vui: &crate::bitstream::Vui) {
        self.color = vui.color;
        self.pixel_aspect = vui.sample_aspect.map(|(h, v)| PixelAspect { h, v });
        self.frame_duration = vui.frame_duration.map(|d| (d.num, d.den));
    }

    fn add_av1_sequence(&mut self, sequence: &av1::SequenceHeader, whole: &[u8]) {
        self.profile = sequence.profile_name();
        self.size = Some((sequence.width, sequence.height));
        self.color = sequence.color;
        self.parameter_sets = whole.to_vec();
    }

    /// From `avcC` (ISO 14496-15 clause 5.3.3.1).
    pub(super) fn from_avcc(record: &[u8]) -> Option<Self> {
        let mut parameters = Self {
            nal_length_size: Some((record.u8(4)? & 3) + 1),
            profile: h264::profile_name(record.u8(1)?, record.u8(2)?),
            ..Self::default()
        };
        let mut at = 5;
        for mask in [0x1f, 0xff] {
            let count = record.u8(at).unwrap_or(0) & mask;
            at += 1;
            for _ in 0..count {
                let Some(unit) = sized_unit(record, &mut at) else {
                    return Some(parameters);
                };
                push_nal(&mut parameters.parameter_sets, unit);
                if let Some(sps) = h264::Sps::parse(unit) {
                    parameters.add_h264_sps(&sps);
                }
            }
        }
        Some(parameters)
    }

    /// From `hvcC` (ISO 14496-15 clause 8.3.3.1).
    pub(super) fn from_hvcc(record: &[u8]) -> Option<Self> {
        let mut parameters = Self {
            nal_length_size: Some((record.u8(21)? & 3) + 1),
            ..Self::default()
        };
        let mut at = 23_usize;
        for _ in 0..record.u8(22)? {
            let Some(count) = record.be16(at.saturating_add(1)) else {
                break;
            };
            at += 3;
            for _ in 0..count {
                let Some(unit) = sized_unit(record, &mut at) else {
                    return Some(parameters);
                };
                parameters.add_hevc_unit(unit);
            }
        }
        Some(parameters)
    }

    fn add_hevc_unit(&mut self, unit: &[u8]) {
        use hevc::nal_type::{PPS, VPS};
        if let Some(VPS..=PPS) = hevc::nal_unit_type(unit) {
            push_nal(&mut self.parameter_sets, unit);
        }
        if let Some(sps) = hevc::Sps::parse(unit)
            && hevc::layer_id(unit) == Some(0)
        {
            self.add_hevc_sps(&sps);
        }
    }

    /// From `av1C` (AV1 in ISOBMFF, clause 2.3.3).
    pub(super) fn from_av1c(record: &[u8]) -> Option<Self> {
        let mut parameters = Self {
            profile: av1::SequenceHeader {
                profile: record.u8(1)? >> 5,
                ..Default::default()
            }
            .profile_name(),
            ..Self::default()
        };
        parameters.add_av1_unit(record.get(4..)?);
        Some(parameters)
    }

    fn add_av1_unit(&mut self, unit: &[u8]) {
        for obu in av1::obus(unit) {
            if obu.kind == av1::obu_type::SEQUENCE_HEADER
                && let Some(sequence) = av1::SequenceHeader::parse(obu.payload)
            {
                self.add_av1_sequence(&sequence, obu.whole);
                return;
            }
        }
    }

    /// From `vpcC` (VP codecs in ISOBMFF): version and flags included.
    pub(super) fn from_vpcc(record: &[u8]) -> Option<Self> {
        let full = record.u8(6)? & 1 == 1;
        Some(Self {
            profile: format!("Profile {}", record.u8(4)?),
            color: ColorDescription::from_cicp(
                record.u8(7)?,
                record.u8(8)?,
                record.u8(9)?,
                Some(full),
            ),
            ..Self::default()
        })
    }

    /// From an access unit, which may be cut short.
    pub(super) fn from_access_unit(codec: Codec, length_size: Option<u8>, unit: &[u8]) -> Self {
        let mut parameters = Self::default();
        match codec {
            Codec::H264 => each_nal(unit, length_size, |nal| parameters.add_h264_unit(nal)),
            Codec::Hevc => each_nal(unit, length_size, |nal| parameters.add_hevc_unit(nal)),
            Codec::Av1 => parameters.add_av1_unit(unit),
            Codec::Vp9 => parameters.add_vp9(unit),
            Codec::Vp8 => parameters.add_vp8(unit),
            Codec::Mjpeg => parameters.add_jpeg(unit),
        }
        parameters
    }

    fn add_h264_unit(&mut self, unit: &[u8]) {
        use h264::nal_type::{PPS, SPS};
        if let Some(SPS | PPS) = h264::nal_unit_type(unit) {
            push_nal(&mut self.parameter_sets, unit);
        }
        if let Some(sps) = h264::Sps::parse(unit) {
            self.add_h264_sps(&sps);
        }
    }

    fn add_vp9(&mut self, unit: &[u8]) {
        if let Some(frame) = vpx::Vp9Frame::parse(unit) {
            self.profile = format!("Profile {}", frame.profile);
            self.size = frame.size;
            self.color = frame.format.map(|f| f.color).unwrap_or_default();
        }
    }

    fn add_vp8(&mut self, unit: &[u8]) {
        if let Some(frame) = vpx::Vp8Frame::parse(unit) {
            self.profile = format!("Profile {}", frame.version);
            self.size = frame.size;
        }
    }

    /// The frame header of a JPEG (ITU-T T.81 clause B.2.2).
    fn add_jpeg(&mut self, unit: &[u8]) {
        let mut at = 2;
        while let (Some(0xff), Some(marker)) = (unit.u8(at), unit.u8(at + 1)) {
            if let (0xc0..=0xc3, Some(height), Some(width)) =
                (marker, unit.be16(at + 5), unit.be16(at + 7))
            {
                self.size = Some((u32::from(width), u32::from(height)));
                self.profile = match marker {
                    0xc0 => "Baseline",
                    0xc1 => "Extended",
                    0xc2 => "Progressive",
                    _ => "Lossless",
                }
                .to_owned();
                return;
            }
            let length = if marker == 0xff {
                Some(0) // fill byte: the marker follows
            } else {
                unit.be16(at + 2).map(|length| usize::from(length) + 1)
            };
            match length {
                Some(length) => at = at.saturating_add(length).saturating_add(1),
                None => return,
            }
        }
    }

    /// The configuration of a track that the container says is `size` large and `color` coloured.
    pub(super) fn config(
        &self,
        codec: Codec,
        size: (u32, u32),
        color: ColorDescription,
    ) -> CodecConfig {
        let known = |(w, h): (u32, u32)| w > 0 && h > 0;
        let (width, height) = Some(size)
            .filter(|&size| known(size))
            .or(self.size)
            .unwrap_or((0, 0));
        CodecConfig {
            codec,
            nal_length_size: self.nal_length_size,
            parameter_sets: self.parameter_sets.clone(),
            profile: self.profile.clone(),
            width,
            height,
            color: self.color.or(color),
        }
    }

    /// Whether an access unit could tell more.
    pub(super) fn is_lacking(config: &CodecConfig) -> bool {
        let sets = matches!(config.codec, Codec::H264 | Codec::Hevc | Codec::Av1);
        config.profile.is_empty()
            || config.width == 0
            || config.height == 0
            || (sets && config.parameter_sets.is_empty())
    }

    /// Fills in what `config` lacks.
    pub(super) fn complete(self, config: &mut CodecConfig) {
        if config.profile.is_empty() {
            config.profile = self.profile;
        }
        if config.parameter_sets.is_empty() {
            config.parameter_sets = self.parameter_sets;
        }
        if let (true, Some((width, height))) = (config.width == 0 || config.height == 0, self.size)
        {
            (config.width, config.height) = (width, height);
        }
        config.color = self.color.or(config.color);
    }
}

fn each_nal(unit: &[u8], length_size: Option<u8>, visit: impl FnMut(&[u8])) {
    match length_size {
        Some(length_size) => nal::length_prefixed(unit, length_size).for_each(visit),
        None => nal::annexb(unit).for_each(visit),
    }
}

/// A unit behind its 16-bit length; moves `at` past it.
fn sized_unit<'a>(record: &'a [u8], at: &mut usize) -> Option<&'a [u8]> {
    let length = usize::from(record.be16(*at)?);
    let start = at.checked_add(2)?;
    let unit = record.get(start..start.checked_add(length)?)?;
    *at = start + length;
    Some(unit)
}
