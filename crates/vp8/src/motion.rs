//! RFC 6386 clauses 16.2 to 17: reference frames and motion vectors.

use crate::bool_decoder::BoolDecoder;
use crate::entropy::VectorProbabilities;

/// Clause 16.3: by how often neighbours agree and by node.
const MODE_CONTEXTS: [[u8; 4]; 6] = [
    [7, 1, 1, 143],
    [14, 18, 14, 107],
    [135, 64, 57, 68],
    [60, 56, 128, 65],
    [159, 134, 128, 34],
    [234, 188, 128, 28],
];
/// Clause 16.2: zero, nearest, near, new, split.
const MODE_TREE: [i8; 8] = [0, 2, -1, 4, -2, 6, -3, -4];
/// Clause 16.4: places in [`PARTITIONS`].
const PARTITION_TREE: [i8; 6] = [-3, 2, -2, 4, 0, -1];
const PARTITION_PROBABILITIES: [u8; 3] = [110, 111, 150];
/// Clause 16.4: left, above, zero, new.
const SUB_VECTOR_TREE: [i8; 6] = [0, 2, -1, 4, -2, -3];
/// Clause 16.4: by context and node.
const SUB_VECTOR_CONTEXTS: [[u8; 3]; 5] = [
    [147, 136, 18],
    [106, 145, 1],
    [179, 121, 1],
    [223, 1, 34],
    [208, 1, 1],
];
/// Clause 16.4: the part that each subblock belongs to; upper and lower half, left and right half,
/// quarters, each one.
const PARTITIONS: [[u8; 16]; 4] = [
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1],
    [0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1],
    [0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3],
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
];
/// Clause 17.1: magnitudes up to 7.
const SHORT_TREE: [i8; 14] = [2, 8, 4, 6, 0, -1, -2, -3, 10, 12, -4, -5, -6, -7];

/// A motion vector in quarters of a luma pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Vector {
    pub y: i16,
    pub x: i16,
}

impl Vector {
    const ZERO: Self = Self { y: 0, x: 0 };

    fn reversed(self) -> Self {
        Self {
            y: self.y.saturating_neg(),
            x: self.x.saturating_neg(),
        }
    }

    /// Saturates where a stream goes beyond what clause 18.1 allows.
    fn plus(self, other: Self) -> Self {
        Self {
            y: self.y.saturating_add(other.y),
            x: self.x.saturating_add(other.x),
        }
    }

    /// Clause 17.
    fn read(modes: &mut BoolDecoder, probabilities: &[VectorProbabilities; 2]) -> Self {
        Self {
            y: read_component(modes, &probabilities[0]),
            x: read_component(modes, &probabilities[1]),
        }
    }
}

/// Clause 17.1: -1023 to 1023.
fn read_component(modes: &mut BoolDecoder, probabilities: &VectorProbabilities) -> i16 {
    let [is_long, sign, rest @ ..] = probabilities;
    let (short, long) = rest.split_at(7);
    let magnitude = if modes.read_bool(*is_long) {
        let mut magnitude = 0;
        for bit in [0, 1, 2, 9, 8, 7, 6, 5, 4] {
            magnitude |= i16::from(modes.read_bool(long[bit])) << bit;
        }
        // Below 8 it would not be long: bit 3 is set where no higher one is.
        if magnitude <= 15 || modes.read_bool(long[3]) {
            magnitude |= 8;
        }
        magnitude
    } else {
        modes.read_tree(&SHORT_TREE, short) as i16
    };
    if magnitude != 0 && modes.read_bool(*sign) {
        -magnitude
    } else {
        magnitude
    }
}

/// A frame that others are predicted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    Last,
    Golden,
    Alternate,
}

/// How a macroblock is predicted from another frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Motion {
    /// From the same place.
    Zero,
    Whole(Vector),
    /// A vector for each luma subblock.
    Split {
        vectors: [Vector; 16],
        /// Whether they differ within a quarter of the macroblock.
        fine: bool,
    },
}

impl Motion {
    /// The vectors of four subblocks.
    pub fn vectors(&self, subblocks: [usize; 4]) -> [Vector; 4] {
        match self {
            Self::Zero => [Vector::ZERO; 4],
            Self::Whole(vector) => [*vector; 4],
            Self::Split { vectors, .. } => subblocks.map(|at| vectors[at]),
        }
    }
}

/// What the vectors of a macroblock are guessed from (clause 16.3). The default is what is outside
/// of the frame and what is not predicted from another frame.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Neighbour {
    pub reference: Option<Reference>,
    /// That of the last subblock.
    pub vector: Vector,
    pub split: bool,
}

/// Where vectors that are taken from neighbours may point to, so that a macroblock is off the frame
/// by its own size at most (clause 16.3).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    x: (i32, i32),
    y: (i32, i32),
}

impl Bounds {
    /// Of the macroblock in column `x` and row `y`, of `columns` and `rows`.
    pub fn new((x, y): (usize, usize), (columns, rows): (usize, usize)) -> Self {
        // Sides of 16383 pixels are 1024 macroblocks of 64 quarter pixels.
        let range = |at: usize, of: usize| (-64 - 64 * at as i32, 64 * (of as i32 - at as i32));
        Self {
            x: range(x, columns),
            y: range(y, rows),
        }
    }

    fn clamp(&self, vector: Vector) -> Vector {
        // Both ranges have zero in them: what fits stays what fits.
        let clamp = |value: i16, (low, high)| i32::from(value).clamp(low, high) as i16;
        Vector {
            y: clamp(vector.y, self.y),
            x: clamp(vector.x, self.x),
        }
    }
}

/// Clause 16.3: what the neighbours' vectors say.
struct Survey {
    best: Vector,
    nearest: Vector,
    near: Vector,
    probabilities: [u8; 4],
}

impl Survey {
    /// `neighbours`: above, left, above left.
    fn new(neighbours: &[Neighbour; 3], reference: Reference, sign_bias: [bool; 2]) -> Self {
        const WEIGHTS: [usize; 3] = [2, 2, 1];
        let bias = |reference| match reference {
            Reference::Last => false,
            Reference::Golden => sign_bias[0],
            Reference::Alternate => sign_bias[1],
        };
        // Zero, then up to three that differ from the one found before.
        let mut vectors = [Vector::ZERO; 4];
        let mut counts = [0; 4];
        let mut found = 0;
        for (neighbour, weight) in neighbours.iter().zip(WEIGHTS) {
            let Some(of) = neighbour.reference else {
                continue;
            };
            if neighbour.vector == Vector::ZERO {
                counts[0] += weight;
                continue;
            }
            let vector = if bias(of) == bias(reference) {
                neighbour.vector
            } else {
                neighbour.vector.reversed()
            };
            if vector != vectors[found] {
                found += 1;
                vectors[found] = vector;
            }
            counts[found] += weight;
        }
        if found == 3 && vectors[3] == vectors[1] {
            counts[1] += 1;
        }
        let split = neighbours.iter().zip(WEIGHTS).filter(|(it, _)| it.split);
        counts[3] = split.map(|(_, weight)| weight).sum();
        if counts[2] > counts[1] {
            counts.swap(1, 2);
            vectors.swap(1, 2);
        }
        let best = usize::from(counts[1] >= counts[0]);
        Self {
            best: vectors[best],
            nearest: vectors[1],
            near: vectors[2],
            probabilities: std::array::from_fn(|node| MODE_CONTEXTS[counts[node]][node]),
        }
    }
}

/// What is around a macroblock.
pub(crate) struct Surroundings<'a> {
    /// Above, left, above left.
    pub neighbours: [Neighbour; 3],
    /// Vectors of the subblocks above.
    pub above: &'a [Vector; 4],
    /// Vectors of the subblocks to the left.
    pub left: &'a [Vector; 4],
    pub bounds: Bounds,
}

/// Reads how a macroblock is predicted from `reference` (clause 16.3).
pub(crate) fn read(
    modes: &mut BoolDecoder,
    probabilities: &[VectorProbabilities; 2],
    reference: Reference,
    sign_bias: [bool; 2],
    around: &Surroundings,
) -> Motion {
    let survey = Survey::new(&around.neighbours, reference, sign_bias);
    let bounds = &around.bounds;
    match modes.read_tree(&MODE_TREE, &survey.probabilities) {
        0 => Motion::Zero,
        1 => Motion::Whole(bounds.clamp(survey.nearest)),
        2 => Motion::Whole(bounds.clamp(survey.near)),
        3 => {
            let best = bounds.clamp(survey.best);
            Motion::Whole(best.plus(Vector::read(modes, probabilities)))
        }
        _ => read_split(modes, probabilities, bounds.clamp(survey.best), around),
    }
}

/// Clause 16.4.
fn read_split(
    modes: &mut BoolDecoder,
    probabilities: &[VectorProbabilities; 2],
    best: Vector,
    around: &Surroundings,
) -> Motion {
    let partition = modes.read_tree(&PARTITION_TREE, &PARTITION_PROBABILITIES);
    let parts = &PARTITIONS[partition];
    let mut vectors = [Vector::ZERO; 16];
    let mut read = 0;
    for block in 0..16 {
        if parts[block] < read {
            continue;
        }
        let (row, column) = (block / 4, block % 4);
        let left = match column {
            0 => around.left[row],
            _ => vectors[block - 1],
        };
        let above = match row {
            0 => around.above[column],
            _ => vectors[block - 4],
        };
        let context = &SUB_VECTOR_CONTEXTS[sub_vector_context(left, above)];
        let vector = match modes.read_tree(&SUB_VECTOR_TREE, context) {
            0 => left,
            1 => above,
            2 => Vector::ZERO,
            _ => best.plus(Vector::read(modes, probabilities)),
        };
        for (of, part) in vectors.iter_mut().zip(parts) {
            if *part == read {
                *of = vector;
            }
        }
        read += 1;
    }
    let fine = partition == 3;
    Motion::Split { vectors, fine }
}

/// A place in [`SUB_VECTOR_CONTEXTS`].
fn sub_vector_context(left: Vector, above: Vector) -> usize {
    match (left == above, above == Vector::ZERO, left == Vector::ZERO) {
        (true, true, _) => 4,
        (true, false, _) => 3,
        (false, true, _) => 2,
        (false, false, true) => 1,
        (false, false, false) => 0,
    }
}
