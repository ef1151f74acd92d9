//! Rows of pixels to vectors that have a pixel of each row, and back.

use wide::{i16x8, u8x16};

/// The first and the last eight pixels with 16 bits each.
#[inline(always)]
pub(crate) fn widened(pixels: u8x16) -> [i16x8; 2] {
    // Not i16x8::from_u8x16_low, which is made lane by lane in WebAssembly.
    let halves = [
        u8x16::unpack_low(pixels, u8x16::ZERO),
        u8x16::unpack_high(pixels, u8x16::ZERO),
    ];
    halves.map(bytemuck::cast)
}

/// Two times eight pixels.
#[inline(always)]
pub(crate) fn pair(first: [u8; 8], second: [u8; 8]) -> u8x16 {
    let mut pair = [0; 16];
    pair[..8].copy_from_slice(&first);
    pair[8..].copy_from_slice(&second);
    u8x16::new(pair)
}

/// The contrary of [`pair`].
#[inline(always)]
pub(crate) fn halves(pair: u8x16) -> [[u8; 8]; 2] {
    let mut halves = [[0; 8]; 2];
    halves
        .as_flattened_mut()
        .copy_from_slice(pair.as_array_ref());
    halves
}

/// Rows to columns: 16 rows in as many vectors, or 16 rows of eight pixels in eight vectors.
#[inline(always)]
pub(crate) fn rows_to_columns(lanes: &mut [u8x16]) {
    for _ in 0..4 {
        interleave(lanes);
    }
}

/// The contrary of [`rows_to_columns`].
#[inline(always)]
pub(crate) fn columns_to_rows(lanes: &mut [u8x16]) {
    for _ in 0..lanes.len().ilog2() {
        interleave(lanes);
    }
}

/// Of all bytes in their order, each one of the first half and then that of the second half: the
/// bits of a byte's place are rotated by one. Four times, and the four bits of row and the bits of
/// column have changed places; as many times more as there are bits of column, and they are back.
#[inline(always)]
fn interleave(lanes: &mut [u8x16]) {
    let mut interleaved = [u8x16::ZERO; 16];
    let half = lanes.len() / 2;
    for at in 0..half {
        interleaved[2 * at] = u8x16::unpack_low(lanes[at], lanes[at + half]);
        interleaved[2 * at + 1] = u8x16::unpack_high(lanes[at], lanes[at + half]);
    }
    lanes.copy_from_slice(&interleaved[..lanes.len()]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many rows as there are lanes in a vector, in `N` vectors; each byte is 16 times its
    /// column and its row.
    fn turn<const N: usize>() {
        let value = |row: usize, column: usize| (16 * column + row) as u8;
        let mut lanes: [u8x16; N] = std::array::from_fn(|at| {
            u8x16::new(std::array::from_fn(|lane| {
                let place = 16 * at + lane;
                value(place / N, place % N)
            }))
        });
        let rows = lanes;
        rows_to_columns(&mut lanes);
        for (column, lanes) in lanes.iter().enumerate() {
            let expected = std::array::from_fn(|row| value(row, column));
            assert_eq!(lanes.to_array(), expected);
        }
        columns_to_rows(&mut lanes);
        assert_eq!(lanes, rows);
    }

    #[test]
    fn there_and_back() {
        turn::<8>();
        turn::<16>();
    }

    #[test]
    fn widened_in_order() {
        let pixels: [u8; 16] = std::array::from_fn(|lane| 240 + lane as u8);
        let [low, high] = widened(u8x16::new(pixels)).map(i16x8::to_array);
        assert_eq!([low, high].as_flattened(), pixels.map(i16::from));
    }

    #[test]
    fn pairs() {
        let (first, second) = ([1, 2, 3, 4, 5, 6, 7, 8], [9; 8]);
        assert_eq!(halves(pair(first, second)), [first, second]);
    }
}
