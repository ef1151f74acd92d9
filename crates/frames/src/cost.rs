//! What work costs, roughly: for planning segments on hosts that stop a request early.

use crate::encode::nanos_per_pixel;
use framemill_contract::ImageFormat;
use framemill_video::{Codec, CodecConfig};

/// Time that a sandbox takes, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    access_unit: u64,
    image: u64,
}

impl Cost {
    /// Of decoding this stream and writing its images in this format.
    ///
    /// Per luma sample, about twice what `cargo xtask bench` took in wasmtime with noisy 1080p
    /// footage of 4 to 6 Mb/s (H.264 16 ns, HEVC 16 ns, AV1 42 ns, VP9 62 ns, VP8 9 ns, Motion JPEG
    /// 19 ns; a JPEG image 7 ns from planes, 19 ns through RGB): small clouds have slower cores and
    /// other tenants. A wrong guess costs another request, not a frame.
    pub fn of(config: &CodecConfig, format: ImageFormat) -> Self {
        let pixels = u64::from(config.width).saturating_mul(u64::from(config.height));
        let decode = match config.codec {
            Codec::H264 => 32,
            Codec::Hevc => 32,
            Codec::Av1 => 90,
            Codec::Vp9 => 120,
            Codec::Vp8 => 20,
            Codec::Mjpeg => 40,
        };
        Self {
            access_unit: pixels.saturating_mul(decode),
            image: pixels.saturating_mul(nanos_per_pixel(format)),
        }
    }

    /// Of decoding this many access units and making this many images of them, in microseconds.
    pub fn micros(&self, access_units: u64, images: u64) -> u64 {
        let decode = self.access_unit.saturating_mul(access_units);
        decode.saturating_add(self.image.saturating_mul(images)) / 1000
    }
}
