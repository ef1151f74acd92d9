//! Which bytes to ask for at once, and asking for them while earlier ones are decoded.

use framemill_contract::GopWork;
use framemill_video::{ByteRange, Sample};
use std::ops::Range;

/// Bytes per request, one larger sample apart: bounds memory, keeps requests few.
const CHUNK: u64 = 4 << 20;
/// A gap that costs less to read than a request of its own: block headers and audio between
/// the pictures. Larger gaps are never fetched.
const GAP: u64 = 4 << 10;

/// A run of samples of one GOP that is fetched with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Bytes to fetch.
    pub range: ByteRange,
    /// Which GOP.
    pub gop: usize,
    /// Which of its samples.
    pub samples: Range<usize>,
}

impl Chunk {
    /// The bytes of `sample` in those of the chunk; shorter or `None` where the file ended.
    pub fn slice<'a>(&self, bytes: &'a [u8], sample: &Sample) -> Option<&'a [u8]> {
        let start = usize::try_from(sample.offset.checked_sub(self.range.start)?).ok()?;
        bytes.get(start..start.checked_add(sample.size as usize)?)
    }
}

/// The requests for all samples of `gops`, in decoding order.
pub(crate) fn chunks(gops: &[GopWork]) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    for (gop, work) in gops.iter().enumerate() {
        for (number, sample) in work.samples.iter().enumerate() {
            let range = sample.range();
            match chunks.last_mut() {
                Some(last) if last.gop == gop && joins(last.range, range) => {
                    last.range.end = last.range.end.max(range.end);
                    last.samples.end = number + 1;
                }
                _ => chunks.push(Chunk {
                    range,
                    gop,
                    samples: number..number + 1,
                }),
            }
        }
    }
    chunks
}

fn joins(have: ByteRange, next: ByteRange) -> bool {
    next.start >= have.start
        && next.start <= have.end.saturating_add(GAP)
        && next.end.saturating_sub(have.start) <= CHUNK
}

#[cfg(test)]
mod tests {
    use super::*;
    use framemill_video::{Dependence, Dts, Pts};

    fn gop(places: &[(u64, u32)]) -> GopWork {
        let samples = places
            .iter()
            .enumerate()
            .map(|(i, &(offset, size))| Sample {
                offset,
                size,
                dts: Dts(i as i64),
                pts: Pts(i as i64),
                sync: i == 0,
                shown: true,
                dependence: Dependence::Unknown,
                description: 0,
            })
            .collect();
        GopWork {
            samples,
            wanted: Vec::new(),
        }
    }

    #[test]
    fn neighbours_share_a_request_and_gaps_are_not_fetched() {
        let gops = [
            gop(&[(0, 100), (100, 50), (1000, 10), (9000, 5)]),
            gop(&[(9005, 5)]),
        ];
        let ranges: Vec<_> = chunks(&gops)
            .into_iter()
            .map(|c| (c.gop, c.range.start, c.range.end))
            .collect();
        assert_eq!(ranges, [(0, 0, 1010), (0, 9000, 9005), (1, 9005, 9010)]);
    }

    #[test]
    fn requests_stay_below_the_limit_unless_one_sample_is_larger() {
        let gops = [gop(&[
            (0, 3 << 20),
            (3 << 20, 3 << 20),
            (6 << 20, 20 << 20),
            (1, 5),
        ])];
        let lens: Vec<_> = chunks(&gops).iter().map(|c| c.range.len()).collect();
        assert_eq!(lens, [3 << 20, 3 << 20, 20 << 20, 5]);
    }

    #[test]
    fn slices_are_checked() {
        let gops = [gop(&[(10, 4), (14, 4)])];
        let chunk = &chunks(&gops)[0];
        let bytes = [1, 2, 3, 4, 5, 6, 7];
        assert_eq!(chunk.slice(&bytes, &gops[0].samples[0]), Some(&bytes[..4]));
        assert_eq!(chunk.slice(&bytes, &gops[0].samples[1]), None);
    }
}
