//! Huffman tables for an image, T.81 Annex K.2 and C.2.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A Huffman table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HuffmanTable {
    /// Codes of each length, from 1 bit to 16: BITS.
    pub lengths: [u8; 16],
    /// Symbols in order of their codes: HUFFVAL.
    pub symbols: Vec<u8>,
}

/// Counts and lengths of symbols while lengths are sought. The last is no symbol, but takes the
/// code of ones only, which no symbol may have.
const ALL: usize = 257;

impl HuffmanTable {
    /// The shortest codes of at most 16 bits for symbols that occur this often.
    pub fn new(counts: &[u32]) -> Self {
        let sizes = code_sizes(counts);
        let mut symbols: Vec<u8> = (0..=255)
            .filter(|symbol| sizes[usize::from(*symbol)] > 0)
            .collect();
        // Figure K.4: by length before it was limited, then by symbol.
        symbols.sort_by_key(|symbol| sizes[usize::from(*symbol)]);
        Self {
            lengths: limited(sizes),
            symbols,
        }
    }

    /// Code and length of each symbol that has one, in figure C.1's order.
    pub fn codes(&self) -> impl Iterator<Item = (u8, u16, u8)> {
        let lengths = (1..=16u8).zip(self.lengths);
        let lengths = lengths.flat_map(|(bits, count)| std::iter::repeat_n(bits, count.into()));
        let mut code = 0u16;
        let mut before = 0u8;
        self.symbols.iter().zip(lengths).map(move |(symbol, bits)| {
            code <<= bits - before;
            before = bits;
            code += 1;
            (*symbol, code - 1, bits)
        })
    }
}

/// Figure K.1: the length of each symbol's code, 0 where it does not occur.
fn code_sizes(counts: &[u32]) -> [u16; ALL] {
    let mut frequency = [0u64; ALL];
    for (to, from) in frequency.iter_mut().zip(counts) {
        *to = u64::from(*from);
    }
    frequency[ALL - 1] = 1;
    let mut size = [0u16; ALL];
    // The next of the symbols below the same node.
    let mut others = [None; ALL];
    // The rarest first, of equal ones the last.
    let mut nodes: BinaryHeap<(Reverse<u64>, usize)> = (0..ALL)
        .map(|i| (Reverse(frequency[i]), i))
        .filter(|(count, _)| count.0 > 0)
        .collect();
    while let Some((Reverse(count), v1)) = nodes.pop() {
        let Some((Reverse(next), v2)) = nodes.pop() else {
            break;
        };
        nodes.push((Reverse(count + next), v1));
        let end = lengthen(v1, &mut size, &others);
        others[end] = Some(v2);
        lengthen(v2, &mut size, &others);
    }
    size
}

/// Adds a bit to the codes of all symbols below a node, and says which is the last of them.
fn lengthen(node: usize, size: &mut [u16; ALL], others: &[Option<usize>; ALL]) -> usize {
    let mut symbol = node;
    size[symbol] += 1;
    while let Some(next) = others[symbol] {
        symbol = next;
        size[symbol] += 1;
    }
    symbol
}

/// Figures K.2 and K.3: how many codes have each length once none is longer than 16 bits, without
/// the code of ones.
fn limited(size: [u16; ALL]) -> [u8; 16] {
    let mut bits = [0u16; ALL + 1];
    for size in size.into_iter().filter(|size| *size > 0) {
        bits[usize::from(size)] += 1;
    }
    for i in (17..=ALL).rev() {
        while bits[i] > 0 {
            // Two go up: one takes their common prefix, one shares a shorter code's place.
            let shorter = (1..i - 1).rev().find(|j| bits[*j] > 0).unwrap_or(1);
            bits[i] -= 2;
            bits[i - 1] += 1;
            bits[shorter + 1] += 2;
            bits[shorter] -= 1;
        }
    }
    if let Some(longest) = bits.iter_mut().rev().find(|count| **count > 0) {
        *longest -= 1;
    }
    std::array::from_fn(|i| bits[i + 1] as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Codes are as many as symbols, no code begins with another, none is of ones only.
    fn check(counts: &[u32]) -> HuffmanTable {
        let table = HuffmanTable::new(counts);
        let there = counts.iter().filter(|count| **count > 0).count();
        assert_eq!(table.symbols.len(), there);
        let codes: Vec<_> = table.codes().collect();
        assert_eq!(codes.len(), there);
        for (i, (symbol, code, bits)) in codes.iter().enumerate() {
            assert!((1..=16).contains(bits) && counts[usize::from(*symbol)] > 0);
            assert_ne!(u32::from(*code), (1u32 << bits) - 1, "all ones");
            for (other, longer, more) in &codes[i + 1..] {
                assert!(more >= bits && symbol != other);
                assert_ne!(longer >> (more - bits), *code, "a prefix");
            }
        }
        table
    }

    fn total(table: &HuffmanTable, counts: &[u32]) -> u64 {
        let cost = |(symbol, _, bits)| u64::from(counts[usize::from(symbol)]) * u64::from(bits);
        table.codes().map(cost).sum()
    }

    #[test]
    fn one_symbol_has_one_bit() {
        let mut counts = [0; 256];
        counts[7] = 3;
        let table = check(&counts);
        assert_eq!(table.codes().collect::<Vec<_>>(), [(7, 0, 1)]);
    }

    #[test]
    fn equal_counts_have_equal_lengths() {
        let table = check(&[5; 255]);
        assert!(table.codes().all(|(_, _, bits)| bits == 8));
        assert!(check(&[1; 256]).codes().all(|(_, _, bits)| bits <= 9));
    }

    #[test]
    fn counts_that_ask_for_long_codes_get_16_bits() {
        let mut counts = [0u32; 256];
        let (mut a, mut b) = (1u32, 1u32);
        for count in counts.iter_mut().take(44) {
            *count = a;
            (a, b) = (b, a + b);
        }
        let table = check(&counts);
        assert!(table.lengths[15] > 0);
    }

    #[test]
    fn codes_are_shortest() {
        // Counts of powers of two: entropy is met, but for the place of the code of ones.
        let counts = [64, 32, 16, 8, 4, 2, 1];
        let table = check(&counts);
        assert_eq!(total(&table, &counts), 64 + 64 + 48 + 32 + 20 + 12 + 7);
    }

    proptest! {
        #[test]
        fn any_counts_make_a_table(counts in prop::collection::vec(
            prop_oneof![Just(0u32), 1..10u32, 1..10_000u32, 1..u32::MAX], 1..=256,
        )) {
            prop_assume!(counts.iter().any(|count| *count > 0));
            check(&counts);
        }
    }
}
