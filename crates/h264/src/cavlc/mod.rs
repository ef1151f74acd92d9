//! Context-adaptive variable length codes of transform coefficients, clause 9.2.

mod tables;
mod vlc;

use crate::Error;
use crate::bits::BitReader;
use crate::sample::Sample;
use crate::scan::Block;
use tables::{COEFF_TOKEN, COEFF_TOKEN_CHROMA, RUNS, ZEROS, ZEROS_420, ZEROS_422};
use vlc::Vlc;

/// Which `coeff_token` codes are used: by the neighbours' counts, or for chroma DC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    /// nC.
    Neighbours(u8),
    /// nC -1.
    ChromaDc420,
    /// nC -2.
    ChromaDc422,
}

/// Longest `level_prefix`: 15 + 14 bits of the deepest samples.
const LONGEST_PREFIX: u32 = 28;

/// Decodes a block into `out`, scaled, and gives the number of its coefficients.
///
/// # Errors
/// A code that there is not, or more coefficients and zeros than the block has places.
#[inline]
pub(crate) fn residual<S: Sample, const N: usize>(
    bits: &mut BitReader<'_>,
    context: Context,
    block: &Block<'_>,
    out: &mut [S::Coefficient; N],
) -> Result<usize, Error> {
    let token = coeff_token(bits, context)?;
    let (total, ones) = (token >> 2, token & 3);
    if total == 0 {
        return Ok(0);
    }
    if total > block.coefficients {
        return Err(Error::damaged(format!(
            "{total} coefficients in a block of {}",
            block.coefficients
        )));
    }
    let mut levels = [0; 16];
    read_levels(bits, total, ones, &mut levels)?;
    let zeros = total_zeros(bits, context, total, block.coefficients)?;
    let mut place = total + zeros;
    if place > block.coefficients {
        return Err(Error::damaged("more zeros than the block has places"));
    }
    let mut left = zeros;
    for (number, &level) in levels[..total.min(16)].iter().enumerate() {
        let Some(at) = place.checked_sub(1) else {
            return Err(Error::damaged("run of zeros longer than the block"));
        };
        let (to, value) = block.scaled(at, level);
        out[to & (N - 1)] = S::coefficient(value);
        place = at;
        if left > 0 && number + 1 < total {
            let run = lookup(bits, &RUNS[left.min(7) - 1], "run_before")?;
            left = left
                .checked_sub(run)
                .ok_or_else(|| Error::damaged("run of zeros longer than all zeros"))?;
            place -= run.min(place);
        }
    }
    Ok(total)
}

#[inline(always)]
fn lookup(bits: &mut BitReader<'_>, table: &Vlc, name: &str) -> Result<usize, Error> {
    let (length, value) = table.get(bits.peek32());
    if length == 0 {
        return Err(no_code(name));
    }
    bits.skip(length);
    Ok(usize::from(value))
}

#[cold]
fn no_code(name: &str) -> Error {
    Error::damaged(format!("no such code of {name}"))
}

#[inline(always)]
fn coeff_token(bits: &mut BitReader<'_>, context: Context) -> Result<usize, Error> {
    let table = match context {
        Context::ChromaDc420 => &COEFF_TOKEN_CHROMA[0],
        Context::ChromaDc422 => &COEFF_TOKEN_CHROMA[1],
        Context::Neighbours(0..2) => &COEFF_TOKEN[0],
        Context::Neighbours(2..4) => &COEFF_TOKEN[1],
        Context::Neighbours(4..8) => &COEFF_TOKEN[2],
        Context::Neighbours(_) => {
            let code = bits.bits(6) as usize;
            return match (code >> 2, code & 3) {
                (0, 3) => Ok(0),
                (total, ones) if ones <= total + 1 => Ok((total + 1) << 2 | ones),
                _ => Err(no_code("coeff_token")),
            };
        }
    };
    lookup(bits, table, "coeff_token")
}

/// Clause 9.2.2: highest frequency first.
#[inline(always)]
fn read_levels(
    bits: &mut BitReader<'_>,
    total: usize,
    ones: usize,
    levels: &mut [i32; 16],
) -> Result<(), Error> {
    let mut suffix_length = u32::from(total > 10 && ones < 3);
    for (number, level) in levels.iter_mut().enumerate().take(total) {
        if number < ones {
            *level = 1 - 2 * i32::from(bits.flag());
            continue;
        }
        let mut code = level_code(bits, suffix_length)?;
        if number == ones && ones < 3 {
            code += 2;
        }
        let value = if code & 1 == 0 {
            (code + 2) >> 1
        } else {
            (-code - 1) >> 1
        };
        *level = value;
        if suffix_length == 0 {
            suffix_length = 1;
        }
        if value.abs() > 3 << (suffix_length - 1) && suffix_length < 6 {
            suffix_length += 1;
        }
    }
    Ok(())
}

/// `level_prefix` and `level_suffix`: levelCode of clause 9.2.2.1.
#[inline(always)]
fn level_code(bits: &mut BitReader<'_>, suffix_length: u32) -> Result<i32, Error> {
    let prefix = bits.peek32().leading_zeros();
    if prefix > LONGEST_PREFIX {
        return Err(Error::damaged("level_prefix too long"));
    }
    bits.skip(prefix + 1);
    let size = match prefix {
        14 if suffix_length == 0 => 4,
        15.. => prefix - 3,
        _ => suffix_length,
    };
    let mut code = (prefix.min(15) << suffix_length) as i32 + bits.bits(size) as i32;
    if prefix >= 15 && suffix_length == 0 {
        code += 15;
    }
    if prefix >= 16 {
        code += (1 << (prefix - 3)) - 4096;
    }
    Ok(code)
}

#[inline(always)]
fn total_zeros(
    bits: &mut BitReader<'_>,
    context: Context,
    total: usize,
    coefficients: usize,
) -> Result<usize, Error> {
    if total >= coefficients {
        return Ok(0);
    }
    let table = match context {
        Context::ChromaDc420 => ZEROS_420.get(total - 1),
        Context::ChromaDc422 => ZEROS_422.get(total - 1),
        Context::Neighbours(_) => ZEROS.get(total - 1),
    };
    match table {
        Some(table) => lookup(bits, table, "total_zeros"),
        None => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_the_literature() {
        // The example of Richardson's book: 0 3 0 1 -1 -1 0 1 0… in zigzag order.
        let bytes = [0b0000_1000, 0b1110_0101, 0b1110_1101, 0b1000_0000];
        let mut bits = BitReader::new(&bytes);
        let block = Block {
            category: 2,
            field: false,
            coefficients: 16,
            scan: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
            scale: &crate::scan::UNSCALED,
            shift: 0,
        };
        let mut out = [0; 16];
        let total = residual::<u8, 16>(&mut bits, Context::Neighbours(0), &block, &mut out);
        assert_eq!(total, Ok(5));
        assert_eq!(out[..9], [0, 3, 0, 1, -1, -1, 0, 1, 0]);
    }
}
