//! Marker segments, T.81 Annex B, and the JFIF header.

use crate::encoder::{Component, Sampling};
use crate::huffman::HuffmanTable;
use crate::quantizer::Kind;

const START_OF_IMAGE: u8 = 0xd8;
pub(crate) const END_OF_IMAGE: [u8; 2] = [0xff, 0xd9];
const APPLICATION_0: u8 = 0xe0;
const QUANTIZATION_TABLE: u8 = 0xdb;
const BASELINE_FRAME: u8 = 0xc0;
const HUFFMAN_TABLE: u8 = 0xc4;
const SCAN: u8 = 0xda;

/// Number of the tables of a kind.
fn destination(kind: Kind) -> u8 {
    match kind {
        Kind::Luma => 0,
        Kind::Chroma => 1,
    }
}

fn segment(file: &mut Vec<u8>, marker: u8, data: &[u8]) {
    file.extend([0xff, marker]);
    file.extend((data.len() as u16 + 2).to_be_bytes());
    file.extend(data);
}

/// Start of the file, JFIF 1.02: pixels are square, there is no thumbnail.
pub(crate) fn start(file: &mut Vec<u8>) {
    file.extend([0xff, START_OF_IMAGE]);
    segment(file, APPLICATION_0, b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0");
}

/// DQT, B.2.4.1.
pub(crate) fn quantization(file: &mut Vec<u8>, kind: Kind, steps: &[u8; 64]) {
    let mut data = vec![destination(kind)];
    data.extend(steps);
    segment(file, QUANTIZATION_TABLE, &data);
}

/// SOF0, B.2.2. Components are numbered from 1, as JFIF wants it.
pub(crate) fn frame(
    file: &mut Vec<u8>,
    (width, height): (u16, u16),
    sampling: Sampling,
    components: &[Component],
) {
    let mut data = vec![8];
    data.extend(height.to_be_bytes());
    data.extend(width.to_be_bytes());
    data.push(components.len() as u8);
    for (number, component) in (1..).zip(components) {
        let (horizontal, vertical) = match component.kind {
            Kind::Luma => sampling.luma_blocks(),
            Kind::Chroma => (1, 1),
        };
        let factors = horizontal << 4 | vertical;
        data.extend([number, factors as u8, destination(component.kind)]);
    }
    segment(file, BASELINE_FRAME, &data);
}

/// DHT, B.2.4.2.
pub(crate) fn huffman(file: &mut Vec<u8>, kind: Kind, ac: bool, table: &HuffmanTable) {
    let mut data = vec![u8::from(ac) << 4 | destination(kind)];
    data.extend(table.lengths);
    data.extend(&table.symbols);
    segment(file, HUFFMAN_TABLE, &data);
}

/// SOS, B.2.3: all components, all coefficients.
pub(crate) fn scan(file: &mut Vec<u8>, components: &[Component]) {
    let mut data = vec![components.len() as u8];
    for (number, component) in (1..).zip(components) {
        data.extend([number, destination(component.kind) * 0x11]);
    }
    data.extend([0, 63, 0]);
    segment(file, SCAN, &data);
}
