//! VP8 with `oxideav-vp8`.

use super::picture::{Shape, check_size, damaged, unsupported};
use crate::limits::MAX_PIXELS;
use crate::{
    ChromaSampling, CodecConfig, ColorDescription, DecodeError, Decoder, Frame, Matrix, Pts, Range,
    Samples,
};
use oxideav_vp8::decoder::DecodeError as Vp8Error;
use oxideav_vp8::state::Vp8DecoderState;
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
    state: Vp8DecoderState,
    color: ColorDescription,
    ready: VecDeque<Frame>,
}

impl Vp8Decoder {
    /// Nothing is needed besides the colour that the container says.
    pub fn open(config: &CodecConfig) -> Self {
        Self {
            state: Vp8DecoderState::new().with_max_pixels_per_frame(u64::from(MAX_PIXELS)),
            color: config.color.or(COLOR),
            ready: VecDeque::new(),
        }
    }
}

impl Decoder for Vp8Decoder {
    fn decode(&mut self, access_unit: &[u8], pts: Pts) -> Result<(), DecodeError> {
        let picture = self.state.decode_frame(access_unit).map_err(error)?;
        if self.state.last_frame_shown() != Some(true) {
            return Ok(());
        }
        let shape = Shape {
            codec: CODEC,
            width: picture.width,
            height: picture.height,
            chroma: ChromaSampling::Cs420,
            bit_depth: 8,
        };
        check_size(CODEC, shape.width, shape.height)?;
        let planes = [picture.y, picture.u, picture.v].map(Samples::from);
        self.ready.push_back(shape.frame(pts, self.color, planes)?);
        Ok(())
    }

    fn next_frame(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    fn flush(&mut self) -> Result<(), DecodeError> {
        Ok(())
    }
}

fn error(error: Vp8Error) -> DecodeError {
    match error {
        Vp8Error::FrameTooLarge { .. } => unsupported(CODEC, error.to_string()),
        other => damaged(CODEC, other.to_string()),
    }
}
