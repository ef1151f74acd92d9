//! Macroblock and sub-macroblock types, tables 7-11, 7-13, 7-14, 7-17, 7-18; `coded_block_pattern`,
//! table 9-4.

/// Which lists a partition is predicted from: bit 0 list 0, bit 1 list 1.
pub(super) type UsedLists = u8;

/// How an inter macroblock is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Partitions {
    /// B_Direct_16x16.
    Direct,
    /// One of 16×16.
    Whole(UsedLists),
    /// Two of 16×8.
    Rows([UsedLists; 2]),
    /// Two of 8×16.
    Columns([UsedLists; 2]),
    /// Four sub-macroblocks.
    Quarters,
    /// Four, of reference 0 each (P_8x8ref0).
    QuartersOfFirst,
}

/// A macroblock type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// Intra_4x4 or Intra_8x8.
    IntraNxN,
    /// Intra_16x16: prediction mode, chroma pattern, luma has AC coefficients.
    Intra16x16(u8, u16, bool),
    /// I_PCM.
    Pcm,
    /// P or B.
    Inter(Partitions),
}

/// Table 7-11; `None` above it.
pub(super) fn intra(code: u32) -> Option<Type> {
    match code {
        0 => Some(Type::IntraNxN),
        1..=24 => {
            let code = (code - 1) as u16;
            Some(Type::Intra16x16((code % 4) as u8, code / 4 % 3, code >= 12))
        }
        25 => Some(Type::Pcm),
        _ => None,
    }
}

/// Table 7-13.
pub(super) fn in_p(code: u32) -> Option<Type> {
    Some(Type::Inter(match code {
        0 => Partitions::Whole(1),
        1 => Partitions::Rows([1, 1]),
        2 => Partitions::Columns([1, 1]),
        3 => Partitions::Quarters,
        4 => Partitions::QuartersOfFirst,
        _ => return intra(code - 5),
    }))
}

/// Lists of the two partitions of types 4 to 21 of table 7-14, by pairs of them.
const PAIRS: [[UsedLists; 2]; 9] = [
    [1, 1],
    [2, 2],
    [1, 2],
    [2, 1],
    [1, 3],
    [2, 3],
    [3, 1],
    [3, 2],
    [3, 3],
];

/// Table 7-14.
pub(super) fn in_b(code: u32) -> Option<Type> {
    Some(Type::Inter(match code {
        0 => Partitions::Direct,
        1..=3 => Partitions::Whole(code as u8),
        4..=21 => {
            let pair = PAIRS[(code as usize - 4) / 2];
            match code % 2 {
                0 => Partitions::Rows(pair),
                _ => Partitions::Columns(pair),
            }
        }
        22 => Partitions::Quarters,
        _ => return intra(code - 23),
    }))
}

/// Shape (0 8×8, 1 8×4, 2 4×8, 3 4×4) and lists (0: direct) of sub-macroblock types of B slices, table
/// 7-18.
pub(super) const SUB_IN_B: [(u8, UsedLists); 13] = [
    (3, 0),
    (0, 1),
    (0, 2),
    (0, 3),
    (1, 1),
    (2, 1),
    (1, 2),
    (2, 2),
    (1, 3),
    (2, 3),
    (3, 1),
    (3, 2),
    (3, 3),
];

/// `coded_block_pattern` by codeNum for Intra_4x4 and Intra_8x8, and for inter, where chroma is
/// subsampled.
#[rustfmt::skip]
pub(super) const PATTERNS: [[u8; 48]; 2] = [
    [
        47, 31, 15, 0, 23, 27, 29, 30, 7, 11, 13, 14, 39, 43, 45, 46,
        16, 3, 5, 10, 12, 19, 21, 26, 28, 35, 37, 42, 44, 1, 2, 4,
        8, 17, 18, 20, 24, 6, 9, 22, 25, 32, 33, 34, 36, 40, 38, 41,
    ],
    [
        0, 16, 1, 2, 4, 8, 32, 3, 5, 10, 12, 15, 47, 7, 11, 13,
        14, 6, 9, 31, 35, 37, 42, 44, 33, 34, 36, 40, 39, 43, 45, 46,
        17, 18, 20, 24, 19, 21, 26, 28, 23, 27, 29, 30, 22, 25, 38, 41,
    ],
];

/// The same without chroma, or with 4:4:4.
pub(super) const LUMA_PATTERNS: [[u8; 16]; 2] = [
    [15, 0, 7, 11, 13, 14, 3, 5, 10, 12, 1, 2, 4, 8, 6, 9],
    [0, 1, 2, 4, 8, 3, 5, 10, 12, 15, 7, 11, 13, 14, 6, 9],
];
