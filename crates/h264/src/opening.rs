//! Where a stream begins that has no IDR picture there.

/// How far decoding is that does not begin with an IDR picture. What follows the first picture in
/// decoding order and comes before it in presentation order may refer to what was before it, and may be
/// left out by who cannot use it, reference pictures among it: the gap in `frame_num` that this leaves is
/// no loss, as nothing after the first picture in presentation order refers to them. What refers to them
/// all the same is damaged, as always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// The first picture comes next.
    Awaited,
    /// It is there, and no other one.
    Begun,
    /// Another one came, or it was an IDR picture.
    Over,
}

impl Opening {
    /// Once another picture begins.
    pub fn after_a_picture(self) -> Self {
        match self {
            Self::Awaited => Self::Begun,
            Self::Begun | Self::Over => Self::Over,
        }
    }
}
