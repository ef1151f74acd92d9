//! Reference picture sets as sequence parameter sets have them, clauses 7.3.7 and 7.4.8.

use crate::bitstream::bits::BitReader;

/// Most pictures of one direction in a set: `sps_max_dec_pic_buffering_minus1` is at most 15.
const MAX_PICTURES: u8 = 16;

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

/// What a sequence parameter set says of references.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SequenceReferences {
    /// `st_ref_pic_set`s that slices choose from.
    pub short_term: Vec<ShortTermSet>,
    /// `lt_ref_pic_poc_lsb_sps` and `used_by_curr_pic_lt_sps_flag`; `None` where no slice has
    /// long-term references.
    pub long_term: Option<Vec<(u32, bool)>>,
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
    pub(super) fn parse(bits: &mut BitReader<'_>, before: &[Self], in_slice: bool) -> Option<Self> {
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

    /// All of them.
    #[cfg(any(test, feature = "hevc"))]
    pub(super) fn pictures(&self) -> Vec<ShortTerm> {
        [self.negative.as_slice(), &self.positive].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitstream::bits::bits_of;

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
}
