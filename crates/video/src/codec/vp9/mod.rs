//! VP9 with `rusty_vp9`: profiles 0 to 3, superframes, frames shown again.

mod check;
mod error;

use super::picture::{Shape, byte_samples, unsupported};
use crate::bitstream::vpx::vp9_frames;
use crate::{ChromaSampling, CodecConfig, ColorDescription, DecodeError, Decoder, Frame, Pts};
use check::Checker;
use error::{CODEC, error};
use rusty_vp9::{Error, Vp9Decoder as Inner};
use std::collections::VecDeque;

/// Most frames in a superframe (VP9 specification, annex B).
const MAX_FRAMES: usize = 8;

/// See the module.
pub(super) struct Vp9Decoder {
    inner: Inner,
    checker: Checker,
    container_color: ColorDescription,
    color: ColorDescription,
    ready: VecDeque<Frame>,
}

impl Vp9Decoder {
    /// Nothing is needed besides the colour that the container says.
    pub fn open(config: &CodecConfig) -> Self {
        Self {
            inner: Inner::new(),
            checker: Checker::default(),
            container_color: config.color,
            color: config.color,
            ready: VecDeque::new(),
        }
    }

    fn take(&mut self, pts: Pts) -> Result<(), DecodeError> {
        match self.inner.next_frame() {
            Ok(frame) => {
                let frame = convert(frame, pts, self.color)?;
                self.ready.push_back(frame);
                Ok(())
            }
            Err(Error::Again | Error::Eof) => Ok(()),
            Err(other) => Err(error(other)),
        }
    }
}

impl Decoder for Vp9Decoder {
    fn decode(&mut self, access_unit: &[u8], pts: Pts) -> Result<(), DecodeError> {
        let frames = vp9_frames(access_unit).into_iter().take(MAX_FRAMES);
        let mut count = 0_usize;
        for frame in frames {
            // A lone byte below 0x80 is libvpx's "nothing changed": no frame comes of it.
            if frame.len() == 1 && count > 0 {
                continue;
            }
            let header = self.checker.frame(frame)?;
            if let Some(format) = header.format {
                self.color = format.color.or(self.container_color);
            }
            count += 1;
        }
        self.inner.push(access_unit, None).map_err(error)?;
        // The crate does not say how many frames it queued: asking too often does no harm.
        for _ in 0..=MAX_FRAMES {
            self.take(pts)?;
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

fn convert(
    frame: rusty_vp9::DecodedFrame,
    pts: Pts,
    color: ColorDescription,
) -> Result<Frame, DecodeError> {
    let chroma = match (frame.subsampling_x, frame.subsampling_y) {
        (1, 1) => ChromaSampling::Cs420,
        (1, 0) => ChromaSampling::Cs422,
        (0, 0) => ChromaSampling::Cs444,
        _ => return Err(unsupported(CODEC, "VP9 4:4:0")),
    };
    let shape = Shape {
        codec: CODEC,
        width: frame.width,
        height: frame.height,
        chroma,
        bit_depth: u8::try_from(frame.bit_depth).unwrap_or(0),
    };
    let planes: Vec<_> = frame
        .planes
        .into_iter()
        .map(|plane| byte_samples(plane, shape.bit_depth))
        .collect();
    shape.frame(pts, color, planes)
}
