//! The track list (RFC 9559 clause 5.1.4).

use super::ebml::{NAME, child, child_uint, children, float, id};
use crate::container::bitmap_info;
use crate::container::config::CodecParameters;
use crate::{Codec, ColorDescription, IndexError, PixelAspect, Rotation, Unwrap};

/// `TrackType` of video.
const VIDEO: u64 = 1;

/// The chosen track.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) number: u64,
    pub(super) codec: Codec,
    pub(super) parameters: CodecParameters,
    pub(super) size: (u32, u32),
    pub(super) color: ColorDescription,
    pub(super) rotation: Rotation,
    pub(super) unwrap: Unwrap,
    /// Nanoseconds per frame.
    pub(super) default_duration: Option<u64>,
    aspect: Option<PixelAspect>,
}

impl Track {
    pub(super) fn pixel_aspect(&self) -> PixelAspect {
        self.aspect
            .or(self.parameters.pixel_aspect)
            .unwrap_or_default()
    }
}

/// The default video track with a codec that we decode, else the first such.
///
/// # Errors
/// The reason why there is none.
pub(super) fn choose(tracks: &[u8]) -> Result<Track, IndexError> {
    let entries = || {
        children(tracks)
            .filter(|(of, _)| *of == id::TRACK_ENTRY)
            .map(|(_, entry)| entry)
    };
    let mut unsupported = None;
    let mut chosen: Option<(bool, Track)> = None;
    for entry in entries() {
        if child_uint(entry, id::TRACK_TYPE) != Some(VIDEO) {
            continue;
        }
        let default = child_uint(entry, id::FLAG_DEFAULT) != Some(0);
        match parse(entry) {
            Ok(track) if chosen.as_ref().is_none_or(|(of, _)| default && !of) => {
                chosen = Some((default, track));
            }
            Ok(_) => {}
            Err(error) => {
                unsupported.get_or_insert(error);
            }
        }
    }
    if let Some((_, track)) = chosen {
        return Ok(track);
    }
    Err(unsupported.unwrap_or_else(|| {
        let names: Vec<_> = entries().map(name).collect();
        IndexError::NoVideoTrack {
            tracks: if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            },
        }
    }))
}

fn name(entry: &[u8]) -> String {
    let kind = match child_uint(entry, id::TRACK_TYPE) {
        Some(2) => "audio",
        Some(0x11) => "subtitles",
        _ => "other",
    };
    format!("{kind} {}", codec_id(entry))
}

fn codec_id(entry: &[u8]) -> String {
    let bytes = child(entry, id::CODEC_ID).unwrap_or_default();
    bytes
        .iter()
        .take(64)
        .take_while(|&&byte| byte != 0)
        .map(|&byte| match byte {
            0x20..=0x7e => char::from(byte),
            _ => '?',
        })
        .collect()
}

fn parse(entry: &[u8]) -> Result<Track, IndexError> {
    let damaged = |what: &str| IndexError::Damaged {
        container: NAME,
        what: what.to_owned(),
    };
    let unwrap = unwrap(entry)?;
    let (codec, parameters) = codec(entry)?;
    let number = child_uint(entry, id::TRACK_NUMBER)
        .ok_or_else(|| damaged("the video track has no number"))?;
    let video = child(entry, id::VIDEO).unwrap_or_default();
    let pixels = |of| child_uint(video, of).map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    let size = (
        pixels(id::PIXEL_WIDTH).unwrap_or(0),
        pixels(id::PIXEL_HEIGHT).unwrap_or(0),
    );
    Ok(Track {
        number,
        codec,
        parameters,
        size,
        color: child(video, id::COLOUR).map(color).unwrap_or_default(),
        rotation: rotation(video),
        unwrap,
        default_duration: child_uint(entry, id::DEFAULT_DURATION),
        aspect: aspect(video, size),
    })
}

fn codec(entry: &[u8]) -> Result<(Codec, CodecParameters), IndexError> {
    let name = codec_id(entry);
    let private = child(entry, id::CODEC_PRIVATE);
    let unsupported = || IndexError::UnsupportedCodec {
        codec: name.clone(),
    };
    let (codec, parameters) = match name.as_str() {
        "V_MPEG4/ISO/AVC" => (Codec::H264, private.map(CodecParameters::from_avcc)),
        "V_MPEGH/ISO/HEVC" => (Codec::Hevc, private.map(CodecParameters::from_hvcc)),
        "V_AV1" => (Codec::Av1, private.map(CodecParameters::from_av1c)),
        "V_VP9" => (Codec::Vp9, None),
        "V_VP8" => (Codec::Vp8, None),
        "V_MJPEG" => (Codec::Mjpeg, None),
        "V_MS/VFW/FOURCC" => {
            let (codec, parameters) = bitmap_info::parse(private.unwrap_or_default())?;
            (codec, Some(Some(parameters)))
        }
        _ => return Err(unsupported()),
    };
    let Some(parameters) = parameters.unwrap_or_else(|| Some(CodecParameters::default())) else {
        return Err(IndexError::Damaged {
            container: NAME,
            what: format!("the codec configuration of {name} is too short"),
        });
    };
    Ok((codec, parameters))
}

fn color(colour: &[u8]) -> ColorDescription {
    let code = |of| {
        let value = child_uint(colour, of).unwrap_or(2);
        u8::try_from(value).unwrap_or(2)
    };
    let full = match child_uint(colour, id::RANGE) {
        Some(1) => Some(false),
        Some(2) => Some(true),
        _ => None,
    };
    ColorDescription::from_cicp(
        code(id::PRIMARIES),
        code(id::TRANSFER),
        code(id::MATRIX),
        full,
    )
}

/// Roll of a projection, counter-clockwise degrees (clause 5.1.4.1.28.46).
fn rotation(video: &[u8]) -> Rotation {
    let roll = child(video, id::PROJECTION)
        .and_then(|projection| child(projection, id::PROJECTION_ROLL))
        .and_then(float)
        .unwrap_or(0.0);
    let quarters = (-roll / 90.0).round().rem_euclid(4.0);
    match quarters {
        1.0 => Rotation::R90,
        2.0 => Rotation::R180,
        3.0 => Rotation::R270,
        _ => Rotation::R0,
    }
}

/// Pixel shape from the display size. Units other than pixels and ratios say nothing of it.
fn aspect(video: &[u8], size: (u32, u32)) -> Option<PixelAspect> {
    if !matches!(child_uint(video, id::DISPLAY_UNIT), None | Some(0 | 3)) {
        return None;
    }
    let display = (
        child_uint(video, id::DISPLAY_WIDTH)?,
        child_uint(video, id::DISPLAY_HEIGHT)?,
    );
    let h = u64::from(size.1).checked_mul(display.0)?;
    let v = u64::from(size.0).checked_mul(display.1)?;
    let divisor = gcd(h, v);
    let part = |n: u64| {
        u32::try_from(n.checked_div(divisor)?)
            .ok()
            .filter(|&n| n > 0)
    };
    Some(PixelAspect {
        h: part(h)?,
        v: part(v)?,
    })
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Content encodings (clause 5.1.4.1.31): header stripping is undone, others are refused.
fn unwrap(entry: &[u8]) -> Result<Unwrap, IndexError> {
    let mut prefix = Vec::new();
    let encodings = child(entry, id::CONTENT_ENCODINGS).unwrap_or_default();
    for (of, encoding) in children(encodings) {
        if of != id::CONTENT_ENCODING {
            continue;
        }
        if child(encoding, id::ENCRYPTION).is_some() {
            return Err(IndexError::Encrypted {
                scheme: "matroska".to_owned(),
            });
        }
        // Bit 0: frames are encoded; otherwise only the codec's private data.
        if child_uint(encoding, id::ENCODING_SCOPE).unwrap_or(1) & 1 == 0 {
            continue;
        }
        let Some(compression) = child(encoding, id::COMPRESSION) else {
            continue;
        };
        match child_uint(compression, id::COMPRESSION_ALGORITHM).unwrap_or(0) {
            3 => {
                let stripped = child(compression, id::COMPRESSION_SETTINGS).unwrap_or_default();
                prefix.splice(0..0, stripped.iter().copied());
            }
            other => {
                let names = ["zlib", "bzlib", "lzo1x"];
                let name = usize::try_from(other)
                    .ok()
                    .and_then(|n| names.get(n).copied());
                return Err(IndexError::UnsupportedCodec {
                    codec: format!(
                        "{} compressed with {}",
                        codec_id(entry),
                        name.unwrap_or("an unknown method")
                    ),
                });
            }
        }
    }
    Ok(if prefix.is_empty() {
        Unwrap::Plain
    } else {
        Unwrap::Prefix(prefix)
    })
}
