//! RFC 6386 clauses 10, 11 and 16.1: what the first partition says of each macroblock.

use crate::bool_decoder::BoolDecoder;
use crate::entropy::Entropy;
use crate::header::InterProbabilities;
use crate::motion::{self, Bounds, Motion, Neighbour, Reference, Surroundings, Vector};
use crate::sub_mode_table::KEY_FRAME_SUB_MODES;

/// Clause 10.
const SEGMENT_TREE: [i8; 6] = [2, 4, 0, -1, -2, -3];
/// Clause 11.2: places in [`BLOCK_MODES`], 4 for subblocks.
const KEY_FRAME_LUMA_TREE: [i8; 8] = [-4, 2, 4, 6, 0, -1, -2, -3];
const KEY_FRAME_LUMA: [u8; 4] = [145, 156, 163, 128];
/// Clause 16.1: places in [`BLOCK_MODES`], 4 for subblocks.
const LUMA_TREE: [i8; 8] = [0, 2, 4, 6, -1, -2, -3, -4];
/// Clause 11.4: places in [`BLOCK_MODES`].
const CHROMA_TREE: [i8; 6] = [0, 2, -1, 4, -2, -3];
const KEY_FRAME_CHROMA: [u8; 3] = [142, 114, 183];
/// Clause 11.2: places in [`SUB_MODES`].
const SUB_MODE_TREE: [i8; 18] = [
    0, 2, -1, 4, -2, 6, 8, 12, -3, 10, -5, -6, -4, 14, -7, 16, -8, -9,
];
/// Clause 16.1.
const INTERFRAME_SUB_MODES: [u8; 9] = [120, 90, 79, 133, 87, 85, 80, 111, 151];

/// How a luma or chroma block is predicted from what is above and to the left (clause 11.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockMode {
    Dc,
    Vertical,
    Horizontal,
    TrueMotion,
}

const BLOCK_MODES: [BlockMode; 4] = [
    BlockMode::Dc,
    BlockMode::Vertical,
    BlockMode::Horizontal,
    BlockMode::TrueMotion,
];

/// How a luma subblock is predicted from what is around it (clause 11.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SubMode {
    #[default]
    Dc,
    TrueMotion,
    Vertical,
    Horizontal,
    LeftDown,
    RightDown,
    VerticalRight,
    VerticalLeft,
    HorizontalDown,
    HorizontalUp,
}

const SUB_MODES: [SubMode; 10] = [
    SubMode::Dc,
    SubMode::TrueMotion,
    SubMode::Vertical,
    SubMode::Horizontal,
    SubMode::LeftDown,
    SubMode::RightDown,
    SubMode::VerticalRight,
    SubMode::VerticalLeft,
    SubMode::HorizontalDown,
    SubMode::HorizontalUp,
];

/// How luma is predicted within a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Luma {
    Whole(BlockMode),
    Subblocks([SubMode; 16]),
}

/// How a macroblock is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prediction {
    Intra {
        luma: Luma,
        chroma: BlockMode,
    },
    Inter {
        reference: Reference,
        motion: Motion,
    },
}

impl Prediction {
    /// Whether the DC coefficients of luma are in a block of their own, Y2 (clause 13).
    pub fn has_y2(&self) -> bool {
        !matches!(
            self,
            Self::Intra {
                luma: Luma::Subblocks(_),
                ..
            } | Self::Inter {
                motion: Motion::Split { .. },
                ..
            }
        )
    }
}

/// What the first partition says of a macroblock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Macroblock {
    /// 0 to 3.
    pub segment: usize,
    /// Whether it has no coefficients.
    pub skipped: bool,
    pub prediction: Prediction,
}

/// What a macroblock leaves to those below it and to the right of it.
#[derive(Clone, Copy, Debug, Default)]
struct Edge {
    neighbour: Neighbour,
    vectors: [Vector; 4],
    sub_modes: [SubMode; 4],
}

impl Edge {
    /// Of these four subblocks.
    fn new(prediction: &Prediction, subblocks: [usize; 4]) -> Self {
        match prediction {
            Prediction::Intra { luma, .. } => Self {
                sub_modes: match luma {
                    Luma::Subblocks(modes) => subblocks.map(|at| modes[at]),
                    Luma::Whole(mode) => [equivalent(*mode); 4],
                },
                ..Self::default()
            },
            Prediction::Inter { reference, motion } => Self {
                neighbour: Neighbour {
                    reference: Some(*reference),
                    vector: motion.vectors([15; 4])[0],
                    split: matches!(motion, Motion::Split { .. }),
                },
                vectors: motion.vectors(subblocks),
                ..Self::default()
            },
        }
    }
}

/// The subblock mode that a whole block counts as (clause 11.3).
fn equivalent(mode: BlockMode) -> SubMode {
    match mode {
        BlockMode::Dc => SubMode::Dc,
        BlockMode::Vertical => SubMode::Vertical,
        BlockMode::Horizontal => SubMode::Horizontal,
        BlockMode::TrueMotion => SubMode::TrueMotion,
    }
}

/// What of the frame's header and state the macroblocks need.
pub(crate) struct ModeHeader<'a> {
    pub entropy: &'a Entropy,
    /// `None` in key frames.
    pub inter: Option<InterProbabilities>,
    pub sign_bias: [bool; 2],
    /// See [`FrameHeader`](crate::header::FrameHeader).
    pub skip_false: Option<u8>,
    pub segmented: bool,
    /// See [`Segmentation`](crate::header::Segmentation).
    pub map_update: Option<[u8; 3]>,
}

/// Reads the macroblocks of a frame in their order.
pub(crate) struct Modes<'a> {
    header: ModeHeader<'a>,
    decoder: BoolDecoder<'a>,
    columns: usize,
    rows: usize,
    /// The segment of each macroblock, kept from frame to frame.
    segments: &'a mut [u8],
    above: Vec<Edge>,
    left: Edge,
    above_left: Neighbour,
}

impl<'a> Modes<'a> {
    /// `decoder` is after the frame header; `segments` has one entry for each macroblock.
    pub fn new(
        header: ModeHeader<'a>,
        decoder: BoolDecoder<'a>,
        columns: usize,
        segments: &'a mut [u8],
    ) -> Self {
        Self {
            header,
            decoder,
            columns,
            rows: segments.len() / columns,
            segments,
            above: vec![Edge::default(); columns],
            left: Edge::default(),
            above_left: Neighbour::default(),
        }
    }

    /// The decoder, for what is to be said of its end.
    pub fn decoder(&self) -> &BoolDecoder<'a> {
        &self.decoder
    }

    /// The next macroblock, which is in column `x` of row `y`.
    pub fn read(&mut self, x: usize, y: usize) -> Macroblock {
        if x == 0 {
            self.left = Edge::default();
            self.above_left = Neighbour::default();
        }
        let segment = self.read_segment(y * self.columns + x);
        let skip = self.header.skip_false;
        let skipped = skip.is_some_and(|probability| self.decoder.read_bool(probability));
        let prediction = match self.header.inter {
            None => self.read_key_frame(x),
            Some(inter) if self.decoder.read_bool(inter.intra) => self.read_inter(inter, x, y),
            Some(_) => self.read_intra(),
        };
        self.above_left = self.above[x].neighbour;
        self.above[x] = Edge::new(&prediction, [12, 13, 14, 15]);
        self.left = Edge::new(&prediction, [3, 7, 11, 15]);
        Macroblock {
            segment,
            skipped,
            prediction,
        }
    }

    /// Clause 10. Where this frame has no map, that of the frame before holds; key frames have no
    /// frame before.
    fn read_segment(&mut self, at: usize) -> usize {
        let segment = &mut self.segments[at];
        if let Some(probabilities) = &self.header.map_update {
            *segment = self.decoder.read_tree(&SEGMENT_TREE, probabilities) as u8;
        } else if self.header.inter.is_none() {
            *segment = 0;
        }
        if self.header.segmented {
            usize::from(*segment)
        } else {
            0
        }
    }

    /// Clauses 11.2 to 11.4.
    fn read_key_frame(&mut self, x: usize) -> Prediction {
        let decoder = &mut self.decoder;
        let luma = match decoder.read_tree(&KEY_FRAME_LUMA_TREE, &KEY_FRAME_LUMA) {
            4 => {
                let mut modes = [SubMode::Dc; 16];
                for block in 0..16 {
                    let (row, column) = (block / 4, block % 4);
                    let above = match row {
                        0 => self.above[x].sub_modes[column],
                        _ => modes[block - 4],
                    };
                    let left = match column {
                        0 => self.left.sub_modes[row],
                        _ => modes[block - 1],
                    };
                    let probabilities = &KEY_FRAME_SUB_MODES[above as usize][left as usize];
                    modes[block] = SUB_MODES[decoder.read_tree(&SUB_MODE_TREE, probabilities)];
                }
                Luma::Subblocks(modes)
            }
            mode => Luma::Whole(BLOCK_MODES[mode]),
        };
        let chroma = BLOCK_MODES[decoder.read_tree(&CHROMA_TREE, &KEY_FRAME_CHROMA)];
        Prediction::Intra { luma, chroma }
    }

    /// Clause 16.1.
    fn read_intra(&mut self) -> Prediction {
        let decoder = &mut self.decoder;
        let entropy = self.header.entropy;
        let luma = match decoder.read_tree(&LUMA_TREE, &entropy.luma_modes) {
            4 => Luma::Subblocks(std::array::from_fn(|_| {
                SUB_MODES[decoder.read_tree(&SUB_MODE_TREE, &INTERFRAME_SUB_MODES)]
            })),
            mode => Luma::Whole(BLOCK_MODES[mode]),
        };
        let chroma = BLOCK_MODES[decoder.read_tree(&CHROMA_TREE, &entropy.chroma_modes)];
        Prediction::Intra { luma, chroma }
    }

    /// Clause 16.2.
    fn read_inter(&mut self, probabilities: InterProbabilities, x: usize, y: usize) -> Prediction {
        let decoder = &mut self.decoder;
        let reference = if !decoder.read_bool(probabilities.last) {
            Reference::Last
        } else if !decoder.read_bool(probabilities.golden) {
            Reference::Golden
        } else {
            Reference::Alternate
        };
        let above = &self.above[x];
        let around = Surroundings {
            neighbours: [above.neighbour, self.left.neighbour, self.above_left],
            above: &above.vectors,
            left: &self.left.vectors,
            bounds: Bounds::new((x, y), (self.columns, self.rows)),
        };
        let vectors = &self.header.entropy.vectors;
        let sign_bias = self.header.sign_bias;
        let motion = motion::read(decoder, vectors, reference, sign_bias, &around);
        Prediction::Inter { reference, motion }
    }
}
