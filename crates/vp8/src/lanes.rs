//! Rows of pixels to vectors that have a pixel of each row, and back.

use wide::u8x16;

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

/// Eight columns out of 16 rows of eight pixels.
#[inline(always)]
pub(crate) fn from_rows(row: impl Fn(usize) -> [u8; 8]) -> [u8x16; 8] {
    let mut lanes = [u8x16::ZERO; 8];
    for (at, lanes) in lanes.iter_mut().enumerate() {
        *lanes = pair(row(2 * at), row(2 * at + 1));
    }
    for _ in 0..4 {
        lanes = interleave(&lanes);
    }
    lanes
}

/// The contrary of [`from_rows`].
#[inline(always)]
pub(crate) fn to_rows(columns: &[u8x16], mut row: impl FnMut(usize, [u8; 8])) {
    let mut lanes = interleave(columns);
    for _ in 0..2 {
        lanes = interleave(&lanes);
    }
    for (at, lanes) in lanes.into_iter().enumerate() {
        let [first, second] = halves(lanes);
        row(2 * at, first);
        row(2 * at + 1, second);
    }
}

/// Of 128 bytes in their order, each one of the first half and then that of the second half: the
/// seven bits of a byte's place are rotated by one. Four times, of a place's four bits of row and
/// three of column, and the rows and columns have changed places; three times more, and they are
/// back.
#[inline(always)]
fn interleave(lanes: &[u8x16]) -> [u8x16; 8] {
    let mut interleaved = [u8x16::ZERO; 8];
    for at in 0..4 {
        interleaved[2 * at] = u8x16::unpack_low(lanes[at], lanes[at + 4]);
        interleaved[2 * at + 1] = u8x16::unpack_high(lanes[at], lanes[at + 4]);
    }
    interleaved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let rows: [[u8; 8]; 16] =
            std::array::from_fn(|row| std::array::from_fn(|column| (16 * column + row) as u8));
        let columns = from_rows(|row| rows[row]);
        for (at, column) in columns.iter().enumerate() {
            let expected = std::array::from_fn(|row| (16 * at + row) as u8);
            assert_eq!(column.to_array(), expected);
        }
        let mut back = [[0; 8]; 16];
        to_rows(&columns, |row, pixels| back[row] = pixels);
        assert_eq!(back, rows);
    }
}
