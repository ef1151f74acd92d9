//! RFC 6386 clauses 9.7 and 9.8: the last, the golden and the alternate reference frame.

use crate::frame_tag::Size;
use crate::header::{References, Refresh};
use crate::picture::Picture;
use std::sync::Arc;

const LAST: usize = 0;
const GOLDEN: usize = 1;
const ALTERNATE: usize = 2;

/// The reference frames: all three, or none before the first key frame.
#[derive(Debug, Default)]
pub(crate) struct ReferenceFrames {
    /// By [`Reference`](crate::motion::Reference).
    frames: Option<[Arc<Picture>; 3]>,
    /// A picture that nothing refers to any more, to be used again.
    spare: Option<Picture>,
}

impl ReferenceFrames {
    /// The size that all have.
    pub fn size(&self) -> Option<Size> {
        self.frames.as_ref().map(|[last, ..]| last.size)
    }

    /// By [`Reference`](crate::motion::Reference).
    pub fn pictures(&self) -> Option<[&Picture; 3]> {
        let frames = self.frames.as_ref()?;
        Some(frames.each_ref().map(|frame| &**frame))
    }

    /// A picture of this size to decode into. Each pixel of it is to be written.
    pub fn spare(&mut self, size: Size) -> Picture {
        match self.spare.take() {
            Some(picture) if picture.size == size => picture,
            _ => Picture::new(size),
        }
    }

    /// A frame is decoded. The alternate reference frame takes its copy first, and the golden frame
    /// may then copy that (section 20.4 of the RFC, `decode_frame`).
    pub fn update(&mut self, picture: Picture, header: &References) -> Arc<Picture> {
        let picture = Arc::new(picture);
        let Some(frames) = &mut self.frames else {
            // A key frame: it becomes all of them.
            self.frames = Some([(); 3].map(|()| Arc::clone(&picture)));
            return picture;
        };
        let before = frames.clone();
        if let Some(from) = source(header.alternate, GOLDEN) {
            frames[ALTERNATE] = Arc::clone(&frames[from]);
        }
        if let Some(from) = source(header.golden, ALTERNATE) {
            frames[GOLDEN] = Arc::clone(&frames[from]);
        }
        let refreshed = [
            (LAST, header.last),
            (GOLDEN, header.golden == Refresh::Current),
            (ALTERNATE, header.alternate == Refresh::Current),
        ];
        for (frame, _) in refreshed.into_iter().filter(|(_, current)| *current) {
            frames[frame] = Arc::clone(&picture);
        }
        let unused = before.into_iter().filter_map(Arc::into_inner).last();
        self.spare = unused.or(self.spare.take());
        picture
    }
}

/// The frame that a copy is taken of.
fn source(refresh: Refresh, other: usize) -> Option<usize> {
    match refresh {
        Refresh::Last => Some(LAST),
        Refresh::Other => Some(other),
        Refresh::Keep | Refresh::Current => None,
    }
}
