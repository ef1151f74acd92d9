//! What each image format declares of itself.

use crate::rgb::RgbImage;
use image::{ExtendedColorType, ImageEncoder};

/// How images of one format are made.
pub(super) struct FormatEncoder {
    /// Name in messages.
    pub name: &'static str,
    /// Largest width and height that the format can express, in pixels.
    pub max_side: u32,
    /// What encoding takes in a sandbox, in nanoseconds per pixel: see [`crate::Cost`].
    pub nanos_per_pixel: u64,
    /// From an image whose size was checked, and a quality from 1 to 100 for lossy formats, to
    /// the bytes of a file, or the encoder's message.
    pub encode: fn(&RgbImage, u8) -> Result<Vec<u8>, String>,
}

/// Encodes with an encoder of the `image` crate.
pub(super) fn write_rgb8(encoder: impl ImageEncoder, image: &RgbImage) -> Result<(), String> {
    encoder
        .write_image(
            &image.data,
            image.width,
            image.height,
            ExtendedColorType::Rgb8,
        )
        .map_err(|error| error.to_string())
}
