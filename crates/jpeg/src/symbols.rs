//! Blocks as symbols of the entropy coder, T.81 F.1.2: run lengths and sizes, which Huffman
//! codes stand for, and the bits that follow them. They are kept until all have been counted.

use crate::error::JpegError;
use crate::quantizer::{Block, Kind};
use crate::zigzag::{POSITIONS, zigzag_mask};

/// Symbols in a piece of memory: large enough that there are few, small enough to waste little.
const CHUNK: usize = 1 << 15;
/// Most symbols of a block: one for each coefficient, and the end.
const MOST: usize = 65;

/// End of block: the rest is 0.
const END: u32 = 0x00;
/// Sixteen coefficients of 0.
const ZERO_RUN: u32 = 0xf0;

/// A symbol and what follows it: bits 0 to 15 the additional bits, 16 to 23 the symbol, 24 and 25
/// the Huffman table.
#[derive(Clone, Copy)]
pub(crate) struct Symbol(u32);

impl Symbol {
    /// Table and symbol in one number, below [`Symbol::CODES`].
    #[inline(always)]
    pub fn code(self) -> usize {
        (self.0 >> 16) as usize % Self::CODES
    }

    /// The bits that follow.
    #[inline(always)]
    pub fn bits(self) -> u32 {
        self.0 & 0xffff
    }

    /// Symbols of all tables.
    pub const CODES: usize = 4 * 256;
}

/// The number of a Huffman table's first symbol in [`Symbol::code`].
pub(crate) const fn first_code(kind: Kind, ac: bool) -> usize {
    let table = match kind {
        Kind::Luma => 0,
        Kind::Chroma => 2,
    };
    (table + ac as usize) << 8
}

/// All symbols of an image so far, and how often each occurs.
pub(crate) struct Symbols {
    chunks: Vec<Vec<Symbol>>,
    counts: Box<[u32; Symbol::CODES]>,
}

impl Symbols {
    pub fn new() -> Self {
        Self {
            chunks: Vec::new(),
            counts: Box::new([0; Symbol::CODES]),
        }
    }

    /// The symbols in order, in pieces.
    pub fn chunks(&self) -> impl Iterator<Item = &[Symbol]> {
        self.chunks.iter().map(Vec::as_slice)
    }

    /// How often each code occurs.
    pub fn all_counts(&self) -> &[u32; Symbol::CODES] {
        &self.counts
    }

    /// How often each symbol occurs in a Huffman table's codes.
    pub fn counts(&self, kind: Kind, ac: bool) -> &[u32] {
        let first = first_code(kind, ac);
        self.counts.get(first..first + 256).unwrap_or_default()
    }

    /// Adds a block, whose component's last DC coefficient was `dc`; its own is `dc` then.
    #[inline]
    pub fn block(&mut self, kind: Kind, block: &Block, dc: &mut i16) -> Result<(), JpegError> {
        let mut symbols = [Symbol(0); MOST + 1];
        let here = block.coefficients[0];
        let difference = here.wrapping_sub(*dc);
        *dc = here;
        symbols[0] = self.counted(first_code(kind, false), 0, i32::from(difference));

        let ac = first_code(kind, true);
        let mut mask = zigzag_mask(block.mask) & !1;
        let mut count = 1;
        let mut last = 0;
        while mask != 0 {
            let place = mask.trailing_zeros();
            mask &= mask - 1;
            let mut run = place - last - 1;
            last = place;
            while run > 15 {
                symbols[count] = self.counted(ac, ZERO_RUN, 0);
                count += 1;
                run -= 16;
            }
            let position = POSITIONS[place as usize % 64];
            let value = block.coefficients[usize::from(position) % 64];
            // Each symbol stands for one place at least, so this never reaches the end.
            symbols[count % MOST] = self.counted(ac, run << 4, i32::from(value));
            count += 1;
        }
        if last != 63 {
            symbols[count % MOST] = self.counted(ac, END, 0);
            count += 1;
        }
        self.push(symbols.get(..count).unwrap_or_default())
    }

    /// Adds a block beyond the image: no decoder shows it, so it is what costs least.
    pub fn padding(&mut self, kind: Kind) -> Result<(), JpegError> {
        let dc = self.counted(first_code(kind, false), 0, 0);
        let end = self.counted(first_code(kind, true), END, 0);
        self.push(&[dc, end])
    }

    /// Counts the symbol of a run, in its upper half, and a value, whose size in bits is the lower
    /// half.
    #[inline(always)]
    fn counted(&mut self, first: usize, run: u32, value: i32) -> Symbol {
        let size = 32 - value.unsigned_abs().leading_zeros();
        // Of a negative value the bits of the next lower one: T.81 F.1.2.1.1.
        let bits = (value + (value >> 31)) as u32 & ((1 << size) - 1);
        let symbol = Symbol((first as u32 | run | size) << 16 | bits);
        self.counts[symbol.code()] += 1;
        symbol
    }

    #[inline(always)]
    fn push(&mut self, symbols: &[Symbol]) -> Result<(), JpegError> {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() + symbols.len() <= CHUNK => {
                chunk.extend_from_slice(symbols);
                Ok(())
            }
            _ => self.push_chunk(symbols),
        }
    }

    #[cold]
    fn push_chunk(&mut self, symbols: &[Symbol]) -> Result<(), JpegError> {
        let mut chunk = Vec::new();
        chunk
            .try_reserve_exact(CHUNK)
            .map_err(|_| JpegError::Memory {
                bytes: CHUNK * size_of::<Symbol>(),
            })?;
        chunk.extend_from_slice(symbols);
        self.chunks.push(chunk);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Symbol and bits of a block with these coefficients at these places of the sequence.
    fn coded(coefficients: &[(usize, i16)], dc: i16) -> Vec<(u32, u32)> {
        let mut block = Block {
            coefficients: [0; 64],
            mask: 0,
        };
        for (place, value) in coefficients {
            let position = usize::from(POSITIONS[*place]);
            block.coefficients[position] = *value;
            block.mask |= 1 << position;
        }
        let mut symbols = Symbols::new();
        symbols.block(Kind::Luma, &block, &mut { dc }).unwrap();
        let coded: Vec<_> = symbols.chunks().flatten().copied().collect();
        let counted: u32 = symbols.counts.iter().sum();
        assert_eq!(counted as usize, coded.len());
        coded
            .iter()
            .map(|symbol| (symbol.0 >> 16, symbol.bits()))
            .collect()
    }

    #[test]
    fn a_block_is_runs_and_sizes() {
        assert_eq!(coded(&[], 0), [(0, 0), (0x100, 0)]);
        assert_eq!(coded(&[(0, 5)], 8), [(2, 0b00), (0x100, 0)]);
        assert_eq!(
            coded(&[(0, -1024), (1, 1), (4, -6), (21, 1023)], 1016),
            [
                (11, (!2040u32) & 0x7ff),
                (0x101, 1),
                (0x123, 0b001),
                (0x1f0, 0),
                (0x10a, 1023),
                (0x100, 0)
            ]
        );
        let all: Vec<_> = (0..64).map(|place| (place, -1)).collect();
        let symbols = coded(&all, 0);
        assert_eq!(symbols.len(), 64, "no end where the last is not 0");
        assert!(symbols[1..].iter().all(|symbol| *symbol == (0x101, 0)));
        let last = coded(&[(63, 2)], 0);
        assert_eq!(last[1..], [(0x1f0, 0), (0x1f0, 0), (0x1f0, 0), (0x1e2, 2)]);
    }

    #[test]
    fn pieces_hold_whole_blocks_in_order() {
        let mut symbols = Symbols::new();
        for _ in 0..CHUNK {
            symbols.padding(Kind::Chroma).unwrap();
        }
        let lengths: Vec<_> = symbols.chunks().map(<[Symbol]>::len).collect();
        assert_eq!(lengths, [CHUNK, CHUNK]);
        assert_eq!(symbols.counts(Kind::Chroma, true)[0], CHUNK as u32);
        assert_eq!(symbols.counts(Kind::Chroma, false)[0], CHUNK as u32);
    }
}
