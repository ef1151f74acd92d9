//! Symbols and the bits that follow them (T.81 clauses F.1.2.1 and F.1.2.2), block after block.

use crate::quantise::Quantised;
use crate::tables::{IN_ZIGZAG, TRANSPOSED};

/// Which Huffman table a symbol is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Dc,
    Ac,
}

/// A symbol and its bits: symbol in the lowest 8 bits, then the bits; the highest 2 say which table:
/// 0 and 1 DC and AC of luma, 2 and 3 of chroma.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token(u32);

impl Token {
    #[inline(always)]
    fn new(table: usize, symbol: u8, bits: u16) -> Self {
        Self(u32::from(symbol) | (u32::from(bits) << 8) | ((table as u32) << 30))
    }

    /// Number of its table.
    #[inline(always)]
    pub fn table(self) -> usize {
        (self.0 >> 30) as usize
    }

    /// The symbol.
    #[inline(always)]
    pub fn symbol(self) -> usize {
        (self.0 & 0xff) as usize
    }

    /// The bits that follow it: as many as the symbol's lower 4 bits say.
    #[inline(always)]
    pub fn bits(self) -> u32 {
        (self.0 >> 8) & 0xffff
    }
}

/// Number of a table among four.
pub(crate) const fn table(chroma: bool, class: Class) -> usize {
    let class = match class {
        Class::Dc => 0,
        Class::Ac => 1,
    };
    if chroma { 2 + class } else { class }
}

/// A run of 16 zeros.
const ZEROS: u8 = 0xf0;
/// The rest of the block is zero.
const END: u8 = 0;

/// The tokens of an image, and how often each symbol of each table occurs.
pub(crate) struct Symbols {
    pub tokens: Vec<Token>,
    pub counts: [[u32; 256]; 4],
    /// DC of the block before, by component.
    predicted: [i16; 3],
}

impl Symbols {
    /// None yet; `blocks` is how many there will be, for the first allocation.
    pub fn new(blocks: usize) -> Self {
        Self {
            tokens: Vec::with_capacity(blocks.saturating_mul(8)),
            counts: [[0; 256]; 4],
            predicted: [0; 3],
        }
    }

    /// Appends a block of a component: 0 Y, 1 Cb, 2 Cr.
    #[inline]
    pub fn block(&mut self, component: usize, block: &Quantised) {
        let chroma = component > 0;
        let (dc, ac) = (table(chroma, Class::Dc), table(chroma, Class::Ac));
        // A block has one token for each coefficient at most, and one more where the last is zero.
        let mut tokens = [Token(0); 64];
        let mut count = 0;
        let mut push = |table: usize, counts: &mut [u32; 256], symbol: u8, bits: u16| {
            counts[usize::from(symbol)] += 1;
            tokens[count & 63] = Token::new(table, symbol, bits);
            count += 1;
        };
        let before = std::mem::replace(&mut self.predicted[component % 3], block.values[0]);
        let (size, bits) = magnitude(block.values[0] - before);
        push(dc, &mut self.counts[dc], size, bits);
        let counts = &mut self.counts[ac];
        let mut left = in_zigzag(block.nonzero) & !1;
        let mut next = 1;
        while left != 0 {
            let k = left.trailing_zeros();
            left &= left - 1;
            let mut run = k - next;
            while run >= 16 {
                push(ac, counts, ZEROS, 0);
                run -= 16;
            }
            next = k + 1;
            let place = TRANSPOSED[k as usize & 63];
            let (size, bits) = magnitude(block.values[usize::from(place) & 63]);
            push(ac, counts, ((run as u8) << 4) | size, bits);
        }
        if next < 64 {
            push(ac, counts, END, 0);
        }
        self.tokens.extend_from_slice(&tokens[..count.min(64)]);
    }
}

/// Bits of transposed order in zigzag order.
#[inline(always)]
fn in_zigzag(transposed: u64) -> u64 {
    let columns = transposed.to_le_bytes();
    let mut out = 0;
    for (table, bits) in IN_ZIGZAG.iter().zip(columns) {
        out |= table[usize::from(bits)];
    }
    out
}

/// Size category and the bits of a number within it (T.81 tables F.1 and F.2).
#[inline(always)]
fn magnitude(value: i16) -> (u8, u16) {
    let size = 16 - value.unsigned_abs().leading_zeros();
    let bits = if value < 0 { value - 1 } else { value } as u16;
    (size as u8, bits & ((1_u32 << size) - 1) as u16)
}
