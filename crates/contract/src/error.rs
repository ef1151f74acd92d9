//! Why a job fails, and what a queue should do about it.

use framemill_function_spec::ConfigError;
use framemill_video::{DecodeError, IndexError};
use thiserror::Error;

/// What becomes of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Permanent: the same bytes fail again. A failure record is written, the message is done.
    Reject,
    /// Transient: the message comes back later.
    Retry,
}

/// Why a job fails.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JobError {
    /// No index of the file.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The codec or its profile is not decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Not a single selected frame could be decoded.
    #[error("none of {wanted} selected frames could be decoded ({first}): check the file")]
    NothingDecoded {
        /// How many were selected.
        wanted: u64,
        /// The first reason.
        first: String,
    },
    /// More than half of the selected frames could not be decoded; the others have images.
    #[error("{lost} of {selected} selected frames have no image ({first}): check the file")]
    FramesLost {
        /// How many have none.
        lost: u64,
        /// How many were selected.
        selected: u64,
        /// The first warning.
        first: String,
    },
    /// The selection chooses nothing.
    #[error("selection `{selection}` gives no frame of this video: choose times inside it")]
    NothingSelected {
        /// As configured.
        selection: String,
    },
    /// The selection chooses too much.
    #[error("selection gives {images} images, limit {limit}: select fewer or raise max_images")]
    TooManyImages {
        /// How many.
        images: u64,
        /// Configured limit.
        limit: u64,
    },
    /// Images of this format cannot have this size.
    #[error("image cannot be encoded: {reason}")]
    Encode {
        /// What the encoder said.
        reason: String,
    },
    /// An object is larger than objects may be: an image, a manifest or another record.
    #[error(
        "object of {bytes} bytes, limit {limit}: make smaller images (format = jpeg, quality, max_side), or fewer of them (every, max_images): {name}"
    )]
    ObjectTooLarge {
        /// Its URL.
        name: String,
        /// Its bytes, or as many as were seen.
        bytes: u64,
        /// Most bytes, or whose limit it is.
        limit: String,
    },
    /// The manifest of a video cannot be used.
    #[error("manifest cannot be used ({reason}): extract the video again, with this version")]
    Manifest {
        /// What is wrong with it.
        reason: String,
    },
    /// What a labeling system sent, or answered, cannot be used.
    #[error("annotations cannot be read: {reason}")]
    Annotations {
        /// What is wrong with it.
        reason: String,
    },
    /// The labeling system refuses the request as such.
    #[error("{target} refuses the request (status {status}): {message}")]
    LabelRefused {
        /// The target.
        target: String,
        /// HTTP status.
        status: u16,
        /// What it said, shortened.
        message: String,
    },
    /// The labeling system cannot answer now.
    #[error("{target} is not ready: {reason}")]
    LabelTarget {
        /// The target.
        target: String,
        /// Status or connection error.
        reason: String,
    },
    /// Another delivery is asking for the same labels at this moment.
    #[error("another delivery asks {target} for these labels: free in at most {seconds} s")]
    LabelBusy {
        /// The target.
        target: String,
        /// Until its lease ends.
        seconds: u64,
    },
    /// Each delivery failed, and the host gave the message up.
    #[error("given up after {attempts} attempts: {reason}")]
    GivenUp {
        /// Deliveries.
        attempts: u32,
        /// Why the last one failed.
        reason: String,
    },
    /// The configuration is wrong; the videos are not to blame, so they wait.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The object store answered with an error, or not at all.
    #[error("object store: {what}: {reason}")]
    Storage {
        /// What was asked for, with the object's name.
        what: String,
        /// Status or connection error.
        reason: String,
    },
    /// A sandbox has too little memory for the video: the host's configuration is wrong.
    #[error("out of memory: {reason}")]
    OutOfMemory {
        /// Where, and which limit.
        reason: String,
    },
    /// The object store does not let us: its owner has to.
    #[error("object store denies {what}: {reason}: give framemill's account the right to it")]
    Denied {
        /// What was asked for, with the object's name.
        what: String,
        /// What it said.
        reason: String,
    },
    /// What is known cannot be mirrored now.
    #[error("mirror: {reason}")]
    Mirror {
        /// Status or connection error.
        reason: String,
    },
    /// A segment failed in a way that may pass.
    #[error("segment: {reason}")]
    Segment {
        /// What it answered.
        reason: String,
    },
}

impl JobError {
    /// Retry or reject. Exhaustive on purpose: a new error has to decide.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Index(_)
            | Self::Decode(_)
            | Self::NothingDecoded { .. }
            | Self::FramesLost { .. }
            | Self::NothingSelected { .. }
            | Self::TooManyImages { .. }
            | Self::Encode { .. }
            | Self::ObjectTooLarge { .. }
            | Self::Manifest { .. }
            | Self::Annotations { .. }
            | Self::LabelRefused { .. } => Disposition::Reject,
            Self::Config(_)
            | Self::OutOfMemory { .. }
            | Self::GivenUp { .. }
            | Self::Storage { .. }
            | Self::Denied { .. }
            | Self::Mirror { .. }
            | Self::Segment { .. }
            | Self::LabelTarget { .. }
            | Self::LabelBusy { .. } => Disposition::Retry,
        }
    }

    /// Stable name for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Index(error) => match error {
                IndexError::Empty => "empty_file",
                IndexError::UnknownContainer => "unknown_container",
                IndexError::UnsupportedContainer { .. } => "unsupported_container",
                IndexError::Damaged { .. } => "damaged_container",
                IndexError::Truncated { .. } => "truncated_container",
                IndexError::NoVideoTrack { .. } => "no_video_track",
                IndexError::NoFrames => "no_frames",
                IndexError::Encrypted { .. } => "encrypted",
                IndexError::UnsupportedCodec { .. } => "unsupported_codec",
                IndexError::Limit { .. } => "over_limit",
                _ => "bad_file",
            },
            Self::Decode(DecodeError::Unsupported { .. }) => "unsupported_stream",
            Self::Decode(DecodeError::NotBuilt { .. }) => "codec_not_built",
            Self::Decode(_) => "damaged_stream",
            Self::NothingDecoded { .. } => "nothing_decoded",
            Self::FramesLost { .. } => "most_frames_lost",
            Self::NothingSelected { .. } => "nothing_selected",
            Self::TooManyImages { .. } => "too_many_images",
            Self::Encode { .. } => "encode",
            Self::ObjectTooLarge { .. } => "object_too_large",
            Self::Manifest { .. } => "bad_manifest",
            Self::Annotations { .. } => "bad_annotations",
            Self::LabelRefused { .. } => "label_refused",
            Self::LabelTarget { .. } => "label_target",
            Self::LabelBusy { .. } => "label_busy",
            Self::Config(_) => "configuration",
            Self::GivenUp { .. } => "given_up",
            Self::Storage { .. } => "storage",
            Self::OutOfMemory { .. } => "out_of_memory",
            Self::Denied { .. } => "storage_denied",
            Self::Mirror { .. } => "mirror",
            Self::Segment { .. } => "segment",
        }
    }

    /// What the person who uploaded the video can do.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Index(
                IndexError::Limit { remedy, .. } | IndexError::UnsupportedContainer { remedy, .. },
            ) => remedy,
            Self::Index(IndexError::Encrypted { .. }) => "decrypt the video and upload it again",
            Self::Index(IndexError::UnsupportedCodec { .. })
            | Self::Decode(DecodeError::Unsupported { .. }) => {
                "re-encode the video, for example as 8-bit 4:2:0 H.264, and upload it again"
            }
            Self::Index(IndexError::NoVideoTrack { .. } | IndexError::NoFrames) => {
                "upload the file that holds the pictures"
            }
            Self::Index(_) | Self::Decode(_) | Self::NothingDecoded { .. } => {
                "check that the file plays, and upload the whole file again"
            }
            Self::FramesLost { .. } => {
                "check that the file plays, and upload the whole file again; to extract this one again, remove its manifest, then `framemill failures retry`"
            }
            Self::NothingSelected { .. }
            | Self::TooManyImages { .. }
            | Self::Encode { .. }
            | Self::ObjectTooLarge { .. } => {
                "change the selection or image settings, then `framemill failures retry`"
            }
            Self::Config(_) => "fix the configuration; the message is kept",
            Self::OutOfMemory { .. } => "give sandboxes more memory; the message is kept",
            Self::Denied { .. } => {
                "give the account that framemill runs as the right that the message names; it is tried again"
            }
            Self::GivenUp { .. } => {
                "fix what the reason names, then `framemill failures retry`; where the decoder crashes on the video, re-encode it"
            }
            Self::Manifest { .. } => {
                "remove the manifest, then `framemill sweep` has the video extracted again"
            }
            Self::Annotations { .. } => {
                "look at what the labeling system sent; the next sync reads what changed there"
            }
            Self::LabelRefused { .. } => {
                "change what the target complains of, then `framemill failures retry`"
            }
            Self::Storage { .. }
            | Self::Mirror { .. }
            | Self::Segment { .. }
            | Self::LabelTarget { .. }
            | Self::LabelBusy { .. } => "none: it is tried again",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_and_remedy_advise_the_same() {
        for error in [
            IndexError::Limit {
                what: "number of pixels",
                value: 2,
                limit: 1,
                remedy: "scale the video down",
            },
            IndexError::UnsupportedContainer {
                container: "flv",
                remedy: "rewrap it",
            },
        ] {
            let error = JobError::from(error);
            let text = error.to_string();
            assert!(text.ends_with(error.remedy()), "{text}: {}", error.remedy());
        }
    }
}
