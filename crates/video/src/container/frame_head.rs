//! What the first bytes of a frame say, for containers that do not say it themselves.

use super::window::{ReadResult, Window};
use crate::Codec;
use crate::bitstream::{av1, vpx};

/// Bytes of a frame that are read.
pub(super) const FRAME_HEAD: u64 = 128;

/// What the first bytes of a frame say.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameInfo {
    pub(super) key: bool,
    pub(super) shown: bool,
}

/// Inspects frame after frame; remembers what later ones need to be understood.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FrameInspector {
    sequence: Option<av1::SequenceHeader>,
}

impl FrameInspector {
    /// `head` is the start of a frame. Where that says
    /// nothing, the frame is shown and no key frame.
    pub(super) fn inspect(&mut self, codec: Codec, head: &[u8]) -> FrameInfo {
        let info = match codec {
            Codec::Vp8 => vpx::Vp8Frame::parse(head).map(|frame| (frame.key, frame.show)),
            Codec::Vp9 => vpx::Vp9Frame::parse(head).map(|frame| (frame.key, frame.show)),
            Codec::Av1 => Some((av1::shows_key_frame(head, &mut self.sequence), true)),
            Codec::Mjpeg => Some((true, true)),
            Codec::H264 | Codec::Hevc => None,
        };
        let (key, shown) = info.unwrap_or((false, true));
        FrameInfo { key, shown }
    }
}

/// Whether a VP9 chunk that ends at `end` is a superframe: then its first frame may be hidden,
/// but another is shown.
pub(super) fn ends_superframe(window: &Window, codec: Codec, end: u64) -> ReadResult<bool> {
    if codec != Codec::Vp9 || end > window.size() {
        return Ok(false);
    }
    let last = window.bytes(end.saturating_sub(1), 1)?;
    Ok(last.first().is_some_and(|byte| byte & 0xe0 == 0xc0))
}
