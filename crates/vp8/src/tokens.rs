//! RFC 6386 clause 13: the coefficients of a macroblock.

use crate::bool_decoder::BoolDecoder;
use crate::dequantization::Factors;
use crate::token_tables::TokenProbabilities;

/// Clause 13.3.
const BANDS: [usize; 16] = [0, 1, 2, 3, 6, 4, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7];
/// Clause 13: where in its block, row by row, a coefficient is.
const ZIGZAG: [usize; 16] = [0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15];
/// Clause 13.2: the least value and the probabilities of the bits that are added to it.
const CATEGORIES: [(i32, &[u8]); 6] = [
    (5, &[159]),
    (7, &[165, 145]),
    (11, &[173, 148, 140]),
    (19, &[176, 155, 140, 135]),
    (35, &[180, 157, 141, 134, 130]),
    (67, &[254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129]),
];

/// The blocks of a macroblock: 16 of luma, 4 of each chroma plane, Y2.
pub(crate) const BLOCKS: usize = 25;
/// The place of Y2.
pub(crate) const Y2: usize = 24;

/// Coefficients of a macroblock, dequantized.
#[derive(Clone, Debug)]
pub(crate) struct Coefficients {
    /// Of each block, row by row.
    pub blocks: [[i16; 16]; BLOCKS],
    /// How many of each block, in coding order, may be other than zero.
    pub ends: [u8; BLOCKS],
}

impl Default for Coefficients {
    fn default() -> Self {
        Self {
            blocks: [[0; 16]; BLOCKS],
            ends: [0; BLOCKS],
        }
    }
}

impl Coefficients {
    /// Makes all of them zero.
    pub fn clear(&mut self) {
        for (block, end) in self.blocks.iter_mut().zip(&mut self.ends) {
            if *end > 0 {
                *block = [0; 16];
                *end = 0;
            }
        }
    }
}

/// Which blocks at the edge of a macroblock have coefficients: 4 of luma, 2 of each chroma plane,
/// Y2 (clause 13.3).
type Edge = [u8; 9];

/// Where the blocks of one plane are among the blocks and in an [`Edge`].
struct PlaneBlocks {
    first: usize,
    edge: usize,
    side: usize,
}

const LUMA: PlaneBlocks = PlaneBlocks {
    first: 0,
    edge: 0,
    side: 4,
};
const CHROMA: [PlaneBlocks; 2] = [
    PlaneBlocks {
        first: 16,
        edge: 4,
        side: 2,
    },
    PlaneBlocks {
        first: 20,
        edge: 6,
        side: 2,
    },
];
const Y2_EDGE: usize = 8;

/// Probabilities of the tokens' tree by position instead of band, with one for the position after
/// the last, which has no token.
type ByPosition = [[[u8; 11]; 3]; 17];

/// What blocks are told apart by (clause 13.3).
#[derive(Clone, Copy)]
enum BlockType {
    LumaAfterY2 = 0,
    Y2 = 1,
    Chroma = 2,
    Luma = 3,
}

/// Reads the coefficients of a frame's macroblocks in their order.
pub(crate) struct Tokens<'a> {
    partitions: Vec<BoolDecoder<'a>>,
    probabilities: [ByPosition; 4],
    above: Vec<Edge>,
    left: Edge,
}

impl<'a> Tokens<'a> {
    /// `columns` of macroblocks; `partitions` is not empty.
    pub fn new(
        partitions: Vec<BoolDecoder<'a>>,
        probabilities: &TokenProbabilities,
        columns: usize,
    ) -> Self {
        let by_position =
            |of: &[[[u8; 11]; 3]; 8]| std::array::from_fn(|position| of[BANDS[position.min(15)]]);
        Self {
            partitions,
            probabilities: std::array::from_fn(|kind| by_position(&probabilities[kind])),
            above: vec![[0; 9]; columns],
            left: [0; 9],
        }
    }

    /// The partitions, for what is to be said of their ends.
    pub fn partitions(&self) -> &[BoolDecoder<'a>] {
        &self.partitions
    }

    /// Row `y` begins.
    pub fn start_row(&mut self) {
        self.left = [0; 9];
    }

    /// The macroblock in column `x` has no coefficients (clause 13.1): it says nothing of a Y2 that
    /// it does not have.
    pub fn skip(&mut self, x: usize, has_y2: bool) {
        let of = if has_y2 { 9 } else { Y2_EDGE };
        self.above[x][..of].fill(0);
        self.left[..of].fill(0);
    }

    /// Reads the macroblock in column `x` of row `y` into `into`, which is zero. Gives whether any
    /// coefficient is coded.
    pub fn read(
        &mut self,
        (x, y): (usize, usize),
        has_y2: bool,
        factors: &Factors,
        into: &mut Coefficients,
    ) -> bool {
        let partition = y % self.partitions.len();
        let mut block = Block {
            decoder: &mut self.partitions[partition],
            probabilities: &self.probabilities,
            above: &mut self.above[x],
            left: &mut self.left,
        };
        let mut luma = BlockType::Luma;
        let mut any = 0;
        if has_y2 {
            luma = BlockType::LumaAfterY2;
            let at = (Y2_EDGE, Y2_EDGE);
            let end = block.read(BlockType::Y2, at, factors.y2, &mut into.blocks[Y2]);
            into.ends[Y2] = end;
            any |= end;
        }
        any |= block.read_plane(luma, &LUMA, factors.y, into);
        for plane in &CHROMA {
            any |= block.read_plane(BlockType::Chroma, plane, factors.uv, into);
        }
        any > 0
    }
}

/// What blocks are read from, and what is kept of them.
struct Block<'d, 'a> {
    decoder: &'d mut BoolDecoder<'a>,
    probabilities: &'d [ByPosition; 4],
    above: &'d mut Edge,
    left: &'d mut Edge,
}

impl Block<'_, '_> {
    /// All blocks of a plane; zero where none has coefficients.
    fn read_plane(
        &mut self,
        kind: BlockType,
        plane: &PlaneBlocks,
        factors: [i16; 2],
        into: &mut Coefficients,
    ) -> u8 {
        let mut any = 0;
        for row in 0..plane.side {
            for column in 0..plane.side {
                let at = plane.first + row * plane.side + column;
                let edges = (plane.edge + column, plane.edge + row);
                let end = self.read(kind, edges, factors, &mut into.blocks[at]);
                into.ends[at] = end;
                any |= end;
            }
        }
        any
    }

    /// One block, which has these places in the edges above and to the left: how many coefficients
    /// are coded.
    fn read(
        &mut self,
        kind: BlockType,
        (above, left): (usize, usize),
        factors: [i16; 2],
        into: &mut [i16; 16],
    ) -> u8 {
        let context = self.above[above] + self.left[left];
        let first = usize::from(matches!(kind, BlockType::LumaAfterY2));
        let probabilities = &self.probabilities[kind as usize];
        let context = usize::from(context);
        let end = read_block(self.decoder, probabilities, context, first, factors, into);
        let any = u8::from(end > 0);
        self.above[above] = any;
        self.left[left] = any;
        end
    }
}

/// Clause 13.3: how many coefficients are coded, counted from the first of the block; none is coded
/// where that is zero.
#[inline(always)]
fn read_block(
    decoder: &mut BoolDecoder,
    probabilities: &ByPosition,
    context: usize,
    first: usize,
    factors: [i16; 2],
    into: &mut [i16; 16],
) -> u8 {
    let mut nodes = &probabilities[first][context];
    if !decoder.read_bool(nodes[0]) {
        return 0;
    }
    let mut position = first;
    loop {
        // After a zero there is another coefficient: the end of the block is not asked for.
        while !decoder.read_bool(nodes[1]) {
            position += 1;
            if position == 16 {
                return 16;
            }
            nodes = &probabilities[position][0];
        }
        let (magnitude, context) = if decoder.read_bool(nodes[2]) {
            (read_large(decoder, nodes), 2)
        } else {
            (1, 1)
        };
        let sign = decoder.read_flag();
        let factor = i32::from(factors[usize::from(position > 0)]);
        let value = (magnitude * factor) as i16; // 16 bits (clause 14.1)
        into[ZIGZAG[position]] = if sign { value.wrapping_neg() } else { value };
        position += 1;
        nodes = &probabilities[position][context];
        if position == 16 || !decoder.read_bool(nodes[0]) {
            return position as u8;
        }
    }
}

/// Clause 13.2: a magnitude of 2 or more, to 2114.
fn read_large(decoder: &mut BoolDecoder, nodes: &[u8; 11]) -> i32 {
    if !decoder.read_bool(nodes[3]) {
        return if !decoder.read_bool(nodes[4]) {
            2
        } else {
            3 + i32::from(decoder.read_bool(nodes[5]))
        };
    }
    let category = if !decoder.read_bool(nodes[6]) {
        usize::from(decoder.read_bool(nodes[7]))
    } else if !decoder.read_bool(nodes[8]) {
        2 + usize::from(decoder.read_bool(nodes[9]))
    } else {
        4 + usize::from(decoder.read_bool(nodes[10]))
    };
    let (least, bits) = CATEGORIES[category];
    let more = bits.iter().fold(0, |more, &probability| {
        (more << 1) | i32::from(decoder.read_bool(probability))
    });
    least + more
}
