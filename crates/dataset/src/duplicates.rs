//! Images of different splits that look the same.

use crate::DatasetFrame;
use crate::candidate::frame_name;
use crate::warning::{MOST_EXAMPLES, Warning, WarningCode};
use std::collections::BTreeMap;

/// Bits in which the perceptual hashes of images that look the same may differ.
const MOST_BITS: u32 = 3;
/// Parts of a hash: where at most 3 bits differ, one of 4 parts is the same.
const BANDS: u32 = 4;
/// Bits of a part.
const BAND_BITS: u32 = u64::BITS / BANDS;
/// Hashes that are compared at most, but for those that are the same. A camera that does not move makes hashes of which most have a part
/// in common, and to compare each with each would take hours.
const MOST_COMPARED: u64 = 1 << 24;
/// Of those with one part in common, so that one still camera leaves something for the others.
const MOST_COMPARED_OF_PART: u64 = 1 << 20;

/// A hash that images of a split have.
struct Look<'a> {
    hash: u64,
    split: &'a str,
    /// The first of them.
    first: &'a DatasetFrame,
}

/// Pairs that were found so far.
#[derive(Default)]
struct Pairs {
    count: u64,
    examples: Vec<String>,
    compared: u64,
    /// Not all could be compared.
    is_cut: bool,
}

/// A warning of pairs of images that look the same and are in different splits, or of not knowing: those
/// of one split with the same hash are counted once. Frames are in order.
pub(crate) fn near_duplicates(frames: &[DatasetFrame]) -> Option<Warning> {
    let looks = looks(frames);
    let mut pairs = Pairs::default();
    pairs.add_same(&looks);
    for band in 0..BANDS {
        pairs.add_band(&looks, band);
    }
    let cut = match pairs.is_cut {
        true => "; there were too many to compare all, the count is a lower bound",
        false => "",
    };
    (pairs.count > 0 || pairs.is_cut).then(|| Warning {
        code: WarningCode::NearDuplicates,
        message: format!(
            "images of different splits look the same, so that what was learnt is asked; a group pattern that joins their videos keeps them together{cut}"
        ),
        count: pairs.count,
        examples: pairs.examples,
    })
}

/// Each hash of each split once, in order of splits: then those of one split are side by side.
fn looks(frames: &[DatasetFrame]) -> Vec<Look<'_>> {
    let mut found = BTreeMap::new();
    for frame in frames {
        if let Ok(hash) = u64::from_str_radix(&frame.image.phash, 16) {
            found.entry((frame.split.as_str(), hash)).or_insert(frame);
        }
    }
    let look = |((split, hash), first)| Look { hash, split, first };
    found.into_iter().map(look).collect()
}

/// A part of a hash.
fn part(hash: u64, band: u32) -> u64 {
    hash >> (band * BAND_BITS) & ((1 << BAND_BITS) - 1)
}

impl Pairs {
    /// Those with the same hash, all of them: a video that is there twice under two names.
    fn add_same(&mut self, looks: &[Look<'_>]) {
        let mut by_hash: BTreeMap<u64, Vec<&Look<'_>>> = BTreeMap::new();
        for look in looks {
            by_hash.entry(look.hash).or_default().push(look);
        }
        for same in by_hash.values() {
            // One of each split: there are at most 64.
            for (place, a) in same.iter().enumerate() {
                same.iter().skip(place + 1).for_each(|b| self.add(a, b));
            }
        }
    }

    /// Compares those that have this part in common.
    fn add_band(&mut self, looks: &[Look<'_>], band: u32) {
        let mut buckets: BTreeMap<u64, Vec<&Look<'_>>> = BTreeMap::new();
        for look in looks {
            buckets.entry(part(look.hash, band)).or_default().push(look);
        }
        for bucket in buckets.values() {
            self.add_bucket(bucket, band);
        }
    }

    fn add_bucket(&mut self, bucket: &[&Look<'_>], band: u32) {
        let mut left = MOST_COMPARED_OF_PART.min(MOST_COMPARED.saturating_sub(self.compared));
        for (place, a) in bucket.iter().enumerate() {
            let end = bucket.partition_point(|it| it.split <= a.split);
            for b in bucket.iter().skip(end.max(place)) {
                if left == 0 {
                    self.is_cut = true;
                    return;
                }
                left -= 1;
                self.compared += 1;
                self.add_pair(a, b, band);
            }
        }
    }

    fn add_pair(&mut self, a: &Look<'_>, b: &Look<'_>, band: u32) {
        let is_same = |band| part(a.hash, band) == part(b.hash, band);
        let bits = (a.hash ^ b.hash).count_ones();
        // What has an earlier part in common was found by that one.
        if (1..=MOST_BITS).contains(&bits) && !(0..band).any(is_same) {
            self.add(a, b);
        }
    }

    fn add(&mut self, a: &Look<'_>, b: &Look<'_>) {
        self.count += 1;
        if self.examples.len() < MOST_EXAMPLES {
            let name = |it: &Look<'_>| {
                let frame = frame_name(&it.first.video, it.first.index);
                format!("{frame} ({})", it.split)
            };
            self.examples.push(format!("{} and {}", name(a), name(b)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DatasetImage, FrameState};
    use proptest::prelude::*;

    fn frame(index: u64, hash: u64, split: &str) -> DatasetFrame {
        DatasetFrame {
            video: format!("{split}.mp4"),
            index,
            seconds: 0.0,
            image: DatasetImage {
                name: String::new(),
                sha256: String::new(),
                bytes: 0,
                width: 1,
                height: 1,
                phash: format!("{hash:016x}"),
            },
            group: split.to_owned(),
            split: split.to_owned(),
            state: FrameState::Unlabeled,
            target: None,
            revision: None,
            shapes: Vec::new(),
        }
    }

    fn count(frames: &[DatasetFrame]) -> u64 {
        near_duplicates(frames).map_or(0, |it| it.count)
    }

    #[test]
    fn only_pairs_of_different_splits_count_and_equal_ones_once() {
        let frames = [
            frame(0, 0, "train"),
            frame(1, 0, "train"),
            frame(2, 7, "test"),
            frame(3, 0, "test"),
            frame(4, 15, "val"),
        ];
        let found = near_duplicates(&frames).unwrap();
        // 0 and 7, 0 and 0, and 7 and 15; 0 and 15 differ in 4 bits.
        assert_eq!(found.count, 3);
        assert_eq!(
            found.examples[0],
            "test.mp4#3 (test) and train.mp4#0 (train)"
        );
        assert!(!found.message.contains("lower bound"));
        assert_eq!(near_duplicates(&frames[..2]), None);
    }

    /// 3,000 hashes of either split with three parts in common: 9 million pairs by each. Those with the same
    /// hash are all found.
    #[test]
    fn what_is_not_compared_is_said() {
        let frames: Vec<_> = (0..6_000)
            .map(|i| frame(i, i / 2, if i % 2 == 0 { "test" } else { "train" }))
            .collect();
        let found = near_duplicates(&frames).unwrap();
        assert!(found.message.contains("lower bound"), "{}", found.message);
        assert!(
            found.count >= 3_000,
            "those with the same hash: {}",
            found.count
        );
    }

    proptest! {
        #[test]
        fn pairs_are_those_of_comparing_each_with_each(
            seeds in proptest::collection::vec((0..3_u64, 0..64_u32, 0..64_u32, 0..64_u32, 0..3_usize), 0..40)
        ) {
            let hash = |&(seed, a, b, c, _): &(u64, u32, u32, u32, usize)| {
                seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 1 << a ^ 1 << b ^ 1 << c
            };
            let split = |it: &(u64, u32, u32, u32, usize)| ["test", "train", "val"][it.4];
            let all: std::collections::BTreeSet<_> = seeds.iter().map(|it| (split(it), hash(it))).collect();
            let expected = all.iter().map(|a| {
                all.iter().filter(|b| a.0 < b.0 && (a.1 ^ b.1).count_ones() <= 3).count() as u64
            });
            let frames: Vec<_> = seeds.iter().enumerate().map(|(i, it)| frame(i as u64, hash(it), split(it))).collect();
            prop_assert_eq!(count(&frames), expected.sum::<u64>());
        }
    }
}
