//! HEVC with two decoders, both in decoding order: `rust_h265` is the faster one; `oxideav-h265`
//! takes the chroma formats it lacks, 4:2:2 (many cameras) and 4:0:0.

mod engine;
mod references;

use super::nal;
use super::picture::{check_size, damaged, unsupported};
use crate::bitstream::hevc::{
    Pps, Sps, is_random_access, is_slice, layer_id, nal_type, nal_unit_type,
};
use crate::{CodecConfig, ColorDescription, DecodeError, Decoder, Frame, Pts};
use engine::{CODEC, Choice, Engine, Picture};
use references::References;
use std::collections::{BTreeMap, VecDeque};

/// NAL unit types (table 7-1) that only decoding cares about.
const RASL_N: u8 = 8;
const END_OF_SEQUENCE: u8 = 36;

/// Refuses what neither decoder has, by name.
///
/// # Errors
/// [`DecodeError::Unsupported`].
pub(super) fn check_sps(sps: &Sps) -> Result<(), DecodeError> {
    check_size(CODEC, sps.width, sps.height)?;
    let (luma, chroma) = (sps.bit_depth_luma, sps.bit_depth_chroma);
    if luma > 12 || (sps.chroma_format_idc != 0 && luma != chroma) {
        let what = format!("HEVC {luma} bit luma, {chroma} bit chroma");
        return Err(unsupported(CODEC, what));
    }
    if sps.separate_planes {
        return Err(unsupported(CODEC, "HEVC 4:4:4 in separate planes"));
    }
    if sps.profile.profile_idc == 9 || sps.profile.profile_idc == 11 {
        return Err(unsupported(CODEC, "HEVC screen content coding"));
    }
    Ok(())
}

fn choose(sps: &Sps) -> Choice {
    match sps.chroma_format_idc {
        0 | 2 => Choice::General,
        _ => Choice::Fast,
    }
}

/// See the module.
pub(super) struct HevcDecoder {
    engine: Engine,
    references: References,
    /// The parameter sets in force as NAL units, by type and id: a new engine needs them.
    set_units: BTreeMap<(u8, u8), Vec<u8>>,
    /// No picture was decoded since the engine opened or the sequence ended.
    fresh: bool,
    /// RASL pictures refer to what comes before the random access point that decoding began
    /// at: they are left out (clause 8.1.3).
    skip_rasl: bool,
    length_size: Option<u8>,
    container_color: ColorDescription,
    color: ColorDescription,
    ready: VecDeque<Frame>,
}

impl HevcDecoder {
    /// Takes in the parameter sets of `config`.
    pub fn open(config: &CodecConfig) -> Result<Self, DecodeError> {
        let mut decoder = Self {
            engine: Engine::open(Choice::Fast),
            references: References::default(),
            set_units: BTreeMap::new(),
            fresh: true,
            skip_rasl: false,
            length_size: config.nal_length_size,
            container_color: config.color,
            color: config.color,
            ready: VecDeque::new(),
        };
        for unit in crate::bitstream::nal::annexb(&config.parameter_sets) {
            decoder.unit(unit)?;
        }
        Ok(decoder)
    }

    /// Decodes a NAL unit; the picture that it ends.
    fn unit(&mut self, unit: &[u8]) -> Result<Vec<Picture>, DecodeError> {
        // forbidden_zero_bit
        if unit.first().is_some_and(|byte| byte & 0x80 != 0) {
            return Err(damaged(CODEC, "NAL unit header"));
        }
        // Layers above the base layer (MV-HEVC, SHVC) are other views of the same picture.
        if layer_id(unit) != Some(0) {
            return Ok(Vec::new());
        }
        match nal_unit_type(unit) {
            Some(nal_type::VPS | nal_type::SPS | nal_type::PPS) => {
                self.parameter_set(unit)?;
                Ok(Vec::new())
            }
            Some(kind) => {
                self.follow(kind, unit);
                if self.skip_rasl && matches!(kind, nal_type::RASL_R | RASL_N) {
                    return Ok(Vec::new());
                }
                if is_slice(kind) {
                    self.references.slice(unit)?;
                }
                self.engine.unit(unit)
            }
            None => Ok(Vec::new()),
        }
    }

    fn units(&mut self, access_unit: &[u8]) -> Result<Vec<Picture>, DecodeError> {
        let mut pictures = Vec::new();
        for unit in nal::units(CODEC, access_unit, self.length_size)? {
            pictures.extend(self.unit(unit)?);
        }
        Ok(pictures)
    }

    /// Keeps track of where decoding began.
    fn follow(&mut self, kind: u8, unit: &[u8]) {
        let first_in_picture = unit.get(2).is_some_and(|byte| byte & 0x80 != 0);
        if is_random_access(kind) && first_in_picture {
            self.skip_rasl = kind != nal_type::CRA || self.fresh;
        }
        if is_slice(kind) {
            self.fresh = false;
        }
        if kind == END_OF_SEQUENCE {
            self.fresh = true;
            self.references.end_sequence();
        }
    }

    fn parameter_set(&mut self, unit: &[u8]) -> Result<(), DecodeError> {
        let (sps, pps) = (Sps::parse(unit), Pps::parse(unit));
        let id = match (&sps, &pps) {
            (Some(sps), _) => sps.id,
            (_, Some(pps)) => pps.id,
            _ => 0,
        };
        let kind = nal_unit_type(unit).unwrap_or(0);
        self.set_units.insert((kind, id), unit.to_vec());
        self.references.parameter_set(unit);
        if let Some(sps) = sps {
            check_sps(&sps)?;
            self.color = sps.vui.color.or(self.container_color);
            let choice = choose(&sps);
            if choice != self.engine.choice() {
                self.engine = Engine::open(choice);
                self.fresh = true;
                self.references.end_sequence();
                // Sorted by type: VPS (32), SPS (33), PPS (34), as they refer to each other.
                for unit in self.set_units.values() {
                    let _ = self.engine.unit(unit);
                }
                return Ok(());
            }
        }
        // A set that is rejected matters only if a slice uses it, and then the slice says so:
        // many streams carry unused ones.
        let _ = self.engine.unit(unit);
        Ok(())
    }
}

impl Decoder for HevcDecoder {
    fn decode(&mut self, access_unit: &[u8], pts: Pts) -> Result<(), DecodeError> {
        let decoded = self.units(access_unit);
        // Ended in any case, so that what is left of it does not come out with the next one.
        let ended = self.engine.end();
        let pictures = decoded.and_then(|pictures| Ok([pictures, ended?]));
        let lost = pictures.as_ref().err().map(ToString::to_string);
        let damage = self.references.end(lost);
        for picture in pictures?.into_iter().flatten() {
            let mut frame = picture.frame(pts, self.color)?;
            frame.damage.clone_from(&damage);
            self.ready.push_back(frame);
        }
        Ok(())
    }

    fn next_frame(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    fn flush(&mut self) -> Result<(), DecodeError> {
        Ok(())
    }
}
