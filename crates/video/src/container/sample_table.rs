//! What all demuxers do to their sample table at the end.

use crate::limits::MAX_SAMPLE_SIZE;
use crate::{Codec, Dependence, Dts, IndexError, IndexWarning, Pts, Sample, VideoIndex};

/// Drops samples that cannot be read: past the end of the file, without bytes, or absurdly
/// large. Leaves a warning for each kind.
///
/// # Errors
/// [`IndexError::Truncated`] where none is left, [`IndexError::NoFrames`] where there was none.
pub(super) fn drop_unreadable(
    samples: &mut Vec<Sample>,
    file_size: u64,
    container: &'static str,
    warnings: &mut Vec<IndexWarning>,
) -> Result<(), IndexError> {
    if samples.is_empty() {
        return Err(IndexError::NoFrames);
    }
    let past_end = |sample: &Sample| {
        sample
            .offset
            .checked_add(u64::from(sample.size))
            .is_none_or(|end| end > file_size)
    };
    let total = samples.len();
    let lost = drop_where(samples, past_end);
    if let Some(lost) = lost {
        if samples.is_empty() {
            return Err(IndexError::Truncated {
                container,
                what: format!("all {total} frames lie past the end at byte {file_size}"),
            });
        }
        warnings.push(lost.warning(
            "truncated_data",
            &format!("lie past the end of the file at byte {file_size}"),
        ));
    }
    if let Some(lost) = drop_where(samples, |sample| sample.size > MAX_SAMPLE_SIZE) {
        warnings.push(lost.warning(
            "oversized_data",
            &format!("are larger than {MAX_SAMPLE_SIZE} bytes each"),
        ));
    }
    if let Some(lost) = drop_where(samples, |sample| sample.size == 0) {
        warnings.push(lost.warning("empty_data", "have no bytes"));
    }
    if samples.is_empty() {
        return Err(IndexError::NoFrames);
    }
    Ok(())
}

struct DroppedSamples {
    count: usize,
    from: Pts,
    to: Pts,
}

impl DroppedSamples {
    fn warning(&self, code: &str, what: &str) -> IndexWarning {
        IndexWarning {
            code: code.to_owned(),
            message: format!("{} frames {what}: they are left out", self.count),
            from_pts: Some(self.from),
            to_pts: Some(self.to),
        }
    }
}

fn drop_where(samples: &mut Vec<Sample>, lose: impl Fn(&Sample) -> bool) -> Option<DroppedSamples> {
    let mut lost: Option<DroppedSamples> = None;
    samples.retain(|sample| {
        if !lose(sample) {
            return true;
        }
        let lost = lost.get_or_insert(DroppedSamples {
            count: 0,
            from: sample.pts,
            to: sample.pts,
        });
        lost.count += 1;
        lost.from = lost.from.min(sample.pts);
        lost.to = lost.to.max(sample.pts);
        false
    });
    lost
}

/// Keeps "disposable" only for codecs with one picture a sample. A temporal unit of AV1 and a
/// superframe of VP9 also carry hidden frames that others refer to, and muxers mark the sample
/// by its shown frame only: ffmpeg's `sdtp` of SVT-AV1 streams does.
pub(super) fn clear_unreliable_dependence(index: &mut VideoIndex) {
    let one_a_sample = |codec| matches!(codec, Codec::H264 | Codec::Hevc | Codec::Mjpeg);
    if index.configs().all(|config| one_a_sample(config.codec)) {
        return;
    }
    for sample in &mut index.samples {
        sample.dependence = Dependence::Unknown;
    }
}

/// Samples before the first sync sample cannot be decoded: they are not shown. Where no sample is
/// marked as one, the first is taken for it: some encoders refresh the picture step by step.
pub(super) fn hide_before_sync(index: &mut VideoIndex) {
    let samples = &mut index.samples;
    let Some(first) = samples.iter().position(|sample| sample.sync) else {
        if let Some(first) = samples.first_mut() {
            first.sync = true;
        }
        index.warnings.push(warning(
            "no_sync_sample",
            "no frame is marked as one to start decoding at: the first is taken for it".to_owned(),
        ));
        return;
    };
    let mut times: Option<(Pts, Pts)> = None;
    for sample in samples.iter_mut().take(first) {
        sample.shown = false;
        let (from, to) = times.get_or_insert((sample.pts, sample.pts));
        (*from, *to) = ((*from).min(sample.pts), (*to).max(sample.pts));
    }
    if let Some((from, to)) = times {
        index.warnings.push(IndexWarning {
            code: "undecodable_start".to_owned(),
            message: format!(
                "{first} frames come before the first one that decoding can start at: they are not shown"
            ),
            from_pts: Some(from),
            to_pts: Some(to),
        });
    }
}

/// A warning without a time range.
pub(super) fn warning(code: &str, message: String) -> IndexWarning {
    IndexWarning {
        code: code.to_owned(),
        message,
        from_pts: None,
        to_pts: None,
    }
}

/// Duration of what is shown: from the first PTS to the last, which lasts `last` ticks.
pub(super) fn duration(samples: &[Sample], last: i64) -> i64 {
    let shown = || samples.iter().filter(|s| s.shown).map(|s| s.pts.0);
    match (shown().min(), shown().max()) {
        (Some(first), Some(end)) => end.saturating_sub(first).saturating_add(last.max(0)),
        _ => 0,
    }
}

/// The usual distance of consecutive presentation times: the one most shown samples have near
/// the end. For containers that do not say how long the last one lasts.
pub(super) fn last_duration(samples: &[Sample]) -> i64 {
    let tail = samples
        .get(samples.len().saturating_sub(33)..)
        .unwrap_or(samples);
    let mut times: Vec<i64> = tail.iter().filter(|s| s.shown).map(|s| s.pts.0).collect();
    times.sort_unstable();
    let mut gaps: Vec<i64> = times
        .windows(2)
        .filter_map(|pair| match pair {
            [a, b] => Some(b.saturating_sub(*a)),
            _ => None,
        })
        .filter(|&gap| gap > 0)
        .collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied().unwrap_or(0)
}

/// Decoding times for containers that have none (Matroska) or whose own cannot be trusted: the
/// presentation times in rising order, moved back so far that no picture is decoded after it is
/// shown. Monotone, and equal to the presentation times where nothing is reordered.
pub(super) fn derive_dts(samples: &mut [Sample]) {
    let mut sorted: Vec<i64> = samples.iter().map(|sample| sample.pts.0).collect();
    sorted.sort_unstable();
    let delay = samples
        .iter()
        .zip(&sorted)
        .map(|(sample, &dts)| dts.saturating_sub(sample.pts.0))
        .max()
        .unwrap_or(0)
        .max(0);
    for (sample, dts) in samples.iter_mut().zip(sorted) {
        sample.dts = Dts(dts.saturating_sub(delay));
    }
}

/// Moves decoding times back so far that no picture is decoded after it is shown: negative
/// offsets put presentation before decoding (ISO 14496-12 clause 8.6.1.1).
pub(super) fn decode_before_show(samples: &mut [Sample]) {
    let late = samples
        .iter()
        .map(|sample| sample.dts.0.saturating_sub(sample.pts.0))
        .max()
        .unwrap_or(0);
    if late > 0 {
        for sample in samples {
            sample.dts = Dts(sample.dts.0.saturating_sub(late));
        }
    }
}

/// Presentation order of pictures from their picture order counts, which start anew at each
/// [`PresentationOrder::restart`]. Writes each picture's rank, counted from 0 in presentation order.
#[derive(Debug, Default)]
pub(super) struct PresentationOrder {
    epoch_start: usize,
}

impl PresentationOrder {
    /// The picture about to be pushed starts the count anew: the ones before it are ranked now.
    pub(super) fn restart(&mut self, samples: &mut [Sample]) {
        if let Some(epoch) = samples.get_mut(self.epoch_start..) {
            rank(epoch, self.epoch_start);
        }
        self.epoch_start = samples.len();
    }
}

/// Replaces counts (in `pts`) by ranks from `first` on.
fn rank(epoch: &mut [Sample], first: usize) {
    if epoch.is_sorted_by(|a, b| a.pts < b.pts) {
        for (index, sample) in epoch.iter_mut().enumerate() {
            sample.pts = Pts(i64::try_from(first + index).unwrap_or(i64::MAX));
        }
        return;
    }
    let mut by_count: Vec<(i64, u32)> = epoch
        .iter()
        .zip(0_u32..)
        .map(|(sample, index)| (sample.pts.0, index))
        .collect();
    by_count.sort_unstable();
    for (place, (_, index)) in by_count.into_iter().enumerate() {
        if let Some(sample) = epoch.get_mut(index as usize) {
            sample.pts = Pts(i64::try_from(first + place).unwrap_or(i64::MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(size: u32) -> Sample {
        Sample {
            offset: 0,
            size,
            dts: Dts(0),
            pts: Pts(0),
            sync: true,
            shown: true,
            dependence: Dependence::Unknown,
            description: 0,
        }
    }

    #[test]
    fn a_sample_that_would_not_be_fetched_is_not_in_the_index() {
        let mut samples = vec![sample(MAX_SAMPLE_SIZE), sample(MAX_SAMPLE_SIZE + 1)];
        let mut warnings = Vec::new();
        drop_unreadable(&mut samples, u64::MAX, "mp4", &mut warnings).unwrap();
        assert_eq!(samples, [sample(MAX_SAMPLE_SIZE)]);
        assert_eq!(warnings[0].code, "oversized_data");
    }
}
