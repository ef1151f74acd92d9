//! Clips made with ffmpeg, and what ffprobe says of them. Shared by the tests of this crate.
#![allow(dead_code)] // each test file uses its part
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

use framemill_video::{
    ByteRange, Codec, Container, IndexError, IndexReader, Progress, Sample, VideoIndex,
};
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

/// Which PTS the clip's packets have.
#[derive(Clone, Copy, PartialEq)]
pub enum Times {
    /// As ffprobe shows.
    Equal,
    /// As ffprobe shows, but for one shift of all: ffprobe moves fragments with negative offsets.
    Shifted,
    /// ffprobe shows none: presentation order alone is looked at elsewhere.
    Unknown,
}

/// Compares payload, key flag, PTS of all packets; gives the index for more.
pub fn compare(path: &Path, times: Times) -> Box<VideoIndex> {
    let (index, _) = index_of(path);
    let index = index.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    println!("{}", path.display()); // names the clip where a comparison fails
    let expected: Vec<Packet> = packets(path);
    assert!(
        index
            .warnings
            .iter()
            .all(|w| w.code == "assumed_frame_rate"),
        "{:?}",
        index.warnings
    );
    let mut file = File::open(path).unwrap();
    assert_eq!(index.samples.len(), expected.len(), "sample count");
    let stream = stream(path);
    let (num, den) = stream["time_base"].split_once('/').unwrap();
    let (num, den): (i128, i128) = (num.parse().unwrap(), den.parse().unwrap());
    let scale = i128::from(index.timescale.get());
    for (place, (sample, packet)) in index.samples.iter().zip(&expected).enumerate() {
        let unit = access_unit(&mut file, &index, sample);
        let unit = as_parsed(unit, &index, place);
        assert_eq!(
            unit.len(),
            packet.size,
            "size of {place}: {sample:?} {packet:?}"
        );
        assert_eq!(adler32(&unit), packet.hash, "bytes of {place}");
        assert_eq!(sample.sync, packet.key, "key flag of {place}: {sample:?}");
        assert!(
            sample.dts.0 <= sample.pts.0,
            "decoded before it is shown: {place}: {sample:?}"
        );
        if times != Times::Unknown {
            // AVI without B pictures has DTS alone.
            let pts = packet.pts.or(packet.dts).expect("ffprobe shows a time");
            let first = expected[0].pts.or(expected[0].dts).unwrap();
            let shift = if times == Times::Shifted { first } else { 0 };
            let pts = pts - shift;
            assert_eq!(
                i128::from(sample.pts.0) * den,
                i128::from(pts) * num * scale,
                "PTS of {place}: {} / {scale}, expected {pts} * {num} / {den}",
                sample.pts.0
            );
        }
        if matches!(index.container, Container::Mp4 | Container::MpegTs)
            && let Some(pos) = packet.pos
        {
            assert_eq!(sample.offset, pos, "offset of {place}");
        }
    }
    let size = (
        index.config.width.to_string(),
        index.config.height.to_string(),
    );
    assert_eq!(size, (stream["width"].clone(), stream["height"].clone()));
    if let Some(profile) = stream.get("profile").filter(|p| *p != "unknown") {
        let ours = index.config.profile.clone();
        assert!(
            ours == *profile || index.config.codec == Codec::Vp8,
            "{ours} {profile}"
        );
    }
    assert!(
        index.samples.windows(2).all(|w| w[0].dts <= w[1].dts),
        "DTS rise"
    );
    index
}

/// ffmpeg's HEVC parser leaves the zero byte of a start code to the access unit before.
pub fn as_parsed(mut unit: Vec<u8>, index: &VideoIndex, place: usize) -> Vec<u8> {
    if index.config.codec == Codec::Hevc && index.config.nal_length_size.is_none() {
        if place > 0 {
            assert_eq!(unit.remove(0), 0);
        }
        if place + 1 < index.samples.len() {
            unit.push(0);
        }
    }
    unit
}

/// Makes a clip of `seconds` with `encoder` arguments and compares it.
pub fn case(name: &str, source: &str, arguments: &[&str]) -> Box<VideoIndex> {
    compare(&make(name, source, arguments), Times::Equal)
}

pub fn make(name: &str, source: &str, arguments: &[&str]) -> std::path::PathBuf {
    let mut all = vec!["-f", "lavfi", "-i", source];
    all.extend(arguments);
    clip(name, &all)
}

pub const H264: [&str; 8] = [
    "-c:v", "libx264", "-preset", "veryfast", "-g", "12", "-pix_fmt", "yuv420p",
];

pub fn with<'a>(first: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [first, more].concat()
}

pub fn small() -> String {
    testsrc("160x120", "25", "3")
}

pub const VP9: [&str; 6] = ["-c:v", "libvpx-vp9", "-g", "12", "-deadline", "realtime"];

pub const VP8: [&str; 6] = ["-c:v", "libvpx", "-g", "12", "-deadline", "realtime"];

pub const AV1: [&str; 6] = ["-c:v", "libsvtav1", "-preset", "12", "-g", "12"];

pub const HEVC: [&str; 4] = [
    "-c:v",
    "libx265",
    "-x265-params",
    "log-level=error:keyint=12",
];
