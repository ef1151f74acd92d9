//! JPEG: baseline, 4:2:0, one scan.

use super::EncodeError;
use super::format::FormatEncoder;
use crate::rgb::RgbImage;
use framemill_jpeg::{JpegError, encode_rgb};

pub(super) const ENCODER: FormatEncoder = FormatEncoder {
    name: "jpeg",
    max_side: 65_535, // ITU-T T.81 B.2.2
    nanos_per_pixel: 36,
    encode,
};

fn encode(image: &RgbImage, quality: u8) -> Result<Vec<u8>, String> {
    let (width, height) = (image.width as usize, image.height as usize);
    encode_rgb(&image.data, width, height, quality).map_err(|error| error.to_string())
}

/// What [`super::encode`] would say of it.
pub(crate) fn jpeg_error(error: JpegError) -> EncodeError {
    let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    match error {
        JpegError::Size { width, height } => EncodeError::TooLarge {
            format: ENCODER.name,
            width: side(width),
            height: side(height),
            limit: ENCODER.max_side,
        },
        error => EncodeError::Encoder {
            format: ENCODER.name,
            reason: error.to_string(),
        },
    }
}
