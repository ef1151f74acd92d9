//! Memory for the index of a video of ten hours, and that it does not grow with payloads.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod common;

use common::read_index;
use framemill_video::{ByteRange, VideoIndex};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Counts bytes in use, and the most there were.
struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);
/// One measurement at a time.
static EXCLUSIVE: Mutex<()> = Mutex::new(());

// SAFETY: all is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let used = USED.fetch_add(layout.size(), SeqCst) + layout.size();
        MOST.fetch_max(used, SeqCst);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), SeqCst);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const MIB: usize = 1 << 20;
/// Ten hours at 30 frames a second.
const FRAMES: u32 = 10 * 3600 * 30;

/// The index, and the most memory that finding it took (the reads' own buffers included).
fn measured(size: u64, fetch: impl FnMut(ByteRange) -> Vec<u8>) -> (Box<VideoIndex>, usize) {
    let before = USED.load(SeqCst);
    MOST.store(before, SeqCst);
    let (index, _) = read_index(size, fetch);
    let most = MOST.load(SeqCst) - before;
    (index.unwrap(), most)
}

fn boxed(kind: &[u8; 4], parts: &[Vec<u8>]) -> Vec<u8> {
    let body = parts.concat();
    let mut out = (body.len() as u32 + 8).to_be_bytes().to_vec();
    out.extend(kind);
    out.extend(body);
    out
}

fn table(kind: &[u8; 4], head: &[u32], words: impl Iterator<Item = u32>) -> Vec<u8> {
    let mut body: Vec<u8> = head.iter().flat_map(|word| word.to_be_bytes()).collect();
    for word in words {
        body.extend(word.to_be_bytes());
    }
    boxed(kind, &[body])
}

/// `moov` with one track whose tables are as long as they can be: an entry for every sample.
fn moov(chunks_at: u64) -> Vec<u8> {
    let mut visual = vec![0; 78];
    visual[24..28].copy_from_slice(&[0x07, 0x80, 0x04, 0x38]);
    let avcc = boxed(b"avcC", &[vec![1, 100, 0, 40, 0xff, 0xe0, 0]]);
    let description = boxed(b"avc1", &[visual, avcc]);
    let all = 0..FRAMES;
    let stbl = boxed(
        b"stbl",
        &[
            boxed(b"stsd", &[vec![0, 0, 0, 0, 0, 0, 0, 1], description]),
            table(
                b"stts",
                &[0, FRAMES],
                all.clone().flat_map(|n| [1, 3000 + n % 2]),
            ),
            table(
                b"ctts",
                &[0, FRAMES],
                all.clone().flat_map(|n| [1, n % 3 * 3000]),
            ),
            table(
                b"stss",
                &[0, FRAMES / 30],
                (0..FRAMES / 30).map(|n| n * 30 + 1),
            ),
            table(b"stsz", &[0, 0, FRAMES], all.clone().map(|n| 1000 + n % 7)),
            table(
                b"stsc",
                &[0, FRAMES / 2],
                (0..FRAMES / 2).flat_map(|n| [n + 1, 1 + n % 2 * 2, 1]),
            ),
            table(
                b"co64",
                &[0, FRAMES / 2],
                (0..FRAMES / 2).flat_map(|n| {
                    let at = chunks_at + u64::from(n) * 4000;
                    [(at >> 32) as u32, at as u32]
                }),
            ),
        ],
    );
    let mut tkhd = vec![0; 84];
    (tkhd[3], tkhd[15]) = (1, 1);
    let mdhd = table(b"mdhd", &[0, 0, 0, 90_000, 0, 0], std::iter::empty());
    let hdlr = boxed(
        b"hdlr",
        &[b"\0\0\0\0\0\0\0\0vide\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec()],
    );
    let minf = boxed(b"minf", &[stbl]);
    let mdia = boxed(b"mdia", &[mdhd, hdlr, minf]);
    boxed(b"moov", &[boxed(b"trak", &[boxed(b"tkhd", &[tkhd]), mdia])])
}

#[test]
fn ten_hours_of_mp4() {
    let _exclusive = EXCLUSIVE
        .lock()
        .unwrap_or_else(|poison| poison.into_inner());
    let media = 20_000_000_000_u64;
    let moov = moov(100);
    let mut head = b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x01mdat".to_vec();
    head.extend((media - 16).to_be_bytes());
    let size = media + moov.len() as u64;
    let (index, most) = measured(size, |range| {
        // No read crosses from the media into the index: the reader jumps.
        match range.start.checked_sub(media) {
            Some(at) => moov[at as usize..(range.end - media) as usize].to_vec(),
            None => {
                let mut bytes = head.clone();
                bytes.resize(range.end.min(media) as usize, 0);
                bytes.split_off(range.start as usize)
            }
        }
    });
    assert_eq!(index.samples.len(), FRAMES as usize);
    assert!(index.warnings.is_empty() || index.warnings[0].code != "truncated_data");
    println!("mp4: {} KiB at most", most >> 10);
    assert!(most < 64 * MIB, "{} MiB", most / MIB);
}

/// Clusters of 30 frames with payloads of `payload` bytes.
fn ten_hours_of_matroska(payload: usize) -> usize {
    let element = |id: &[u8], body: &[u8]| {
        let size = (body.len() as u64 | 1 << 56).to_be_bytes();
        [id, &size, body].concat()
    };
    let video = element(
        &[0xe0],
        &[element(&[0xb0], &[7, 0x80]), element(&[0xba], &[4, 0x38])].concat(),
    );
    let parts = [
        element(&[0xd7], &[1]),
        element(&[0x83], &[1]),
        element(&[0x86], b"V_MJPEG"),
        video,
    ];
    let tracks = element(
        &[0x16, 0x54, 0xae, 0x6b],
        &element(&[0xae], &parts.concat()),
    );
    let segment = [&[0x18, 0x53, 0x80, 0x67, 0x01][..], &[0xff; 7]].concat();
    let head = [element(&[0x1a, 0x45, 0xdf, 0xa3], &[]), segment, tracks].concat();
    let cluster = |number: u64| {
        let mut body = element(&[0xe7], &(number * 1000).to_be_bytes());
        for frame in 0..30_u16 {
            let relative = (frame * 33).to_be_bytes();
            let block = [
                &[0x81, relative[0], relative[1], 0x80][..],
                &vec![0; payload],
            ]
            .concat();
            body.extend(element(&[0xa3], &block));
        }
        element(&[0x1f, 0x43, 0xb6, 0x75], &body)
    };
    let length = cluster(0).len() as u64;
    let start = head.len() as u64;
    let size = start + length * u64::from(FRAMES / 30);
    let (index, most) = measured(size, |range| {
        let mut out = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let piece = match at.checked_sub(start) {
                None => head[at as usize..].to_vec(),
                Some(inside) => cluster(inside / length)[(inside % length) as usize..].to_vec(),
            };
            let take = piece.len().min((range.end - at) as usize);
            out.extend(&piece[..take]);
            at += take as u64;
        }
        out
    });
    assert_eq!(index.samples.len(), FRAMES as usize);
    println!("matroska: {} KiB at most", most >> 10);
    most
}

#[test]
fn ten_hours_of_matroska_do_not_fill_memory() {
    let _exclusive = EXCLUSIVE
        .lock()
        .unwrap_or_else(|poison| poison.into_inner());
    let small = ten_hours_of_matroska(40);
    let large = ten_hours_of_matroska(2000);
    assert!(
        small < 112 * MIB && large < 112 * MIB,
        "{} and {} MiB",
        small / MIB,
        large / MIB
    );
}
