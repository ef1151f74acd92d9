//! Writes MP4 files of one track.

/// A clip without reordering, and what a track takes from it.
pub struct Part {
    pub file: Vec<u8>,
    /// Its sample entry.
    pub entry: Vec<u8>,
    /// Each, and whether it is a sync sample.
    pub samples: Vec<(Vec<u8>, bool)>,
}

pub fn boxed(code: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32 + 8).to_be_bytes();
    [&length, code.as_slice(), body].concat()
}

pub fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|it| it.to_be_bytes()).collect()
}

/// A file of one track: a description for each of `entries`, a chunk for each of `parts` with the
/// number of its description from 1.
pub fn joined(entries: &[&[u8]], parts: &[(&Part, u32)]) -> Vec<u8> {
    let samples: Vec<_> = parts.iter().flat_map(|(part, _)| &part.samples).collect();
    let head = boxed(b"ftyp", b"isom\0\0\0\0");
    let mut media = Vec::new();
    let (mut chunks, mut runs) = (vec![0, parts.len() as u32], vec![0, parts.len() as u32]);
    for (number, (part, description)) in parts.iter().enumerate() {
        chunks.push((head.len() + 8 + media.len()) as u32);
        runs.extend([number as u32 + 1, part.samples.len() as u32, *description]);
        part.samples
            .iter()
            .for_each(|(bytes, _)| media.extend(bytes));
    }
    let mut sizes = vec![0, 0, samples.len() as u32];
    sizes.extend(samples.iter().map(|(bytes, _)| bytes.len() as u32));
    let syncs = samples.iter().zip(1..).filter(|((_, sync), _)| *sync);
    let syncs: Vec<u32> = syncs.map(|(_, number)| number).collect();
    let sync_table = [vec![0, syncs.len() as u32], syncs].concat();
    let descriptions = [words(&[0, entries.len() as u32]), entries.concat()].concat();
    let tables = [
        boxed(b"stsd", &descriptions),
        boxed(b"stts", &words(&[0, 1, samples.len() as u32, 1])),
        boxed(b"stss", &words(&sync_table)),
        boxed(b"stsc", &words(&runs)),
        boxed(b"stsz", &words(&sizes)),
        boxed(b"stco", &words(&chunks)),
    ];
    let header = words(&[0, 0, 0, 10, samples.len() as u32, 0]);
    let handler = [words(&[0, 0]), b"vide".to_vec(), words(&[0, 0, 0, 0])].concat();
    let media_box = [
        boxed(b"mdhd", &header),
        boxed(b"hdlr", &handler),
        boxed(b"minf", &boxed(b"stbl", &tables.concat())),
    ];
    let track_header = [words(&[1, 0, 0, 1]), vec![0; 68]].concat();
    let track = [
        boxed(b"tkhd", &track_header),
        boxed(b"mdia", &media_box.concat()),
    ];
    let movie = [boxed(b"mvhd", &header), boxed(b"trak", &track.concat())];
    [
        head,
        boxed(b"mdat", &media),
        boxed(b"moov", &movie.concat()),
    ]
    .concat()
}
