//! RFC 6386 clauses 9.2 to 9.11 and 19.2: the frame header.

use crate::bool_decoder::BoolDecoder;
use crate::entropy::Entropy;
use std::array;

/// Clause 9.3: what is different by segment. Lasts until a frame changes it, or a key frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct Segmentation {
    pub enabled: bool,
    /// Whether the values below replace those of the frame; they are added to them otherwise.
    pub absolute: bool,
    pub quantizer: [i8; 4],
    pub filter_level: [i8; 4],
    /// Of the segment's tree, where this frame says which macroblock belongs to which segment.
    pub map_update: Option<[u8; 3]>,
}

impl Segmentation {
    fn read(&mut self, header: &mut BoolDecoder) {
        self.map_update = None;
        self.enabled = header.read_flag();
        if !self.enabled {
            return;
        }
        let update_map = header.read_flag();
        if header.read_flag() {
            self.absolute = header.read_flag();
            self.quantizer = array::from_fn(|_| header.read_optional_signed(7));
            self.filter_level = array::from_fn(|_| header.read_optional_signed(6));
        }
        self.map_update = update_map.then(|| {
            array::from_fn(|_| {
                if header.read_flag() {
                    header.read_literal(8)
                } else {
                    255
                }
            })
        });
    }
}

/// Clause 9.4: what is added to the loop filter's level. Lasts until a frame changes it, or a key
/// frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct FilterDeltas {
    pub enabled: bool,
    /// By what is referred to: this frame, the last, the golden, the alternate reference frame.
    pub reference: [i8; 4],
    /// By mode: subblocks, zero motion, other motion, split motion.
    pub mode: [i8; 4],
}

impl FilterDeltas {
    fn read(&mut self, header: &mut BoolDecoder) {
        self.enabled = header.read_flag();
        if !self.enabled || !header.read_flag() {
            return;
        }
        for delta in self.reference.iter_mut().chain(&mut self.mode) {
            if header.read_flag() {
                *delta = header.read_signed(6);
            }
        }
    }
}

/// Clause 9.4: the loop filter of the frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FilterHeader {
    /// Filters luma only, and fewer pixels.
    pub simple: bool,
    /// 0 to 63; 0 for none.
    pub level: u8,
    /// 0 to 7.
    pub sharpness: u8,
}

/// Clause 9.6: indices of the dequantization tables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QuantizerIndices {
    pub y_ac: u8,
    // These are added to `y_ac`.
    pub y_dc: i8,
    pub y2_dc: i8,
    pub y2_ac: i8,
    pub uv_dc: i8,
    pub uv_ac: i8,
}

impl QuantizerIndices {
    fn read(header: &mut BoolDecoder) -> Self {
        Self {
            y_ac: header.read_literal(7),
            y_dc: header.read_optional_signed(4),
            y2_dc: header.read_optional_signed(4),
            y2_ac: header.read_optional_signed(4),
            uv_dc: header.read_optional_signed(4),
            uv_ac: header.read_optional_signed(4),
        }
    }
}

/// What the golden or the alternate reference frame becomes after a frame (clause 9.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refresh {
    Keep,
    /// The decoded frame.
    Current,
    /// What was the last frame before.
    Last,
    /// What the other one of the two was.
    Other,
}

impl Refresh {
    /// `copy_buffer_to_...`; 3 is not defined, and copies nothing.
    fn read_copy(header: &mut BoolDecoder) -> Self {
        match header.read_literal(2) {
            1 => Self::Last,
            2 => Self::Other,
            _ => Self::Keep,
        }
    }
}

/// Clauses 9.7 and 9.8: what the frame does to the reference frames.
#[derive(Clone, Copy, Debug)]
pub(crate) struct References {
    pub golden: Refresh,
    pub alternate: Refresh,
    pub last: bool,
    /// Whether motion vectors of the golden and of the alternate reference frame are turned round.
    pub sign_bias: [bool; 2],
}

/// What a frame header says that lasts longer than its frame.
#[derive(Clone, Debug, Default)]
pub(crate) struct Persistent {
    pub entropy: Entropy,
    pub segmentation: Segmentation,
    pub filter_deltas: FilterDeltas,
}

/// Clause 9.10: probabilities of an interframe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InterProbabilities {
    /// That a macroblock is predicted from its own frame.
    pub intra: u8,
    /// That another one is predicted from the last frame.
    pub last: u8,
    /// That yet another one is predicted from the golden frame.
    pub golden: u8,
}

/// A frame header without what is in [`Persistent`].
#[derive(Clone, Debug)]
pub(crate) struct FrameHeader {
    pub filter: FilterHeader,
    /// 1, 2, 4 or 8.
    pub token_partitions: usize,
    pub quantizer: QuantizerIndices,
    pub references: References,
    /// Where the frame keeps its probabilities to itself: those of the frame after it.
    pub saved_entropy: Option<Entropy>,
    /// That a macroblock has coefficients; `None` where all are taken to have some.
    pub skip_false: Option<u8>,
    /// `None` in key frames.
    pub inter: Option<InterProbabilities>,
}

impl FrameHeader {
    /// Reads the header and brings `state` up to date.
    pub fn read(header: &mut BoolDecoder, key_frame: bool, state: &mut Persistent) -> Self {
        if key_frame {
            *state = Persistent::default();
            // The colour space has one defined value, and what need not be clamped may be clamped
            // (clause 9.2).
            header.read_literal(2);
        }
        state.segmentation.read(header);
        let filter = FilterHeader {
            simple: header.read_flag(),
            level: header.read_literal(6),
            sharpness: header.read_literal(3),
        };
        state.filter_deltas.read(header);
        let token_partitions = 1 << header.read_literal(2);
        let quantizer = QuantizerIndices::read(header);
        let (references, keep_entropy) = read_references(header, key_frame);
        let saved_entropy = (!keep_entropy).then(|| state.entropy.clone());
        let refresh_last = key_frame || header.read_flag();
        state.entropy.update_tokens(header);
        let skip_false = header.read_flag().then(|| header.read_literal(8));
        let inter = (!key_frame).then(|| {
            let probabilities = InterProbabilities {
                intra: header.read_literal(8),
                last: header.read_literal(8),
                golden: header.read_literal(8),
            };
            state.entropy.update_modes(header);
            state.entropy.update_vectors(header);
            probabilities
        });
        Self {
            filter,
            token_partitions,
            quantizer,
            references: References {
                last: refresh_last,
                ..references
            },
            saved_entropy,
            skip_false,
            inter,
        }
    }
}

/// What becomes of the reference frames, but for the last frame, and `refresh_entropy_probs`.
fn read_references(header: &mut BoolDecoder, key_frame: bool) -> (References, bool) {
    let mut references = References {
        golden: Refresh::Current,
        alternate: Refresh::Current,
        last: true,
        sign_bias: [false; 2],
    };
    if !key_frame {
        let refresh: [bool; 2] = array::from_fn(|_| header.read_flag());
        if !refresh[0] {
            references.golden = Refresh::read_copy(header);
        }
        if !refresh[1] {
            references.alternate = Refresh::read_copy(header);
        }
        references.sign_bias = array::from_fn(|_| header.read_flag());
    }
    (references, header.read_flag())
}
