//! What all demuxers have in common.

use super::window::{ReadResult, Window};
use crate::{IndexError, VideoIndex};
use std::fmt::Debug;

/// One format's scan.
pub(super) trait Demux: Debug {
    /// Goes on until the index is complete or bytes are missing.
    fn run(&mut self, window: &Window) -> ReadResult<VideoIndex>;
    /// The error for a file that ends in the middle of what must be read.
    fn cut_off(&self) -> IndexError;
}
