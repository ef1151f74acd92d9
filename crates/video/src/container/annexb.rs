//! Raw H.264 and HEVC byte streams (Annex B of both).
//!
//! There are no times in them: pictures are put in presentation order by their picture order
//! count and shown at the rate that the VUI tells, or at 25 a second.

use super::demux::Demux;
use super::limits;
use super::pictures::Splitter;
use super::sample_table::{PresentationOrder, derive_dts, drop_unreadable, warning};
use super::window::{ReadResult, Window};
use crate::bitstream::{h264, hevc, nal};
use crate::{
    Codec, ColorDescription, Container, Dts, IndexError, IndexWarning, Pts, Sample, Timescale,
    Unwrap, VideoIndex,
};

const NAME: &str = "h264/h265 stream";

/// The codec of a byte stream that starts so.
pub(super) fn probe(head: &[u8]) -> Option<Codec> {
    let code = nal::find_start_code(head, 0)?;
    // Only zeros may come before the first start code.
    if head.get(..code)?.iter().any(|&byte| byte != 0) {
        return None;
    }
    nal::annexb(head).take(16).find_map(|unit| {
        if h264::Sps::parse(unit).is_some_and(|sps| sps.width > 0) {
            Some(Codec::H264)
        } else if hevc::Sps::parse(unit).is_some_and(|sps| sps.width > 0) {
            Some(Codec::Hevc)
        } else {
            None
        }
    })
}

/// The scan of one stream.
#[derive(Debug)]
pub(super) struct AnnexB {
    codec: Codec,
    at: u64,
    splitter: Splitter,
    samples: Vec<Sample>,
    order: PresentationOrder,
}

impl AnnexB {
    pub(super) fn new(codec: Codec) -> Self {
        Self {
            codec,
            at: 0,
            splitter: Splitter::new(codec),
            samples: Vec::new(),
            order: PresentationOrder::default(),
        }
    }

    fn take_pictures(&mut self) -> Result<(), IndexError> {
        for picture in self.splitter.take_found() {
            if picture.restart {
                self.order.restart(&mut self.samples);
            }
            let size = picture.end.saturating_sub(picture.start);
            let sample = Sample {
                offset: picture.start,
                size: u32::try_from(size).unwrap_or(u32::MAX),
                dts: Dts(0),
                pts: Pts(picture.order),
                sync: picture.sync,
                shown: picture.shown,
                dependence: picture.dependence,
                description: 0,
            };
            limits::push(&mut self.samples, sample)?;
        }
        Ok(())
    }
}

impl Demux for AnnexB {
    fn run(&mut self, window: &Window) -> ReadResult<VideoIndex> {
        while self.at < window.size() {
            let piece = window.from(self.at, 1)?;
            self.splitter.feed(piece);
            self.at += piece.len() as u64;
            self.take_pictures()?;
        }
        self.splitter.finish();
        self.take_pictures()?;
        self.order.restart(&mut self.samples);
        let mut samples = std::mem::take(&mut self.samples);
        let parameters = self.splitter.parameters();
        let mut warnings = Vec::new();
        drop_unreadable(&mut samples, window.size(), NAME, &mut warnings)?;
        let (ticks, timescale) = rate(parameters.frame_duration, &mut warnings);
        for sample in &mut samples {
            sample.pts = Pts(sample.pts.0.saturating_mul(ticks));
        }
        derive_dts(&mut samples);
        let duration = i64::try_from(samples.len())
            .unwrap_or(i64::MAX)
            .saturating_mul(ticks);
        Ok(VideoIndex {
            container: Container::AnnexB,
            other_configs: Vec::new(),
            config: parameters.config(self.codec, (0, 0), ColorDescription::default()),
            timescale,
            duration,
            rotation: crate::Rotation::R0,
            pixel_aspect: parameters.pixel_aspect.unwrap_or_default(),
            samples,
            unwrap: Unwrap::Plain,
            warnings,
        })
    }

    fn cut_off(&self) -> IndexError {
        IndexError::NoFrames
    }
}

/// Ticks per picture and ticks per second. Rates outside 1 to 1000 pictures a second are not
/// believed.
fn rate(frame_duration: Option<(u32, u32)>, warnings: &mut Vec<IndexWarning>) -> (i64, Timescale) {
    let declared = frame_duration.and_then(|(num, den)| {
        let sane = u64::from(den) >= u64::from(num)
            && u64::from(den) <= u64::from(num).saturating_mul(1000);
        Some((i64::from(num), Timescale::new(den).filter(|_| sane)?))
    });
    declared
        .or_else(|| {
            warnings.push(warning(
                "assumed_frame_rate",
                "the stream does not tell its frame rate: 25 frames a second are assumed"
                    .to_owned(),
            ));
            Some((1, Timescale::new(25)?))
        })
        .unwrap_or((1, Timescale::ONE))
}
