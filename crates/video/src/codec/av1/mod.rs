//! AV1 with `rav1d`.
//!
//! rav1d panics on some damaged streams. Natively such a panic leaves a C function and aborts;
//! inside the sandbox it is a trap. Callers that feed it untrusted data run it sandboxed.

mod ffi;

use super::picture::{Shape, check_size, damaged, unsupported};
use crate::limits::MAX_PIXELS;
use crate::{CodecConfig, ColorDescription, DecodeError, Decoder, Frame, Pts};
use ffi::{Code, Context, Picture};
use std::collections::VecDeque;

const CODEC: &str = "av1";

/// See the module.
pub(super) struct Av1Decoder {
    context: Context,
    ready: VecDeque<Frame>,
    color: ColorDescription,
}

impl Av1Decoder {
    /// Film grain is applied, as players and ffmpeg do.
    pub fn open(config: &CodecConfig) -> Result<Self, DecodeError> {
        let mut decoder = Self {
            context: Context::open(MAX_PIXELS).map_err(error)?,
            ready: VecDeque::new(),
            color: config.color,
        };
        if !config.parameter_sets.is_empty() {
            decoder.send(&config.parameter_sets, i64::MIN)?;
        }
        Ok(decoder)
    }

    fn send(&mut self, bytes: &[u8], timestamp: i64) -> Result<(), DecodeError> {
        let mut pictures = Vec::new();
        self.context
            .send(bytes, timestamp, |context| match context.picture() {
                Ok(picture) => {
                    pictures.push(picture);
                    Ok(true)
                }
                Err(code) if code.is_again() => Ok(false),
                Err(code) => Err(code),
            })
            .map_err(error)?;
        for picture in &pictures {
            self.ready.push_back(frame(picture, self.color)?);
        }
        self.drain()
    }

    fn drain(&mut self) -> Result<(), DecodeError> {
        loop {
            match self.context.picture() {
                Ok(picture) => self.ready.push_back(frame(&picture, self.color)?),
                Err(code) if code.is_again() => return Ok(()),
                Err(code) => return Err(error(code)),
            }
        }
    }
}

impl Decoder for Av1Decoder {
    fn decode(&mut self, access_unit: &[u8], pts: Pts) -> Result<(), DecodeError> {
        if access_unit.is_empty() {
            return Err(damaged(CODEC, "empty temporal unit"));
        }
        self.send(access_unit, pts.0)
    }

    fn next_frame(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    fn flush(&mut self) -> Result<(), DecodeError> {
        self.drain()
    }
}

fn frame(picture: &Picture, color: ColorDescription) -> Result<Frame, DecodeError> {
    let (width, height) = picture.size();
    check_size(CODEC, width, height)?;
    let shape = Shape {
        codec: CODEC,
        width,
        height,
        chroma: picture.chroma(),
        bit_depth: picture.bit_depth(),
    };
    let planes = (0..shape.planes()).map_while(|index| {
        let (width, height) = shape.plane_size(index);
        picture.plane(index, width, height)
    });
    shape.frame(Pts(picture.timestamp()), picture.color().or(color), planes)
}

fn error(code: Code) -> DecodeError {
    match code.0 {
        code if code == -libc::ERANGE => {
            unsupported(CODEC, format!("picture of more than {MAX_PIXELS} samples"))
        }
        code if code == -libc::ENOPROTOOPT => unsupported(CODEC, "a feature rav1d lacks"),
        code if code == -libc::ENOMEM => damaged(CODEC, "out of memory"),
        code => damaged(CODEC, format!("rav1d answered {code}")),
    }
}
