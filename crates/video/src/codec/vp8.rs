//! VP8 with `framemill-vp8`.

use super::picture::{Shape, check_size, damaged, unsupported};
use crate::{
    ChromaSampling, CodecConfig, ColorDescription, DecodeError, Decoder, Frame, Matrix, Pts, Range,
    Samples,
};
use framemill_vp8::{Error, key_frame_size};
use std::collections::VecDeque;

const CODEC: &str = "vp8";

/// RFC 6386 clause 9.2: the only colour space is BT.601, limited range.
const COLOR: ColorDescription = ColorDescription {
    matrix: Some(Matrix::Bt601),
    range: Some(Range::Limited),
    primaries: None,
    transfer: None,
};

/// See the module.
pub(super) struct Vp8Decoder {
    decoder: framemill_vp8::Decoder,
    color: ColorDescription,
    ready: VecDeque<Frame>,
}

impl Vp8Decoder {
    /// Nothing is needed besides the colour that the container says.
    pub fn open(config: &CodecConfig) -> Self {
        Self {
            decoder: framemill_vp8::Decoder::default(),
            color: config.color.or(COLOR),
            ready: VecDeque::new(),
        }
    }
}

impl Decoder for Vp8Decoder {
    fn decode(&mut self, access_unit: &[u8], pts: Pts) -> Result<(), DecodeError> {
        if let Ok(Some(size)) = key_frame_size(access_unit) {
            let checked = check_size(CODEC, size.width.into(), size.height.into());
            checked.inspect_err(|_| self.decoder.leave_out())?;
        }
        let Some(picture) = self.decoder.decode(access_unit).map_err(error)? else {
            return Ok(());
        };
        let shape = Shape {
            codec: CODEC,
            width: picture.width(),
            height: picture.height(),
            chroma: ChromaSampling::Cs420,
            bit_depth: 8,
        };
        let planes = [0, 1, 2].map(|plane| Samples::from(picture.samples(plane)));
        let mut frame = shape.frame(pts, self.color, planes)?;
        frame.damage = picture.damage().map(|damage| damage.to_string());
        self.ready.push_back(frame);
        Ok(())
    }

    fn next_frame(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    fn flush(&mut self) -> Result<(), DecodeError> {
        Ok(())
    }
}

fn error(error: Error) -> DecodeError {
    match error {
        Error::Version(_) => unsupported(CODEC, error.to_string()),
        other => damaged(CODEC, other.to_string()),
    }
}
