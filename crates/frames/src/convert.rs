//! From a decoded picture's planes to upright 8 bit RGB.

use crate::chroma::ChromaRows;
use crate::hdr::ToneMap;
use crate::matrix::{Layout, RowMatrix};
use crate::resize::downscale;
use crate::rgb::RgbImage;
use crate::rows::{load_row, store_row};
use framemill_contract::{ColorFacts, ImageSettings, UnspecifiedMatrix};
use framemill_video::{ChromaSampling, Frame, Matrix, Plane, Range, Rotation, Samples};
use thiserror::Error;

/// Why a picture cannot be converted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConvertError {
    /// Planes that do not fit the frame's own description.
    #[error(
        "plane {plane} does not fit a {width} x {height} picture with {chroma:?} chroma and {bit_depth} bits: the decoder's output is damaged"
    )]
    Planes {
        /// Which plane, from 0.
        plane: usize,
        /// Frame width.
        width: u32,
        /// Frame height.
        height: u32,
        /// Chroma sampling.
        chroma: ChromaSampling,
        /// Bits per sample.
        bit_depth: u8,
    },
    /// More bytes than can be addressed.
    #[error(
        "a {width} x {height} picture is too large for an RGB image here: scale the video down"
    )]
    TooLarge {
        /// Frame width.
        width: u32,
        /// Frame height.
        height: u32,
    },
    /// RGB planes with subsampled chroma.
    #[error(
        "the matrix is rgb but the planes are {chroma:?}, which H.273 does not allow: encode the video again with a YCbCr matrix"
    )]
    SubsampledRgb {
        /// Chroma sampling.
        chroma: ChromaSampling,
    },
}

/// Converts a picture to RGB: colour matrix and range, chroma upsampled as by ffmpeg's bicubic
/// scaler, HDR tone-mapped to SDR, scaled down to `settings.max_side`, rotated by `rotation`.
/// Pixel aspect is not applied: the samples stay as coded.
///
/// # Errors
/// [`ConvertError`] where the planes do not fit the frame's description.
pub fn to_rgb(
    frame: &Frame,
    rotation: Rotation,
    settings: &ImageSettings,
) -> Result<(RgbImage, ColorFacts), ConvertError> {
    let facts = color(frame, settings)?;
    let mut image = RgbImage::black(frame.width, frame.height).ok_or(ConvertError::TooLarge {
        width: frame.width,
        height: frame.height,
    })?;
    fill(&mut image, frame, &facts, ToneMap::of(&frame.color));
    if let Some(side) = settings.max_side {
        image = downscale(image, side);
    }
    Ok((image.rotated(rotation), facts))
}

/// The colour a frame is converted with, whose planes are checked.
pub(crate) fn color(frame: &Frame, settings: &ImageSettings) -> Result<ColorFacts, ConvertError> {
    check_planes(frame)?;
    let tone_mapped = ToneMap::of(&frame.color).is_some();
    let facts = color_facts(frame, settings.unspecified_matrix, tone_mapped);
    let subsampled = matches!(frame.chroma, ChromaSampling::Cs420 | ChromaSampling::Cs422);
    if facts.matrix == Matrix::Identity && subsampled {
        return Err(ConvertError::SubsampledRgb {
            chroma: frame.chroma,
        });
    }
    Ok(facts)
}

fn color_facts(frame: &Frame, rule: UnspecifiedMatrix, tone_mapped: bool) -> ColorFacts {
    let (long, short) = (frame.width.max(frame.height), frame.width.min(frame.height));
    let assumed = match rule {
        _ if tone_mapped => Matrix::Bt2020,
        UnspecifiedMatrix::Auto if long >= 1280 || short >= 720 => Matrix::Bt709,
        UnspecifiedMatrix::Auto | UnspecifiedMatrix::Bt601 => Matrix::Bt601,
        UnspecifiedMatrix::Bt709 => Matrix::Bt709,
    };
    ColorFacts {
        matrix: frame.color.matrix.unwrap_or(assumed),
        range: frame.color.range.unwrap_or(Range::Limited),
        primaries: frame.color.primaries,
        transfer: frame.color.transfer,
        matrix_assumed: frame.color.matrix.is_none(),
        tone_mapped,
    }
}

/// Checks every plane's size and sample type, so that all that follows can rely on them.
fn check_planes(frame: &Frame) -> Result<(), ConvertError> {
    let (width, height) = (frame.width, frame.height);
    let chroma = match frame.chroma {
        ChromaSampling::Monochrome => None,
        ChromaSampling::Cs420 => Some((width.div_ceil(2), height.div_ceil(2))),
        ChromaSampling::Cs422 => Some((width.div_ceil(2), height)),
        ChromaSampling::Cs444 => Some((width, height)),
    };
    let sizes = [Some((width, height)), chroma, chroma];
    for (i, size) in sizes.into_iter().enumerate() {
        let Some(size) = size else { continue };
        if !frame
            .planes
            .get(i)
            .is_some_and(|p| plane_fits(p, size, frame.bit_depth))
        {
            return Err(ConvertError::Planes {
                plane: i,
                width,
                height,
                chroma: frame.chroma,
                bit_depth: frame.bit_depth,
            });
        }
    }
    Ok(())
}

fn plane_fits(plane: &Plane, size: (u32, u32), bit_depth: u8) -> bool {
    let depth_fits = match &plane.samples {
        Samples::U8(_) => bit_depth == 8,
        Samples::U16(_) => (8..=16).contains(&bit_depth),
    };
    depth_fits && (plane.width, plane.height) == size && plane.is_whole()
}

/// Converts row by row. The planes have been checked.
fn fill(image: &mut RgbImage, frame: &Frame, facts: &ColorFacts, tone_map: Option<ToneMap>) {
    let width = frame.width as usize;
    let matrix = RowMatrix::new(facts.matrix, facts.range, frame.bit_depth);
    let mut luma = vec![0.0; width];
    let mut rgb = [vec![0.0; width], vec![0.0; width], vec![0.0; width]];
    let [first, second, third] = match frame.planes.as_slice() {
        [y, cb, cr, ..] => [y, cb, cr],
        [y, ..] => [y, y, y],
        [] => return,
    };
    let mut chroma = ChromaRows::new(second, third, frame);
    for (y, out) in image.data.chunks_exact_mut(width * 3).enumerate() {
        load_row(first, y, &mut luma);
        match (matrix.layout, frame.chroma) {
            (_, ChromaSampling::Monochrome) => matrix.grey(&luma, &mut rgb),
            (Layout::Rgb, _) => {
                let (blue, red) = chroma.row(y);
                matrix.planes([red, &luma, blue], &mut rgb);
            }
            (Layout::ConstantLuminance, _) => {
                let (cb, cr) = chroma.row(y);
                matrix.constant_luminance(&luma, cb, cr, &mut rgb);
            }
            (Layout::YCbCr, _) => {
                let (cb, cr) = chroma.row(y);
                matrix.convert(&luma, cb, cr, &mut rgb);
            }
        }
        if let Some(tone_map) = &tone_map {
            tone_map.apply(&mut rgb);
        }
        store_row(&rgb, out);
    }
}
