//! What is accepted of a picture, whatever the container and the codec. Each limit is far above
//! what cameras and encoders make and far below what would exhaust the process's memory.

/// Width and height, luma samples.
pub(crate) const MAX_SIDE: u32 = 16_384;
/// Luma samples in a picture.
pub(crate) const MAX_PIXELS: u32 = 8192 * 8192;
/// Bytes of one sample in the file: one for each pixel of the largest picture. A sample that
/// claims more is left out of the index, and not fetched.
pub const MAX_SAMPLE_SIZE: u32 = MAX_PIXELS;
