//! What can be wrong with a frame.

/// Why a frame was not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// RFC 6386 clause 9.1: three bytes of tag, and seven more in a key frame.
    #[error("frame of {0} bytes")]
    Short(usize),
    /// RFC 6386 clause 9.1: versions above 3 are reserved.
    #[error("reserved version {0}")]
    Version(u8),
    /// RFC 6386 clause 9.1: a key frame's start code.
    #[error("key frame without start code")]
    StartCode,
    /// RFC 6386 clause 9.1: a key frame's size in pixels.
    #[error("picture of {width}x{height}")]
    Empty {
        /// Pixels.
        width: u16,
        /// Pixels.
        height: u16,
    },
    /// RFC 6386 clause 9.1: the first partition's size in bytes is above what the frame has.
    #[error("first partition of {size} bytes, the frame has {left}")]
    FirstPartition {
        /// As the frame says.
        size: usize,
        /// What there is.
        left: usize,
    },
    /// RFC 6386 clause 9.2 on: the frame header.
    #[error("the frame header goes on after the end of the first partition")]
    Header,
    /// RFC 6386 clause 9.5: the sizes of the token partitions are above what the frame has.
    #[error("token partition {0} goes on after the end of the frame")]
    TokenPartition(usize),
    /// RFC 6386 clause 4: decoding begins at a key frame.
    #[error("interframe without a key frame before it")]
    NoKeyFrame,
}

/// Why a frame that was decoded is not, or may not be, what was encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// Modes or motion vectors were read after the end of the first partition.
    #[error("the first partition ends before the last macroblock")]
    ModesEnd,
    /// The first partition is longer than what was read of it: what was read is something else
    /// than what was written.
    #[error("the first partition goes on for {0} bytes after the last macroblock")]
    ModesLeft(usize),
    /// Coefficients were read after the end of a token partition.
    #[error("token partition {0} ends before the last macroblock")]
    TokensEnd(usize),
    /// A token partition is longer than what was read of it.
    #[error("token partition {0} goes on for {1} bytes after the last macroblock")]
    TokensLeft(usize, usize),
    /// A frame that this one refers to is damaged.
    #[error("refers to a damaged frame")]
    Reference,
    /// A frame before this one, and no key frame since, was not read as it was written, or not at
    /// all: what it left to the frames after it (probabilities, segments) may be wrong.
    #[error("a frame since the last key frame is lost or damaged")]
    State,
}
