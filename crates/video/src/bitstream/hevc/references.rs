//! Reference picture sets: which earlier pictures a picture refers to, clauses 7.3.7 and 8.3.2.

use super::nal::{is_slice, nal_type, nal_unit_type};
use super::pps::Pps;
use super::slice::SliceHeader;
use super::sps::Sps;
use crate::bitstream::bits::{BitReader, rbsp};
use crate::bitstream::parameter_sets::ParameterSets;

/// Most pictures of one direction in a set: `sps_max_dec_pic_buffering_minus1` is at most 15.
const MAX_PICTURES: u8 = 16;
/// Bytes of a slice NAL unit that hold all of its reference picture sets.
const SLICE_SETS: usize = 512;

/// A picture of a short-term set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortTerm {
    /// Its picture order count less that of the picture which has the set.
    pub delta: i64,
    /// `used_by_curr_pic`: that picture itself refers to it, not only later ones.
    pub used: bool,
}

/// A short-term reference picture set, `st_ref_pic_set`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShortTermSet {
    /// Pictures before, the nearest first.
    negative: Vec<ShortTerm>,
    /// Pictures behind, the nearest first.
    positive: Vec<ShortTerm>,
}

/// A picture of a long-term set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongTerm {
    /// `PocLsbLt`.
    pub lsb: u32,
    /// `DeltaPocMsbCycleLt`, where the slice gives it: how many cycles of the least significant
    /// part the picture is back.
    pub msb_cycles: Option<u32>,
    /// The picture itself refers to it, not only later ones.
    pub used: bool,
}

/// What a sequence parameter set says of references.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SequenceReferences {
    /// `st_ref_pic_set`s that slices choose from.
    pub short_term: Vec<ShortTermSet>,
    /// `lt_ref_pic_poc_lsb_sps` and `used_by_curr_pic_lt_sps_flag`; `None` where no slice has
    /// long-term references.
    pub long_term: Option<Vec<(u32, bool)>>,
}

/// The reference pictures of one picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PictureReferences {
    /// Short-term.
    pub short_term: Vec<ShortTerm>,
    /// Long-term.
    pub long_term: Vec<LongTerm>,
}

impl SequenceReferences {
    /// From `num_short_term_ref_pic_sets` to the end of the long-term pictures of an SPS.
    pub(super) fn parse(bits: &mut BitReader<'_>, log2_max_poc_lsb: u8) -> Option<Self> {
        let count = bits.ue_up_to(64)?;
        let mut short_term = Vec::new();
        for _ in 0..count {
            let set = ShortTermSet::parse(bits, &short_term, false)?;
            short_term.push(set);
        }
        let mut long_term = None;
        if bits.flag()? {
            let pictures = long_term.insert(Vec::new());
            for _ in 0..bits.ue_up_to(32)? {
                pictures.push((bits.bits(u32::from(log2_max_poc_lsb))?, bits.flag()?));
            }
        }
        Some(Self {
            short_term,
            long_term,
        })
    }
}

impl ShortTermSet {
    /// `before` are the sets of the SPS that come before; `in_slice` where the set stands in a
    /// slice header, which may choose the one that it is predicted from.
    fn parse(bits: &mut BitReader<'_>, before: &[Self], in_slice: bool) -> Option<Self> {
        if !before.is_empty() && bits.flag()? {
            return Self::predicted(bits, before, in_slice);
        }
        let negative = bits.ue_up_to(MAX_PICTURES)?;
        let positive = bits.ue_up_to(MAX_PICTURES)?;
        Some(Self {
            negative: Self::direction(bits, negative, -1)?,
            positive: Self::direction(bits, positive, 1)?,
        })
    }

    fn direction(bits: &mut BitReader<'_>, count: u8, sign: i64) -> Option<Vec<ShortTerm>> {
        let mut delta = 0_i64;
        let mut pictures = Vec::new();
        for _ in 0..count {
            let step = i64::from(bits.ue().filter(|&step| step < 1 << 15)?) + 1;
            delta += sign * step;
            let used = bits.flag()?;
            pictures.push(ShortTerm { delta, used });
        }
        Some(pictures)
    }

    /// `inter_ref_pic_set_prediction_flag`: equations 7-61 and 7-62.
    fn predicted(bits: &mut BitReader<'_>, before: &[Self], in_slice: bool) -> Option<Self> {
        let back = if in_slice { bits.ue()? } else { 0 };
        let back = usize::try_from(back).ok()?.checked_add(1)?;
        let source = before.get(before.len().checked_sub(back)?)?;
        let negative = bits.flag()?;
        let distance = i64::from(bits.ue().filter(|&it| it < 1 << 15)?) + 1;
        let shift = if negative { -distance } else { distance };
        // In the order of the syntax: the set's pictures, then the one that has the set.
        let own = ShortTerm {
            delta: 0,
            used: true,
        };
        let sources = source.negative.iter().chain(&source.positive);
        let mut pictures = Vec::new();
        for picture in sources.chain([&own]) {
            let used = bits.flag()?;
            // use_delta_flag is 1 where it is not there.
            if used || bits.flag()? {
                let delta = picture.delta + shift;
                pictures.push(ShortTerm { delta, used });
            }
        }
        let of = |sign: i64| {
            let mut of: Vec<ShortTerm> = pictures.clone();
            of.retain(|picture| picture.delta.signum() == sign);
            of.sort_by_key(|picture| picture.delta.abs());
            of
        };
        let (negative, positive) = (of(-1), of(1));
        let most = usize::from(MAX_PICTURES);
        let fits = negative.len() <= most && positive.len() <= most;
        fits.then_some(Self { negative, positive })
    }

    fn pictures(&self) -> Vec<ShortTerm> {
        [self.negative.as_slice(), &self.positive].concat()
    }
}

impl PictureReferences {
    /// From an independent slice segment (NAL unit, header bytes included). `None` where it
    /// cannot be read, or where the slice is a dependent one.
    pub fn parse(nal: &[u8], sets: &ParameterSets<Sps, Pps>) -> Option<Self> {
        let kind = nal_unit_type(nal).filter(|&kind| is_slice(kind))?;
        let bytes = rbsp(nal.get(2..nal.len().min(SLICE_SETS))?);
        let mut bits = BitReader::new(&bytes);
        let header = SliceHeader::read(&mut bits, nal, kind, sets)?;
        header.slice_type?;
        if matches!(kind, nal_type::IDR_W_RADL | nal_type::IDR_N_LP) {
            return Some(Self::default());
        }
        let (sps, _) = sets.of(header.pps_id)?;
        let of_sequence = sps.references.as_ref()?;
        let short_term = short_term(&mut bits, &of_sequence.short_term)?;
        let long_term = match &of_sequence.long_term {
            Some(of_sequence) => long_term(&mut bits, of_sequence, sps.log2_max_poc_lsb)?,
            None => Vec::new(),
        };
        Some(Self {
            short_term,
            long_term,
        })
    }
}

/// Bits of an index below `count`: `Ceil( Log2( count ) )`.
fn index_bits(count: usize) -> u32 {
    usize::BITS - count.saturating_sub(1).leading_zeros()
}

fn short_term(bits: &mut BitReader<'_>, sets: &[ShortTermSet]) -> Option<Vec<ShortTerm>> {
    if !bits.flag()? {
        return Some(ShortTermSet::parse(bits, sets, true)?.pictures());
    }
    let index = usize::try_from(bits.bits(index_bits(sets.len()))?).ok()?;
    Some(sets.get(index)?.pictures())
}

fn long_term(
    bits: &mut BitReader<'_>,
    of_sequence: &[(u32, bool)],
    log2_max_poc_lsb: u8,
) -> Option<Vec<LongTerm>> {
    let from_sequence = match of_sequence.is_empty() {
        true => 0,
        false => bits.ue_up_to(32)?,
    };
    let own = bits.ue_up_to(32)?;
    let mut pictures = Vec::new();
    let mut cycles = 0_u32;
    for number in 0..from_sequence + own {
        let (lsb, used) = if number < from_sequence {
            let index = bits.bits(index_bits(of_sequence.len()))?;
            *of_sequence.get(usize::try_from(index).ok()?)?
        } else {
            (bits.bits(u32::from(log2_max_poc_lsb))?, bits.flag()?)
        };
        // Differences, within those of the sequence and within the slice's own (7-52).
        if number == from_sequence {
            cycles = 0;
        }
        let msb_present = bits.flag()?;
        if msb_present {
            cycles = cycles.checked_add(bits.ue()?)?;
        }
        pictures.push(LongTerm {
            lsb,
            msb_cycles: msb_present.then_some(cycles),
            used,
        });
    }
    Some(pictures)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits_of(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text
            .bytes()
            .filter(|it| *it != b' ')
            .map(|it| it - b'0')
            .collect();
        let byte = |eight: &[u8]| {
            (0..8).fold(0, |byte, at| {
                (byte << 1) | eight.get(at).copied().unwrap_or(0)
            })
        };
        digits.chunks(8).map(byte).collect()
    }

    fn pairs(pictures: &[ShortTerm]) -> Vec<(i64, bool)> {
        pictures.iter().map(|it| (it.delta, it.used)).collect()
    }

    #[test]
    fn a_set_is_predicted_from_the_one_before() {
        // Two sets: {-1 used, -3 unused | +2 used}, then the first moved by -1 (the set of the
        // next picture), all of it used but the third.
        let bytes = bits_of(
            "011 011 010 \
             1 1  010 0  010 1 \
             1 1 1 1 1 01 1 0",
        );
        let mut bits = BitReader::new(&bytes);
        let sets = SequenceReferences::parse(&mut bits, 8).unwrap();
        assert_eq!(
            pairs(&sets.short_term[0].pictures()),
            [(-1, true), (-3, false), (2, true)]
        );
        // -1-1, -3-1, 2-1 (kept though not used), 0-1.
        assert_eq!(
            pairs(&sets.short_term[1].pictures()),
            [(-1, true), (-2, true), (-4, true), (1, false)]
        );
        assert_eq!(sets.long_term, None);
    }

    #[test]
    fn indices_have_as_many_bits_as_needed() {
        let found = [0, 1, 2, 3, 4, 5, 32].map(index_bits);
        assert_eq!(found, [0, 0, 1, 2, 2, 3, 5]);
    }

    #[test]
    fn cycles_of_long_term_pictures_add_up() {
        // Two of the sequence's three, two own; the second of each with a cycle.
        let bytes = bits_of(
            "011 011 \
             00 1 010  10 1 011 \
             1010 1 1 011  0110 0 0",
        );
        let mut bits = BitReader::new(&bytes);
        let of_sequence = [(1, true), (2, true), (3, false)];
        let found = long_term(&mut bits, &of_sequence, 4).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|it| (it.lsb, it.msb_cycles, it.used))
            .collect();
        assert_eq!(
            found,
            [
                (1, Some(1), true),
                (3, Some(3), false),
                (10, Some(2), true),
                (6, None, false)
            ]
        );
    }
}
