//! The decoder: NAL units of an access unit to frames.

use crate::Error;
use crate::engine::{Engine, Unit};
use crate::frame::Frame;
use crate::nal::{self, NalHeader, kind};
use crate::parameter_sets::ParameterSets;
use crate::picture::Format;
use crate::sei::Sei;
use crate::slice_header::SliceHeader;

/// First build of x264 whose 4:4:4 streams are coded as the standard says.
const FIXED_X264: u32 = 151;

/// Decodes access units, in decoding order, to frames, in decoding order too: each comes out once its
/// last slice is known, without waiting for its turn to be shown.
#[derive(Default)]
pub struct Decoder {
    sets: ParameterSets,
    engine: Option<AnyEngine>,
    /// `recovery_frame_cnt` of the access unit being read.
    recovery: Option<u32>,
    /// Build number of the x264 that made the stream, if it says so.
    x264_build: Option<u32>,
    /// Buffer for the RBSP of a NAL unit.
    rbsp: Vec<u8>,
}

/// Pictures of one format.
enum AnyEngine {
    Shallow(Format, Box<Engine<u8>>),
    Deep(Format, Box<Engine<u16>>),
}

impl AnyEngine {
    fn new(format: Format) -> Self {
        match format.bit_depth {
            ..=8 => Self::Shallow(format, Box::new(Engine::new(format))),
            _ => Self::Deep(format, Box::new(Engine::new(format))),
        }
    }

    fn format(&self) -> Format {
        match self {
            Self::Shallow(format, _) | Self::Deep(format, _) => *format,
        }
    }

    fn slice(&mut self, unit: &Unit<'_>, tag: i64) -> Result<(), Error> {
        match self {
            Self::Shallow(_, engine) => engine.slice(unit, tag),
            Self::Deep(_, engine) => engine.slice(unit, tag),
        }
    }

    fn begin_at_recovery_point(&mut self, frame_num: u32) {
        match self {
            Self::Shallow(_, engine) => engine.begin_at_recovery_point(frame_num),
            Self::Deep(_, engine) => engine.begin_at_recovery_point(frame_num),
        }
    }

    fn finish_picture(&mut self) -> Vec<Frame> {
        match self {
            Self::Shallow(_, engine) => {
                engine.finish_picture();
                engine.take()
            }
            Self::Deep(_, engine) => {
                engine.finish_picture();
                engine.take()
            }
        }
    }

    fn close_frame(&mut self) -> Vec<Frame> {
        match self {
            Self::Shallow(_, engine) => {
                engine.close_frame();
                engine.take()
            }
            Self::Deep(_, engine) => {
                engine.close_frame();
                engine.take()
            }
        }
    }
}

impl Decoder {
    /// Decodes an access unit, given as NAL units without start codes or lengths, parameter sets among
    /// them or in calls before. `tag` comes back in [`Frame::tag`]; a frame of two fields has that of the
    /// first. Damage of a picture is in [`Frame::damage`].
    ///
    /// # Errors
    /// What this decoder does not have, by name; slices that cannot be told to belong to any picture.
    /// The other NAL units are decoded all the same, and their frames come out with the next call.
    pub fn decode<'a>(
        &mut self,
        units: impl IntoIterator<Item = &'a [u8]>,
        tag: i64,
    ) -> Result<Vec<Frame>, Error> {
        let mut first_error = None;
        for unit in units {
            if let Err(error) = self.unit(unit, tag) {
                first_error.get_or_insert(error);
            }
        }
        match first_error {
            Some(error) => Err(error),
            None => Ok(self
                .engine
                .as_mut()
                .map(AnyEngine::finish_picture)
                .unwrap_or_default()),
        }
    }

    /// The frames that are not out yet: after the last access unit.
    pub fn flush(&mut self) -> Vec<Frame> {
        self.engine
            .as_mut()
            .map(AnyEngine::close_frame)
            .unwrap_or_default()
    }

    fn unit(&mut self, unit: &[u8], tag: i64) -> Result<(), Error> {
        let Some(header) = NalHeader::parse(unit)? else {
            return Ok(());
        };
        if !matches!(
            header.kind,
            kind::SLICE | kind::IDR | kind::SEI | kind::SPS | kind::PPS | kind::PARTITION_A
        ) {
            return Ok(());
        }
        let mut rbsp = std::mem::take(&mut self.rbsp);
        nal::rbsp(unit, &mut rbsp);
        let result = match header.kind {
            kind::SPS => self.sets.sps(&rbsp),
            kind::PPS => self.sets.pps(&rbsp),
            kind::SEI => {
                let sei = Sei::parse(&rbsp);
                self.recovery = sei.recovery.or(self.recovery);
                self.x264_build = sei.x264_build.or(self.x264_build);
                Ok(())
            }
            kind::PARTITION_A => Err(Error::unsupported("data partitioning (Extended profile)")),
            _ => self.slice(header, &rbsp, tag),
        };
        self.rbsp = rbsp;
        result
    }

    fn slice(&mut self, nal: NalHeader, rbsp: &[u8], tag: i64) -> Result<(), Error> {
        let recovery = self.recovery.take();
        let (header, sps, pps, start) = SliceHeader::parse(nal, rbsp, &mut self.sets)?;
        let format = sps.format();
        if self
            .engine
            .as_ref()
            .is_none_or(|engine| engine.format() != format)
        {
            if self.engine.is_some() && !header.idr {
                return Err(Error::damaged(
                    "picture of another size without an IDR picture before it",
                ));
            }
            // Frames of the format before are out: a picture of another one ends an access unit.
            self.engine = Some(AnyEngine::new(format));
            if let (false, Some(engine)) = (header.idr, &mut self.engine) {
                let after = recovery.unwrap_or(0);
                let at = (header.frame_num + after) % (1 << sps.log2_max_frame_num);
                engine.begin_at_recovery_point(at);
            }
        }
        let Some(engine) = &mut self.engine else {
            return Ok(());
        };
        let unit = Unit {
            rbsp,
            header,
            start,
            old_x264: self.x264_build.is_some_and(|build| build < FIXED_X264),
            sps,
            pps,
        };
        engine.slice(&unit, tag)
    }
}
