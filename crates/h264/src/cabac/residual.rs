//! Transform coefficients, clause 7.3.5.3.3 with the contexts of 9.3.3.1.1.9 and 9.3.3.1.3.

use super::{Bins, Cabac};
use crate::Error;
use crate::sample::Sample;
use crate::scan::Block;

/// Contexts of a `ctxBlockCat` (tables 9-34 and 9-40).
struct Contexts {
    significant: [u16; 2],
    last: [u16; 2],
    level: u16,
}

/// By ctxBlockCat; the pairs are for frame and field macroblocks.
#[rustfmt::skip]
const CONTEXTS: [Contexts; 14] = [
    contexts([105, 277], [166, 338], 227),
    contexts([105 + 15, 277 + 15], [166 + 15, 338 + 15], 227 + 10),
    contexts([105 + 29, 277 + 29], [166 + 29, 338 + 29], 227 + 20),
    contexts([105 + 44, 277 + 44], [166 + 44, 338 + 44], 227 + 30),
    contexts([105 + 47, 277 + 47], [166 + 47, 338 + 47], 227 + 39),
    contexts([402, 436], [417, 451], 426),
    contexts([484, 776], [572, 864], 952),
    contexts([484 + 15, 776 + 15], [572 + 15, 864 + 15], 952 + 10),
    contexts([484 + 29, 776 + 29], [572 + 29, 864 + 29], 952 + 20),
    contexts([660, 675], [690, 699], 708),
    contexts([528, 820], [616, 908], 982),
    contexts([528 + 15, 820 + 15], [616 + 15, 908 + 15], 982 + 10),
    contexts([528 + 29, 820 + 29], [616 + 29, 908 + 29], 982 + 20),
    contexts([718, 733], [748, 757], 766),
];

const fn contexts(significant: [u16; 2], last: [u16; 2], level: u16) -> Contexts {
    Contexts {
        significant,
        last,
        level,
    }
}

/// ctxIdx of `coded_block_flag` with an increment of 0, by ctxBlockCat.
pub(crate) const CODED_BLOCK_FLAG: [u16; 14] = [
    85, 89, 93, 97, 101, 1012, 460, 464, 468, 1016, 472, 476, 480, 1020,
];

/// Table 9-43 for frame and field macroblocks: increments of `significant_coeff_flag` in 8×8 blocks.
#[rustfmt::skip]
const SIGNIFICANT_8X8: [[u8; 64]; 2] = [
    [
        0, 1, 2, 3, 4, 5, 5, 4, 4, 3, 3, 4, 4, 4, 5, 5,
        4, 4, 4, 4, 3, 3, 6, 7, 7, 7, 8, 9, 10, 9, 8, 7,
        7, 6, 11, 12, 13, 11, 6, 7, 8, 9, 14, 10, 9, 8, 6, 11,
        12, 13, 11, 6, 9, 14, 10, 9, 11, 12, 13, 11, 14, 10, 12, 0,
    ],
    [
        0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 7, 7, 8, 4, 5,
        6, 9, 10, 10, 8, 11, 12, 11, 9, 9, 10, 10, 8, 11, 12, 11,
        9, 9, 10, 10, 8, 11, 12, 11, 9, 9, 10, 10, 8, 13, 13, 9,
        9, 10, 10, 8, 13, 13, 9, 9, 10, 10, 14, 14, 14, 14, 14, 0,
    ],
];

/// Table 9-43: increments of `last_significant_coeff_flag` in 8×8 blocks.
#[rustfmt::skip]
const LAST_8X8: [u8; 64] = [
    0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4,
    5, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7, 8, 8, 8, 0,
];

/// Longest prefix of the exp-Golomb suffix: levels have 2^(7 + bit depth) at most, and 14 bits there are.
const LONGEST_SUFFIX: u32 = 22;

/// Coefficients found, in scan order: at most 64.
struct Found {
    places: [u8; 64],
    count: usize,
}

impl Cabac<'_> {
    /// Decodes the coefficients of a block whose `coded_block_flag` is 1 into `out`, scaled, and gives
    /// their number.
    ///
    /// # Errors
    /// A level that no bit depth has.
    #[inline]
    pub fn residual<S: Sample, const N: usize>(
        &mut self,
        block: &Block<'_>,
        out: &mut [S::Coefficient; N],
    ) -> Result<usize, Error> {
        let contexts = &CONTEXTS[block.category & 15];
        let field = usize::from(block.field);
        let significant = usize::from(contexts.significant[field]);
        let last = usize::from(contexts.last[field]);
        let mut found = Found {
            places: [0; 64],
            count: 0,
        };
        match block.category {
            5 | 9 | 13 => self.map_8x8(significant, last, field, &mut found),
            3 => self.map_chroma_dc(significant, last, block.coefficients, &mut found),
            _ => self.map(significant, last, block.coefficients, &mut found),
        }
        self.levels::<S, N>(usize::from(contexts.level), block, &found, out)?;
        Ok(found.count)
    }

    #[inline(always)]
    fn map(&mut self, significant: usize, last: usize, coefficients: usize, found: &mut Found) {
        self.find(coefficients, found, |i| (significant + i, last + i));
    }

    fn map_8x8(&mut self, significant: usize, last: usize, field: usize, found: &mut Found) {
        let increments = &SIGNIFICANT_8X8[field & 1];
        self.find(64, found, |i| {
            (
                significant + usize::from(increments[i & 63]),
                last + usize::from(LAST_8X8[i & 63]),
            )
        });
    }

    fn map_chroma_dc(
        &mut self,
        significant: usize,
        last: usize,
        coefficients: usize,
        found: &mut Found,
    ) {
        let blocks = coefficients / 4;
        self.find(coefficients, found, |i| {
            let increment = (i / blocks).min(2);
            (significant + increment, last + increment)
        });
    }

    /// Reads which coefficients there are; `contexts` gives those of the two flags by place.
    #[inline(always)]
    fn find(
        &mut self,
        coefficients: usize,
        found: &mut Found,
        contexts: impl Fn(usize) -> (usize, usize),
    ) {
        let mut bins = self.bins;
        let mut count = 0;
        let mut ended = false;
        for i in 0..coefficients - 1 {
            let (significant, last) = contexts(i);
            if bins.bin(&mut self.states, significant) == 1 {
                found.places[count & 63] = i as u8;
                count += 1;
                if bins.bin(&mut self.states, last) == 1 {
                    ended = true;
                    break;
                }
            }
        }
        if !ended {
            found.places[count & 63] = (coefficients - 1) as u8;
            count += 1;
        }
        found.count = count;
        self.bins = bins;
    }

    #[inline(always)]
    fn levels<S: Sample, const N: usize>(
        &mut self,
        base: usize,
        block: &Block<'_>,
        found: &Found,
        out: &mut [S::Coefficient; N],
    ) -> Result<(), Error> {
        // Of the first bin: 1 + how many levels were 1, until one was larger; of the others: how many
        // were larger.
        let (mut ones, mut larger) = (1, 0);
        let most_larger = if block.category == 3 { 3 } else { 4 };
        let mut bins = self.bins;
        for &place in found.places[..found.count.min(64)].iter().rev() {
            let first = if larger > 0 { 0 } else { ones };
            let mut level = 1;
            if bins.bin(&mut self.states, base + first) == 1 {
                let context = base + 5 + larger;
                level = 2;
                while level < 15 && bins.bin(&mut self.states, context) == 1 {
                    level += 1;
                }
                if level == 15 {
                    level += bins.suffix()?;
                }
                larger = (larger + 1).min(most_larger);
            } else {
                ones = (ones + 1).min(4);
            }
            let sign = bins.bypass() as i32;
            let level = (level ^ -sign) + sign;
            let (to, value) = block.scaled(usize::from(place), level);
            out[to & (N - 1)] = S::coefficient(value);
        }
        self.bins = bins;
        Ok(())
    }
}

impl Bins<'_> {
    /// Exp-Golomb code of order 0 in bypass bins.
    fn suffix(&mut self) -> Result<i32, Error> {
        let mut length = 0;
        while self.bypass() == 1 {
            length += 1;
            if length > LONGEST_SUFFIX {
                return Err(Error::damaged("transform coefficient out of range"));
            }
        }
        let mut value = 1;
        for _ in 0..length {
            value = value << 1 | self.bypass() as i32;
        }
        Ok(value - 1)
    }
}
