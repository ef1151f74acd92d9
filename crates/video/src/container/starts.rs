//! Where decoding can start, for files that say "everywhere": a table of sync samples that is
//! missing says so of all samples, and decoding from a picture that refers to others gives garbage.

use super::frame_head::FrameInspector;
use super::sample_table::warning;
use super::window::{ReadResult, Window};
use crate::bitstream::bits::{BitReader, rbsp};
use crate::bitstream::{h264, hevc, nal};
use crate::{Codec, CodecConfig, Unwrap, VideoIndex};

/// Bytes of a sample that are read: parameter sets and messages come before its first slice.
const HEAD: u64 = 4096;
/// Samples behind the first that are looked at to see whether "everywhere" is true.
const LOOKED_AT: usize = 8;

/// What the first bytes of a sample say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    /// Decoding can start here.
    start: bool,
    /// It refers to no other.
    intra: bool,
}

/// A look at samples, which can be gone on with.
#[derive(Debug, Default)]
pub(super) struct Starts {
    next: usize,
    distrusted: bool,
    inspector: FrameInspector,
}

impl Starts {
    /// Where every sample of `index` is marked as a sync sample and that is not so, marks those that
    /// are. That takes a pass over the file.
    pub(super) fn check(&mut self, index: &mut VideoIndex, window: &Window) -> ReadResult<()> {
        if !self.distrusted {
            if !is_doubtful(index) || !self.is_wrong(index, window)? {
                return Ok(());
            }
            (self.distrusted, self.next) = (true, 0);
            self.inspector = FrameInspector::default();
        }
        while let Some(head) = self.head(index, window)? {
            if let Some(sample) = index.samples.get_mut(self.next) {
                sample.sync = head.start;
            }
            self.next += 1;
        }
        index.warnings.push(warning(
            "wrong_sync_table",
            "every frame is marked as one to start decoding at, and not every frame is: each was looked at"
                .to_owned(),
        ));
        Ok(())
    }

    fn is_wrong(&mut self, index: &VideoIndex, window: &Window) -> ReadResult<bool> {
        while self.next <= LOOKED_AT {
            let Some(head) = self.head(index, window)? else {
                return Ok(false);
            };
            if self.next > 0 && !head.intra {
                return Ok(true);
            }
            self.next += 1;
        }
        Ok(false)
    }

    /// What the next sample says; `None` behind the last.
    fn head(&mut self, index: &VideoIndex, window: &Window) -> ReadResult<Option<Head>> {
        let Some(sample) = index.samples.get(self.next) else {
            return Ok(None);
        };
        let config = sample.config(&index.config, &index.other_configs);
        let config = config.unwrap_or(&index.config);
        if self.next == 0 {
            // What samples need to be understood may stand in the container alone.
            self.inspector.inspect(config.codec, &config.parameter_sets);
        }
        let bytes = window.peek(sample.offset, u64::from(sample.size).min(HEAD))?;
        let unit = index.unwrap.access_unit(bytes).unwrap_or_default();
        Ok(Some(match config.codec {
            Codec::H264 => h264_head(config, &unit),
            Codec::Hevc => hevc_head(config, &unit),
            codec => {
                let key = self.inspector.inspect(codec, &unit).key;
                Head {
                    start: key,
                    intra: key,
                }
            }
        }))
    }
}

fn is_doubtful(index: &VideoIndex) -> bool {
    let samples = &index.samples;
    index.config.codec != Codec::Mjpeg
        && matches!(index.unwrap, Unwrap::Plain | Unwrap::Prefix(_))
        && samples.len() > 1
        && samples.iter().all(|sample| sample.sync)
}

fn units<'a>(config: &CodecConfig, unit: &'a [u8]) -> Box<dyn Iterator<Item = &'a [u8]> + 'a> {
    match config.nal_length_size {
        Some(size) => Box::new(nal::length_prefixed(unit, size)),
        None => Box::new(nal::annexb(unit)),
    }
}

fn h264_head(config: &CodecConfig, unit: &[u8]) -> Head {
    use h264::nal_type::{IDR, PARTITION_A, SLICE, SPS};
    let (mut recovery, mut sequence) = (false, false);
    for unit in units(config, unit) {
        match h264::nal_unit_type(unit) {
            Some(IDR) => {
                return Head {
                    start: true,
                    intra: true,
                };
            }
            Some(SLICE | PARTITION_A) => {
                let intra = h264_slice_is_intra(unit).unwrap_or(false);
                return Head {
                    start: recovery || (sequence && intra),
                    intra: recovery || intra,
                };
            }
            Some(SPS) => sequence = true,
            _ => recovery |= h264::is_recovery_point(unit),
        }
    }
    Head {
        start: false,
        intra: false,
    }
}

/// `slice_type` 2 or 7.
fn h264_slice_is_intra(unit: &[u8]) -> Option<bool> {
    let bytes = rbsp(unit.get(1..unit.len().min(32))?);
    let mut bits = BitReader::new(&bytes);
    bits.ue()?; // first_mb_in_slice
    Some(matches!(bits.ue()?, 2 | 7))
}

fn hevc_head(config: &CodecConfig, unit: &[u8]) -> Head {
    let mut kinds = units(config, unit).filter_map(hevc::nal_unit_type);
    let start = kinds
        .find(|&kind| hevc::is_slice(kind))
        .is_some_and(hevc::is_random_access);
    Head {
        start,
        intra: start,
    }
}
