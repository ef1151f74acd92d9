//! What can go wrong.

use thiserror::Error;

/// Why an image cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// Larger than the format allows.
    #[error(
        "an image of {width} x {height} pixels does not fit {format}, whose sides have at most {limit}: set max_side or format = png"
    )]
    TooLarge {
        /// Format name.
        format: &'static str,
        /// Image width.
        width: u32,
        /// Image height.
        height: u32,
        /// Most pixels of a side.
        limit: u32,
    },
    /// An image without pixels, or whose data does not fit its size.
    #[error("an image of {width} x {height} pixels with {bytes} bytes is none")]
    BadImage {
        /// Image width.
        width: u32,
        /// Image height.
        height: u32,
        /// Bytes of data.
        bytes: usize,
    },
    /// The encoder reported an error.
    #[error("the {format} encoder failed: {reason}")]
    Encoder {
        /// Format name.
        format: &'static str,
        /// Its message.
        reason: String,
    },
}
