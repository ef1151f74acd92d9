//! RFC 6386 clause 5: a frame, macroblock by macroblock, after its header.

use crate::bool_decoder::BoolDecoder;
use crate::dequantization::Factors;
use crate::error::Damage;
use crate::frame_tag::FrameTag;
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
    let (columns, rows) = macroblocks(picture.size);
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
    let filter = LoopFilter {
        header: header.filter,
        key_frame: coded.tag.key_frame.is_some(),
        segmentation,
        deltas: &state.filter_deltas,
    };
    let mut modes = Modes::new(mode_header, coded.modes, columns, segments);
    let mut tokens = Tokens::new(coded.partitions, &state.entropy.tokens, columns);
    let factors = Factors::of_segments(&header.quantizer, segmentation);
    let mut last_row = LastRow::new(picture);
    let mut strengths = vec![Strength::default(); columns];
    let mut coefficients = Coefficients::default();
    let mut pixels = Pixels::default();
    let mut referred = [false; 3];
    for y in 0..rows {
        tokens.start_row();
        for x in 0..columns {
            let macroblock = modes.read(x, y);
            let has_y2 = macroblock.prediction.has_y2();
            let has_coefficients = if macroblock.skipped {
                tokens.skip(x, has_y2);
                false
            } else {
                let factors = &factors[macroblock.segment];
                tokens.read((x, y), has_y2, factors, &mut coefficients)
            };
            strengths[x] = filter.strength(&macroblock, has_coefficients);
            if let Prediction::Inter { reference, .. } = &macroblock.prediction {
                referred[*reference as usize] = true;
            }
            let sources = Sources {
                current: picture,
                last_row: &last_row,
                references,
                version: coded.tag.version,
            };
            reconstruct(
                &sources,
                (x, y),
                &macroblock,
                &mut coefficients,
                &mut pixels,
            );
            if has_coefficients {
                coefficients.clear();
            }
            picture.planes[0].put(16 * x, 16 * y, &pixels.y);
            for (plane, pixels) in picture.planes[1..].iter_mut().zip(&pixels.chroma) {
                plane.put(8 * x, 8 * y, pixels);
            }
        }
        last_row.keep(picture, y);
        filter.filter_row(picture, y, &strengths);
    }
    let ends = ends(modes.decoder(), tokens.partitions());
    let inherited = references.iter().flatten().zip(referred);
    let inherited = inherited.filter(|(frame, referred)| *referred && frame.damage.is_some());
    ends.or(inherited.map(|_| Damage::Reference).next())
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
