//! PNG: 8 bit RGB.

use super::format::{FormatEncoder, write_rgb8};
use crate::rgb::RgbImage;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};

pub(super) const ENCODER: FormatEncoder = FormatEncoder {
    name: "png",
    max_side: u32::MAX,
    nanos_per_pixel: 150,
    encode,
};

fn encode(image: &RgbImage, _quality: u8) -> Result<Vec<u8>, String> {
    let mut file = Vec::new();
    let encoder =
        PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Adaptive);
    write_rgb8(encoder, image)?;
    Ok(file)
}
