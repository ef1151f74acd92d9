//! Bytes of the file: markers (T.81 annex B) and entropy-coded data.

use crate::huffman::Table;
use crate::symbols::Symbols;
use crate::tables::ZIGZAG;

/// Markers, T.81 table B.1.
mod marker {
    pub const SOI: u8 = 0xd8;
    pub const APP0: u8 = 0xe0;
    pub const DQT: u8 = 0xdb;
    pub const SOF0: u8 = 0xc0;
    pub const DHT: u8 = 0xc4;
    pub const SOS: u8 = 0xda;
    pub const EOI: u8 = 0xd9;
}

/// JFIF 1.2, density unknown, no thumbnail.
const JFIF: [u8; 14] = [b'J', b'F', b'I', b'F', 0, 1, 2, 0, 0, 1, 0, 1, 0, 0];

/// The file of an image of three components, chroma halved in both directions.
pub(crate) fn file(width: u16, height: u16, steps: &[[u8; 64]; 2], symbols: &Symbols) -> Vec<u8> {
    let mut out = vec![0xff, marker::SOI];
    segment(&mut out, marker::APP0, &JFIF);
    for (id, steps) in (0..).zip(steps) {
        let zigzag = ZIGZAG.iter().map(|&place| steps[usize::from(place) & 63]);
        let payload: Vec<u8> = std::iter::once(id).chain(zigzag).collect();
        segment(&mut out, marker::DQT, &payload);
    }
    let [h1, h0] = height.to_be_bytes();
    let [w1, w0] = width.to_be_bytes();
    let frame = [8, h1, h0, w1, w0, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1];
    segment(&mut out, marker::SOF0, &frame);
    let tables = symbols.counts.each_ref().map(Table::of);
    for (number, table) in tables.iter().enumerate() {
        // Class in the upper half, id in the lower.
        let head = ((number as u8 & 1) << 4) | (number as u8 >> 1);
        let payload = [&[head][..], &table.lengths, &table.symbols].concat();
        segment(&mut out, marker::DHT, &payload);
    }
    segment(
        &mut out,
        marker::SOS,
        &[3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0],
    );
    scan(&mut out, symbols, &tables);
    out.extend([0xff, marker::EOI]);
    out
}

/// A marker and its payload, which is shorter than 65,534 bytes.
fn segment(out: &mut Vec<u8>, marker: u8, payload: &[u8]) {
    out.extend([0xff, marker]);
    out.extend((payload.len() as u16 + 2).to_be_bytes());
    out.extend(payload);
}

fn scan(out: &mut Vec<u8>, symbols: &Symbols, tables: &[Table; 4]) {
    out.reserve(symbols.tokens.len());
    let mut bits = Bits {
        out,
        word: 0,
        free: 64,
    };
    for token in &symbols.tokens {
        let symbol = token.symbol();
        let (code, length) = tables[token.table() & 3].code(symbol);
        let more = symbol as u32 & 15;
        // 16 and 11 bits at most.
        bits.put((code << more) | token.bits(), length + more);
    }
    bits.finish();
}

/// Writes bits, most significant first, a byte 0 behind each 255 (T.81 clause F.1.2.3).
struct Bits<'a> {
    out: &'a mut Vec<u8>,
    word: u64,
    /// Bits of `word` that are free.
    free: u32,
}

impl Bits<'_> {
    /// At most 32 bits.
    #[inline(always)]
    fn put(&mut self, bits: u32, count: u32) {
        if self.free < 32 {
            self.flush_half();
        }
        self.free -= count;
        self.word |= u64::from(bits) << self.free;
    }

    /// Writes the upper four bytes, which are full.
    #[inline(always)]
    fn flush_half(&mut self) {
        let bytes = ((self.word >> 32) as u32).to_be_bytes();
        self.word <<= 32;
        self.free += 32;
        // Some byte is 255: its complement is 0.
        let inverse = !u32::from_be_bytes(bytes);
        if inverse.wrapping_sub(0x0101_0101) & !inverse & 0x8080_8080 == 0 {
            self.out.extend_from_slice(&bytes);
        } else {
            self.stuffed(&bytes);
        }
    }

    #[cold]
    fn stuffed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.out.push(byte);
            if byte == 0xff {
                self.out.push(0);
            }
        }
    }

    /// Fills the last byte with ones.
    fn finish(mut self) {
        let count = self.free % 8;
        self.put((1 << count) - 1, count);
        let bytes = self.word.to_be_bytes();
        let used = (64 - self.free) as usize / 8;
        self.stuffed(bytes.get(..used).unwrap_or(&bytes));
    }
}
