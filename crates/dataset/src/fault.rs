//! What cannot be in a dataset.

use crate::DatasetImage;
use framemill_annotations::Geometry;

/// Why it is no image of a frame.
pub(crate) fn image_fault(image: &DatasetImage) -> Option<&'static str> {
    let is_hex = |text: &str, digits: usize| {
        let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        text.len() == digits && text.bytes().all(lower)
    };
    if image.width == 0 || image.height == 0 {
        return Some("its image has no area");
    }
    if !is_hex(&image.sha256, 64) {
        return Some("the checksum of its image is not 64 hex digits");
    }
    (!is_hex(&image.phash, 16)).then_some("the perceptual hash of its image is not 16 hex digits")
}

/// Why it is no shape of this image.
pub(crate) fn shape_fault(geometry: &Geometry, image: &DatasetImage) -> Option<&'static str> {
    if let Geometry::Mask(mask) = geometry
        && (mask.width, mask.height) != (image.width, image.height)
    {
        return Some("a mask has another size than its image");
    }
    geometry.fault()
}
