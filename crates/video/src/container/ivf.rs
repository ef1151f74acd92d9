//! IVF: VP8, VP9 and AV1 frames behind 12-byte headers. All frame headers are walked; payloads
//! that do not fit into the window are not read but for their first bytes.

use super::config::CodecParameters;
use super::demux::Demux;
use super::fields::{Fields, fourcc};
use super::frame_head::{FRAME_HEAD, FrameInspector, ends_superframe};
use super::limits;
use super::sample_table::{derive_dts, drop_unreadable, duration, last_duration, warning};
use super::window::{ReadError, ReadResult, Window};
use crate::{
    Codec, ColorDescription, Container, Dependence, Dts, IndexError, Pts, Sample, Timescale,
    Unwrap, VideoIndex,
};

const NAME: &str = "ivf";

/// The scan of one file.
#[derive(Debug, Default)]
pub(super) struct Ivf {
    header: Option<Header>,
    at: u64,
    samples: Vec<Sample>,
    inspector: FrameInspector,
}

#[derive(Clone, Copy, Debug)]
struct Header {
    codec: Codec,
    size: (u32, u32),
    timescale: Timescale,
    /// Ticks per unit of a frame's time.
    scale: i64,
}

impl Header {
    fn read(window: &Window) -> ReadResult<(Self, u64)> {
        let head = window.bytes(0, 32)?;
        let code: [u8; 4] = head.array(8).unwrap_or_default();
        let codec = match &code {
            b"VP80" => Codec::Vp8,
            b"VP90" => Codec::Vp9,
            b"AV01" => Codec::Av1,
            _ => {
                return Err(ReadError::Failed(IndexError::UnsupportedCodec {
                    codec: fourcc(code),
                }));
            }
        };
        let field = |at| head.le32(at).unwrap_or(0);
        let Some(timescale) = Timescale::new(field(16)) else {
            return Err(ReadError::Failed(IndexError::Damaged {
                container: NAME,
                what: "the timescale is 0".to_owned(),
            }));
        };
        let size = |at| u32::from(head.le16(at).unwrap_or(0));
        let header = Self {
            codec,
            size: (size(12), size(14)),
            timescale,
            scale: i64::from(field(20).max(1)),
        };
        Ok((header, u64::from(head.le16(6).unwrap_or(32)).max(32)))
    }
}

impl Demux for Ivf {
    fn run(&mut self, window: &Window) -> ReadResult<VideoIndex> {
        let header = match self.header {
            Some(header) => header,
            None => {
                let (header, length) = Header::read(window)?;
                self.at = length;
                *self.header.insert(header)
            }
        };
        while self.at.saturating_add(12) <= window.size() {
            self.frame(window, header)?;
        }
        let mut warnings = Vec::new();
        if self.at < window.size() {
            warnings.push(warning(
                "truncated_data",
                "the file ends inside a frame header".to_owned(),
            ));
        }
        let mut samples = std::mem::take(&mut self.samples);
        drop_unreadable(&mut samples, window.size(), NAME, &mut warnings)?;
        derive_dts(&mut samples);
        let last = last_duration(&samples);
        Ok(VideoIndex {
            container: Container::Ivf,
            other_configs: Vec::new(),
            config: CodecParameters::default().config(
                header.codec,
                header.size,
                ColorDescription::default(),
            ),
            timescale: header.timescale,
            duration: duration(&samples, if last > 0 { last } else { header.scale }),
            rotation: crate::Rotation::R0,
            pixel_aspect: crate::PixelAspect::default(),
            samples,
            unwrap: Unwrap::Plain,
            warnings,
        })
    }

    fn cut_off(&self) -> IndexError {
        IndexError::Truncated {
            container: NAME,
            what: "the file ends inside its header".to_owned(),
        }
    }
}

impl Ivf {
    fn frame(&mut self, window: &Window, header: Header) -> ReadResult<()> {
        let head = window.peek(self.at, 12 + FRAME_HEAD)?;
        let (Some(size), Some(time)) = (head.le32(0), head.le64(4)) else {
            return Err(ReadError::PastEnd);
        };
        let body = self.at + 12;
        let end = body.saturating_add(u64::from(size));
        let inside = usize::try_from(u64::from(size).min(FRAME_HEAD)).unwrap_or(0);
        let unit = head.get(12..).unwrap_or_default();
        let info = self
            .inspector
            .inspect(header.codec, unit.get(..inside).unwrap_or(unit));
        let shown = info.shown || ends_superframe(window, header.codec, end)?;
        let sample = Sample {
            offset: body,
            size,
            dts: Dts(0),
            pts: Pts(i64::try_from(time)
                .unwrap_or(i64::MAX)
                .saturating_mul(header.scale)),
            sync: info.key,
            shown,
            dependence: Dependence::Unknown,
            description: 0,
        };
        limits::push(&mut self.samples, sample)?;
        self.at = end;
        Ok(())
    }
}
