//! AVI (RIFF, OpenDML too): MJPEG, H.264 and what else has one of our fourccs.
//!
//! Frame number n is shown at n × scale / rate. Streams with B pictures break that rule: chunk
//! numbers are then decoding order. For H.264 that may reorder, slice headers are read and
//! presentation order is taken from the picture order counts.

mod riff;

use super::demux::Demux;
use super::sample_table::{PresentationOrder, derive_dts, drop_unreadable, duration, warning};
use super::window::{ReadError, ReadResult, Window};
use crate::bitstream::{ParameterSets, h264, nal};
use crate::{
    Codec, ColorDescription, Container, IndexError, IndexWarning, Pts, Rotation, Sample, Timescale,
    Unwrap, VideoIndex,
};
use riff::{Index, NAME, SLICE_SEARCH, Stream};

/// The scan of one file.
#[derive(Debug, Default)]
pub(super) struct Avi {
    index: Index,
    parsed: bool,
    reorder: Option<Reorder>,
    samples: Vec<Sample>,
    warnings: Vec<IndexWarning>,
}

impl Demux for Avi {
    fn run(&mut self, window: &Window) -> ReadResult<VideoIndex> {
        if !self.parsed {
            self.index.run(window)?;
            self.samples = std::mem::take(&mut self.index.samples);
            let mut lost = std::mem::take(&mut self.index.warnings);
            self.warnings.append(&mut lost);
            // Chunks without bytes repeat the frame before: that is no loss.
            self.samples.retain(|sample| sample.size > 0);
            drop_unreadable(&mut self.samples, window.size(), NAME, &mut self.warnings)?;
            self.parsed = true;
        }
        let Some(stream) = self.index.stream.clone() else {
            return Err(ReadError::PastEnd);
        };
        if stream.codec == Codec::H264 {
            self.reorder
                .get_or_insert_with(|| Reorder::new(&stream))
                .run(window, &mut self.samples)?;
        }
        self.finish(stream)
    }

    fn cut_off(&self) -> IndexError {
        IndexError::Truncated {
            container: NAME,
            what: "the file ends inside its headers".to_owned(),
        }
    }
}

impl Avi {
    fn finish(&mut self, stream: Stream) -> ReadResult<VideoIndex> {
        let Some(timescale) = Timescale::new(stream.rate) else {
            return Err(ReadError::Failed(IndexError::Damaged {
                container: NAME,
                what: "the video stream has a rate of 0".to_owned(),
            }));
        };
        let mut samples = std::mem::take(&mut self.samples);
        let scale = i64::from(stream.scale.max(1));
        for sample in &mut samples {
            sample.pts = Pts(sample.pts.0.saturating_mul(scale));
        }
        derive_dts(&mut samples);
        if samples.iter().all(|sample| !sample.sync) {
            self.warnings.push(warning(
                "no_sync_flags",
                "the index marks no frame as a key frame: the first is taken for one".to_owned(),
            ));
            if let Some(first) = samples.first_mut() {
                first.sync = true;
            }
        }
        Ok(VideoIndex {
            container: Container::Avi,
            other_configs: Vec::new(),
            config: stream.parameters.config(
                stream.codec,
                stream.size,
                ColorDescription::default(),
            ),
            timescale,
            duration: duration(&samples, scale),
            rotation: Rotation::R0,
            pixel_aspect: stream.parameters.pixel_aspect.unwrap_or_default(),
            samples,
            unwrap: Unwrap::Plain,
            warnings: std::mem::take(&mut self.warnings),
        })
    }
}

/// Presentation order of H.264 in a container that tells decoding order only.
#[derive(Debug)]
struct Reorder {
    sets: ParameterSets<h264::Sps, h264::Pps>,
    length_size: Option<u8>,
    counter: h264::PocCounter,
    order: PresentationOrder,
    next: usize,
    /// Frame numbers by place: gaps where frames were left out.
    places: Vec<i64>,
    needed: Option<bool>,
    counts: Vec<Sample>,
}

impl Reorder {
    fn new(stream: &Stream) -> Self {
        let mut sets = ParameterSets::default();
        for unit in nal::annexb(&stream.parameters.parameter_sets) {
            sets.insert(unit);
        }
        Self {
            sets,
            length_size: stream.parameters.nal_length_size,
            counter: h264::PocCounter::default(),
            order: PresentationOrder::default(),
            next: 0,
            places: Vec::new(),
            needed: None,
            counts: Vec::new(),
        }
    }

    /// Reads the first slice of each sample and puts ranks in place of chunk numbers. Streams
    /// that cannot reorder are left as they are after a look at their first sample.
    fn run(&mut self, window: &Window, samples: &mut [Sample]) -> ReadResult<()> {
        while let Some(sample) = samples.get(self.next) {
            let length = u64::from(sample.size).min(SLICE_SEARCH);
            let head = window.peek(sample.offset, length)?;
            let slice = self.first_slice(head);
            let sps = slice.and_then(|slice| self.sets.of(slice.pps_id));
            let (Some(slice), Some((sps, _))) = (slice, sps) else {
                return Ok(()); // no order to be found: chunk order stays
            };
            let needed = *self.needed.get_or_insert_with(|| may_reorder(sps));
            if !needed {
                return Ok(());
            }
            let count = self.counter.next(sps, &slice);
            if slice.idr {
                self.order.restart(&mut self.counts);
            }
            self.places.push(sample.pts.0);
            self.counts.push(Sample {
                pts: Pts(count),
                ..*sample
            });
            self.next += 1;
        }
        self.order.restart(&mut self.counts);
        for (sample, ranked) in samples.iter_mut().zip(&self.counts) {
            let place = usize::try_from(ranked.pts.0).ok();
            if let Some(&place) = place.and_then(|place| self.places.get(place)) {
                sample.pts = Pts(place);
            }
        }
        Ok(())
    }

    fn first_slice(&mut self, head: &[u8]) -> Option<h264::SliceHeader> {
        let sets = &mut self.sets;
        let mut look = |unit: &[u8]| {
            sets.insert(unit);
            h264::SliceHeader::parse(unit, sets)
        };
        match self.length_size {
            Some(size) => nal::length_prefixed(head, size).find_map(&mut look),
            None => nal::annexb(head).find_map(&mut look),
        }
    }
}

/// Whether pictures of such a stream may be shown in another order than decoded.
fn may_reorder(sps: &h264::Sps) -> bool {
    sps.poc_type != 2 && sps.profile_idc != 66 && sps.vui.max_num_reorder_frames != Some(0)
}
