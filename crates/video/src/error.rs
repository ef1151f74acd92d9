//! Errors of both halves. Messages: fact, limit, remedy; no paths (the caller knows them).

use thiserror::Error;

/// Why no [`crate::VideoIndex`] can be made of a file. All are permanent: the same bytes give
/// the same error.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IndexError {
    /// Zero bytes.
    #[error("file is empty: upload it again")]
    Empty,
    /// No container we know.
    #[error(
        "not a video file we know (supported: mp4, mov, mkv, webm, avi, mpeg-ts, h264, h265, ivf): check the upload"
    )]
    UnknownContainer,
    /// A container that we know and do not read.
    #[error(
        "{container} is not read (supported: mp4, mov, mkv, webm, avi, mpeg-ts, h264, h265, ivf): {remedy}"
    )]
    UnsupportedContainer {
        /// Container name as users know it.
        container: &'static str,
        /// What to do, with the command.
        remedy: &'static str,
    },
    /// The container's structure is broken.
    #[error("damaged {container}: {what}: re-mux or upload the file again")]
    Damaged {
        /// Container name as users know it.
        container: &'static str,
        /// What is broken, with numbers.
        what: String,
    },
    /// The index is missing because the file ends early.
    #[error(
        "truncated {container}: {what}: the recording or upload was cut off, upload the whole file"
    )]
    Truncated {
        /// Container name.
        container: &'static str,
        /// What is missing.
        what: String,
    },
    /// Only audio, subtitles, or nothing.
    #[error("no video track (tracks: {tracks})")]
    NoVideoTrack {
        /// What there is instead, for example `audio mp4a`, or `none`.
        tracks: String,
    },
    /// A video track without samples.
    #[error("video track has no frames")]
    NoFrames,
    /// Common encryption and the like.
    #[error("encrypted video track ({scheme}): decrypt it before the upload")]
    Encrypted {
        /// Protection scheme, for example `cenc`.
        scheme: String,
    },
    /// A codec or profile that we do not decode.
    #[error(
        "unsupported codec `{codec}` (supported: avc1, hvc1, av01, vp08, vp09, mjpg): re-encode or skip"
    )]
    UnsupportedCodec {
        /// Four-character code or Matroska codec id, with the profile where that is the reason.
        codec: String,
    },
    /// A size, count or duration above our limits.
    #[error("{what} is {value}, limit {limit}: {remedy}")]
    Limit {
        /// Which number.
        what: &'static str,
        /// What the file says.
        value: u64,
        /// What we accept.
        limit: u64,
        /// What to do.
        remedy: &'static str,
    },
}

/// Why an access unit could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A feature that no decoder here has; said before or at the first picture that needs it.
    #[error(
        "unsupported {codec} stream: {what}: re-encode as 8-bit 4:2:0 progressive H.264 or HEVC"
    )]
    Unsupported {
        /// Codec name.
        codec: &'static str,
        /// The feature.
        what: String,
    },
    /// Broken data; decoding may go on at the next sync sample.
    #[error("damaged {codec} data: {what}")]
    Damaged {
        /// Codec name.
        codec: &'static str,
        /// What the decoder said.
        what: String,
    },
    /// The codec was left out of this build.
    #[error("codec `{codec}` is not part of this build: build with the cargo feature `{codec}`")]
    NotBuilt {
        /// Cargo feature.
        codec: &'static str,
    },
}
