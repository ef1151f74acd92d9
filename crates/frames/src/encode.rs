//! Image files.

use crate::rgb::RgbImage;
use framemill_contract::{ImageFormat, ImageSettings};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use thiserror::Error;

/// Largest side of a JPEG, ITU-T T.81 B.2.2.
const JPEG_MOST: u32 = 65_535;
/// Largest side of a WebP, RFC 9649 section 3.4.
const WEBP_MOST: u32 = 16_383;

/// Why an image cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// Larger than the format can say.
    #[error(
        "an image of {width} x {height} pixels does not fit {format}, whose sides have at most {most}: set max_side or format = png"
    )]
    TooLarge {
        /// Format name.
        format: &'static str,
        /// Image width.
        width: u32,
        /// Image height.
        height: u32,
        /// Most pixels of a side.
        most: u32,
    },
    /// An image without pixels, or whose data does not fit its size.
    #[error("an image of {width} x {height} pixels with {bytes} bytes is none")]
    BadImage {
        /// Image width.
        width: u32,
        /// Image height.
        height: u32,
        /// Bytes of data.
        bytes: usize,
    },
    /// The encoder's own words.
    #[error("the {format} encoder failed: {reason}")]
    Encoder {
        /// Format name.
        format: &'static str,
        /// Its words.
        reason: String,
    },
}

/// Encodes an image: JPEG baseline 4:2:0 with optimised Huffman tables, PNG 8 bit RGB, or
/// lossless WebP. The same image gives the same bytes on every platform.
///
/// # Errors
/// [`EncodeError`] where the size does not fit the format.
pub fn encode(image: &RgbImage, settings: &ImageSettings) -> Result<Vec<u8>, EncodeError> {
    let (width, height) = (image.width, image.height);
    let bytes = u64::from(width) * u64::from(height) * 3;
    if bytes == 0 || bytes != image.data.len() as u64 {
        return Err(EncodeError::BadImage {
            width,
            height,
            bytes: image.data.len(),
        });
    }
    let (format, most) = match settings.format {
        ImageFormat::Jpeg => ("jpeg", JPEG_MOST),
        ImageFormat::Webp => ("webp", WEBP_MOST),
        ImageFormat::Png => ("png", u32::MAX),
    };
    if width.max(height) > most {
        return Err(EncodeError::TooLarge {
            format,
            width,
            height,
            most,
        });
    }
    match settings.format {
        ImageFormat::Jpeg => jpeg(image, settings.quality),
        ImageFormat::Png => png(image),
        ImageFormat::Webp => webp(image),
    }
    .map_err(|reason| EncodeError::Encoder { format, reason })
}

fn jpeg(image: &RgbImage, quality: u8) -> Result<Vec<u8>, String> {
    let side = |side: u32| u16::try_from(side).map_err(|error| error.to_string());
    let (width, height) = (side(image.width)?, side(image.height)?);
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, quality.clamp(1, 100));
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    encoder.set_optimized_huffman_tables(true);
    encoder
        .encode(&image.data, width, height, ColorType::Rgb)
        .map_err(|error| error.to_string())?;
    Ok(file)
}

fn png(image: &RgbImage) -> Result<Vec<u8>, String> {
    let mut file = Vec::new();
    PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Adaptive)
        .write_image(
            &image.data,
            image.width,
            image.height,
            ExtendedColorType::Rgb8,
        )
        .map_err(|error| error.to_string())?;
    Ok(file)
}

fn webp(image: &RgbImage) -> Result<Vec<u8>, String> {
    let mut file = Vec::new();
    WebPEncoder::new_lossless(&mut file)
        .write_image(
            &image.data,
            image.width,
            image.height,
            ExtendedColorType::Rgb8,
        )
        .map_err(|error| error.to_string())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use framemill_contract::UnspecifiedMatrix;

    fn settings(format: ImageFormat) -> ImageSettings {
        ImageSettings {
            format,
            quality: 95,
            max_side: None,
            unspecified_matrix: UnspecifiedMatrix::Auto,
        }
    }

    /// Smooth colours with some grain.
    fn picture(width: u32, height: u32) -> RgbImage {
        let mut seed = 1u32;
        let mut data = Vec::new();
        for y in 0..height {
            for x in 0..width {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let grain = (seed >> 29) as u8;
                data.extend([
                    (x * 200 / width) as u8 + grain,
                    (y * 200 / height) as u8 + grain,
                    120 + grain,
                ]);
            }
        }
        RgbImage {
            width,
            height,
            data,
        }
    }

    fn decoded(file: &[u8]) -> image::RgbImage {
        image::load_from_memory(file).unwrap().to_rgb8()
    }

    #[test]
    fn lossless_formats_come_back_as_they_were() {
        for format in [ImageFormat::Png, ImageFormat::Webp] {
            for (width, height) in [(1, 1), (17, 5), (320, 181)] {
                let image = picture(width, height);
                let file = encode(&image, &settings(format)).unwrap();
                let back = decoded(&file);
                assert_eq!(back.dimensions(), (width, height));
                assert!(back.into_raw() == image.data, "{format:?} {width}x{height}");
            }
        }
    }

    #[test]
    fn jpeg_is_close_and_quality_counts() {
        let image = picture(321, 181);
        let psnr = |quality| {
            let settings = ImageSettings {
                quality,
                ..settings(ImageFormat::Jpeg)
            };
            let file = encode(&image, &settings).unwrap();
            let back = decoded(&file);
            assert_eq!(back.dimensions(), (321, 181));
            let square = |(a, b): (&u8, &u8)| (f64::from(*a) - f64::from(*b)).powi(2);
            let sum: f64 = back.as_raw().iter().zip(&image.data).map(square).sum();
            (
                10.0 * (255.0 * 255.0 * image.data.len() as f64 / sum).log10(),
                file.len(),
            )
        };
        let (fine, large) = psnr(95);
        let (coarse, small) = psnr(50);
        assert!(fine > 38.0, "{fine} dB");
        assert!(coarse < fine && coarse > 28.0, "{coarse} dB");
        assert!(small < large);
    }

    #[test]
    fn jpeg_is_baseline_with_halved_chroma() {
        let file = encode(&picture(64, 64), &settings(ImageFormat::Jpeg)).unwrap();
        let frame = file.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
        assert_eq!(file[frame + 11], 0x22, "luma sampling factors");
    }

    #[test]
    fn sides_beyond_the_format_are_refused_by_name() {
        let wide = |width: u32| RgbImage {
            width,
            height: 1,
            data: vec![7; width as usize * 3],
        };
        let error = encode(&wide(65_536), &settings(ImageFormat::Jpeg)).unwrap_err();
        assert!(error.to_string().contains("65535"), "{error}");
        let error = encode(&wide(16_384), &settings(ImageFormat::Webp)).unwrap_err();
        assert!(error.to_string().contains("16383"), "{error}");
        assert!(encode(&wide(65_536), &settings(ImageFormat::Png)).is_ok());
        let bad = RgbImage {
            width: 2,
            height: 2,
            data: vec![0; 3],
        };
        assert!(matches!(
            encode(&bad, &settings(ImageFormat::Png)),
            Err(EncodeError::BadImage { .. })
        ));
    }
}
