//! What is accepted of a track.

use crate::limits::{MAX_PIXELS, MAX_SIDE};
use crate::{IndexError, Sample};

/// Samples in a track: 74 hours at 30 pictures a second.
pub(super) const MAX_SAMPLES: u64 = 8_000_000;

/// Refuses pictures too large to decode.
pub(super) fn check_dimensions(width: u32, height: u32) -> Result<(), IndexError> {
    let side = width.max(height);
    if side > MAX_SIDE {
        return Err(IndexError::Limit {
            what: "side of the picture in pixels",
            value: u64::from(side),
            limit: u64::from(MAX_SIDE),
            remedy: "scale the video down",
        });
    }
    let pixels = u64::from(width) * u64::from(height);
    if pixels > u64::from(MAX_PIXELS) {
        return Err(IndexError::Limit {
            what: "number of pixels",
            value: pixels,
            limit: u64::from(MAX_PIXELS),
            remedy: "scale the video down",
        });
    }
    Ok(())
}

/// Refuses tracks with too many samples.
pub(super) fn check_count(count: u64) -> Result<(), IndexError> {
    if count > MAX_SAMPLES {
        return Err(IndexError::Limit {
            what: "number of frames",
            value: count,
            limit: MAX_SAMPLES,
            remedy: "split the video",
        });
    }
    Ok(())
}

/// Appends a sample. The table grows by an eighth, not by its double: it is the one thing in
/// memory that grows with the video.
pub(super) fn push(samples: &mut Vec<Sample>, sample: Sample) -> Result<(), IndexError> {
    if samples.len() == samples.capacity() {
        reserve(samples, (samples.len() / 8).max(4096))?;
    }
    samples.push(sample);
    Ok(())
}

/// Makes room for `more` samples.
pub(super) fn reserve(samples: &mut Vec<Sample>, more: usize) -> Result<(), IndexError> {
    let count = (samples.len() as u64).saturating_add(more as u64);
    // A little slack: growing by steps may step over the limit before the count does.
    check_count(if count < MAX_SAMPLES + MAX_SAMPLES / 8 {
        samples.len() as u64
    } else {
        count
    })?;
    samples
        .try_reserve_exact(more)
        .map_err(|_| IndexError::Limit {
            what: "number of frames for the memory there is",
            value: count,
            limit: samples.len() as u64,
            remedy: "split the video or give more memory",
        })
}
