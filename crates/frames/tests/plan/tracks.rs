//! Tracks made by hand.

use framemill_video::{
    Codec, CodecConfig, ColorDescription, Container, Dependence, Dts, PixelAspect, Pts, Rotation,
    Sample, Timescale, Unwrap, VideoIndex,
};

/// A track whose samples hold a frame each.
pub fn index(timescale: u32, duration: i64, samples: Vec<Sample>) -> VideoIndex {
    VideoIndex {
        container: Container::Mp4,
        other_configs: Vec::new(),
        config: CodecConfig {
            codec: Codec::Hevc,
            nal_length_size: Some(4),
            parameter_sets: Vec::new(),
            profile: "High".to_owned(),
            width: 640,
            height: 360,
            color: ColorDescription::default(),
        },
        timescale: Timescale::new(timescale).unwrap(),
        duration,
        rotation: Rotation::R0,
        pixel_aspect: PixelAspect::default(),
        samples,
        unwrap: Unwrap::Plain,
        warnings: Vec::new(),
    }
}

pub fn sample(i: usize, pts: i64, sync: bool) -> Sample {
    Sample {
        offset: i as u64 * 1000,
        size: 1000,
        dts: Dts(i as i64),
        pts: Pts(pts),
        sync,
        shown: true,
        dependence: Dependence::Unknown,
        description: 0,
    }
}

/// Samples from `(pts, sync)` in decoding order.
pub fn samples(list: &[(i64, bool)]) -> Vec<Sample> {
    let make = |(i, (pts, sync)): (usize, &(i64, bool))| sample(i, *pts, *sync);
    list.iter().enumerate().map(make).collect()
}

/// Constant rate without reordering: `frames` frames of `ticks`, a sync sample each `gop`.
pub fn constant(timescale: u32, ticks: i64, frames: usize, gop: usize) -> VideoIndex {
    let list: Vec<_> = (0..frames)
        .map(|i| (i as i64 * ticks, i % gop == 0))
        .collect();
    index(timescale, frames as i64 * ticks, samples(&list))
}

/// Two open GOPs: I0 P3 B1 B2 P6 B4 B5 | I9 B7 B8 P12 B10 B11, one tick per frame.
pub fn open_gops() -> VideoIndex {
    let pts = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11];
    let list: Vec<_> = pts.iter().map(|pts| (*pts, *pts % 9 == 0)).collect();
    let mut index = index(10, 13, samples(&list));
    for sample in &mut index.samples {
        if sample.pts.0 % 3 != 0 {
            sample.dependence = Dependence::Disposable;
        }
    }
    index
}
