//! Streams whose headers are made here and whose macroblocks are random bits, which the decoder
//! must understand as others do: any bits are modes, vectors and coefficients.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::bool_encoder::BoolEncoder;
use common::{Numbers, assert_equal, decode, file, ivf, reference};

/// What one stream has in common.
struct Stream {
    numbers: Numbers,
    width: u16,
    height: u16,
    version: u8,
    segmented: bool,
    /// Whether it keeps to what ffmpeg's own decoder understands as libvpx does.
    narrow: bool,
}

impl Stream {
    fn new(seed: u64, width: u16, height: u16, narrow: bool) -> Self {
        let mut numbers = Numbers(seed);
        Self {
            width,
            height,
            version: (seed % if narrow { 4 } else { 3 }) as u8,
            segmented: numbers.chance(60),
            narrow,
            numbers,
        }
    }

    fn frame(&mut self, key: bool) -> Vec<u8> {
        let mut header = BoolEncoder::default();
        let partitions = self.header(&mut header, key);
        let blocks = usize::from(self.width.div_ceil(16)) * usize::from(self.height.div_ceil(16));
        let mut first = header.finish();
        first.extend(self.numbers.bytes(200 + 150 * blocks));
        let shown = u32::from(self.numbers.chance(85));
        let tag = u32::from(!key) | (u32::from(self.version) << 1) | (shown << 4);
        let tag = tag | ((first.len() as u32) << 5);
        let mut frame = tag.to_le_bytes()[..3].to_vec();
        if key {
            let scale = (self.numbers.below(4) as u16) << 14;
            frame.extend([0x9d, 0x01, 0x2a]);
            frame.extend((self.width | scale).to_le_bytes());
            frame.extend((self.height | scale).to_le_bytes());
        }
        frame.extend(first);
        let size = 500 + 1200 * blocks;
        for _ in 1..partitions {
            frame.extend(&(size as u32).to_le_bytes()[..3]);
        }
        for _ in 0..partitions {
            // 0xff is what no partition begins with: it is above all that can be encoded.
            frame.push(self.numbers.below(255) as u8);
            frame.extend(self.numbers.bytes(size - 1));
        }
        frame
    }

    /// RFC 6386 clause 19.2. Gives the number of token partitions.
    fn header(&mut self, header: &mut BoolEncoder, key: bool) -> usize {
        if key {
            header.flag(false);
            header.flag(self.numbers.chance(50));
        }
        self.segmentation(header, key);
        header.flag(self.numbers.chance(40));
        let level = match (self.numbers.chance(20), self.narrow) {
            (true, _) => 0,
            // With what segments add it stays within its range, as does the quantizer: ffmpeg clamps
            // the sum with all other deltas only.
            (false, true) => 16 + self.numbers.below(32),
            (false, false) => self.numbers.below(64),
        };
        header.literal(6, level);
        header.literal(3, self.numbers.below(8));
        self.filter_deltas(header);
        let partitions = self.numbers.below(4);
        header.literal(2, partitions);
        // Coarse quantizers would make values of more than 16 bits, which decoders are free with.
        header.literal(7, if self.narrow { 8 } else { 0 } + self.numbers.below(12));
        for _ in 0..5 {
            let given = self.numbers.chance(30);
            header.flag(given);
            if given {
                header.signed(4, self.numbers.below(9) as i64 - 4);
            }
        }
        if !key {
            self.references(header);
        }
        header.flag(key || self.numbers.chance(60)); // refresh_entropy_probs
        if !key {
            header.flag(self.numbers.chance(80)); // refresh_last
        }
        self.token_probabilities(header, key);
        let skip = self.numbers.chance(60);
        header.flag(skip);
        if skip {
            header.literal(8, self.numbers.below(256));
        }
        if !key {
            self.inter(header);
        }
        1 << partitions
    }

    fn segmentation(&mut self, header: &mut BoolEncoder, key: bool) {
        header.flag(self.segmented);
        if !self.segmented {
            return;
        }
        // Without a map in a key frame ffmpeg takes that of the frame before.
        let map = (key && self.narrow) || self.numbers.chance(50);
        let data = key || self.numbers.chance(50);
        header.flag(map);
        header.flag(data);
        if data {
            let absolute = self.numbers.chance(50);
            header.flag(absolute);
            let (quantizer, level) = match (self.narrow, absolute) {
                (true, true) => (4..20, 0..64),
                (true, false) => (-4..8, -16..17),
                (false, _) => (-20..20, -63..64),
            };
            for (bits, range) in [(7, quantizer), (6, level)] {
                for _ in 0..4 {
                    let given = self.numbers.chance(70);
                    header.flag(given);
                    if given {
                        let count = range.end - range.start;
                        let value = range.start + self.numbers.below(count as u64) as i64;
                        header.signed(bits, value);
                    }
                }
            }
        }
        if map {
            self.probabilities(header, 3, 60);
        }
    }

    fn filter_deltas(&mut self, header: &mut BoolEncoder) {
        let enabled = self.numbers.chance(60);
        header.flag(enabled);
        if !enabled {
            return;
        }
        let update = self.numbers.chance(60);
        header.flag(update);
        for _ in 0..if update { 8 } else { 0 } {
            let given = self.numbers.chance(50);
            header.flag(given);
            if given {
                header.signed(6, self.numbers.below(41) as i64 - 20);
            }
        }
    }

    fn references(&mut self, header: &mut BoolEncoder) {
        let refresh = [self.numbers.chance(30), self.numbers.chance(30)];
        refresh.iter().for_each(|it| header.flag(*it));
        let golden = if refresh[0] { 0 } else { self.numbers.below(3) };
        let alternate = match (refresh[1], golden) {
            (true, _) => 0,
            // ffmpeg copies the alternate frame that was, not the one that comes to be.
            (false, 2) if self.narrow => 0,
            _ => self.numbers.below(3),
        };
        for (refresh, copy) in refresh.into_iter().zip([golden, alternate]) {
            if !refresh {
                header.literal(2, copy);
            }
        }
        header.flag(self.numbers.chance(50));
        header.flag(self.numbers.chance(50));
    }

    /// Large coefficients, of nodes 6, 8 and 10, stay rare: see the quantizer.
    fn token_probabilities(&mut self, header: &mut BoolEncoder, key: bool) {
        for unchanged in UPDATE
            .as_flattened()
            .as_flattened()
            .as_flattened()
            .chunks(11)
        {
            for (node, unchanged) in unchanged.iter().enumerate() {
                let large = [6, 8, 10].contains(&node);
                let update = if large { key } else { self.numbers.chance(4) };
                header.bool(*unchanged, update);
                if update {
                    let value = if large { 255 } else { self.numbers.below(256) };
                    header.literal(8, value);
                }
            }
        }
    }

    fn inter(&mut self, header: &mut BoolEncoder) {
        header.literal(8, self.numbers.below(120));
        header.literal(8, self.numbers.below(256));
        header.literal(8, self.numbers.below(256));
        for count in [4, 3] {
            let update = self.numbers.chance(40);
            header.flag(update);
            for _ in 0..if update { count } else { 0 } {
                header.literal(8, self.numbers.below(256));
            }
        }
        for unchanged in VECTOR_UPDATE.as_flattened() {
            let update = self.numbers.chance(10);
            header.bool(*unchanged, update);
            if update {
                header.literal(7, self.numbers.below(128));
            }
        }
    }

    fn probabilities(&mut self, header: &mut BoolEncoder, count: usize, percent: u64) {
        for _ in 0..count {
            let given = self.numbers.chance(percent);
            header.flag(given);
            if given {
                header.literal(8, self.numbers.below(256));
            }
        }
    }
}

#[path = "../src/token_tables.rs"]
#[allow(dead_code, reason = "the defaults")]
mod token_tables;
use token_tables::UPDATE;

/// RFC 6386 clause 17.2.
const VECTOR_UPDATE: [[u8; 19]; 2] = [
    [
        237, 246, 253, 253, 254, 254, 254, 254, 254, 254, 254, 254, 254, 254, 250, 250, 252, 254,
        254,
    ],
    [
        231, 243, 245, 253, 254, 254, 254, 254, 254, 254, 254, 254, 254, 254, 251, 251, 254, 254,
        254,
    ],
];

fn check(seeds: std::ops::Range<u64>, width: u16, height: u16) {
    for (seed, narrow) in seeds.flat_map(|seed| [(seed, true), (seed, false)]) {
        let name = format!("random-{seed}-{narrow}-{width}x{height}");
        let mut stream = Stream::new(seed, width, height, narrow);
        let units: Vec<_> = (0..8).map(|frame| stream.frame(frame % 6 == 0)).collect();
        let path = file(&format!("{name}.ivf"));
        std::fs::write(&path, ivf(&units)).unwrap();
        let frames = decode(&units);
        let decoder = if narrow { "vp8" } else { "libvpx" };
        let (expected, errors) = reference(&path, decoder);
        assert_eq!(errors, "", "{name}");
        assert_equal(&name, &frames, &expected);
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn whole_macroblocks() {
    check(0..24, 64, 48);
}

#[test]
fn parts_of_macroblocks() {
    check(24..48, 33, 79);
}

#[test]
fn one_pixel() {
    check(48..60, 1, 1);
}

#[test]
fn wide() {
    check(60..68, 397, 18);
}
