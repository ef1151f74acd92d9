//! Which earlier pictures a picture refers to, clause 8.3.2.

use super::nal::{is_slice, nal_type, nal_unit_type};
use super::pps::Pps;
use super::reference_sets::{ShortTerm, ShortTermSet};
use super::slice::SliceHeader;
use super::sps::Sps;
use crate::bitstream::bits::{BitReader, rbsp};
use crate::bitstream::parameter_sets::ParameterSets;

/// Bytes of a slice NAL unit that hold all of its reference picture sets.
const SLICE_SETS: usize = 512;

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

/// The reference pictures of one picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PictureReferences {
    /// Short-term.
    pub short_term: Vec<ShortTerm>,
    /// Long-term.
    pub long_term: Vec<LongTerm>,
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
    use crate::bitstream::bits::bits_of;

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
