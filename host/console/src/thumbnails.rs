//! Thumbnails: made once, and kept as far as memory goes. Browsers keep them too.

use crate::error::PageError;
use bytes::Bytes;
use framemill_objects::{Store, read_up_to};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageReader, Limits};
use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Weighter, sync::DefaultLifecycle};
use std::io::Cursor;
use tokio::sync::Semaphore;

/// Longest side, in pixels.
const SIDE: u32 = 320;
/// Quality of the JPEG.
const QUALITY: u8 = 80;
/// Bytes of all that are kept.
const KEPT: u64 = 128 << 20;
/// Bytes of an image at most.
const LARGEST: u64 = 64 << 20;
/// Pixels of a side, and bytes of pixels, that are decoded at most.
const LARGEST_SIDE: u32 = 20_000;
const LARGEST_PIXELS: u64 = 512 << 20;
/// Images that are decoded at the same time.
const AT_ONCE: usize = 2;

/// Bytes of a thumbnail.
#[derive(Clone)]
struct Weight;

impl Weighter<String, Bytes> for Weight {
    fn weight(&self, _: &String, bytes: &Bytes) -> u64 {
        bytes.len() as u64
    }
}

/// Makes thumbnails.
pub(crate) struct Thumbnails {
    /// By checksum of the image.
    kept: Cache<String, Bytes, Weight>,
    places: Semaphore,
}

impl Default for Thumbnails {
    fn default() -> Self {
        Self {
            kept: Cache::with(
                10_000,
                KEPT,
                Weight,
                DefaultHashBuilder::default(),
                DefaultLifecycle::default(),
            ),
            places: Semaphore::new(AT_ONCE),
        }
    }
}

impl Thumbnails {
    /// The thumbnail of an image with this name and checksum, a JPEG.
    pub(crate) async fn get(
        &self,
        store: &dyn Store,
        object: &str,
        key: &str,
    ) -> Result<Bytes, PageError> {
        if let Some(bytes) = self.kept.get(key) {
            return Ok(bytes);
        }
        let _place = self.places.acquire().await;
        // Another one may have made it while this one waited.
        if let Some(bytes) = self.kept.get(key) {
            return Ok(bytes);
        }
        let found = read_up_to(store, object, LARGEST).await?;
        let (_, bytes) = found.ok_or(PageError::Gone("image"))?;
        let made = tokio::task::spawn_blocking(move || thumbnail(&bytes)).await;
        let made = made.map_err(|error| PageError::Image(error.to_string()))??;
        self.kept.insert(key.to_owned(), made.clone());
        Ok(made)
    }
}

/// An image to a smaller one.
fn thumbnail(bytes: &[u8]) -> Result<Bytes, PageError> {
    let failed = |error: image::ImageError| PageError::Image(error.to_string());
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| PageError::Image(error.to_string()))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST_SIDE);
    limits.max_image_height = Some(LARGEST_SIDE);
    limits.max_alloc = Some(LARGEST_PIXELS);
    reader.limits(limits);
    let small = reader.decode().map_err(failed)?.thumbnail(SIDE, SIDE);
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, QUALITY);
    DynamicImage::ImageRgb8(small.to_rgb8())
        .write_with_encoder(encoder)
        .map_err(failed)?;
    Ok(jpeg.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageFormat, RgbImage};

    fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let image = RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 7]));
        let mut bytes = Vec::new();
        image
            .write_to(&mut Cursor::new(&mut bytes), format)
            .unwrap();
        bytes
    }

    #[test]
    fn an_image_of_each_format_becomes_a_small_jpeg() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            let small = thumbnail(&encoded(640, 360, format)).unwrap();
            let decoded = image::load_from_memory(&small).unwrap();
            assert_eq!(
                (decoded.width(), decoded.height()),
                (320, 180),
                "{format:?}"
            );
        }
    }

    #[test]
    fn what_is_no_image_is_an_error() {
        let good = encoded(640, 360, ImageFormat::Png);
        // A header that promises 60,000 pixels a side, with its checksum.
        let mut huge = good.clone();
        huge[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
        huge[29..33].copy_from_slice(&[15, 176, 226, 21]);
        let error = thumbnail(&huge).unwrap_err().to_string();
        assert!(error.contains("limit"), "{error}");
        for bytes in [&b""[..], b"GIF89a", &good[..good.len() / 2]] {
            assert!(matches!(thumbnail(bytes), Err(PageError::Image(_))));
        }
    }
}
