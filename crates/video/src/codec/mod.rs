//! Codecs: from access units to [`Frame`](crate::Frame)s.
//!
//! | codec | decoder | not decoded |
//! |---|---|---|
//! | H.264 | `framemill_h264` | data partitioning, SP and SI slices, 4:4:4 with planes coded apart |
//! | HEVC | `rust_h265`; `oxideav-h265` for 4:2:2 and 4:0:0 | more than 12 bit, screen content coding |
//! | AV1 | `rav1d` | |
//! | VP9 | `rusty_vp9` | 4:4:0 |
//! | VP8 | `framemill-vp8` | |
//! | Motion JPEG | `oxideav-mjpeg` | two fields a frame, CMYK, 4:1:1, other depths than 8 |
//!
//! Each sits behind the cargo feature of its name. None reorders: frames come out with the
//! access unit that they were coded in.

mod decoder;
mod disposable;
mod picture;

#[cfg(feature = "av1")]
mod av1;
#[cfg(feature = "h264")]
mod h264;
#[cfg(feature = "hevc")]
mod hevc;
#[cfg(feature = "mjpeg")]
mod mjpeg;
#[cfg(any(feature = "h264", feature = "hevc"))]
mod nal;
#[cfg(feature = "vp8")]
mod vp8;
#[cfg(feature = "vp9")]
mod vp9;
#[cfg(framemill_pthread_stubs)]
mod wasi_pthread;

pub use decoder::Decoder;
pub use disposable::{MOST_SAMPLES_OF_FRAME, is_disposable, may_have_fields};

use crate::{Codec, CodecConfig, DecodeError};

/// A decoder for `config`, positioned before a sync sample.
///
/// Decoding may begin at a sync sample that is no complete restart (open GOP): pictures after
/// it in decoding order and before it in presentation order are then left out.
///
/// # Errors
/// Those of [`check_supported`], and [`DecodeError::Damaged`] for parameter sets that the
/// decoder cannot read.
pub fn open_decoder(config: &CodecConfig) -> Result<Box<dyn Decoder>, DecodeError> {
    check_supported(config)?;
    match config.codec {
        #[cfg(feature = "h264")]
        Codec::H264 => Ok(Box::new(h264::H264Decoder::open(config))),
        #[cfg(feature = "hevc")]
        Codec::Hevc => Ok(Box::new(hevc::HevcDecoder::open(config)?)),
        #[cfg(feature = "av1")]
        Codec::Av1 => Ok(Box::new(av1::Av1Decoder::open(config)?)),
        #[cfg(feature = "vp9")]
        Codec::Vp9 => Ok(Box::new(vp9::Vp9Decoder::open(config))),
        #[cfg(feature = "vp8")]
        Codec::Vp8 => Ok(Box::new(vp8::Vp8Decoder::open(config))),
        #[cfg(feature = "mjpeg")]
        Codec::Mjpeg => Ok(Box::new(mjpeg::MjpegDecoder::open(config))),
        #[allow(unreachable_patterns, reason = "reached where a feature is off")]
        codec => Err(DecodeError::NotBuilt {
            codec: feature(codec),
        }),
    }
}

/// Whether a stream can be decoded, as far as its configuration tells: from the parameter sets,
/// and where there are none from the size. What shows only in the stream itself is refused by
/// the decoder.
///
/// # Errors
/// [`DecodeError::Unsupported`] with the name of the feature that no decoder here has,
/// [`DecodeError::NotBuilt`] when the codec's cargo feature is off.
pub fn check_supported(config: &CodecConfig) -> Result<(), DecodeError> {
    if !is_built(config.codec) {
        return Err(DecodeError::NotBuilt {
            codec: feature(config.codec),
        });
    }
    if config.width > 0 && config.height > 0 {
        picture::check_size(feature(config.codec), config.width, config.height)?;
    }
    match config.codec {
        #[cfg(feature = "h264")]
        Codec::H264 => crate::bitstream::nal::annexb(&config.parameter_sets)
            .filter_map(crate::bitstream::h264::Sps::parse)
            .try_for_each(|sps| h264::check_sps(&sps)),
        #[cfg(feature = "hevc")]
        Codec::Hevc => crate::bitstream::nal::annexb(&config.parameter_sets)
            .filter(|unit| crate::bitstream::hevc::layer_id(unit) == Some(0))
            .filter_map(crate::bitstream::hevc::Sps::parse)
            .try_for_each(|sps| hevc::check_sps(&sps)),
        #[cfg(feature = "av1")]
        Codec::Av1 => crate::bitstream::av1::obus(&config.parameter_sets)
            .filter(|obu| obu.kind == crate::bitstream::av1::obu_type::SEQUENCE_HEADER)
            .filter_map(|obu| crate::bitstream::av1::SequenceHeader::parse(obu.payload))
            .try_for_each(|header| picture::check_size("av1", header.width, header.height)),
        _ => Ok(()),
    }
}

fn is_built(codec: Codec) -> bool {
    match codec {
        Codec::H264 => cfg!(feature = "h264"),
        Codec::Hevc => cfg!(feature = "hevc"),
        Codec::Av1 => cfg!(feature = "av1"),
        Codec::Vp9 => cfg!(feature = "vp9"),
        Codec::Vp8 => cfg!(feature = "vp8"),
        Codec::Mjpeg => cfg!(feature = "mjpeg"),
    }
}

/// The codec's cargo feature, which is also its name in messages.
fn feature(codec: Codec) -> &'static str {
    match codec {
        Codec::H264 => "h264",
        Codec::Hevc => "hevc",
        Codec::Av1 => "av1",
        Codec::Vp9 => "vp9",
        Codec::Vp8 => "vp8",
        Codec::Mjpeg => "mjpeg",
    }
}
