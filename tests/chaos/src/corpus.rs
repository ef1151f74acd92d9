//! Small clips of all containers and codecs, made by ffmpeg and kept in target/clips.

use crate::mutate::{Kind, mutate};
use anyhow::{Context as _, Result};
use fastrand::Rng;
use framemill_tests::{clip, source};
use sha2::{Digest as _, Sha256};
use std::fs;

const SIZE: &str = "160x90";
const RATE: &str = "10";
const SECONDS: u32 = 2;

/// Encoders, by a short name.
const H264: &str = "-c:v libx264 -preset veryfast -pix_fmt yuv420p -bf 2 -g 8 -threads 1";
const HEVC: &str = "-c:v libx265 -preset veryfast -pix_fmt yuv420p -x265-params keyint=8:log-level=error:pools=1 -tag:v hvc1";
const AV1: &str = "-c:v libaom-av1 -cpu-used 8 -crf 40 -g 8 -pix_fmt yuv420p -threads 1";
const VP8: &str = "-c:v libvpx -crf 40 -b:v 200k -g 8 -threads 1";
const VP9: &str = "-c:v libvpx-vp9 -crf 45 -b:v 0 -g 8 -threads 1";
const MJPEG: &str = "-c:v mjpeg -q:v 20 -pix_fmt yuvj420p";

/// Each clip: the name of its file, its encoder, and what else ffmpeg is told.
const CLIPS: &[(&str, &str, &str)] = &[
    ("h264.mp4", H264, ""),
    ("h264-front.mp4", H264, "-movflags +faststart"),
    (
        "h264-fragments.mp4",
        H264,
        "-movflags +frag_keyframe+empty_moov+default_base_moof",
    ),
    ("h264-late.mp4", H264, "-bf 0 -output_ts_offset 3"),
    (
        "h264-high10.mp4",
        "-c:v libx264 -preset veryfast -pix_fmt yuv420p10le -g 8 -threads 1",
        "",
    ),
    ("h264-interlaced.mp4", H264, "-flags +ildct+ilme"),
    ("hevc.mp4", HEVC, ""),
    (
        "hevc-fragments.mp4",
        HEVC,
        "-movflags +frag_keyframe+empty_moov",
    ),
    ("av1.mp4", AV1, ""),
    ("vp9.mp4", VP9, ""),
    ("mjpeg.mov", MJPEG, ""),
    ("h264.mkv", H264, ""),
    ("hevc.mkv", HEVC, ""),
    ("mjpeg.mkv", MJPEG, ""),
    ("av1.mkv", AV1, ""),
    ("vp8.webm", VP8, ""),
    ("vp9.webm", VP9, ""),
    ("av1.webm", AV1, ""),
    ("h264.avi", H264, "-bf 0"),
    ("mjpeg.avi", MJPEG, ""),
    ("h264.ts", H264, ""),
    ("hevc.ts", HEVC, ""),
    ("h264.h264", H264, "-f h264"),
    ("hevc.h265", HEVC, "-f hevc"),
    ("av1.ivf", AV1, ""),
    ("vp8.ivf", VP8, ""),
    ("vp9.ivf", VP9, ""),
];

/// A file that is there to be damaged.
pub struct Clip {
    /// How it ends, without a dot.
    pub ending: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// All clips.
pub struct Corpus {
    clips: Vec<Clip>,
}

/// One damaged file. The seed and its number make it.
pub struct Case {
    /// Its number.
    pub number: u64,
    /// What was done to it.
    pub kind: Kind,
    /// The name of its file: number, clip's ending, damage.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Corpus {
    /// Makes the clips that are not there yet.
    ///
    /// # Errors
    /// Where a clip cannot be read.
    pub fn make() -> Result<Self> {
        let made = CLIPS.iter().map(|(name, encoder, more)| {
            let source = source(SIZE, RATE, SECONDS);
            let exact = "-fflags +bitexact -flags:v +bitexact -map_metadata -1";
            let words = [*encoder, *more, exact].map(str::split_whitespace);
            let words = words.into_iter().flatten();
            let arguments: Vec<&str> = source.iter().map(String::as_str).chain(words).collect();
            let path = clip(&format!("chaos-{name}"), &arguments);
            let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
            let ending = name.rsplit('.').next().unwrap_or_default().to_owned();
            Ok(Clip { ending, bytes })
        });
        Ok(Self {
            clips: made.collect::<Result<_>>()?,
        })
    }

    /// One of them.
    pub fn any(&self, random: &mut Rng) -> &Clip {
        &self.clips[random.usize(..self.clips.len())]
    }

    /// The damaged file with this number.
    pub fn case(&self, seed: u64, number: u64) -> Case {
        let mut random = random_of(seed, "video", number);
        let kind = Kind::any(&mut random);
        let (clip, other) = (self.any(&mut random), self.any(&mut random));
        let bytes = mutate(&clip.bytes, kind, &other.bytes, &mut random);
        let name = format!("{number:06}-{}.{}", kind.name(), clip.ending);
        Case {
            number,
            kind,
            name,
            bytes,
        }
    }
}

/// Random numbers that follow from the seed, what they are for, and its number.
pub fn random_of(seed: u64, what: &str, number: u64) -> Rng {
    let hash = Sha256::digest(format!("{seed} {what} {number}"));
    let first = hash.first_chunk().copied().unwrap_or_default();
    Rng::with_seed(u64::from_le_bytes(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_follows_from_seed_and_number() {
        let clip = |fill: u8| Clip {
            ending: "mp4".to_owned(),
            bytes: vec![fill; 5000],
        };
        let corpus = Corpus {
            clips: (0..9).map(clip).collect(),
        };
        let all = |seed| (0..200).map(move |number| (seed, number));
        let made = |(seed, number)| {
            let case = corpus.case(seed, number);
            (case.name, case.bytes)
        };
        assert!(all(7).map(made).eq(all(7).map(made)));
        assert!(!all(7).map(made).eq(all(8).map(made)));
    }
}
