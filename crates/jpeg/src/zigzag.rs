//! The order of coefficients, T.81 figure A.6.
//!
//! The DCT leaves a block transposed: coefficient (u, v), of horizontal frequency u and vertical
//! frequency v, at `8 u + v`. All tables here are for that.

/// Where the coefficients of the zigzag sequence stand in a transposed block.
pub(crate) const POSITIONS: [u8; 64] = positions();

const fn positions() -> [u8; 64] {
    let mut positions = [0; 64];
    let (mut u, mut v) = (0u8, 0u8);
    let mut i = 0;
    while i < 64 {
        positions[i] = 8 * u + v;
        // Up and to the right on even diagonals, down and to the left on odd ones.
        if (u + v) % 2 == 0 {
            match (u, v) {
                (7, _) => v += 1,
                (_, 0) => u += 1,
                _ => (u, v) = (u + 1, v - 1),
            }
        } else {
            match (u, v) {
                (_, 7) => u += 1,
                (0, _) => v += 1,
                _ => (u, v) = (u - 1, v + 1),
            }
        }
        i += 1;
    }
    positions
}

/// For each byte of a mask of a transposed block, the same bits in zigzag order.
static BITS: [[u64; 256]; 8] = bits();

const fn bits() -> [[u64; 256]; 8] {
    let mut bits = [[0; 256]; 8];
    let mut i = 0;
    while i < 64 {
        let (byte, bit) = (POSITIONS[i] / 8, POSITIONS[i] % 8);
        let mut value = 0;
        while value < 256 {
            if value >> bit & 1 == 1 {
                bits[byte as usize][value] |= 1 << i;
            }
            value += 1;
        }
        i += 1;
    }
    bits
}

/// A mask of positions as a mask of places in the zigzag sequence.
#[inline]
pub(crate) fn zigzag_mask(transposed: u64) -> u64 {
    let bytes = transposed.to_le_bytes();
    let parts = BITS.iter().zip(bytes);
    parts.fold(0, |mask, (bits, byte)| mask | bits[usize::from(byte)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_that_of_figure_a6() {
        // Row by row: which place in the sequence each coefficient has.
        #[rustfmt::skip]
        let figure = [
            0, 1, 5, 6, 14, 15, 27, 28,
            2, 4, 7, 13, 16, 26, 29, 42,
            3, 8, 12, 17, 25, 30, 41, 43,
            9, 11, 18, 24, 31, 40, 44, 53,
            10, 19, 23, 32, 39, 45, 52, 54,
            20, 22, 33, 38, 46, 51, 55, 60,
            21, 34, 37, 47, 50, 56, 59, 61,
            35, 36, 48, 49, 57, 58, 62, 63,
        ];
        for (i, place) in figure.into_iter().enumerate() {
            let (u, v) = (i % 8, i / 8);
            assert_eq!(usize::from(POSITIONS[place]), 8 * u + v);
            assert_eq!(zigzag_mask(1 << (8 * u + v)), 1 << place);
        }
        assert_eq!(zigzag_mask(u64::MAX), u64::MAX);
    }
}
