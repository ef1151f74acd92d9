//! RFC 6386 clauses 14.3 to 14.5: inverse transforms, and adding what they give.

/// Clause 14.4: the square root of 2 times the cosine of an eighth of pi, less one, by 65536.
const COS: i32 = 20091;
/// Clause 14.4: the square root of 2 times the sine of an eighth of pi, by 65536.
const SIN: i32 = 35468;

/// Clause 14.3: the inverse Walsh-Hadamard transform of Y2, the DC coefficients of the 16 luma
/// blocks. Values between the passes have 16 bits, as all arithmetic of clause 14.
pub(crate) fn inverse_wht(y2: &[i16; 16]) -> [i16; 16] {
    let butterfly = |[a, b, c, d]: [i32; 4]| {
        let (outer, inner) = (a + d, b + c);
        let (outer_minus, inner_minus) = (a - d, b - c);
        [
            outer + inner,
            inner_minus + outer_minus,
            outer - inner,
            outer_minus - inner_minus,
        ]
    };
    let mut columns = [0_i16; 16];
    for at in 0..4 {
        let column = [y2[at], y2[at + 4], y2[at + 8], y2[at + 12]];
        for (row, value) in butterfly(column.map(i32::from)).into_iter().enumerate() {
            columns[at + 4 * row] = value as i16;
        }
    }
    let mut output = [0; 16];
    for (row, into) in columns
        .as_chunks::<4>()
        .0
        .iter()
        .zip(output.as_chunks_mut::<4>().0)
    {
        *into = butterfly(row.map(i32::from)).map(|value| ((value + 3) >> 3) as i16);
    }
    output
}

/// Clause 14.4: one pass of the inverse DCT.
#[inline(always)]
fn inverse_dct_pass([a, b, c, d]: [i32; 4]) -> [i32; 4] {
    let even = (a + c, a - c);
    let odd = (
        b + ((b * COS) >> 16) + ((d * SIN) >> 16),
        ((b * SIN) >> 16) - d - ((d * COS) >> 16),
    );
    [
        even.0 + odd.0,
        even.1 + odd.1,
        even.1 - odd.1,
        even.0 - odd.0,
    ]
}

/// Clauses 14.4 and 14.5: the inverse DCT of a block, added to the four rows of `pixels` from
/// column `x` on.
pub(crate) fn add_inverse_dct<const N: usize>(
    block: &[i16; 16],
    pixels: &mut [[u8; N]; 4],
    x: usize,
) {
    let mut columns = [[0_i32; 4]; 4];
    for at in 0..4 {
        let column = [block[at], block[at + 4], block[at + 8], block[at + 12]];
        for (row, value) in inverse_dct_pass(column.map(i32::from))
            .into_iter()
            .enumerate()
        {
            columns[row][at] = i32::from(value as i16);
        }
    }
    for (row, pixels) in columns.into_iter().zip(pixels) {
        let residue = inverse_dct_pass(row).map(|value| (value + 4) >> 3);
        for (pixel, residue) in pixels[x..x + 4].iter_mut().zip(residue) {
            *pixel = (i32::from(*pixel) + residue).clamp(0, 255) as u8;
        }
    }
}

/// The same of a block whose only coefficient is `dc`.
pub(crate) fn add_dc<const N: usize>(dc: i16, pixels: &mut [[u8; N]; 4], x: usize) {
    let residue = (i32::from(dc) + 4) >> 3;
    for row in pixels {
        for pixel in &mut row[x..x + 4] {
            *pixel = (i32::from(*pixel) + residue).clamp(0, 255) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_coefficient() {
        let mut y2 = [0; 16];
        y2[0] = -21;
        assert_eq!(inverse_wht(&y2), [(-21 + 3) >> 3; 16]);
        for dc in [-2000, -5, -4, 3, 4, 500, 2000] {
            let mut block = [0; 16];
            block[0] = dc;
            let (mut whole, mut short) = ([[100; 8]; 4], [[100; 8]; 4]);
            add_inverse_dct(&block, &mut whole, 4);
            add_dc(dc, &mut short, 4);
            assert_eq!(whole, short);
            let pixel = (100 + ((i32::from(dc) + 4) >> 3)).clamp(0, 255) as u8;
            assert_eq!(whole, [[100, 100, 100, 100, pixel, pixel, pixel, pixel]; 4]);
        }
    }

    /// By hand: 20091 / 65536 of 100 is 30, 35468 / 65536 of it is 54.
    #[test]
    fn a_row_of_a_wave() {
        let mut block = [0; 16];
        block[1] = 100;
        let mut pixels = [[0; 4]; 4];
        add_inverse_dct(&block, &mut pixels, 0);
        assert_eq!(pixels, [[(130 + 4) >> 3, (54 + 4) >> 3, 0, 0]; 4]);
    }
}
