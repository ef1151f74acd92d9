//! RFC 6386 clause 5: a frame, macroblock by macroblock, after its header.

use crate::bool_decoder::BoolDecoder;
use crate::dequantization::Factors;
use crate::error::Damage;
use crate::frame_tag::{FrameTag, Version};
use crate::header::{FrameHeader, Persistent};
use crate::intra::LastRow;
use crate::loop_filter::{LoopFilter, Strength};
use crate::modes::{ModeHeader, Modes, Prediction};
use crate::picture::{Picture, Pixels, macroblocks};
use crate::reconstruction::{Sources, reconstruct};
use crate::tokens::{Coefficients, Tokens};

/// A frame whose header is read.
pub(crate) struct Coded<'a> {
    pub tag: &'a FrameTag<'a>,
    pub header: &'a FrameHeader,
    pub state: &'a Persistent,
    /// The first partition, after the header.
    pub modes: BoolDecoder<'a>,
    /// The token partitions; not empty.
    pub partitions: Vec<BoolDecoder<'a>>,
}

/// Decodes all macroblocks into `picture`, and says what is wrong with it. `references` may lack in
/// key frames only.
pub(crate) fn decode(
    coded: Coded,
    segments: &mut [u8],
    references: &Option<[&Picture; 3]>,
    picture: &mut Picture,
) -> Option<Damage> {
    let rows = macroblocks(picture.size).1;
    let mut decoding = Decoding::new(coded, segments, references, picture);
    for y in 0..rows {
        decoding.decode_row(picture, y);
    }
    let ends = ends(decoding.modes.decoder(), decoding.tokens.partitions());
    let referred = references.iter().flatten().zip(decoding.referred);
    let damaged = referred.filter(|(frame, referred)| *referred && frame.damage.is_some());
    ends.or(damaged.map(|_| Damage::Reference).next())
}

/// A frame while its macroblocks are decoded.
struct Decoding<'a> {
    modes: Modes<'a>,
    tokens: Tokens<'a>,
    /// By segment.
    factors: [Factors; 4],
    filter: LoopFilter<'a>,
    version: Version,
    references: &'a Option<[&'a Picture; 3]>,
    /// By reference frame: whether a macroblock is predicted from it.
    referred: [bool; 3],
    last_row: LastRow,
    /// Of the macroblocks of the row.
    strengths: Vec<Strength>,
    coefficients: Coefficients,
    pixels: Pixels,
}

impl<'a> Decoding<'a> {
    fn new(
        coded: Coded<'a>,
        segments: &'a mut [u8],
        references: &'a Option<[&'a Picture; 3]>,
        picture: &Picture,
    ) -> Self {
        let columns = macroblocks(picture.size).0;
        let (header, state) = (coded.header, coded.state);
        let segmentation = &state.segmentation;
        let mode_header = ModeHeader {
            entropy: &state.entropy,
            inter: header.inter,
            sign_bias: header.references.sign_bias,
            skip_false: header.skip_false,
            segmented: segmentation.enabled,
            map_update: segmentation.map_update,
        };
        Self {
            modes: Modes::new(mode_header, coded.modes, columns, segments),
            tokens: Tokens::new(coded.partitions, &state.entropy.tokens, columns),
            factors: Factors::of_segments(&header.quantizer, segmentation),
            filter: LoopFilter {
                header: header.filter,
                key_frame: coded.tag.key_frame.is_some(),
                segmentation,
                deltas: &state.filter_deltas,
            },
            version: coded.tag.version,
            references,
            referred: [false; 3],
            last_row: LastRow::new(picture),
            strengths: vec![Strength::default(); columns],
            coefficients: Coefficients::default(),
            pixels: Pixels::default(),
        }
    }

    fn decode_row(&mut self, picture: &mut Picture, y: usize) {
        self.tokens.start_row();
        for x in 0..self.strengths.len() {
            self.decode_macroblock(picture, x, y);
        }
        self.last_row.keep(picture, y);
        self.filter.filter_row(picture, y, &self.strengths);
    }

    fn decode_macroblock(&mut self, picture: &mut Picture, x: usize, y: usize) {
        let macroblock = self.modes.read(x, y);
        let has_y2 = macroblock.prediction.has_y2();
        let coefficients = &mut self.coefficients;
        let coded = if macroblock.skipped {
            self.tokens.skip(x, has_y2);
            false
        } else {
            let factors = &self.factors[macroblock.segment];
            self.tokens.read((x, y), has_y2, factors, coefficients)
        };
        self.strengths[x] = self.filter.strength(&macroblock, coded);
        if let Prediction::Inter { reference, .. } = &macroblock.prediction {
            self.referred[*reference as usize] = true;
        }
        let sources = Sources {
            current: picture,
            last_row: &self.last_row,
            references: self.references,
            version: self.version,
        };
        reconstruct(
            &sources,
            (x, y),
            &macroblock,
            coefficients,
            &mut self.pixels,
        );
        if coded {
            coefficients.clear();
        }
        picture.planes[0].put(16 * x, 16 * y, &self.pixels.y);
        for (plane, pixels) in picture.planes[1..].iter_mut().zip(&self.pixels.chroma) {
            plane.put(8 * x, 8 * y, pixels);
        }
    }
}

/// What the ends of the partitions tell.
fn ends(modes: &BoolDecoder, tokens: &[BoolDecoder]) -> Option<Damage> {
    if modes.overrun() {
        return Some(Damage::ModesEnd);
    }
    if let Some(left) = modes.left_over() {
        return Some(Damage::ModesLeft(left));
    }
    tokens.iter().enumerate().find_map(|(number, partition)| {
        if partition.overrun() {
            return Some(Damage::TokensEnd(number));
        }
        partition
            .left_over()
            .map(|left| Damage::TokensLeft(number, left))
    })
}
