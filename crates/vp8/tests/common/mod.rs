//! What the tests share: clips and pictures by ffmpeg, and IVF files.
#![allow(dead_code)] // each test file uses its part
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

pub mod bool_encoder;

use framemill_vp8::{Decoder, Frame};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs ffmpeg.
pub fn ffmpeg(args: &[&str]) -> Output {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-y", "-v", "error", "-threads", "1"])
        .args(args)
        .output();
    output.unwrap_or_else(|error| {
        panic!("ffmpeg: {error}: apt-get install -y --no-install-recommends ffmpeg")
    })
}

/// A file of this name that no other test writes.
pub fn file(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("vp8");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

/// The IVF file that ffmpeg makes of `source`, a lavfi graph, with libvpx; made once.
pub fn clip(name: &str, source: &str, args: &str) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    (source, args).hash(&mut hasher);
    let name = format!("{name}-{:016x}", hasher.finish());
    let path = file(&format!("{name}.ivf"));
    if path.exists() {
        return path;
    }
    // Two tests that want the same clip at the same time both make it.
    let thread = format!("{:?}", std::thread::current().id());
    let thread: String = thread.chars().filter(char::is_ascii_digit).collect();
    let unfinished = file(&format!("{name}-{}-{thread}.part.ivf", std::process::id()));
    let unfinished = unfinished.to_str().unwrap();
    let mut all = vec!["-f", "lavfi", "-i", source, "-c:v", "libvpx"];
    all.extend(args.split_whitespace());
    let encode = |more: &[&str]| {
        let all = [&all[..], more, &[unfinished]].concat();
        let output = ffmpeg(&all);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ffmpeg {all:?}: {errors}");
    };
    // It makes hidden frames in the second of two passes only.
    if all.contains(&"-auto-alt-ref") {
        for pass in ["1", "2"] {
            encode(&["-pass", pass, "-passlogfile", unfinished]);
        }
    } else {
        encode(&[]);
    }
    std::fs::rename(unfinished, &path).unwrap();
    path
}

/// What ffmpeg makes of an IVF file with a decoder, its own (`vp8`) or `libvpx`: the pictures, planes
/// one after the other, each of its own size; and what it says.
pub fn reference(path: &Path, decoder: &str) -> (Vec<u8>, String) {
    let mut args = vec!["-c:v", decoder, "-i", path.to_str().unwrap()];
    args.extend(["-vsync", "passthrough", "-autoscale", "0"]);
    args.extend(["-pix_fmt", "yuv420p", "-f", "rawvideo", "-"]);
    let output = ffmpeg(&args);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.stdout, errors)
}

/// The frames of an IVF file.
pub fn units(path: &Path) -> Vec<Vec<u8>> {
    let file = std::fs::read(path).unwrap();
    let mut rest = &file[32..];
    let mut units = Vec::new();
    while let Some((head, after)) = rest.split_first_chunk::<12>() {
        let size = u32::from_le_bytes(head[..4].try_into().unwrap()) as usize;
        let (unit, after) = after.split_at(size);
        units.push(unit.to_vec());
        rest = after;
    }
    units
}

/// An IVF file of these frames.
pub fn ivf(units: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"DKIF\0\0\x20\0VP80\x40\0\x40\0\x19\0\0\0\x01\0\0\0".to_vec();
    file.extend((units.len() as u32).to_le_bytes());
    file.extend([0; 4]);
    for (number, unit) in units.iter().enumerate() {
        file.extend((unit.len() as u32).to_le_bytes());
        file.extend((number as u64).to_le_bytes());
        file.extend(unit);
    }
    file
}

/// A frame's planes one after the other.
pub fn raw(frame: &Frame) -> Vec<u8> {
    (0..3).flat_map(|plane| frame.samples(plane)).collect()
}

/// All shown frames; each frame is decoded without an error.
pub fn decode(units: &[Vec<u8>]) -> Vec<Frame> {
    let mut decoder = Decoder::default();
    let decoded = units.iter().map(|unit| decoder.decode(unit).unwrap());
    decoded.flatten().collect()
}

/// Fails at the first frame that differs from ffmpeg's.
pub fn assert_equal(name: &str, frames: &[Frame], expected: &[u8]) {
    let mut rest = expected;
    for (number, frame) in frames.iter().enumerate() {
        let ours = raw(frame);
        let theirs = rest.split_at_checked(ours.len());
        let (theirs, after) = theirs.unwrap_or_else(|| panic!("{name}: ffmpeg has no {number}"));
        let differing = ours.iter().zip(theirs).position(|(a, b)| a != b);
        assert_eq!(
            differing, None,
            "{name}: byte that differs in frame {number}"
        );
        rest = after;
    }
    assert!(
        rest.is_empty(),
        "{name}: {} bytes more of ffmpeg's",
        rest.len()
    );
}

/// Numbers that look random and are the same each time (splitmix64).
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `below` - 1.
    pub fn below(&mut self, below: u64) -> u64 {
        self.next() % below
    }

    /// True in `percent` of all cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}
