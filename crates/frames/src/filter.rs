//! Which selected frames are dropped again.

use crate::{Scores, Thumb};
use framemill_contract::{Dedupe, DropReason, DroppedFrame, Filters, KeptFrame, LastKept};

/// Frames whose luma deviates less than this (of 255) from its mean are of one colour. The
/// noise of a covered lens stays below it, the darkest and foggiest scenes do not.
const BLANK_DEVIATION: f32 = 4.0;

/// What the filters decide on a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FilterDecision {
    /// It gets an image.
    Keep,
    /// It does not.
    Drop {
        /// Why.
        reason: DropReason,
        /// The number that decided.
        score: f32,
        /// For duplicates: index of the kept frame it is like.
        like: Option<u64>,
    },
}

/// Decides on frames one after the other in presentation order.
#[derive(Clone, Debug)]
pub struct FrameFilter {
    filters: Filters,
    last: Option<FrameSignature>,
}

/// What is remembered of the last kept frame.
#[derive(Clone, Debug)]
struct FrameSignature {
    index: u64,
    phash: u64,
    thumb: Option<Thumb>,
}

impl FrameSignature {
    /// The hash distance to `other`, where `dedupe` takes both for the same picture: no more
    /// hash bits differ than allowed, and no block of the small image differs by more than a
    /// limit that goes with it. A hash of 64 bits does not notice a person who walks
    /// through a wide view.
    fn duplicate_distance(&self, phash: u64, thumb: Option<&Thumb>, dedupe: Dedupe) -> Option<u32> {
        let Dedupe::MaxDistance(most) = dedupe else {
            return None;
        };
        let distance = (self.phash ^ phash).count_ones();
        let block = match (&self.thumb, thumb) {
            (Some(last), Some(thumb)) => u32::from(last.largest_difference(thumb)),
            _ => 0,
        };
        (distance <= most && block <= block_limit(most)).then_some(distance)
    }
}

/// Largest difference of a block, of 255, between frames that count as the same at this hash
/// distance: 24 at `dedupe = "on"`, where still cameras were seen to give up to 22 and a head
/// that enters the view 35; at 0 just coding noise.
fn block_limit(distance: u32) -> u32 {
    distance.saturating_mul(5).saturating_add(4)
}

impl FrameFilter {
    /// A filter that has seen no frame.
    pub fn new(filters: &Filters) -> Self {
        Self {
            filters: *filters,
            last: None,
        }
    }

    /// Decides on the next frame: blank first, then blurred, then like the last kept one.
    pub fn decide(&mut self, index: u64, scores: &Scores) -> FilterDecision {
        let drop = |reason, score, like| FilterDecision::Drop {
            reason,
            score,
            like,
        };
        if self.filters.drop_blank && scores.luma_deviation < BLANK_DEVIATION {
            return drop(DropReason::Blank, scores.luma_deviation, None);
        }
        if let Some(least) = self.filters.min_sharpness
            && scores.sharpness < least
        {
            return drop(DropReason::Blurred, scores.sharpness, None);
        }
        let dedupe = self.filters.dedupe;
        if let Some(last) = &self.last
            && let Some(distance) =
                last.duplicate_distance(scores.phash, Some(&scores.thumb), dedupe)
        {
            return drop(DropReason::Duplicate, distance as f32, Some(last.index));
        }
        if dedupe != Dedupe::Off {
            self.last = Some(FrameSignature {
                index,
                phash: scores.phash,
                thumb: Some(scores.thumb.clone()),
            });
        }
        FilterDecision::Keep
    }
}

/// Drops near-duplicates from the frames of segments, one segment after the other: the same
/// frames as one [`FrameFilter`] over all, wherever segments begin.
#[derive(Clone, Debug)]
pub struct Deduplicator {
    dedupe: Dedupe,
    last: Option<FrameSignature>,
}

impl Deduplicator {
    /// One that has seen no frame, or the frames up to `last`.
    pub fn new(filters: &Filters, last: Option<&LastKept>) -> Self {
        let signature = |last: &LastKept| {
            Some(FrameSignature {
                index: last.index,
                phash: u64::from_str_radix(&last.phash, 16).ok()?,
                thumb: last.thumb.as_deref().and_then(Thumb::from_text),
            })
        };
        Self {
            dedupe: filters.dedupe,
            last: last.and_then(signature),
        }
    }

    /// The last kept frame, for one that goes on later.
    pub fn last_kept(&self) -> Option<LastKept> {
        let last = self.last.as_ref()?;
        Some(LastKept {
            index: last.index,
            phash: format!("{:016x}", last.phash),
            thumb: last.thumb.as_ref().map(Thumb::to_text),
        })
    }

    /// Takes the kept frames of the next segment in presentation order, and their
    /// [`Thumb::to_text`]s in the same order; of a frame without one only the hash is compared.
    /// Returns the frames that stay, and those that are duplicates after all.
    pub fn push(
        &mut self,
        frames: Vec<KeptFrame>,
        thumbs: &[String],
    ) -> (Vec<KeptFrame>, Vec<DroppedFrame>) {
        if self.dedupe == Dedupe::Off {
            return (frames, Vec::new());
        }
        let mut dropped = Vec::new();
        let mut kept = Vec::with_capacity(frames.len());
        for (i, frame) in frames.into_iter().enumerate() {
            let thumb = thumbs.get(i).and_then(|text| Thumb::from_text(text));
            let Ok(phash) = u64::from_str_radix(&frame.phash, 16) else {
                kept.push(frame);
                continue;
            };
            let same = self.last.as_ref().and_then(|last| {
                let distance = last.duplicate_distance(phash, thumb.as_ref(), self.dedupe)?;
                Some((distance, last.index))
            });
            if let Some((distance, like)) = same {
                dropped.push(DroppedFrame {
                    index: frame.index,
                    pts: frame.pts,
                    reason: DropReason::Duplicate,
                    score: distance as f32,
                    like: Some(like),
                });
            } else {
                self.last = Some(FrameSignature {
                    index: frame.index,
                    phash,
                    thumb,
                });
                kept.push(frame);
            }
        }
        (kept, dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use framemill_video::Pts;

    fn scores(phash: u64, block: u8) -> Scores {
        let mut thumb = vec![100; Thumb::COLUMNS * Thumb::ROWS];
        thumb[1000] = block;
        Scores {
            phash,
            sharpness: 50.0,
            luma_mean: 100.0,
            luma_deviation: 30.0,
            thumb: Thumb(thumb),
        }
    }

    fn filters(dedupe: Dedupe) -> Filters {
        Filters {
            dedupe,
            min_sharpness: Some(10.0),
            drop_blank: true,
            keep_damaged: false,
        }
    }

    fn like(decision: FilterDecision) -> Option<u64> {
        match decision {
            FilterDecision::Keep => None,
            FilterDecision::Drop { like, .. } => like,
        }
    }

    #[test]
    fn blank_comes_before_blurred_before_duplicate() {
        let mut filter = FrameFilter::new(&filters(Dedupe::MaxDistance(4)));
        let good = scores(0, 100);
        assert_eq!(filter.decide(0, &good), FilterDecision::Keep);
        let blurred = Scores {
            sharpness: 9.0,
            ..good.clone()
        };
        let blank = Scores {
            luma_deviation: 1.0,
            ..blurred.clone()
        };
        let reason = |decision| match decision {
            FilterDecision::Drop { reason, score, .. } => Some((reason, score)),
            FilterDecision::Keep => None,
        };
        let decided = [&blank, &blurred, &good].map(|scores| reason(filter.decide(1, scores)));
        assert_eq!(
            decided,
            [
                Some((DropReason::Blank, 1.0)),
                Some((DropReason::Blurred, 9.0)),
                Some((DropReason::Duplicate, 0.0)),
            ]
        );
    }

    #[test]
    fn filters_that_are_off_drop_nothing() {
        let mut filter = FrameFilter::new(&Filters {
            dedupe: Dedupe::Off,
            min_sharpness: None,
            drop_blank: false,
            keep_damaged: false,
        });
        let black = Scores {
            sharpness: 0.0,
            luma_deviation: 0.0,
            ..scores(0, 100)
        };
        for index in 0..3 {
            assert_eq!(filter.decide(index, &black), FilterDecision::Keep);
        }
    }

    #[test]
    fn duplicates_are_of_the_last_kept_frame() {
        let mut filter = FrameFilter::new(&filters(Dedupe::MaxDistance(4)));
        assert_eq!(filter.decide(0, &scores(0b0, 100)), FilterDecision::Keep);
        assert_eq!(like(filter.decide(10, &scores(0b1111, 100))), Some(0));
        // 4 bits from the dropped one, 8 from the kept one.
        assert_eq!(
            filter.decide(20, &scores(0b1111_1111, 100)),
            FilterDecision::Keep
        );
        assert_eq!(like(filter.decide(30, &scores(0b1111_1110, 100))), Some(20));
    }

    #[test]
    fn one_changed_block_makes_a_difference() {
        let mut filter = FrameFilter::new(&filters(Dedupe::MaxDistance(4)));
        assert_eq!(filter.decide(0, &scores(0, 100)), FilterDecision::Keep);
        assert_eq!(like(filter.decide(1, &scores(0, 124))), Some(0));
        assert_eq!(filter.decide(2, &scores(0, 125)), FilterDecision::Keep);
    }

    fn kept(index: u64, phash: u64) -> KeptFrame {
        KeptFrame {
            index,
            pts: Pts(index as i64),
            seconds: 0.0,
            name: String::new(),
            width: 1,
            height: 1,
            bytes: 1,
            sha256: String::new(),
            phash: format!("{phash:016x}"),
            sharpness: 0.0,
            damaged: false,
            damage: None,
            predictions: Vec::new(),
        }
    }

    #[test]
    fn deduplicating_segments_drops_what_one_filter_would() {
        let scores_of: Vec<Scores> = [0u64, 0, 3, 0, 0xffff, 0xfff0, 0, 1, 0xff00, 0xff00]
            .iter()
            .map(|phash| scores(*phash, 100 + (*phash % 7) as u8))
            .collect();
        let filters = filters(Dedupe::MaxDistance(4));
        let filtered = |range: std::ops::Range<usize>| {
            let mut filter = FrameFilter::new(&filters);
            range
                .filter(|i| filter.decide(*i as u64, &scores_of[*i]) == FilterDecision::Keep)
                .collect::<Vec<_>>()
        };
        let whole = filtered(0..scores_of.len());
        for cut in 1..scores_of.len() {
            let mut dedup = Deduplicator::new(&filters, None);
            let mut merged = Vec::new();
            for range in [0..cut, cut..scores_of.len()] {
                let frames: Vec<usize> = range.collect();
                let thumbs: Vec<_> = frames
                    .iter()
                    .map(|i| scores_of[*i].thumb.to_text())
                    .collect();
                let frames = frames
                    .iter()
                    .map(|i| kept(*i as u64, scores_of[*i].phash))
                    .collect();
                let (stay, dropped) = dedup.push(frames, &thumbs);
                assert!(dropped.iter().all(|frame| frame.like.is_some()));
                merged.extend(stay.iter().map(|frame| frame.index as usize));
            }
            assert_eq!(merged, whole, "cut at {cut}");
        }
    }

    #[test]
    fn deduplicating_without_thumbs_goes_by_the_hash() {
        let mut dedup = Deduplicator::new(&filters(Dedupe::MaxDistance(4)), None);
        assert_eq!(dedup.push(vec![kept(0, 0)], &[]).0.len(), 1);
        let (stay, dropped) = dedup.push(vec![kept(5, 1), kept(9, 0xff)], &[]);
        assert_eq!(stay.iter().map(|f| f.index).collect::<Vec<_>>(), [9]);
        assert_eq!(dropped[0].like, Some(0));
        let mut off = Deduplicator::new(&filters(Dedupe::Off), None);
        assert_eq!(off.push(vec![kept(0, 0), kept(1, 0)], &[]).0.len(), 2);
    }
}
