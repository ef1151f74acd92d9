//! H.264: access units to frames with [`framemill_h264`].

mod support;

pub(super) use support::check_sps;

use super::nal;
use super::picture::{Shape, damaged, unsupported};
use crate::bitstream::ParameterSets;
use crate::bitstream::h264::{Pps, SliceHeader, Sps, nal_ref_idc, nal_type, nal_unit_type};
use crate::{
    ChromaSampling, CodecConfig, ColorDescription, DecodeError, Decoder, Frame, Plane, Pts, Samples,
};
use framemill_h264::{Chroma, Error};
use std::collections::VecDeque;
use support::CODEC;

/// See the module.
pub(super) struct H264Decoder {
    length_size: Option<u8>,
    container_color: ColorDescription,
    /// What is read here: colour, sizes to refuse, leading pictures.
    sets: ParameterSets<Sps, Pps>,
    inner: framemill_h264::Decoder,
    /// Something was decoded, or tried.
    started: bool,
    /// A frame came out.
    proven: bool,
    /// Decoding began at a picture that is not IDR: pictures before it in presentation order
    /// may refer to what was never decoded.
    leading_before: Option<Pts>,
    /// Access units without a picture, and the one with the picture that they belong to.
    parts: VecDeque<(Pts, Option<Pts>)>,
    ready: VecDeque<Frame>,
}

/// Access units without a picture that are remembered, at most.
const MOST_PARTS: usize = 16;

impl H264Decoder {
    /// Takes in the parameter sets of `config`.
    pub fn open(config: &CodecConfig) -> Self {
        let mut decoder = Self {
            length_size: config.nal_length_size,
            container_color: config.color,
            sets: ParameterSets::default(),
            inner: framemill_h264::Decoder::default(),
            started: false,
            proven: false,
            leading_before: None,
            parts: VecDeque::new(),
            ready: VecDeque::new(),
        };
        let units: Vec<_> = crate::bitstream::nal::annexb(&config.parameter_sets).collect();
        for unit in &units {
            decoder.sets.insert(unit);
        }
        // What is wrong with a parameter set matters only if a slice uses it, and then the slice says so.
        let _ = decoder.inner.decode(units.iter().copied(), 0);
        decoder
    }

    /// Keeps parameter sets, refuses what cannot be decoded: the headers of the slices, and whether
    /// any is of a reference picture.
    fn look(&mut self, units: &[&[u8]]) -> Result<(Vec<SliceHeader>, bool), DecodeError> {
        let mut headers = Vec::new();
        let mut is_reference = false;
        for unit in units {
            match nal_unit_type(unit) {
                Some(nal_type::SPS | nal_type::PPS) => {
                    self.sets.insert(unit);
                }
                Some(nal_type::SLICE | nal_type::IDR) => {
                    is_reference |= nal_ref_idc(unit).is_some_and(|idc| idc > 0);
                    headers.extend(SliceHeader::parse(unit, &self.sets));
                }
                Some(nal_type::PARTITION_A) => return Err(support::data_partitioning()),
                _ => {}
            }
        }
        for header in &headers {
            if let Some((sps, _)) = self.sets.of(header.pps_id) {
                check_sps(sps)?;
            }
        }
        Ok((headers, is_reference))
    }

    fn color(&self, headers: &[SliceHeader]) -> ColorDescription {
        let sets = headers
            .first()
            .and_then(|header| self.sets.of(header.pps_id));
        match sets {
            Some((sps, _)) => sps.vui.color.or(self.container_color),
            None => self.container_color,
        }
    }

    /// Notes what an access unit at `pts` belongs to.
    fn note_part(&mut self, pts: Pts, has_picture: bool) {
        if !has_picture {
            if self.parts.len() >= MOST_PARTS {
                self.parts.pop_front();
            }
            self.parts.push_back((pts, None));
        } else {
            for (_, picture) in &mut self.parts {
                picture.get_or_insert(pts);
            }
        }
    }

    /// Adds the access units without a picture that belong to `frame`.
    fn join_parts(&mut self, frame: &mut Frame) {
        self.parts.retain(|(part, picture)| {
            let joins =
                picture.is_some_and(|pts| pts == frame.pts || frame.other_pts.contains(&pts));
            if joins {
                frame.other_pts.push(*part);
            }
            !joins
        });
    }

    fn take(
        &mut self,
        frames: Vec<framemill_h264::Frame>,
        color: ColorDescription,
    ) -> Result<(), DecodeError> {
        for frame in frames {
            let mut frame = convert(frame, color)?;
            self.join_parts(&mut frame);
            let leading = self.leading_before.is_some_and(|start| frame.pts < start);
            self.proven = true;
            if !leading {
                self.ready.push_back(frame);
            }
        }
        Ok(())
    }
}

impl Decoder for H264Decoder {
    fn decode(&mut self, access_unit: &[u8], pts: Pts) -> Result<(), DecodeError> {
        let units = nal::units(CODEC, access_unit, self.length_size)?;
        let (headers, is_reference) = self.look(&units)?;
        self.note_part(pts, !headers.is_empty());
        if let Some(first) = headers.first()
            && !std::mem::replace(&mut self.started, true)
            && !first.idr
        {
            self.leading_before = Some(pts);
        }
        // Not shown, and nothing shown refers to its samples; but a reference takes its place among
        // the reference pictures, where later ones count it.
        if self.leading_before.is_some_and(|start| pts < start) && !is_reference {
            return Ok(());
        }
        let color = self.color(&headers);
        match self.inner.decode(units.iter().copied(), pts.0) {
            Ok(frames) => self.take(frames, color),
            Err(Error::Unsupported(what)) => Err(unsupported(CODEC, what)),
            // The others go on: a picture that does not come is missed, and so is what refers to it.
            Err(Error::Damaged(what)) if !self.proven => Err(damaged(CODEC, what)),
            Err(Error::Damaged(_)) => Ok(()),
        }
    }

    fn next_frame(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    fn flush(&mut self) -> Result<(), DecodeError> {
        let frames = self.inner.flush();
        self.take(frames, self.container_color)
    }
}

fn convert(frame: framemill_h264::Frame, color: ColorDescription) -> Result<Frame, DecodeError> {
    let shape = Shape {
        codec: CODEC,
        width: frame.width,
        height: frame.height,
        chroma: match frame.chroma {
            Chroma::Monochrome => ChromaSampling::Monochrome,
            Chroma::Cs420 => ChromaSampling::Cs420,
            Chroma::Cs422 => ChromaSampling::Cs422,
            Chroma::Cs444 => ChromaSampling::Cs444,
        },
        bit_depth: frame.bit_depth,
    };
    let planes = frame.planes.into_iter().map(view).collect();
    let mut converted = shape.view(Pts(frame.tag), color, planes)?;
    converted.other_pts.extend(frame.second_tag.map(Pts));
    converted.damage = frame.damage;
    Ok(converted)
}

fn view(plane: framemill_h264::Plane) -> Plane {
    Plane {
        width: plane.width,
        height: plane.height,
        stride: plane.stride,
        start: plane.start,
        samples: match plane.samples {
            framemill_h264::Samples::U8(samples) => Samples::U8(samples),
            framemill_h264::Samples::U16(samples) => Samples::U16(samples),
        },
    }
}
