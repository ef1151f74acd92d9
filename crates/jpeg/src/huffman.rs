//! Huffman tables for an image (T.81 annex K.2).

/// A table: how many codes there are of each length, their symbols by length, and the code of each
/// symbol.
pub(crate) struct Table {
    pub lengths: [u8; 16],
    pub symbols: Vec<u8>,
    /// Code and length by symbol.
    codes: [(u16, u8); 256],
}

impl Table {
    /// The best table whose codes have at most 16 bits, for symbols that occur so often.
    pub fn of(counts: &[u32; 256]) -> Self {
        let sizes = limited(code_sizes(counts));
        let mut lengths = [0; 16];
        let mut symbols = Vec::new();
        let mut ranked: Vec<(u8, u8)> = (0..=255_u8)
            .filter(|symbol| sizes.of[usize::from(*symbol)] > 0)
            .map(|symbol| (sizes.of[usize::from(symbol)], symbol))
            .collect();
        ranked.sort_unstable();
        // The shortest lengths go to those that were given the shortest.
        let mut spread = sizes.counts.iter().enumerate();
        let mut current = (0, 0);
        for (_, symbol) in ranked {
            while current.1 == 0 {
                match spread.next() {
                    Some((length, &count)) => current = (length, count),
                    None => break,
                }
            }
            current.1 = current.1.saturating_sub(1);
            if let Some(count) = lengths.get_mut(current.0) {
                *count += 1;
                symbols.push(symbol);
            }
        }
        Self {
            codes: codes(&lengths, &symbols),
            lengths,
            symbols,
        }
    }

    /// Code and length of a symbol.
    #[inline(always)]
    pub fn code(&self, symbol: usize) -> (u32, u32) {
        let (code, length) = self.codes[symbol & 255];
        (u32::from(code), u32::from(length))
    }
}

/// Lengths of codes: of each symbol, and how many there are of each from 1 on.
struct Sizes {
    of: [u8; 256],
    counts: [u32; 16],
}

/// Figure K.1: joins the two rarest until one is left. Symbol 256 is one more that no image has, so that
/// no code is all ones.
fn code_sizes(counts: &[u32; 256]) -> [u8; 257] {
    let mut weights: [u64; 257] =
        std::array::from_fn(|i| counts.get(i).map_or(1, |&c| u64::from(c)));
    let mut sizes = [0_u8; 257];
    let mut others: [Option<u16>; 257] = [None; 257];
    let rarest = |weights: &[u64; 257], but: Option<usize>| {
        let used = (0..257).filter(|&i| weights[i] > 0 && Some(i) != but);
        // Of equals the highest.
        used.min_by_key(|&i| (weights[i], std::cmp::Reverse(i)))
    };
    while let Some(first) = rarest(&weights, None) {
        let Some(second) = rarest(&weights, Some(first)) else {
            break;
        };
        weights[first] += weights[second];
        weights[second] = 0;
        let mut lengthen = |from: usize| {
            let mut at = from;
            loop {
                sizes[at] = sizes[at].saturating_add(1);
                match others[at] {
                    Some(next) => at = usize::from(next),
                    None => return at,
                }
            }
        };
        let last = lengthen(first);
        lengthen(second);
        others[last] = Some(second as u16);
    }
    sizes
}

/// Figure K.3: moves pairs of the longest codes up until none has more than 16 bits, and takes the code
/// of the symbol that no image has.
fn limited(sizes: [u8; 257]) -> Sizes {
    let mut bits = [0_u32; 258];
    for &size in sizes.iter().filter(|&&size| size > 0) {
        bits[usize::from(size)] += 1;
    }
    for length in (17..258).rev() {
        while bits[length] > 0 {
            let shorter = (1..length - 1).rev().find(|&shorter| bits[shorter] > 0);
            let Some(shorter) = shorter else { break };
            bits[length] = bits[length].saturating_sub(2);
            bits[length - 1] += 1;
            bits[shorter + 1] += 2;
            bits[shorter] -= 1;
        }
    }
    if let Some(longest) = (1..17).rev().find(|&length| bits[length] > 0) {
        bits[longest] -= 1;
    }
    Sizes {
        of: std::array::from_fn(|symbol| sizes[symbol]),
        counts: std::array::from_fn(|i| bits[i + 1]),
    }
}

/// Annex C: codes in the order of lengths.
fn codes(lengths: &[u8; 16], symbols: &[u8]) -> [(u16, u8); 256] {
    let mut codes = [(0, 0); 256];
    let (mut code, mut rest) = (0_u32, symbols.iter());
    for (length, &count) in (1..=16_u8).zip(lengths) {
        for &symbol in rest.by_ref().take(usize::from(count)) {
            codes[usize::from(symbol)] = (code as u16, length);
            code += 1;
        }
        code <<= 1;
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn codes_are_prefix_free_and_none_is_all_ones(
            pairs in proptest::collection::vec((any::<u8>(), 1..2_000_000_u32, 0..20_u32), 1..256),
        ) {
            let mut counts = [0; 256];
            for (symbol, count, shift) in pairs {
                counts[usize::from(symbol)] = (count >> shift).max(1);
            }
            let table = Table::of(&counts);
            let used = counts.iter().filter(|count| **count > 0).count();
            prop_assert_eq!(table.symbols.len(), used);
            let mut kraft = 0_u64;
            for (symbol, count) in counts.iter().enumerate() {
                let (code, length) = table.code(symbol);
                prop_assert_eq!(length > 0, *count > 0);
                if length > 0 {
                    prop_assert!(length <= 16 && code < (1 << length) - 1);
                    kraft += 1 << (16 - length);
                }
            }
            prop_assert!(kraft < 1 << 16);
        }
    }

    #[test]
    fn rare_symbols_do_not_need_more_than_16_bits() {
        // Fibonacci numbers make the deepest tree.
        let mut counts = [0; 256];
        let (mut a, mut b) = (1, 1);
        for count in counts.iter_mut().take(40) {
            *count = a;
            (a, b) = (b, a + b);
        }
        let table = Table::of(&counts);
        assert_eq!(table.lengths.iter().map(|n| u32::from(*n)).sum::<u32>(), 40);
        assert!(table.code(39).1 < table.code(0).1);
    }
}
