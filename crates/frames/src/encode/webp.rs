//! WebP: lossless.

use super::format::{FormatEncoder, write_rgb8};
use crate::rgb::RgbImage;
use image::codecs::webp::WebPEncoder;

pub(super) const ENCODER: FormatEncoder = FormatEncoder {
    name: "webp",
    max_side: 16_383, // RFC 9649 section 3.4
    nanos_per_pixel: 300,
    encode,
};

fn encode(image: &RgbImage, _quality: u8) -> Result<Vec<u8>, String> {
    let mut file = Vec::new();
    write_rgb8(WebPEncoder::new_lossless(&mut file), image)?;
    Ok(file)
}
