//! Damage. The same bytes and the same random numbers give the same damage.

use crate::elements::{Element, elements};
use fastrand::Rng;
use std::ops::Range;

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Nothing: such a video must give images.
    Intact,
    /// A few bits are flipped.
    BitFlips,
    /// The end, the start or a part between is gone.
    Cut,
    /// A run of bytes is zero.
    Zeroed,
    /// Two ranges change places.
    Swapped,
    /// A range is there twice.
    Duplicated,
    /// A few bytes are a number that programs stumble over.
    Number,
    /// A box is there twice.
    BoxDuplicated,
    /// Two boxes change places.
    BoxesSwapped,
    /// A box is gone.
    BoxRemoved,
    /// The size in a box's head is another.
    BoxSize,
    /// A part is another file's.
    Spliced,
    /// Several of these.
    Mixed,
}

impl Kind {
    /// Those that do one thing.
    const SINGLE: [Self; 11] = [
        Self::BitFlips,
        Self::Cut,
        Self::Zeroed,
        Self::Swapped,
        Self::Duplicated,
        Self::Number,
        Self::BoxDuplicated,
        Self::BoxesSwapped,
        Self::BoxRemoved,
        Self::BoxSize,
        Self::Spliced,
    ];

    /// One of them; now and then none, to see that whole files are still taken.
    pub fn any(random: &mut Rng) -> Self {
        match random.u32(..40) {
            0 => Self::Intact,
            1..5 => Self::Mixed,
            _ => Self::single(random),
        }
    }

    fn single(random: &mut Rng) -> Self {
        random.choice(Self::SINGLE).unwrap_or(Self::BitFlips)
    }

    /// As part of a file's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Intact => "intact",
            Self::BitFlips => "bit-flips",
            Self::Cut => "cut",
            Self::Zeroed => "zeroed",
            Self::Swapped => "swapped",
            Self::Duplicated => "duplicated",
            Self::Number => "number",
            Self::BoxDuplicated => "box-duplicated",
            Self::BoxesSwapped => "boxes-swapped",
            Self::BoxRemoved => "box-removed",
            Self::BoxSize => "box-size",
            Self::Spliced => "spliced",
            Self::Mixed => "mixed",
        }
    }
}

/// Longest range that is zeroed, swapped or there twice.
const LONGEST: usize = 4096;
/// Numbers of the edges of types.
const NUMBERS: [u64; 10] = [
    0,
    1,
    2,
    0x7f,
    0xff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    u64::MAX,
];

/// The file, damaged. `other` is where [`Kind::Spliced`] takes from.
pub fn mutate(bytes: &[u8], kind: Kind, other: &[u8], random: &mut Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    match kind {
        Kind::Intact => {}
        Kind::BitFlips => flip(&mut bytes, random),
        Kind::Cut => cut(&mut bytes, random),
        Kind::Zeroed => {
            let range = range(bytes.len(), random);
            bytes.get_mut(range).unwrap_or_default().fill(0);
        }
        Kind::Swapped => {
            let (one, two) = (range(bytes.len(), random), range(bytes.len(), random));
            swap(&mut bytes, one, two);
        }
        Kind::Duplicated => {
            let range = range(bytes.len(), random);
            let at = place(bytes.len(), random);
            duplicate(&mut bytes, range, at);
        }
        Kind::Number => {
            let at = place(bytes.len(), random);
            let length = random.choice([1, 2, 4, 8]).unwrap_or(4);
            write_number(&mut bytes, at..at + length, random);
        }
        Kind::BoxDuplicated => {
            if let Some([one, two]) = two_elements(&bytes, random) {
                duplicate(&mut bytes, one.all, two.all.start);
            }
        }
        Kind::BoxesSwapped => {
            if let Some([one, two]) = two_elements(&bytes, random) {
                swap(&mut bytes, one.all, two.all);
            }
        }
        Kind::BoxRemoved => {
            if let Some([one, _]) = two_elements(&bytes, random) {
                bytes.drain(one.all);
            }
        }
        Kind::BoxSize => {
            if let Some([one, _]) = two_elements(&bytes, random) {
                write_number(&mut bytes, one.size, random);
            }
        }
        Kind::Spliced => splice(&mut bytes, other, random),
        Kind::Mixed => {
            for _ in 0..random.usize(2..=4) {
                let kind = Kind::single(random);
                bytes = mutate(&bytes, kind, other, random);
            }
        }
    }
    bytes
}

/// A place in a file: as often in its head, where its structure lies, as anywhere.
fn place(length: usize, random: &mut Rng) -> usize {
    let within = if random.bool() {
        length.min(1024)
    } else {
        length
    };
    random.usize(..within.max(1))
}

fn range(length: usize, random: &mut Rng) -> Range<usize> {
    let start = place(length, random);
    // As often short as long.
    let longest = 1_usize << random.u32(0..=LONGEST.ilog2());
    start..length.min(start + random.usize(1..=longest))
}

fn flip(bytes: &mut [u8], random: &mut Rng) {
    for _ in 0..1_u32 << random.u32(0..=5) {
        let at = place(bytes.len(), random);
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << random.u32(..8);
        }
    }
}

fn cut(bytes: &mut Vec<u8>, random: &mut Rng) {
    let at = random.usize(..=bytes.len());
    match random.u32(..4) {
        0 => drop(bytes.drain(..at)),
        1 => drop(bytes.drain(range(bytes.len(), random))),
        _ => bytes.truncate(at),
    }
}

fn duplicate(bytes: &mut Vec<u8>, range: Range<usize>, at: usize) {
    let part = bytes.get(range).unwrap_or_default().to_vec();
    let at = at.min(bytes.len());
    bytes.splice(at..at, part);
}

/// Ranges that overlap stay where they are.
fn swap(bytes: &mut Vec<u8>, one: Range<usize>, two: Range<usize>) {
    let (first, second) = if one.start <= two.start {
        (one, two)
    } else {
        (two, one)
    };
    if first.end <= second.start {
        let [a, b, c] = [first.clone(), first.end..second.start, second.clone()]
            .map(|range| bytes.get(range).unwrap_or_default().to_vec());
        bytes.splice(first.start..second.end, [c, b, a].concat());
    }
}

fn write_number(bytes: &mut [u8], range: Range<usize>, random: &mut Rng) {
    let end = range.end.min(bytes.len());
    let Some(place) = bytes.get_mut(range.start.min(end)..end) else {
        return;
    };
    let old = place
        .iter()
        .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let number = match random.u32(..4) {
        0 => old.wrapping_add(random.u64(1..=16)),
        1 => old.wrapping_sub(random.u64(1..=16)),
        2 => random.u64(..),
        _ => random.choice(NUMBERS).unwrap_or(0),
    };
    let little = random.u32(..4) == 0;
    let width = place.len();
    for (index, byte) in place.iter_mut().enumerate() {
        let shift = if little { index } else { width - 1 - index };
        *byte = number.checked_shr(8 * shift as u32).unwrap_or(0) as u8;
    }
}

fn two_elements(bytes: &[u8], random: &mut Rng) -> Option<[Element; 2]> {
    let found = elements(bytes);
    // A TS file has hundreds of packets and an MP4 file two dozen boxes: the first ones count more.
    let within = if random.bool() {
        found.len().min(24)
    } else {
        found.len()
    };
    let mut one = || random.choice(&found[..within]).cloned();
    Some([one()?, one()?])
}

fn splice(bytes: &mut Vec<u8>, other: &[u8], random: &mut Rng) {
    let at = random.usize(..=bytes.len());
    match random.u32(..3) {
        0 => {
            bytes.truncate(at);
            bytes.extend(
                other
                    .get(random.usize(..=other.len())..)
                    .unwrap_or_default(),
            );
        }
        1 => {
            let part = other.get(range(other.len(), random)).unwrap_or_default();
            bytes.splice(at..at, part.iter().copied());
        }
        _ => {
            if let (Some([ours, _]), Some([theirs, _])) =
                (two_elements(bytes, random), two_elements(other, random))
            {
                let part = other.get(theirs.all).unwrap_or_default();
                bytes.splice(ours.all, part.iter().copied());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something with structure: two dozen boxes.
    fn file(fill: u8) -> Vec<u8> {
        let one = |number: u8| [&[0, 0, 0, 108][..], b"free", &[number ^ fill; 100]].concat();
        (0..24).flat_map(one).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_damage_and_another_seed_another() {
        let (bytes, other) = (file(0), file(0x55));
        for kind in Kind::SINGLE.into_iter().chain([Kind::Mixed]) {
            let with = |seed| mutate(&bytes, kind, &other, &mut Rng::with_seed(seed));
            let all: Vec<Vec<u8>> = (0..40).map(with).collect();
            assert_eq!(all, (0..40).map(with).collect::<Vec<_>>(), "{kind:?}");
            assert!(all.iter().any(|it| *it != bytes), "{kind:?} does nothing");
            assert!(all.iter().any(|it| *it != all[0]), "{kind:?}: one damage");
        }
        let intact = mutate(&bytes, Kind::Intact, &other, &mut Rng::with_seed(1));
        assert_eq!(intact, bytes);
    }

    #[test]
    fn any_bytes_can_be_damaged() {
        for seed in 0..3000 {
            let mut random = Rng::with_seed(seed);
            let length = random.usize(..64);
            let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..))
                .take(length)
                .collect();
            for kind in Kind::SINGLE.into_iter().chain([Kind::Mixed]) {
                mutate(&bytes, kind, &bytes, &mut random);
            }
        }
    }

    #[test]
    fn ranges_change_places() {
        let mut bytes = b"aaabbbbc".to_vec();
        swap(&mut bytes, 7..8, 0..3);
        assert_eq!(bytes, b"cbbbbaaa");
        swap(&mut bytes, 0..4, 3..5);
        assert_eq!(bytes, b"cbbbbaaa");
    }
}
