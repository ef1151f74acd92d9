//! Constant tables.

/// Natural place of the k-th coefficient in zigzag order (T.81 figure A.6).
#[rustfmt::skip]
pub(crate) const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Transposed place of the k-th coefficient in zigzag order.
pub(crate) const TRANSPOSED: [u8; 64] = {
    let mut places = [0; 64];
    let mut k = 0;
    while k < 64 {
        places[k] = ZIGZAG[k] % 8 * 8 + ZIGZAG[k] / 8;
        k += 1;
    }
    places
};

/// Bits of 8 coefficients of a column of the block, by column and bits, as bits of their zigzag places.
pub(crate) static IN_ZIGZAG: [[u64; 256]; 8] = {
    let mut table = [[0; 256]; 8];
    let mut k = 0;
    while k < 64 {
        let (column, bit) = (TRANSPOSED[k] as usize / 8, TRANSPOSED[k] % 8);
        let mut bits = 0;
        while bits < 256 {
            if bits >> bit & 1 == 1 {
                table[column][bits] |= 1 << k;
            }
            bits += 1;
        }
        k += 1;
    }
    table
};

/// T.81 table K.1, in natural order.
#[rustfmt::skip]
const LUMA: [u16; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61,
    12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77,
    24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
];

/// T.81 table K.2, in natural order.
#[rustfmt::skip]
const CHROMA: [u16; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99,
    18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
];

/// Quantisation steps of luma and chroma in natural order, scaled to a quality from 1 to 100 as by the
/// Independent JPEG Group's library.
pub(crate) fn steps(quality: u8) -> [[u8; 64]; 2] {
    let quality = u16::from(quality.clamp(1, 100));
    let scale = if quality < 50 {
        5000 / quality
    } else {
        200 - 2 * quality
    };
    let scaled = |step: u16| ((u32::from(step) * u32::from(scale) + 50) / 100).clamp(1, 255) as u8;
    [LUMA.map(scaled), CHROMA.map(scaled)]
}
