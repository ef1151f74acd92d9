//! Motion JPEG with `oxideav-mjpeg`, chroma kept at its own sampling.
//!
//! Frames without Huffman tables (AVI, most cameras) get the standard ones. The inverse DCT is
//! the accurate integer one of libjpeg; others (ffmpeg's) differ by at most one step per sample.

use super::picture::{Shape, check_size, damaged, unsupported};
use crate::limits::{MAX_PIXELS, MAX_SIDE};
use crate::{
    ChromaSampling, CodecConfig, ColorDescription, DecodeError, Decoder, Frame, Matrix, Pts, Range,
    Samples,
};
use oxideav_mjpeg::{DecodeOptions, IdctMethod, JpegImage, MjpegError, MjpegPixelFormat};
use std::collections::VecDeque;

const CODEC: &str = "mjpeg";

/// JFIF (T.871): BT.601, full range.
const COLOR: ColorDescription = ColorDescription {
    matrix: Some(Matrix::Bt601),
    range: Some(Range::Full),
    primaries: None,
    transfer: None,
};

/// See the module.
pub(super) struct MjpegDecoder {
    color: ColorDescription,
    ready: VecDeque<Frame>,
}

impl MjpegDecoder {
    /// Frames are independent: only the container's colour is kept.
    pub fn open(config: &CodecConfig) -> Self {
        Self {
            color: config.color,
            ready: VecDeque::new(),
        }
    }

    fn frame(&self, image: JpegImage, head: &Head, pts: Pts) -> Result<Frame, DecodeError> {
        let mut color = self.color.or(COLOR);
        if head.limited {
            color.range = Some(Range::Limited);
        }
        let chroma = match image.format {
            MjpegPixelFormat::Gray8 | MjpegPixelFormat::Rgb24 => ChromaSampling::Cs444,
            MjpegPixelFormat::YuvJ420P | MjpegPixelFormat::Yuv420P => ChromaSampling::Cs420,
            MjpegPixelFormat::YuvJ422P | MjpegPixelFormat::Yuv422P => ChromaSampling::Cs422,
            MjpegPixelFormat::YuvJ444P | MjpegPixelFormat::Yuv444P => ChromaSampling::Cs444,
            other => return Err(unsupported(CODEC, format!("JPEG {}", other.name()))),
        };
        let mut shape = Shape {
            codec: CODEC,
            width: image.width,
            height: image.height,
            chroma,
            bit_depth: 8,
        };
        match image.format {
            MjpegPixelFormat::Gray8 => shape.chroma = ChromaSampling::Monochrome,
            MjpegPixelFormat::Rgb24 => {
                color.matrix = Some(Matrix::Identity);
                return shape.frame(pts, color, gbr(&image, &shape));
            }
            _ => {}
        }
        let planes = image.planes.iter().enumerate().map(|(index, plane)| {
            let (width, height) = shape.plane_size(index);
            Samples::from(tight(&plane.data, plane.stride, width, height))
        });
        shape.frame(pts, color, planes)
    }
}

impl Decoder for MjpegDecoder {
    fn decode(&mut self, access_unit: &[u8], pts: Pts) -> Result<(), DecodeError> {
        let head = Head::parse(access_unit)?;
        check_size(CODEC, head.width, head.height)?;
        if head.fields {
            return Err(unsupported(
                CODEC,
                "interlaced Motion JPEG (two fields a frame)",
            ));
        }
        let options = DecodeOptions::new()
            .with_max_width(Some(MAX_SIDE))
            .with_max_height(Some(MAX_SIDE))
            .with_max_pixels(Some(u64::from(MAX_PIXELS)))
            .with_idct(IdctMethod::AccurateInteger);
        let whole;
        let jpeg = if head.huffman {
            access_unit
        } else {
            whole = with_standard_huffman(access_unit);
            &whole
        };
        let image = oxideav_mjpeg::decode_with(jpeg, &options).map_err(error)?;
        self.ready.push_back(self.frame(image, &head, pts)?);
        Ok(())
    }

    fn next_frame(&mut self) -> Option<Frame> {
        self.ready.pop_front()
    }

    fn flush(&mut self) -> Result<(), DecodeError> {
        Ok(())
    }
}

fn error(error: MjpegError) -> DecodeError {
    match error {
        MjpegError::Unsupported(what) | MjpegError::LimitExceeded(what) => unsupported(CODEC, what),
        other => damaged(CODEC, other.to_string()),
    }
}

/// Rows of `width` bytes out of rows of `stride`.
fn tight(data: &[u8], stride: usize, width: u32, height: u32) -> Vec<u8> {
    let width = width as usize;
    if stride == 0 {
        return Vec::new();
    }
    data.chunks(stride)
        .take(height as usize)
        .filter_map(|row| row.get(..width))
        .flatten()
        .copied()
        .collect()
}

/// Packed R, G, B as planes G, B, R: the order of [`Matrix::Identity`].
fn gbr(image: &JpegImage, shape: &Shape) -> Vec<Samples> {
    let Some(plane) = image.planes.first() else {
        return Vec::new();
    };
    let packed = tight(
        &plane.data,
        plane.stride,
        shape.width.saturating_mul(3),
        shape.height,
    );
    let pixels = packed.as_chunks::<3>().0;
    let channel =
        |pick: fn(&[u8; 3]) -> u8| Samples::from(pixels.iter().map(pick).collect::<Vec<_>>());
    vec![
        channel(|&[_, g, _]| g),
        channel(|&[_, _, b]| b),
        channel(|&[r, _, _]| r),
    ]
}

/// What the segments before the first scan say (T.81 annex B).
struct Head {
    width: u32,
    height: u32,
    huffman: bool,
    /// Two images a frame, one a field (`AVI1` in APP0).
    fields: bool,
    /// ffmpeg's and others' comment for limited range.
    limited: bool,
}

impl Head {
    fn parse(jpeg: &[u8]) -> Result<Self, DecodeError> {
        let broken = |what: &str| damaged(CODEC, what);
        let mut rest = jpeg
            .strip_prefix(&[0xff, 0xd8])
            .ok_or_else(|| broken("no start of image"))?;
        let mut head = Self {
            width: 0,
            height: 0,
            huffman: false,
            fields: false,
            limited: false,
        };
        loop {
            let (marker, payload, tail) =
                segment(rest).ok_or_else(|| broken("segment before the scan cut off"))?;
            match (marker, payload) {
                (0xda, _) => break,
                (0xc4, _) => head.huffman = true,
                (0xc0..=0xcf, &[_, h1, h0, w1, w0, ..]) if marker != 0xc8 && marker != 0xcc => {
                    head.height = u32::from(u16::from_be_bytes([h1, h0]));
                    head.width = u32::from(u16::from_be_bytes([w1, w0]));
                }
                (0xe0, [b'A', b'V', b'I', b'1', polarity, ..]) => head.fields = *polarity != 0,
                (0xfe, comment) => head.limited |= comment.starts_with(b"CS=ITU601"),
                _ => {}
            }
            rest = tail;
        }
        Ok(head)
    }
}

/// The next marker segment: marker, payload, what follows.
fn segment(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let mut rest = bytes.strip_prefix(&[0xff])?;
    while let Some(tail) = rest.strip_prefix(&[0xff]) {
        rest = tail;
    }
    let (&marker, rest) = rest.split_first()?;
    // Stand-alone markers (TEM, RSTn, SOI) have no payload.
    if matches!(marker, 0x01 | 0xd0..=0xd8) {
        return Some((marker, &[], rest));
    }
    let &[l1, l0, ..] = rest else { return None };
    let length = usize::from(u16::from_be_bytes([l1, l0]));
    let (payload, tail) = rest.split_at_checked(length)?;
    Some((marker, payload.get(2..)?, tail))
}

fn with_standard_huffman(jpeg: &[u8]) -> Vec<u8> {
    let (soi, rest) = jpeg.split_at(2.min(jpeg.len()));
    [soi, &STANDARD_HUFFMAN, rest].concat()
}

/// The tables of T.81 annex K.3 as one DHT segment.
#[rustfmt::skip]
const STANDARD_HUFFMAN: [u8; 420] = [
    0xff, 0xc4, 0x01, 0xa2, 0x00, 0x00, 0x01, 0x05, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a,
    0x0b, 0x10, 0x00, 0x02, 0x01, 0x03, 0x03, 0x02, 0x04, 0x03, 0x05, 0x05, 0x04, 0x04, 0x00, 0x00,
    0x01, 0x7d, 0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51,
    0x61, 0x07, 0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52,
    0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25, 0x26,
    0x27, 0x28, 0x29, 0x2a, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47,
    0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67,
    0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x83, 0x84, 0x85, 0x86, 0x87,
    0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5,
    0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3,
    0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda,
    0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6,
    0xf7, 0xf8, 0xf9, 0xfa, 0x01, 0x00, 0x03, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a,
    0x0b, 0x11, 0x00, 0x02, 0x01, 0x02, 0x04, 0x04, 0x03, 0x04, 0x07, 0x05, 0x04, 0x04, 0x00, 0x01,
    0x02, 0x77, 0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07,
    0x61, 0x71, 0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33,
    0x52, 0xf0, 0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18, 0x19,
    0x1a, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46,
    0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66,
    0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x82, 0x83, 0x84, 0x85,
    0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3,
    0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba,
    0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8,
    0xd9, 0xda, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6,
    0xf7, 0xf8, 0xf9, 0xfa,
];
