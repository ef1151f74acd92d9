//! Single bits of coded pictures are flipped. No frame may be wrong without a word where ffmpeg has
//! one: where a frame of ours is wrong and nothing says so, ffmpeg's messages decide.

use crate::clips::{Clip, Unit};
use crate::raw;
use framemill_video::{Codec, CodecConfig, open_decoder};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

const SMALL: &str = "testsrc2=size=128x96:rate=25:duration=0.8,noise=alls=10:allf=t";

/// Where one bit is flipped: which access unit, which bit of it.
type Flip = (usize, usize);

/// What became of the frames of a stream with a flipped bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// All are exact.
    Harmless,
    /// Some are missing or named, and all others are exact.
    Told,
    /// Some are missing or named, and of the others some are wrong.
    Partly,
    /// Some are wrong, and nothing is said.
    Silent,
}

/// Frames as a caller gets them who resumes at the next sync sample after an error: adler32 of those
/// that count as exact, by PTS.
fn trusted(config: &CodecConfig, units: &[Unit]) -> BTreeMap<i64, u32> {
    let mut decoder = None;
    let mut frames = BTreeMap::new();
    for unit in units {
        if decoder.is_none() && unit.sync {
            decoder = open_decoder(config).ok();
        }
        let Some(open) = &mut decoder else { continue };
        let decoded = open.decode(&unit.bytes, unit.pts);
        while let Some(frame) = open.next_frame() {
            let hash = adler32(&raw(&frame));
            if frame.damage.is_none() {
                frames.insert(frame.pts.0, hash);
            }
        }
        if decoded.is_err() {
            decoder = None;
        }
    }
    frames
}

fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    for &byte in bytes {
        a = (a + u32::from(byte)) % 65521;
        b = (b + a) % 65521;
    }
    (b << 16) | a
}

fn flipped(units: &[Unit], (unit, bit): Flip) -> Vec<Unit> {
    let mut units = units.to_vec();
    units[unit].bytes[bit / 8] ^= 0x80 >> (bit % 8);
    units
}

fn judge(clip: &Clip, whole: &BTreeMap<i64, u32>, flip: Flip) -> Verdict {
    let found = trusted(&clip.config, &flipped(&clip.units, flip));
    let wrong = found.iter().any(|(pts, hash)| whole.get(pts) != Some(hash));
    match (wrong, found.len() < whole.len()) {
        (false, false) => Verdict::Harmless,
        (false, true) => Verdict::Told,
        (true, true) => Verdict::Partly,
        (true, false) => Verdict::Silent,
    }
}

/// What ffmpeg says of the clip with this bit flipped.
fn ffmpegs_words(clip: &Clip, flip: Flip, folder: &Path) -> String {
    let mut file = std::fs::read(clip.path()).unwrap();
    let unit = &clip.units[flip.0].bytes;
    let at = file.windows(unit.len()).position(|it| it == unit).unwrap();
    file[at + flip.1 / 8] ^= 0x80 >> (flip.1 % 8);
    let name = clip.path().file_name().unwrap().to_str().unwrap();
    let path = folder.join(format!("flipped-{}-{name}", std::process::id()));
    std::fs::write(&path, file).unwrap();
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(&path)
        .args(["-f", "null", "-"])
        .output()
        .expect("apt-get install -y --no-install-recommends ffmpeg");
    std::fs::remove_file(&path).unwrap();
    // Of frames out of order the muxer speaks, not the decoder.
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let decoders = said.lines().filter(|line| !line.starts_with("[null @"));
    decoders.collect::<Vec<_>>().join("\n")
}

/// Bits at the start of an access unit that hold headers.
const HEAD: usize = 320;

/// Flips by number, the same each time: half of them in headers, where most is said that can be
/// wrong.
fn flips(clip: &Clip, count: u64) -> Vec<Flip> {
    let sizes: Vec<usize> = clip.units.iter().map(|unit| unit.bytes.len() * 8).collect();
    let all: usize = sizes.iter().sum();
    let place = |number: u64| {
        // splitmix64
        let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mut bit = ((mixed ^ (mixed >> 31)) % all as u64) as usize;
        for (unit, &size) in sizes.iter().enumerate() {
            if bit < size {
                let head = number.is_multiple_of(2).then_some(HEAD.min(size));
                return (unit, bit % head.unwrap_or(size));
            }
            bit -= size;
        }
        panic!("{number}: there is no such bit");
    };
    (1..=count).map(place).collect()
}

/// Verdicts of `flips`. A decoder that ends the process is contained by the sandbox, and what it was
/// at is lost and named: so judged in a process of its own.
fn verdicts(name: &str, clip: &Clip, flips: &[Flip]) -> Vec<Verdict> {
    let whole = trusted(&clip.config, &clip.units);
    assert_eq!(whole.len(), clip.units.len(), "{name}");
    if clip.config.codec != Codec::Av1 {
        return flips
            .iter()
            .map(|&flip| judge(clip, &whole, flip))
            .collect();
    }
    let alone = |&(unit, bit): &Flip| {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", &format!("flips::{name}")])
            .env("FRAMEMILL_FLIP", format!("{unit} {bit}"))
            .stderr(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        match said.split("verdict: ").nth(1) {
            Some(rest) if rest.starts_with("Harmless") => Verdict::Harmless,
            Some(rest) if rest.starts_with("Partly") => Verdict::Partly,
            Some(rest) if rest.starts_with("Silent") => Verdict::Silent,
            _ => Verdict::Told,
        }
    };
    flips.iter().map(alone).collect()
}

fn check(name: &str, codec: Codec, extension: &str, args: &str) {
    let clip = Clip::make(codec, &format!("flips_{name}"), extension, SMALL, args);
    if let Ok(flip) = std::env::var("FRAMEMILL_FLIP") {
        let (unit, bit) = flip.split_once(' ').unwrap();
        let flip = (unit.parse().unwrap(), bit.parse().unwrap());
        let whole = trusted(&clip.config, &clip.units);
        println!("verdict: {:?}", judge(&clip, &whole, flip));
        std::io::stdout().flush().unwrap();
        return;
    }
    let count = std::env::var("FRAMEMILL_FLIPS").map_or(200, |count| count.parse().unwrap());
    let flips = flips(&clip, count);
    let verdicts = verdicts(name, &clip, &flips);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let of = |verdict| verdicts.iter().filter(|it| **it == verdict).count();
    let noticed = |verdict| -> Vec<(Flip, String)> {
        let all = flips.iter().zip(&verdicts);
        let all = all.filter(|(_, found)| **found == verdict);
        let said = all.map(|(&flip, _)| (flip, ffmpegs_words(&clip, flip, folder)));
        said.filter(|(_, words)| !words.is_empty()).collect()
    };
    let (partly, silent) = (noticed(Verdict::Partly), noticed(Verdict::Silent));
    println!(
        "{name}: {count} flips, {} harmless, {} told, {} partly (ffmpeg noticed {}), {} silent (ffmpeg noticed {})",
        of(Verdict::Harmless),
        of(Verdict::Told),
        of(Verdict::Partly),
        partly.len(),
        of(Verdict::Silent),
        silent.len()
    );
    for (flip, words) in partly.iter().chain(&silent) {
        println!("  {flip:?}: {}", words.lines().next().unwrap_or_default());
    }
    assert!(of(Verdict::Told) > 0, "{name}: nothing was noticed");
    assert!(silent.is_empty(), "{name}: ffmpeg noticed {}", silent.len());
}

#[test]
fn h264_cavlc() {
    let args = "-c:v libx264 -pix_fmt yuv420p -profile:v baseline -g 10 -qp 28";
    check("h264_cavlc", Codec::H264, "mp4", args);
}

#[test]
fn h264_cabac() {
    let args = "-c:v libx264 -pix_fmt yuv420p -g 10 -qp 28 -bf 0";
    check("h264_cabac", Codec::H264, "mp4", args);
}

#[test]
fn h264_b() {
    let args = "-c:v libx264 -pix_fmt yuv420p -g 10 -qp 28 -bf 3 -refs 4 -x264-params b-adapt=0";
    check("h264_b", Codec::H264, "mp4", args);
}

#[test]
fn h264_interlaced() {
    let args = "-c:v libx264 -pix_fmt yuv420p -flags +ildct+ilme -g 10 -qp 28 -bf 2";
    check("h264_interlaced", Codec::H264, "mp4", args);
}

#[test]
fn hevc() {
    let args =
        "-c:v libx265 -pix_fmt yuv420p -tag:v hvc1 -x265-params log-level=none:keyint=10:qp=28";
    check("hevc", Codec::Hevc, "mp4", args);
}

#[test]
fn hevc_slices() {
    let args = "-c:v libx265 -pix_fmt yuv420p10le -tag:v hvc1 -x265-params log-level=none:keyint=10:qp=28:slices=2:wpp=1:ctu=16";
    check("hevc_slices", Codec::Hevc, "mp4", args);
}

#[test]
fn hevc_422() {
    let args =
        "-c:v libx265 -pix_fmt yuv422p10le -tag:v hvc1 -x265-params log-level=none:keyint=10:qp=28";
    check("hevc_422", Codec::Hevc, "mp4", args);
}

#[test]
fn vp9() {
    let args = "-c:v libvpx-vp9 -pix_fmt yuv420p -b:v 300k -g 10 -auto-alt-ref 1 -lag-in-frames 8";
    check("vp9", Codec::Vp9, "mp4", args);
}

#[test]
fn vp8() {
    check("vp8", Codec::Vp8, "ivf", "-c:v libvpx -b:v 300k -g 10");
}

#[test]
fn vp8_partitions() {
    let args = "-c:v libvpx -b:v 300k -g 10 -slices 4 -profile:v 3";
    check("vp8_partitions", Codec::Vp8, "ivf", args);
}

#[test]
fn av1() {
    let args = "-c:v libsvtav1 -pix_fmt yuv420p -preset 8 -g 10 -crf 30";
    check("av1", Codec::Av1, "mp4", args);
}
