//! Image files. One file here per format, and one line in [`encoder`].

mod format;
mod jpeg;
mod png;
mod webp;

pub(crate) use jpeg::jpeg_error;

use crate::rgb::RgbImage;
use format::FormatEncoder;
use framemill_contract::{ImageFormat, ImageSettings};
use thiserror::Error;

/// The encoder of each format.
fn encoder(format: ImageFormat) -> &'static FormatEncoder {
    match format {
        ImageFormat::Jpeg => &jpeg::ENCODER,
        ImageFormat::Png => &png::ENCODER,
        ImageFormat::Webp => &webp::ENCODER,
    }
}

/// What encoding takes in a sandbox, in nanoseconds per pixel.
pub(crate) fn nanos_per_pixel(format: ImageFormat) -> u64 {
    encoder(format).nanos_per_pixel
}

/// Why an image cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// Larger than the format allows.
    #[error(
        "an image of {width} x {height} pixels does not fit {format}, whose sides have at most {limit}: set max_side or format = png"
    )]
    TooLarge {
        /// Format name.
        format: &'static str,
        /// Image width.
        width: u32,
        /// Image height.
        height: u32,
        /// Most pixels of a side.
        limit: u32,
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
    /// The encoder reported an error.
    #[error("the {format} encoder failed: {reason}")]
    Encoder {
        /// Format name.
        format: &'static str,
        /// Its message.
        reason: String,
    },
}

/// Encodes an image: JPEG baseline 4:2:0 in one scan, PNG 8 bit RGB, or
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
    let encoder = encoder(settings.format);
    let format = encoder.name;
    if width.max(height) > encoder.max_side {
        return Err(EncodeError::TooLarge {
            format,
            width,
            height,
            limit: encoder.max_side,
        });
    }
    (encoder.encode)(image, settings.quality)
        .map_err(|reason| EncodeError::Encoder { format, reason })
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
        let scans = file.windows(2).filter(|two| two == b"\xff\xda").count();
        assert_eq!(scans, 1);
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
