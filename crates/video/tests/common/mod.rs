//! Clips made with ffmpeg, and what ffprobe says of them. Shared by the tests of this crate.
#![allow(dead_code)] // each test file uses its part

use framemill_video::{ByteRange, IndexError, IndexReader, Progress, Sample, VideoIndex};
use std::collections::HashMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs a tool of ffmpeg and gives its output; panics with its messages where it fails.
fn run(tool: &str, arguments: &[&str]) -> Output {
    let output = Command::new(tool)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| {
            panic!(
                "cannot run {tool} ({error}): `apt-get install -y --no-install-recommends ffmpeg`"
            )
        });
    assert!(
        output.status.success(),
        "{tool} {arguments:?} failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// A clip made with `ffmpeg {arguments} {name}`, cached by name and arguments. Two tests that
/// want the same clip at the same time both make it; the last one to end wins.
pub fn clip(name: &str, arguments: &[&str]) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    arguments.hash(&mut hasher);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clips");
    let path = folder.join(format!("{:08x}-{name}", hasher.finish() as u32));
    if path.exists() {
        return path;
    }
    fs::create_dir_all(&folder).unwrap();
    let thread = format!("{:?}", std::thread::current().id());
    let unique: String = thread.chars().filter(char::is_ascii_digit).collect();
    let making = folder.join(format!("making-{}-{unique}-{name}", std::process::id()));
    let mut all = vec!["-hide_banner", "-nostdin", "-v", "error", "-y"];
    all.extend(arguments);
    all.push(making.to_str().unwrap());
    run("ffmpeg", &all);
    fs::rename(&making, &path).unwrap();
    path
}

/// A small moving test picture: `size` like `160x120`.
pub fn testsrc(size: &str, rate: &str, seconds: &str) -> String {
    format!("testsrc2=size={size}:rate={rate}:duration={seconds}")
}

/// A packet as ffprobe shows it.
#[derive(Clone, Debug)]
pub struct Packet {
    pub pts: Option<i64>,
    pub dts: Option<i64>,
    pub size: usize,
    pub pos: Option<u64>,
    pub key: bool,
    pub discard: bool,
    /// Adler-32 of the payload.
    pub hash: u32,
}

fn fields(line: &str) -> HashMap<&str, &str> {
    line.split('|').filter_map(|f| f.split_once('=')).collect()
}

/// The packets of the first video stream, in file order.
pub fn packets(path: &Path) -> Vec<Packet> {
    let output = run(
        "ffprobe",
        &[
            "-v",
            "error",
            "-select_streams",
            "v:0",
            "-show_packets",
            "-show_data_hash",
            "adler32",
            "-of",
            "compact=p=0",
            path.to_str().unwrap(),
        ],
    );
    // Side data breaks lines: what goes on starts with a separator.
    String::from_utf8_lossy(&output.stdout)
        .replace("\n|", "|")
        .lines()
        .filter(|line| line.contains("data_hash="))
        .map(|line| {
            let fields = fields(line);
            let hash = fields["data_hash"].trim_start_matches("adler32:");
            Packet {
                pts: fields.get("pts").and_then(|pts| pts.parse().ok()),
                dts: fields.get("dts").and_then(|dts| dts.parse().ok()),
                size: fields["size"].parse().unwrap(),
                pos: fields.get("pos").and_then(|pos| pos.parse().ok()),
                key: fields["flags"].starts_with('K'),
                discard: fields["flags"].contains('D'),
                hash: u32::from_str_radix(hash, 16).unwrap(),
            }
        })
        .collect()
}

/// Places (packet positions) of the frames that ffmpeg shows, in the order it shows them.
pub fn shown_places(path: &Path) -> Vec<u64> {
    let entries = "frame=pkt_pos";
    let output = run(
        "ffprobe",
        &[
            "-v",
            "error",
            "-select_streams",
            "v:0",
            "-show_frames",
            "-show_entries",
            entries,
            "-of",
            "compact=p=0",
            path.to_str().unwrap(),
        ],
    );
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| fields(line).get("pkt_pos")?.parse().ok())
        .collect()
}

/// Entries of the first video stream, for example `time_base`.
pub fn stream(path: &Path) -> HashMap<String, String> {
    let output = run(
        "ffprobe",
        &[
            "-v",
            "error",
            "-select_streams",
            "v:0",
            "-show_streams",
            "-of",
            "compact=p=0",
            path.to_str().unwrap(),
        ],
    );
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next().unwrap_or_default();
    fields(line)
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Adler-32.
pub fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    for &byte in bytes {
        a = (a + u32::from(byte)) % 65521;
        b = (b + a) % 65521;
    }
    (b << 16) | a
}

/// What finding an index took.
#[derive(Clone, Debug, Default)]
pub struct Reads {
    pub requests: usize,
    pub bytes: u64,
    pub largest: u64,
}

/// Finds the index of something that can be read.
pub fn read_index(
    size: u64,
    mut fetch: impl FnMut(ByteRange) -> Vec<u8>,
) -> (Result<Box<VideoIndex>, IndexError>, Reads) {
    let mut reader = IndexReader::new(size);
    let mut reads = Reads::default();
    loop {
        match reader.advance() {
            Ok(Progress::Need(range)) => {
                assert!(
                    range.start < range.end && range.end <= size,
                    "{range:?} of {size}"
                );
                reads.requests += 1;
                reads.bytes += range.len();
                reads.largest = reads.largest.max(range.len());
                assert!(reads.requests < 200_000, "the reader never ends");
                reader.supply(range.start, &fetch(range));
            }
            Ok(Progress::Done(index)) => return (Ok(index), reads),
            Err(error) => return (Err(error), reads),
        }
    }
}

/// Finds the index of a file.
pub fn index_of(path: &Path) -> (Result<Box<VideoIndex>, IndexError>, Reads) {
    let mut file = File::open(path).unwrap();
    let size = file.metadata().unwrap().len();
    read_index(size, |range| read_range(&mut file, range))
}

/// Finds the index of bytes.
pub fn index_of_bytes(bytes: &[u8]) -> Result<Box<VideoIndex>, IndexError> {
    let fetch = |range: ByteRange| bytes[range.start as usize..range.end as usize].to_vec();
    read_index(bytes.len() as u64, fetch).0
}

pub fn read_range(file: &mut File, range: ByteRange) -> Vec<u8> {
    let mut bytes = vec![0; range.len() as usize];
    file.seek(SeekFrom::Start(range.start)).unwrap();
    file.read_exact(&mut bytes).unwrap();
    bytes
}

/// The access unit of a sample.
pub fn access_unit(file: &mut File, index: &VideoIndex, sample: &Sample) -> Vec<u8> {
    let bytes = read_range(file, sample.range());
    index.unwrap.access_unit(&bytes).unwrap().into_owned()
}
