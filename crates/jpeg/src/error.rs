use thiserror::Error;

/// Why planes cannot be encoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JpegError {
    /// A side of 0, or more than T.81 B.2.2 has bits for.
    #[error("an image of {width} x {height} pixels cannot be a JPEG, whose sides are 1 to 65535")]
    Size {
        /// Image width.
        width: usize,
        /// Image height.
        height: usize,
    },
    /// Fewer samples than the size and the stride say.
    #[error(
        "a plane of {width} x {height} samples in rows {stride} apart does not fit {samples} samples"
    )]
    Plane {
        /// Samples in a row.
        width: usize,
        /// Rows.
        height: usize,
        /// Distance of rows.
        stride: usize,
        /// Samples that there are.
        samples: usize,
    },
    /// Planes that do not fit the image: their number, their size, or rows that are no whole MCUs.
    #[error("the planes do not fit the image: {what}")]
    Planes {
        /// What does not fit.
        what: &'static str,
    },
    /// No memory for the symbols or the file.
    #[error("there is no memory for {bytes} bytes of a JPEG")]
    Memory {
        /// Bytes that were asked for.
        bytes: usize,
    },
}
