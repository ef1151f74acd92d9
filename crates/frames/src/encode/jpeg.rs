//! JPEG: baseline, 4:2:0, one scan.

use super::format::FormatEncoder;
use crate::rgb::RgbImage;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

pub(super) const ENCODER: FormatEncoder = FormatEncoder {
    name: "jpeg",
    max_side: 65_535, // ITU-T T.81 B.2.2
    nanos_per_pixel: 36,
    encode,
};

fn encode(image: &RgbImage, quality: u8) -> Result<Vec<u8>, String> {
    let side = |side: u32| u16::try_from(side).map_err(|error| error.to_string());
    let (width, height) = (side(image.width)?, side(image.height)?);
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, quality.clamp(1, 100));
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    // Not with optimised Huffman tables: this encoder then writes one scan per component, which
    // the decoder of the `image` crate (zune-jpeg 0.5.15) turns into green stripes.
    encoder
        .encode(&image.data, width, height, ColorType::Rgb)
        .map_err(|error| error.to_string())?;
    Ok(file)
}
