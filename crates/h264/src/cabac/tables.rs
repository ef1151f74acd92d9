//! Tables of the arithmetic decoder, clause 9.3.3.2, and contexts' first states, clause 9.3.1.1.

use super::{contexts_0, contexts_1, contexts_2, contexts_i};

/// rangeTabLPS (table 9-44): by pStateIdx and two bits of the range.
#[rustfmt::skip]
const RANGE_LPS: [[u8; 4]; 64] = [
    [128, 176, 208, 240], [128, 167, 197, 227], [128, 158, 187, 216], [123, 150, 178, 205],
    [116, 142, 169, 195], [111, 135, 160, 185], [105, 128, 152, 175], [100, 122, 144, 166],
    [95, 116, 137, 158], [90, 110, 130, 150], [85, 104, 123, 142], [81, 99, 117, 135],
    [77, 94, 111, 128], [73, 89, 105, 122], [69, 85, 100, 116], [66, 80, 95, 110],
    [62, 76, 90, 104], [59, 72, 86, 99], [56, 69, 81, 94], [53, 65, 77, 89],
    [51, 62, 73, 85], [48, 59, 69, 80], [46, 56, 66, 76], [43, 53, 63, 72],
    [41, 50, 59, 69], [39, 48, 56, 65], [37, 45, 54, 62], [35, 43, 51, 59],
    [33, 41, 48, 56], [32, 39, 46, 53], [30, 37, 43, 50], [29, 35, 41, 48],
    [27, 33, 39, 45], [26, 31, 37, 43], [24, 30, 35, 41], [23, 28, 33, 39],
    [22, 27, 32, 37], [21, 26, 30, 35], [20, 24, 29, 33], [19, 23, 27, 31],
    [18, 22, 26, 30], [17, 21, 25, 28], [16, 20, 23, 27], [15, 19, 22, 25],
    [14, 18, 21, 24], [14, 17, 20, 23], [13, 16, 19, 22], [12, 15, 18, 21],
    [12, 14, 17, 20], [11, 14, 16, 19], [11, 13, 15, 18], [10, 12, 15, 17],
    [10, 12, 14, 16], [9, 11, 13, 15], [9, 11, 12, 14], [8, 10, 12, 14],
    [8, 9, 11, 13], [7, 9, 11, 12], [7, 9, 10, 12], [7, 8, 10, 11],
    [6, 8, 9, 11], [6, 7, 9, 10], [6, 7, 8, 9], [2, 2, 2, 2],
];

/// transIdxLPS (table 9-45).
#[rustfmt::skip]
const NEXT_LPS: [u8; 64] = [
    0, 0, 1, 2, 2, 4, 4, 5, 6, 7, 8, 9, 9, 11, 11, 12,
    13, 13, 15, 15, 16, 16, 18, 18, 19, 19, 21, 21, 22, 22, 23, 24,
    24, 25, 26, 26, 27, 27, 28, 29, 29, 30, 30, 30, 31, 32, 32, 33,
    33, 33, 34, 34, 35, 35, 35, 36, 36, 36, 37, 37, 37, 38, 38, 63,
];

/// The four ranges of a less probable symbol, one per byte, by state: `pStateIdx << 1 | valMPS`.
pub(super) const LPS: [u32; 128] = {
    let mut table = [0; 128];
    let mut state = 0;
    while state < 128 {
        table[state] = u32::from_le_bytes(RANGE_LPS[state >> 1]);
        state += 1;
    }
    table
};

/// The next state, by `state << 1 | (the less probable symbol was seen)`.
pub(super) const NEXT: [u8; 256] = {
    let mut table = [0; 256];
    let mut state = 0;
    while state < 128 {
        let (index, mps) = (state >> 1, (state & 1) as u8);
        let more = if index < 62 { index + 1 } else { index };
        table[state << 1] = (more as u8) << 1 | mps;
        let flipped = if index == 0 { 1 - mps } else { mps };
        table[state << 1 | 1] = NEXT_LPS[index] << 1 | flipped;
        state += 1;
    }
    table
};

/// All contexts at the start of a slice with `qp` from 0 to 51 (9-5); `idc` is `cabac_init_idc`, or
/// `None` for I slices.
pub(super) fn first_states(idc: Option<u8>, qp: i32) -> [u8; 1024] {
    let table = match idc {
        None => &contexts_i::INTRA,
        Some(0) => &contexts_0::INTER,
        Some(1) => &contexts_1::INTER,
        Some(_) => &contexts_2::INTER,
    };
    let mut states = [0; 1024];
    for (state, &(m, n)) in states.iter_mut().zip(table) {
        let value = (((i32::from(m) * qp) >> 4) + i32::from(n)).clamp(1, 126);
        *state = match value <= 63 {
            true => (63 - value) as u8 * 2,
            false => (value - 64) as u8 * 2 + 1,
        };
    }
    states
}
