//! H.264 with two decoders: `rusty_h264` is the faster one and knows progressive 8-bit 4:2:0;
//! `rust_h264` takes what it lacks (interlaced, 10 bit, 4:2:2, monochrome). Which one is decided
//! from the parameter sets at each picture that decoding can start at.

mod engine;
mod support;

pub(super) use support::check_sps;

use super::nal;
use super::picture::damaged;
use crate::bitstream::ParameterSets;
use crate::bitstream::h264::{Pps, SliceHeader, Sps, nal_ref_idc, nal_type, nal_unit_type};
use crate::{CodecConfig, ColorDescription, DecodeError, Decoder, Frame, Pts};
use engine::Engine;
use std::collections::{BTreeMap, VecDeque};
use support::{CODEC, Choice, choose};

/// See the module.
pub(super) struct H264Decoder {
    length_size: Option<u8>,
    container_color: ColorDescription,
    sets: ParameterSets<Sps, Pps>,
    /// The parameter sets in force as NAL units, by type and id: a new engine needs them.
    set_units: BTreeMap<(u8, u8), Vec<u8>>,
    engine: Option<Engine>,
    /// Decoding began at a picture that is not IDR: pictures before it in presentation order
    /// may refer to what was never decoded.
    leading_before: Option<Pts>,
    /// The first field of a frame whose second is yet to come.
    first_field: Option<(SliceHeader, Pts)>,
    ready: VecDeque<Frame>,
}

/// A slice of the access unit being decoded.
struct Slice<'a> {
    unit: &'a [u8],
    header: SliceHeader,
}

impl H264Decoder {
    /// Takes in the parameter sets of `config`.
    pub fn open(config: &CodecConfig) -> Self {
        let mut decoder = Self {
            length_size: config.nal_length_size,
            container_color: config.color,
            sets: ParameterSets::default(),
            set_units: BTreeMap::new(),
            engine: None,
            leading_before: None,
            first_field: None,
            ready: VecDeque::new(),
        };
        for unit in crate::bitstream::nal::annexb(&config.parameter_sets) {
            decoder.parameter_set(unit);
        }
        decoder
    }

    /// Keeps a parameter set. The engine gets it at once: it may be used by the next slice.
    fn parameter_set(&mut self, unit: &[u8]) {
        let key = match (Sps::parse(unit), Pps::parse(unit)) {
            (Some(sps), _) => (nal_type::SPS, sps.id),
            (_, Some(pps)) => (nal_type::PPS, pps.id),
            _ => return,
        };
        self.sets.insert(unit);
        if self.set_units.get(&key).is_some_and(|old| old == unit) {
            return;
        }
        if let Some(engine) = &mut self.engine {
            engine.parameter_set(unit);
        }
        self.set_units.insert(key, unit.to_vec());
    }

    fn slices<'a>(&mut self, units: &[&'a [u8]]) -> Result<Vec<Slice<'a>>, DecodeError> {
        let mut slices = Vec::new();
        for &unit in units {
            match nal_unit_type(unit) {
                Some(nal_type::SPS | nal_type::PPS) => self.parameter_set(unit),
                Some(nal_type::SLICE | nal_type::IDR) => {
                    let header = SliceHeader::parse(unit, &self.sets).ok_or_else(|| {
                        damaged(CODEC, "slice header, or no parameter set for it")
                    })?;
                    support::check_slice(&header)?;
                    slices.push(Slice { unit, header });
                }
                Some(nal_type::PARTITION_A) => return Err(support::data_partitioning()),
                _ => {}
            }
        }
        Ok(slices)
    }

    /// Opens the engine that the picture needs, if it is another one than that in use.
    fn select(&mut self, first: &SliceHeader, pts: Pts) -> Result<(), DecodeError> {
        let (sps, pps) = self
            .sets
            .of(first.pps_id)
            .ok_or_else(|| damaged(CODEC, "slice without parameter sets"))?;
        let choice = choose(sps, pps)?;
        match &self.engine {
            Some(engine) if engine.choice() == choice => return Ok(()),
            // A change without a new start would lose the references.
            Some(_) if !first.idr => return Ok(()),
            _ => {}
        }
        if self.engine.is_none() && !first.idr {
            self.leading_before = Some(pts);
        }
        self.open_engine(choice);
        Ok(())
    }

    fn open_engine(&mut self, choice: Choice) {
        let mut engine = Engine::open(choice);
        // Sorted by type: SPS (7) before the PPS (8) that refer to them.
        for unit in self.set_units.values() {
            engine.parameter_set(unit);
        }
        self.first_field = None;
        self.engine = Some(engine);
    }

    /// Decodes the slices; with the other engine where the first one says at its first picture
    /// that it lacks something the parameter sets do not show.
    fn slices_to_pictures(
        &mut self,
        slices: &[Slice<'_>],
    ) -> Result<Vec<engine::Picture>, DecodeError> {
        let Some(engine) = &mut self.engine else {
            return Ok(Vec::new());
        };
        let fresh = engine.is_fresh();
        match engine.decode(slices.iter().map(|slice| slice.unit)) {
            Err(DecodeError::Unsupported { .. })
                if fresh && engine.choice() == Choice::Progressive =>
            {
                self.open_engine(Choice::General);
                match &mut self.engine {
                    Some(engine) => engine.decode(slices.iter().map(|slice| slice.unit)),
                    None => Ok(Vec::new()),
                }
            }
            result => result,
        }
    }

    /// Follows fields through an access unit: the PTS of the frame it ends, if it ends one.
    fn pair_fields(&mut self, slices: &[Slice<'_>], pts: Pts) -> Option<Pts> {
        let mut ends = None;
        for slice in slices.iter().filter(|slice| slice.header.first_mb == 0) {
            let header = slice.header;
            let first = self.first_field.take();
            if let Some((first, first_pts)) = first {
                if header.completes_frame_of(&first) {
                    ends = Some(first_pts);
                    continue;
                }
                // Its other half was lost: an engine must not pair it with this one.
                self.engine.iter_mut().for_each(Engine::drop_field);
            }
            ends = if header.field {
                self.first_field = Some((header, pts));
                None
            } else {
                Some(pts)
            };
        }
        ends
    }

    fn color(&self, pps_id: u8) -> ColorDescription {
        match self.sets.of(pps_id) {
            Some((sps, _)) => sps.vui.color.or(self.container_color),
            None => self.container_color,
        }
    }

    fn pictures(&mut self, slices: &[Slice<'_>], pts: Pts) -> Result<(), DecodeError> {
        let Some(first) = slices.first().map(|slice| slice.header) else {
            return Ok(());
        };
        // Without it the rest would end up in the picture before or after.
        if slices.iter().all(|slice| slice.header.first_mb != 0) {
            return Err(damaged(CODEC, "the picture's first slice is missing"));
        }
        self.select(&first, pts)?;
        let ends = self.pair_fields(slices, pts);
        let mut pictures = self.slices_to_pictures(slices)?;
        if let (Some(_), Some(engine)) = (ends, &mut self.engine) {
            pictures.extend(engine.finish_picture());
        }
        if ends.is_some() && pictures.is_empty() {
            return Err(damaged(CODEC, "picture is incomplete, slices are missing"));
        }
        let color = self.color(first.pps_id);
        let monochrome = self
            .sets
            .of(first.pps_id)
            .is_some_and(|(sps, _)| sps.chroma_format_idc == 0);
        for picture in pictures {
            self.ready
                .push_back(picture.frame(ends.unwrap_or(pts), color, monochrome)?);
        }
        Ok(())
    }
}

impl Decoder for H264Decoder {
    fn decode(&mut self, access_unit: &[u8], pts: Pts) -> Result<(), DecodeError> {
        let units = nal::units(CODEC, access_unit, self.length_size)?;
        let slices = self.slices(&units)?;
        let is_reference = slices
            .iter()
            .any(|slice| nal_ref_idc(slice.unit).is_some_and(|idc| idc > 0));
        let leading = self.leading_before.is_some_and(|start| pts < start);
        if !leading {
            return self.pictures(&slices, pts);
        }
        // Not shown, and nothing shown refers to its samples; but a reference takes its place
        // among the reference pictures, where later ones count it.
        let kept = self.ready.len();
        if is_reference {
            let _ = self.pictures(&slices, pts);
        }
        self.ready.truncate(kept);
        Ok(())
    }

    fn next_frame(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    fn flush(&mut self) -> Result<(), DecodeError> {
        Ok(())
    }
}
