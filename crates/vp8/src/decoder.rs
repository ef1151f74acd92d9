//! The decoder: frames in coding order, and what is kept between them.

use crate::bool_decoder::BoolDecoder;
use crate::error::{Damage, Error};
use crate::frame::Frame;
use crate::frame_tag::{FrameTag, Size};
use crate::header::{FrameHeader, Persistent};
use crate::macroblocks::{self, Coded};
use crate::picture;
use crate::references::ReferenceFrames;

/// Decodes the frames of one stream, in their order.
#[derive(Debug, Default)]
pub struct Decoder {
    state: Persistent,
    references: ReferenceFrames,
    /// The segment of each macroblock.
    segments: Vec<u8>,
    /// Whether something that frames after it read was not read as it was written.
    lost: bool,
}

impl Decoder {
    /// Decodes a frame. `None` for one that is not to be shown.
    ///
    /// A key frame allocates for the size that it says, up to 16383 by 16383 pixels:
    /// [`key_frame_size`](crate::key_frame_size) tells before.
    ///
    /// After an error the decoder goes on; until the next key frame all is damaged.
    ///
    /// # Errors
    /// Why the frame cannot be decoded.
    pub fn decode(&mut self, frame: &[u8]) -> Result<Option<Frame>, Error> {
        let decoded = self.decode_frame(frame);
        if decoded.is_err() {
            self.leave_out();
        }
        decoded
    }

    /// Tells that a frame is left out: until the next key frame all is damaged.
    pub fn leave_out(&mut self) {
        self.lost = true;
    }

    fn decode_frame(&mut self, frame: &[u8]) -> Result<Option<Frame>, Error> {
        let tag = FrameTag::parse(frame)?;
        let size = match (tag.key_frame, self.references.size()) {
            (Some(size), _) | (None, Some(size)) => size,
            (None, None) => return Err(Error::NoKeyFrame),
        };
        let mut modes = BoolDecoder::new(tag.first_partition);
        let mut state = self.state.clone();
        let header = FrameHeader::read(&mut modes, tag.key_frame.is_some(), &mut state);
        if modes.overrun() {
            return Err(Error::Header);
        }
        let partitions = token_partitions(tag.tokens, header.token_partitions)?;

        // From here on the frame is decoded, however damaged it may be.
        self.state = state;
        if tag.key_frame.is_some() {
            self.lost = false;
            self.start(size);
        }
        let mut picture = self.references.spare(size);
        let coded = Coded {
            tag: &tag,
            header: &header,
            state: &self.state,
            modes,
            partitions,
        };
        let references = self.references.pictures();
        let found = macroblocks::decode(coded, &mut self.segments, &references, &mut picture);
        picture.damage = found.or(self.lost.then_some(Damage::State));
        if matches!(found, Some(Damage::ModesEnd | Damage::ModesLeft(_))) {
            self.lost = true;
        }
        if let Some(entropy) = header.saved_entropy {
            self.state.entropy = entropy;
        }
        let picture = self.references.update(picture, &header.references);
        Ok(tag.show.then(|| Frame::new(picture)))
    }

    /// A key frame of this size: nothing of the frames before it counts.
    fn start(&mut self, size: Size) {
        let (columns, rows) = picture::macroblocks(size);
        self.segments.clear();
        self.segments.resize(columns * rows, 0);
    }
}

/// Clause 9.5: three bytes of size for each token partition but the last, then the partitions.
fn token_partitions(bytes: &[u8], count: usize) -> Result<Vec<BoolDecoder<'_>>, Error> {
    let sizes = bytes.split_at_checked(3 * (count - 1));
    let (sizes, mut rest) = sizes.ok_or(Error::TokenPartition(0))?;
    let mut partitions = Vec::with_capacity(count);
    for (number, &[a, b, c]) in sizes.as_chunks::<3>().0.iter().enumerate() {
        let size = u32::from_le_bytes([a, b, c, 0]) as usize;
        let parts = rest.split_at_checked(size);
        let (partition, after) = parts.ok_or(Error::TokenPartition(number))?;
        partitions.push(BoolDecoder::new(partition));
        rest = after;
    }
    partitions.push(BoolDecoder::new(rest));
    Ok(partitions)
}
