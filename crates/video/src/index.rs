//! The index of one video track: everything needed to plan, fetch and decode, and nothing of
//! the pictures themselves.

use crate::{ColorDescription, Dts, Pts, Timescale};
use serde::{Deserialize, Serialize};

/// Half-open range of bytes in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByteRange {
    /// First byte.
    pub start: u64,
    /// One past the last byte; not below `start`.
    pub end: u64,
}

impl ByteRange {
    /// Number of bytes.
    pub fn len(self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// File format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Container {
    /// ISO base media: MP4, MOV, M4V; fragmented too.
    Mp4,
    /// Matroska and WebM.
    Matroska,
    /// AVI, OpenDML too.
    Avi,
    /// MPEG-2 transport stream.
    MpegTs,
    /// Raw H.264 or HEVC with start codes.
    AnnexB,
    /// IVF (VP8, VP9, AV1).
    Ivf,
}

/// Video codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// H.264/AVC.
    H264,
    /// H.265/HEVC.
    Hevc,
    /// AV1.
    Av1,
    /// VP9.
    Vp9,
    /// VP8.
    Vp8,
    /// Motion JPEG.
    Mjpeg,
}

/// What a decoder needs before the first access unit, small enough to travel in a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodecConfig {
    /// The codec.
    pub codec: Codec,
    /// For H.264 and HEVC: bytes of a NAL unit's length prefix (1, 2 or 4) as in `avcC`/`hvcC`;
    /// `None` where access units carry start codes (Annex B).
    pub nal_length_size: Option<u8>,
    /// Parameter sets out of band. H.264/HEVC: SPS, PPS (VPS) as Annex-B bytes; AV1: the
    /// sequence header OBU; otherwise empty.
    #[serde(with = "hex_bytes")]
    pub parameter_sets: Vec<u8>,
    /// Profile as users know it, for example `High`, `Main 10`, `Profile 0`.
    pub profile: String,
    /// Coded size as the container says; the bitstream's own size wins while decoding.
    pub width: u32,
    /// See `width`.
    pub height: u32,
    /// Colour as bitstream headers and container say.
    pub color: ColorDescription,
}

/// Turn to apply for display, clockwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "u16"))]
#[serde(into = "u16", try_from = "u16")]
pub enum Rotation {
    /// None.
    #[default]
    R0,
    /// 90° clockwise.
    R90,
    /// 180°.
    R180,
    /// 270° clockwise.
    R270,
}

impl From<Rotation> for u16 {
    fn from(rotation: Rotation) -> u16 {
        match rotation {
            Rotation::R0 => 0,
            Rotation::R90 => 90,
            Rotation::R180 => 180,
            Rotation::R270 => 270,
        }
    }
}

impl TryFrom<u16> for Rotation {
    type Error = String;

    fn try_from(degrees: u16) -> Result<Self, String> {
        match degrees {
            0 => Ok(Self::R0),
            90 => Ok(Self::R90),
            180 => Ok(Self::R180),
            270 => Ok(Self::R270),
            other => Err(format!("rotation is {other}, not a multiple of 90")),
        }
    }
}

/// Width to height of one pixel; 1:1 where nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PixelAspect {
    /// Horizontal.
    pub h: u32,
    /// Vertical.
    pub v: u32,
}

impl Default for PixelAspect {
    fn default() -> Self {
        Self { h: 1, v: 1 }
    }
}

/// Whether later access units refer to this one, as the *container* says. The bitstream may
/// know better: see [`crate::codec::is_disposable`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dependence {
    /// The container does not say.
    #[default]
    Unknown,
    /// Others depend on it.
    Needed,
    /// No other depends on it: it can be left out, fetch and decode alike.
    Disposable,
}

/// One coded picture in the container, in decoding order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// First byte in the file.
    pub offset: u64,
    /// Bytes in the file, container framing inside the sample included (see [`Unwrap`]).
    pub size: u32,
    /// Decoding time.
    pub dts: Dts,
    /// Presentation time, edit list applied.
    pub pts: Pts,
    /// Whether decoding can start here.
    pub sync: bool,
    /// Whether it is shown: false outside the edit list, and for samples that only refresh
    /// references.
    pub shown: bool,
    /// What the container says of references.
    pub dependence: Dependence,
    /// Which codec configuration it is decoded with: the first is 0. A track may have several, and
    /// decoding can go on from one to another at sync samples alone.
    #[serde(default, skip_serializing_if = "is_first")]
    pub description: u8,
}

fn is_first(description: &u8) -> bool {
    *description == 0
}

impl Sample {
    /// Where its bytes are.
    pub fn range(&self) -> ByteRange {
        ByteRange {
            start: self.offset,
            end: self.offset.saturating_add(u64::from(self.size)),
        }
    }

    /// Its codec configuration, out of the first and the others; `None` where there is none of that
    /// number.
    pub fn config<'a>(
        &self,
        first: &'a CodecConfig,
        others: &'a [CodecConfig],
    ) -> Option<&'a CodecConfig> {
        match usize::from(self.description).checked_sub(1) {
            None => Some(first),
            Some(other) => others.get(other),
        }
    }
}

/// How a sample's bytes in the file become an access unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unwrap {
    /// They are the access unit.
    Plain,
    /// Matroska header stripping: these bytes come first.
    Prefix(#[serde(with = "hex_bytes")] Vec<u8>),
    /// A run of transport packets: the PES payload of this PID.
    TransportPid {
        /// Packet identifier.
        pid: u16,
        /// Bytes from one packet to the next: 188, 192 or 204.
        packet_size: u16,
    },
}

/// Something wrong with the container that does not stop us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexWarning {
    /// Stable name, for example `truncated_data`.
    pub code: String,
    /// Fact and consequence.
    pub message: String,
    /// From here.
    pub from_pts: Option<Pts>,
    /// To here.
    pub to_pts: Option<Pts>,
}

/// One video track of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoIndex {
    /// File format.
    pub container: Container,
    /// Codec configuration, of the first sample.
    pub config: CodecConfig,
    /// Further ones: see [`Sample::description`].
    pub other_configs: Vec<CodecConfig>,
    /// The track's clock.
    pub timescale: Timescale,
    /// Duration of what is shown, in ticks: last PTS plus its duration, less the first PTS.
    pub duration: i64,
    /// Turn to apply.
    pub rotation: Rotation,
    /// Pixel shape.
    pub pixel_aspect: PixelAspect,
    /// All samples of the track in decoding order; never empty.
    pub samples: Vec<Sample>,
    /// How to take access units out of samples.
    pub unwrap: Unwrap,
    /// Damage that was stepped over.
    pub warnings: Vec<IndexWarning>,
}

impl VideoIndex {
    /// All codec configurations, in the order of their numbers.
    pub fn configs(&self) -> impl Iterator<Item = &CodecConfig> {
        std::iter::once(&self.config).chain(&self.other_configs)
    }
}

/// Bytes as a hex string: parameter sets travel inside JSON.
mod hex_bytes {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        hex::decode(text).map_err(D::Error::custom)
    }
}
