//! Scaling lists, clauses 7.3.2.1.1.1 and 8.5.6.

use crate::Error;
use crate::bits::BitReader;
use crate::scan::{ZIGZAG_4X4, ZIGZAG_8X8};

/// Table 7-3, in zigzag order.
const DEFAULT_4X4: [[u8; 16]; 2] = [
    [
        6, 13, 13, 20, 20, 20, 28, 28, 28, 28, 32, 32, 32, 37, 37, 42,
    ],
    [
        10, 14, 14, 20, 20, 20, 24, 24, 24, 24, 27, 27, 27, 30, 30, 34,
    ],
];

/// Table 7-4, in zigzag order.
#[rustfmt::skip]
const DEFAULT_8X8: [[u8; 64]; 2] = [
    [
        6, 10, 10, 13, 11, 13, 16, 16, 16, 16, 18, 18, 18, 18, 18, 23,
        23, 23, 23, 23, 23, 25, 25, 25, 25, 25, 25, 25, 27, 27, 27, 27,
        27, 27, 27, 27, 29, 29, 29, 29, 29, 29, 29, 31, 31, 31, 31, 31,
        31, 33, 33, 33, 33, 33, 36, 36, 36, 36, 38, 38, 38, 40, 40, 42,
    ],
    [
        9, 13, 13, 15, 13, 15, 17, 17, 17, 17, 19, 19, 19, 19, 19, 21,
        21, 21, 21, 21, 21, 22, 22, 22, 22, 22, 22, 22, 24, 24, 24, 24,
        24, 24, 24, 24, 25, 25, 25, 25, 25, 25, 25, 27, 27, 27, 27, 27,
        27, 28, 28, 28, 28, 28, 30, 30, 30, 30, 32, 32, 32, 33, 33, 35,
    ],
];

/// A list as it is coded.
#[derive(Clone, Debug, PartialEq, Eq)]
enum List<const N: usize> {
    /// `scaling_list_present_flag` 0.
    Absent,
    /// `useDefaultScalingMatrixFlag` 1.
    Default,
    /// In zigzag order.
    Given([u8; N]),
}

/// The lists of a parameter set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScalingLists {
    four: [List<16>; 6],
    eight: [List<64>; 6],
}

impl ScalingLists {
    /// Reads 6 lists of 4×4 and `eights` of 8×8.
    ///
    /// # Errors
    /// `delta_scale` out of range.
    pub fn parse(bits: &mut BitReader<'_>, eights: usize) -> Result<Self, Error> {
        let mut lists = Self {
            four: std::array::from_fn(|_| List::Absent),
            eight: std::array::from_fn(|_| List::Absent),
        };
        for list in &mut lists.four {
            *list = parse_list(bits)?;
        }
        for list in lists.eight.iter_mut().take(eights) {
            *list = parse_list(bits)?;
        }
        Ok(lists)
    }
}

fn parse_list<const N: usize>(bits: &mut BitReader<'_>) -> Result<List<N>, Error> {
    if !bits.flag() {
        return Ok(List::Absent);
    }
    let mut list = [0; N];
    let (mut last, mut next) = (8, 8);
    for (j, scale) in list.iter_mut().enumerate() {
        if next != 0 {
            let delta = bits.se_to(128, "delta_scale")?;
            next = (last + delta) & 255;
            if j == 0 && next == 0 {
                return Ok(List::Default);
            }
        }
        if next != 0 {
            last = next;
        }
        *scale = last as u8;
    }
    Ok(List::Given(list))
}

/// weightScale4x4 and weightScale8x8 in raster order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScalingMatrices {
    /// Intra Y, Cb, Cr, inter Y, Cb, Cr.
    pub m4: [[u8; 16]; 6],
    /// Intra Y, inter Y, intra Cb, inter Cb, intra Cr, inter Cr.
    pub m8: [[u8; 64]; 6],
}

impl ScalingMatrices {
    /// Those of pictures whose SPS and PPS have these lists (table 7-2).
    pub fn of(sps: Option<&ScalingLists>, pps: Option<&ScalingLists>) -> Self {
        let flat = Self {
            m4: [[16; 16]; 6],
            m8: [[16; 64]; 6],
        };
        let of_sps = sps.map(|lists| resolve(lists, None));
        let zigzag = match pps {
            None => of_sps.unwrap_or(flat),
            Some(lists) => resolve(lists, of_sps.as_ref()),
        };
        Self {
            m4: zigzag.m4.map(|list| raster(&list, &ZIGZAG_4X4)),
            m8: zigzag.m8.map(|list| raster(&list, &ZIGZAG_8X8)),
        }
    }
}

/// Puts lists in place of those that are not there: fall-back rule set B with those of the SPS, else A.
/// Still in zigzag order.
fn resolve(lists: &ScalingLists, sps: Option<&ScalingMatrices>) -> ScalingMatrices {
    let mut out = ScalingMatrices {
        m4: [[16; 16]; 6],
        m8: [[16; 64]; 6],
    };
    for i in 0..6 {
        let default = DEFAULT_4X4[i / 3];
        out.m4[i] = match &lists.four[i] {
            List::Given(list) => *list,
            List::Default => default,
            List::Absent if i % 3 != 0 => out.m4[i - 1],
            List::Absent => sps.map_or(default, |sps| sps.m4[i]),
        };
        let default = DEFAULT_8X8[i % 2];
        out.m8[i] = match &lists.eight[i] {
            List::Given(list) => *list,
            List::Default => default,
            List::Absent if i >= 2 => out.m8[i - 2],
            List::Absent => sps.map_or(default, |sps| sps.m8[i]),
        };
    }
    out
}

fn raster<const N: usize>(list: &[u8; N], scan: &[u8; N]) -> [u8; N] {
    let mut out = [0; N];
    for (&place, &value) in scan.iter().zip(list) {
        out[usize::from(place) % N] = value;
    }
    out
}
