//! RFC 6386 clauses 13.3, 16.1 and 17.2: the probabilities that frames hand on to the next.

use crate::bool_decoder::BoolDecoder;
use crate::token_tables::{self, TokenProbabilities};

/// Of one component of a motion vector (clause 17.1).
pub(crate) type VectorProbabilities = [u8; 19];

/// Clause 17.2: how probable it is that a probability stays as it is; vertical, horizontal.
const VECTOR_UPDATE: [VectorProbabilities; 2] = [
    [
        237, 246, 253, 253, 254, 254, 254, 254, 254, 254, 254, 254, 254, 254, 250, 250, 252, 254,
        254,
    ],
    [
        231, 243, 245, 253, 254, 254, 254, 254, 254, 254, 254, 254, 254, 254, 251, 251, 254, 254,
        254,
    ],
];

/// What one frame leaves to the next, unless its header says otherwise (clause 9.11, 19.2:
/// `refresh_entropy_probs`).
#[derive(Clone, Debug)]
pub(crate) struct Entropy {
    pub tokens: TokenProbabilities,
    /// Vertical, horizontal.
    pub vectors: [VectorProbabilities; 2],
    /// Of the luma modes of interframes.
    pub luma_modes: [u8; 4],
    /// Of the chroma modes of interframes.
    pub chroma_modes: [u8; 3],
}

/// What a key frame starts with.
impl Default for Entropy {
    fn default() -> Self {
        Self {
            tokens: token_tables::DEFAULT,
            vectors: [
                [
                    162, 128, 225, 146, 172, 147, 214, 39, 156, 128, 129, 132, 75, 145, 178, 206,
                    239, 254, 254,
                ],
                [
                    164, 128, 204, 170, 119, 235, 140, 230, 228, 128, 130, 130, 74, 148, 180, 203,
                    236, 254, 254,
                ],
            ],
            luma_modes: [112, 86, 140, 37],
            chroma_modes: [162, 101, 204],
        }
    }
}

impl Entropy {
    /// Clause 13.4.
    pub fn update_tokens(&mut self, header: &mut BoolDecoder) {
        let all = self.tokens.as_flattened_mut().as_flattened_mut();
        let update = token_tables::UPDATE.as_flattened().as_flattened();
        let nodes = all.as_flattened_mut().iter_mut();
        for (probability, &unchanged) in nodes.zip(update.as_flattened()) {
            if header.read_bool(unchanged) {
                *probability = header.read_literal(8);
            }
        }
    }

    /// Clause 9.10: `intra_16x16_prob` and `intra_chroma_prob`.
    pub fn update_modes(&mut self, header: &mut BoolDecoder) {
        for probabilities in [&mut self.luma_modes[..], &mut self.chroma_modes[..]] {
            if header.read_flag() {
                probabilities.fill_with(|| header.read_literal(8));
            }
        }
    }

    /// Clause 17.2.
    pub fn update_vectors(&mut self, header: &mut BoolDecoder) {
        let nodes = self.vectors.as_flattened_mut().iter_mut();
        for (probability, &unchanged) in nodes.zip(VECTOR_UPDATE.as_flattened()) {
            if header.read_bool(unchanged) {
                let value = header.read_literal(7);
                *probability = if value == 0 { 1 } else { value << 1 };
            }
        }
    }
}
