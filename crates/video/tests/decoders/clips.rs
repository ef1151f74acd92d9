//! Clips made by ffmpeg at test time, cut into access units here, with ffmpeg's own decoding
//! beside them. The containers are read just far enough for that: this must not depend on the
//! demuxers under test elsewhere.

use framemill_video::{Codec, CodecConfig, ColorDescription, Pts};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// One access unit.
#[derive(Clone, Debug)]
pub struct Unit {
    pub pts: Pts,
    pub sync: bool,
    pub bytes: Vec<u8>,
}

/// A clip ready to decode.
pub struct Clip {
    pub config: CodecConfig,
    pub units: Vec<Unit>,
    path: PathBuf,
}

fn run(program: &str, args: &[&str]) -> Vec<u8> {
    let output = Command::new(program)
        .args(args)
        .output()
        .unwrap_or_else(|error| {
            panic!("{program}: {error}: apt-get install -y --no-install-recommends ffmpeg")
        });
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {errors}");
    output.stdout
}

/// The file that `ffmpeg <args> <file>` makes, made once.
pub fn make(name: &str, extension: &str, args: &[&str]) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    args.hash(&mut hasher);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clips");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{name}-{:016x}.{extension}", hasher.finish()));
    if !path.exists() {
        let unfinished = folder.join(format!("{name}-{}.part.{extension}", std::process::id()));
        let target = unfinished.to_str().unwrap();
        let all = [&["-nostdin", "-y", "-v", "error"], args, &[target]].concat();
        run("ffmpeg", &all);
        std::fs::rename(&unfinished, &path).unwrap();
    }
    path
}

impl Clip {
    /// Encodes `source` (a lavfi graph) with `args` into `extension` and cuts it up.
    pub fn make(codec: Codec, name: &str, extension: &str, source: &str, args: &str) -> Self {
        let mut all = vec!["-f", "lavfi", "-i", source];
        all.extend(args.split_whitespace());
        Self::read(codec, make(name, extension, &all))
    }

    /// Cuts up an MP4, MOV or IVF file.
    pub fn read(codec: Codec, path: PathBuf) -> Self {
        let file = std::fs::read(&path).unwrap();
        let ivf = path.extension().is_some_and(|extension| extension == "ivf");
        let units = if ivf {
            ivf_units(codec, &file)
        } else {
            packet_units(&path, &file)
        };
        assert!(!units.is_empty(), "{} is empty", path.display());
        let (nal_length_size, parameter_sets) = if ivf {
            (None, Vec::new())
        } else {
            configuration(codec, &file)
        };
        let config = CodecConfig {
            codec,
            nal_length_size,
            parameter_sets,
            profile: String::new(),
            width: 0,
            height: 0,
            color: ColorDescription::default(),
        };
        Self {
            config,
            units,
            path,
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What ffmpeg decodes, all frames in presentation order, planes one after the other.
    pub fn ffmpeg(&self, pix_fmt: &str) -> Vec<u8> {
        let path = self.path.to_str().unwrap();
        let mut args = vec![
            "-nostdin",
            "-v",
            "error",
            "-i",
            path,
            "-vsync",
            "passthrough",
        ];
        if pix_fmt == "luma" {
            args.extend(["-vf", "extractplanes=y", "-f", "rawvideo", "-"]);
        } else {
            args.extend(["-pix_fmt", pix_fmt, "-f", "rawvideo", "-"]);
        }
        run("ffmpeg", &args)
    }

    /// The same clip with start codes and with the parameter sets in each sync sample.
    pub fn annexb(&self) -> (CodecConfig, Vec<Unit>) {
        let config = CodecConfig {
            nal_length_size: None,
            parameter_sets: Vec::new(),
            ..self.config.clone()
        };
        let size = usize::from(self.config.nal_length_size.unwrap());
        let units = self.units.iter().map(|unit| {
            let mut bytes = Vec::new();
            if unit.sync {
                bytes.extend(&self.config.parameter_sets);
            }
            let mut rest = unit.bytes.as_slice();
            while rest.len() > size {
                let length = big_endian(&rest[..size]);
                bytes.extend([0, 0, 0, 1]);
                bytes.extend(&rest[size..size + length]);
                rest = &rest[size + length..];
            }
            Unit {
                bytes,
                ..unit.clone()
            }
        });
        (config, units.collect())
    }
}

fn big_endian(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |sum, &byte| (sum << 8) | usize::from(byte))
}

/// Of key frames those of VP8 are known.
fn ivf_units(codec: Codec, file: &[u8]) -> Vec<Unit> {
    let mut rest = &file[32..];
    let mut units = Vec::new();
    while rest.len() > 12 {
        let size = u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize;
        let pts = u64::from_le_bytes(rest[4..12].try_into().unwrap());
        let bytes = rest[12..12 + size].to_vec();
        let key_frame = codec == Codec::Vp8 && bytes[0] & 1 == 0;
        units.push(Unit {
            pts: Pts(pts as i64),
            sync: units.is_empty() || key_frame,
            bytes,
        });
        rest = &rest[12 + size..];
    }
    units
}

/// Packets as ffprobe finds them: `K_|pts|size|pos` in some order, named.
fn packet_units(path: &Path, file: &[u8]) -> Vec<Unit> {
    let args = "-v error -select_streams v -show_entries packet=pts,pos,size,flags -of compact=p=0";
    let mut all: Vec<_> = args.split_whitespace().collect();
    all.push(path.to_str().unwrap());
    let text = String::from_utf8(run("ffprobe", &all)).unwrap();
    let field = |line: &str, key: &str| {
        let found = line.split('|').find_map(|part| {
            let (name, value) = part.split_once('=')?;
            (name == key).then(|| value.to_owned())
        });
        found.unwrap_or_else(|| panic!("no {key} in {line}"))
    };
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let offset: usize = field(line, "pos").parse().unwrap();
            let size: usize = field(line, "size").parse().unwrap();
            Unit {
                pts: Pts(field(line, "pts").parse().unwrap()),
                sync: field(line, "flags").contains('K'),
                bytes: file[offset..offset + size].to_vec(),
            }
        })
        .collect()
}

/// Length size and parameter sets out of `avcC`, `hvcC` or `av1C`.
fn configuration(codec: Codec, file: &[u8]) -> (Option<u8>, Vec<u8>) {
    let record = |name: &[u8; 4]| {
        let at = file.windows(4).position(|window| window == name).unwrap();
        let size = big_endian(&file[at - 4..at]);
        &file[at + 4..at - 4 + size]
    };
    match codec {
        Codec::H264 => {
            let record = record(b"avcC");
            let mut sets = Vec::new();
            let mut rest = &record[5..];
            for mask in [0x1f, 0xff] {
                let count = rest[0] & mask;
                rest = &rest[1..];
                for _ in 0..count {
                    rest = take_set(rest, &mut sets);
                }
            }
            (Some((record[4] & 3) + 1), sets)
        }
        Codec::Hevc => {
            let record = record(b"hvcC");
            let mut sets = Vec::new();
            let mut rest = &record[23..];
            for _ in 0..record[22] {
                let count = big_endian(&rest[1..3]);
                rest = &rest[3..];
                for _ in 0..count {
                    rest = take_set(rest, &mut sets);
                }
            }
            (Some((record[21] & 3) + 1), sets)
        }
        Codec::Av1 => (None, record(b"av1C")[4..].to_vec()),
        _ => (None, Vec::new()),
    }
}

fn take_set<'a>(rest: &'a [u8], sets: &mut Vec<u8>) -> &'a [u8] {
    let length = big_endian(&rest[..2]);
    sets.extend([0, 0, 0, 1]);
    sets.extend(&rest[2..2 + length]);
    &rest[2 + length..]
}
