//! Blocks as symbols of the entropy coder, T.81 F.1.2: run lengths and sizes, which Huffman
//! codes stand for, and the bits that follow them. They are kept until all have been counted.

use crate::error::JpegError;
use crate::quantizer::Kind;
use crate::zigzag::{POSITIONS, zigzag_mask};

/// Symbols in a piece of memory: large enough that there are few, small enough to waste little.
const CHUNK: usize = 1 << 15;
/// Most symbols of a block: the end is one only where the last coefficient has none.
const MOST: usize = 64;

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
    chunks: Vec<Chunk>,
    counts: Box<Counts>,
}

/// How often each code occurs.
type Counts = [u32; Symbol::CODES];

/// [`CHUNK`] symbols, the first `used` of which are there. Written in place: a sandbox calls its
/// host to copy or to clear memory, which takes longer than a block does.
struct Chunk {
    symbols: Vec<Symbol>,
    used: usize,
}

impl Chunk {
    fn used(&self) -> &[Symbol] {
        self.symbols.get(..self.used).unwrap_or_default()
    }
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
        self.chunks.iter().map(Chunk::used)
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

    /// Adds a block, transposed, of which `mask` says what is not 0. `dc` is its component's last
    /// DC coefficient, and then its own.
    // Not inline: its loop needs all registers.
    #[inline(never)]
    pub fn block(
        &mut self,
        kind: Kind,
        (block, mask): (&[i16; 64], u64),
        dc: &mut i16,
    ) -> Result<(), JpegError> {
        let (counts, used, symbols) = self.room()?;
        let mut write = |count: usize, first: usize, run: u32, value: i16| {
            // Each symbol stands for another coefficient, so this never reaches the end.
            symbols[count % MOST] = counted(counts, first, run, value);
        };
        let here = block[0];
        write(0, first_code(kind, false), 0, here.wrapping_sub(*dc));
        *dc = here;

        let ac = first_code(kind, true);
        let mut mask = zigzag_mask(mask) & !1;
        let mut count = 1;
        let mut last = 0;
        while mask != 0 {
            let place = mask.trailing_zeros();
            mask &= mask - 1;
            let mut run = place - last - 1;
            last = place;
            while run > 15 {
                write(count, ac, ZERO_RUN, 0);
                count += 1;
                run -= 16;
            }
            let position = usize::from(POSITIONS[place as usize % 64]);
            write(count, ac, run << 4, block[position % 64]);
            count += 1;
        }
        if last != 63 {
            write(count, ac, END, 0);
            count += 1;
        }
        *used += count;
        Ok(())
    }

    /// Adds a block beyond the image: no decoder shows it, so it is what costs least.
    pub fn padding(&mut self, kind: Kind) -> Result<(), JpegError> {
        let (counts, used, symbols) = self.room()?;
        symbols[0] = counted(counts, first_code(kind, false), 0, 0);
        symbols[1] = counted(counts, first_code(kind, true), END, 0);
        *used += 2;
        Ok(())
    }

    /// Room for a block: the counts, how much of the piece is used, what comes next in it.
    #[inline(always)]
    fn room(&mut self) -> Result<(&mut Counts, &mut usize, &mut [Symbol; MOST]), JpegError> {
        let full = |chunk: &Chunk| chunk.used > CHUNK - MOST;
        if self.chunks.last().is_none_or(full) {
            self.add_chunk()?;
        }
        let room = self.chunks.last_mut().and_then(|chunk| {
            let next = chunk.symbols.get_mut(chunk.used..)?;
            Some((&mut *self.counts, &mut chunk.used, next.first_chunk_mut()?))
        });
        room.ok_or(OUT_OF_MEMORY)
    }

    #[cold]
    fn add_chunk(&mut self) -> Result<(), JpegError> {
        let mut symbols = Vec::new();
        let reserved = symbols.try_reserve_exact(CHUNK);
        reserved.map_err(|_| OUT_OF_MEMORY)?;
        symbols.resize(CHUNK, Symbol(0));
        self.chunks.push(Chunk { symbols, used: 0 });
        Ok(())
    }
}

const OUT_OF_MEMORY: JpegError = JpegError::Memory {
    bytes: CHUNK * size_of::<Symbol>(),
};

/// Counts the symbol of a run, in its upper half, and of a value's size in bits, in its lower half.
#[inline(always)]
fn counted(counts: &mut Counts, first: usize, run: u32, value: i16) -> Symbol {
    let coded = CODED[usize::from(value as u16) % CODED.len()];
    let symbol = Symbol((first as u32 | run) << 16 | coded);
    counts[symbol.code()] += 1;
    symbol
}

/// Size and bits of each value of 12 bits, two's complement: differences of DC coefficients are
/// at most 2040, AC coefficients 1023.
static CODED: [u32; 1 << 12] = coded_values();

const fn coded_values() -> [u32; 1 << 12] {
    let mut coded = [0; 1 << 12];
    let mut value = -2047i32;
    while value <= 2047 {
        let size = 32 - value.unsigned_abs().leading_zeros();
        // Of a negative value the bits of the next lower one: T.81 F.1.2.1.1.
        let bits = (value + (value >> 31)) as u32 & ((1 << size) - 1);
        coded[value as usize % (1 << 12)] = size << 16 | bits;
        value += 1;
    }
    coded
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Symbol and bits of a block with these coefficients at these places of the sequence.
    fn coded(coefficients: &[(usize, i16)], dc: i16) -> Vec<(u32, u32)> {
        let mut block = [0; 64];
        let mut mask = 0;
        for (place, value) in coefficients {
            let position = usize::from(POSITIONS[*place]);
            block[position] = *value;
            mask |= 1 << position;
        }
        let mut symbols = Symbols::new();
        symbols
            .block(Kind::Luma, (&block, mask), &mut { dc })
            .unwrap();
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
        assert_eq!(lengths.iter().sum::<usize>(), 2 * CHUNK);
        assert!(lengths.len() > 2 && lengths[0] > CHUNK - MOST);
        assert_eq!(symbols.counts(Kind::Chroma, true)[0], CHUNK as u32);
        assert_eq!(symbols.counts(Kind::Chroma, false)[0], CHUNK as u32);
    }
}
