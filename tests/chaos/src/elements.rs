//! What a file is made of, as far as mutations need it: boxes of MP4, elements of EBML, chunks of
//! RIFF, frames of IVF, packets of MPEG-TS, units of Annex B.
//!
//! It is written apart from framemill's own readers on purpose, and takes whatever bytes there are.

use std::ops::Range;

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// All of it, its head included.
    pub all: Range<usize>,
    /// The bytes of its head that say how long it is; where the format has none, what its head is.
    pub size: Range<usize>,
}

/// Boxes that hold boxes, and how many bytes stand before the first.
const BOXES: &[(&[u8; 4], usize)] = &[
    (b"moov", 0),
    (b"trak", 0),
    (b"mdia", 0),
    (b"minf", 0),
    (b"stbl", 0),
    (b"edts", 0),
    (b"dinf", 0),
    (b"mvex", 0),
    (b"moof", 0),
    (b"traf", 0),
    (b"udta", 0),
    (b"stsd", 8),
    (b"avc1", 78),
    (b"hvc1", 78),
    (b"hev1", 78),
    (b"av01", 78),
    (b"vp08", 78),
    (b"vp09", 78),
    (b"mp4v", 78),
];

/// EBML elements that hold elements: EBML, Segment, SeekHead, Seek, Info, Tracks, TrackEntry,
/// Video, Cluster, BlockGroup, Cues, CuePoint, CueTrackPositions.
const MASTERS: &[u32] = &[
    0x1a45_dfa3,
    0x1853_8067,
    0x114d_9b74,
    0x4dbb,
    0x1549_a966,
    0x1654_ae6b,
    0xae,
    0xe0,
    0x1f43_b675,
    0xa0,
    0x1c53_bb6b,
    0xbb,
    0xb7,
];

const DEEPEST: usize = 12;
const TS_PACKET: usize = 188;

/// The parts of a file, each before those inside it. Broken files give what can be told.
pub fn elements(bytes: &[u8]) -> Vec<Element> {
    let mut found = Vec::new();
    let all = 0..bytes.len();
    match bytes {
        [0x1a, 0x45, 0xdf, 0xa3, ..] => ebml(bytes, all, 0, &mut found),
        [b'R', b'I', b'F', b'F', ..] => riff(bytes, all, 0, &mut found),
        [b'D', b'K', b'I', b'F', ..] => ivf(bytes, &mut found),
        [0x47, ..] => transport(bytes, &mut found),
        [0, 0, 1, ..] | [0, 0, 0, 1, ..] => units(bytes, &mut found),
        _ => boxes(bytes, all, 0, &mut found),
    }
    found
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// The end of something of this length; never behind `end`.
fn end_of(start: usize, length: u64, end: usize) -> usize {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    start.saturating_add(length).min(end)
}

fn boxes(bytes: &[u8], within: Range<usize>, depth: usize, found: &mut Vec<Element>) {
    let mut at = within.start;
    while at + 8 <= within.end && depth < DEEPEST {
        let Some([a, b, c, d, kind @ ..]) = number::<8>(bytes, at) else {
            return;
        };
        let mut head = 8;
        let mut size = at..at + 4;
        let end = match u32::from_be_bytes([a, b, c, d]) {
            0 => within.end,
            1 => {
                head = 16;
                size = at + 8..at + 16;
                let length = number(bytes, at + 8).map_or(u64::MAX, u64::from_be_bytes);
                end_of(at, length, within.end)
            }
            length => end_of(at, length.into(), within.end),
        };
        if end < at + head {
            return;
        }
        found.push(Element { all: at..end, size });
        if let Some((_, before)) = BOXES.iter().find(|(name, _)| **name == kind) {
            boxes(bytes, at + head + before..end, depth + 1, found);
        }
        at = end;
    }
}

fn ebml(bytes: &[u8], within: Range<usize>, depth: usize, found: &mut Vec<Element>) {
    let mut at = within.start;
    while at < within.end && depth < DEEPEST {
        let length = |at: usize| {
            bytes
                .get(at)
                .map_or(9, |first| first.leading_zeros() as usize + 1)
        };
        let (id_length, size_at) = (length(at), at + length(at));
        let size_length = length(size_at);
        let body = size_at + size_length;
        if id_length > 4 || size_length > 8 || body > within.end {
            return;
        }
        let join = |range: Range<usize>| {
            let bytes = bytes.get(range).unwrap_or_default().iter();
            bytes.fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))
        };
        let mask = (1_u64 << (7 * size_length)) - 1;
        let size = join(size_at..body) & mask;
        let end = if size == mask {
            within.end
        } else {
            end_of(body, size, within.end)
        };
        found.push(Element {
            all: at..end,
            size: size_at..body,
        });
        if MASTERS.iter().any(|id| u64::from(*id) == join(at..size_at)) {
            ebml(bytes, body..end, depth + 1, found);
        }
        at = end;
    }
}

fn riff(bytes: &[u8], within: Range<usize>, depth: usize, found: &mut Vec<Element>) {
    let mut at = within.start;
    while at + 8 <= within.end && depth < DEEPEST {
        let Some(length) = number(bytes, at + 4).map(u32::from_le_bytes) else {
            return;
        };
        let padded = u64::from(length) + u64::from(length % 2);
        let end = end_of(at + 8, padded, within.end);
        found.push(Element {
            all: at..end,
            size: at + 4..at + 8,
        });
        if matches!(bytes.get(at..at + 4), Some(b"RIFF" | b"LIST")) {
            riff(bytes, at + 12..end, depth + 1, found);
        }
        at = end;
    }
}

fn ivf(bytes: &[u8], found: &mut Vec<Element>) {
    let mut at = 32;
    while let Some(length) = number(bytes, at).map(u32::from_le_bytes) {
        let end = end_of(at + 12, length.into(), bytes.len());
        found.push(Element {
            all: at..end,
            size: at..at + 4,
        });
        at = end.max(at + 12);
    }
}

fn transport(bytes: &[u8], found: &mut Vec<Element>) {
    for at in (0..bytes.len()).step_by(TS_PACKET) {
        if at + TS_PACKET <= bytes.len() {
            found.push(Element {
                all: at..at + TS_PACKET,
                size: at + 1..at + 5,
            });
        }
    }
}

fn units(bytes: &[u8], found: &mut Vec<Element>) {
    let is_start = |at: &usize| bytes.get(*at..at + 3) == Some(&[0, 0, 1]);
    let starts: Vec<usize> = (0..bytes.len()).filter(is_start).collect();
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    for (start, end) in starts.iter().copied().zip(ends) {
        found.push(Element {
            all: start..end,
            size: start + 3..end.min(start + 5).max(start + 3),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(bytes: &[u8], at: usize) -> Vec<&[u8]> {
        let found = elements(bytes);
        let kind = |it: Element| bytes.get(it.all.start + at..it.all.start + at + 4);
        found.into_iter().filter_map(kind).collect()
    }

    #[test]
    fn boxes_are_found_at_every_depth() {
        let mut bytes = b"\0\0\0\x0cftypisom\0\0\0\x18moov\0\0\0\x10trak\0\0\0\x08tkhd".to_vec();
        bytes.extend(b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x12xy\0\0\0\0free");
        assert_eq!(
            kinds(&bytes, 4),
            [b"ftyp", b"moov", b"trak", b"tkhd", b"mdat", b"free"]
        );
    }

    #[test]
    fn chunks_and_lists_are_found() {
        let bytes = b"RIFF\x18\0\0\0AVI LIST\x0c\0\0\0hdrlavih\0\0\0\0";
        assert_eq!(kinds(bytes, 0), [b"RIFF", b"LIST", b"avih"]);
    }

    #[test]
    fn units_packets_and_frames_are_found() {
        let units = elements(b"\0\0\0\x01\x67ab\0\0\x01\x68");
        let all: Vec<_> = units.into_iter().map(|it| it.all).collect();
        assert_eq!(all, [1..7, 7..11]);
        assert_eq!(elements(&[0x47; 3 * TS_PACKET + 5]).len(), 3);
        let mut ivf = b"DKIF".to_vec();
        ivf.resize(32, 0);
        ivf.extend(b"\x02\0\0\0\0\0\0\0\0\0\0\0ab\x01\0\0\0\0\0\0\0\0\0\0\0c");
        assert_eq!(elements(&ivf).len(), 2);
    }

    #[test]
    fn masters_of_ebml_are_entered() {
        // EBML{ DocType "x" } Segment, size unknown{ Cluster{ Timestamp 0 } }
        let bytes = [
            0x1a, 0x45, 0xdf, 0xa3, 0x84, 0x42, 0x82, 0x81, b'x', 0x18, 0x53, 0x80, 0x67, 0xff,
            0x1f, 0x43, 0xb6, 0x75, 0x83, 0xe7, 0x81, 0x00,
        ];
        let starts: Vec<_> = elements(&bytes).into_iter().map(|it| it.all).collect();
        assert_eq!(starts, [0..9, 5..9, 9..22, 14..22, 19..22]);
    }

    #[test]
    fn any_bytes_are_taken() {
        let mut random = fastrand::Rng::with_seed(1);
        let heads: [&[u8]; 6] = [
            &[0x1a, 0x45, 0xdf, 0xa3],
            b"RIFF",
            b"DKIF",
            &[0x47],
            &[0, 0, 1],
            b"\0\0\0\x08moov",
        ];
        for round in 0..2000 {
            let mut bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(200).collect();
            let head = heads[round % heads.len()];
            bytes[..head.len()].copy_from_slice(head);
            for element in elements(&bytes) {
                assert!(element.all.start < element.all.end && element.all.end <= bytes.len());
                assert!(element.size.start <= element.size.end);
            }
        }
    }
}
