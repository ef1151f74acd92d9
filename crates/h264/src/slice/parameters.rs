//! What a slice is decoded with, and what it writes to.

use crate::macroblock::Mb;
use crate::picture::{Format, Motion};
use crate::pps::Pps;
use crate::quantisation::Scales;
use crate::slice_header::SliceHeader;
use crate::sps::Sps;

/// What the slices of a picture write to.
pub(crate) struct Target<'a, S> {
    pub format: Format,
    pub planes: [&'a mut [S]; 3],
    pub motion: &'a mut Motion,
    pub mbs: &'a mut [Mb],
}

/// What a slice is decoded with.
pub(crate) struct Parameters<'a> {
    pub sps: &'a Sps,
    pub pps: &'a Pps,
    pub header: &'a SliceHeader,
    pub scales: &'a Scales,
    /// mbToSliceGroupMap, where there is more than one group.
    pub groups: Option<&'a [u8]>,
    /// x264 before build 151 made the stream: in 4:4:4 it took other contexts for 8×8 blocks beside
    /// macroblocks without them.
    pub old_x264: bool,
    /// Number of the slice in its frame, from 1.
    pub number: u32,
    /// Picture order counts of the fields of the current frame.
    pub pocs: [i32; 2],
}
