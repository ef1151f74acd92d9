//! From a decoded picture to an image file, the shortest way.

use crate::convert::{self, ConvertError, to_rgb};
use crate::direct;
use crate::encode::{EncodeError, encode, jpeg_error};
use framemill_contract::{ColorFacts, ImageFormat, ImageSettings};
use framemill_video::{Frame, Rotation};
use thiserror::Error;

/// An image in a file, and what it was made with.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageFile {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The file.
    pub bytes: Vec<u8>,
    /// The colour the frame was taken to have.
    pub color: ColorFacts,
}

/// Why there is no image of a picture.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ImageError {
    /// It cannot be converted.
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// It cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Makes an image file of a picture: as of [`to_rgb`] and [`encode`], but a JPEG of 8-bit video
/// that is neither turned nor scaled nor HDR is made from the planes. It differs from the other
/// in two ways: chroma keeps the samples it has, and colours that no RGB bytes can have stay in
/// the file.
///
/// # Errors
/// [`ImageError`] where the planes do not fit the frame's description, or the size the format.
pub fn image_file(
    frame: &Frame,
    rotation: Rotation,
    settings: &ImageSettings,
) -> Result<ImageFile, ImageError> {
    let color = convert::color(frame, settings)?;
    let (width, height) = (frame.width, frame.height);
    let side = settings.max_side.map_or(u32::MAX, |side| side.max(1));
    let as_it_is = rotation == Rotation::R0 && width.max(height) <= side;
    if settings.format == ImageFormat::Jpeg && as_it_is && direct::applies(frame, &color) {
        let bytes = direct::encode(frame, &color, settings.quality).map_err(jpeg_error)?;
        return Ok(ImageFile {
            width,
            height,
            bytes,
            color,
        });
    }
    let (image, color) = to_rgb(frame, rotation, settings)?;
    Ok(ImageFile {
        width: image.width,
        height: image.height,
        bytes: encode(&image, settings)?,
        color,
    })
}
