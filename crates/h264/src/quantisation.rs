//! Level scales of inverse quantisation, clause 8.5.9, multiplied out for each QP.

use crate::pps::Pps;
use crate::scaling::ScalingMatrices;
use crate::sps::Sps;

/// QP' of 14 bit samples at most: 51 + 6 × 6.
pub(crate) const QPS: usize = 88;

/// normAdjust4x4 (8-315): corners, centres, others.
const NORM_4X4: [[i32; 3]; 6] = [
    [10, 16, 13],
    [11, 18, 14],
    [13, 20, 16],
    [14, 23, 18],
    [16, 25, 20],
    [18, 29, 23],
];

/// normAdjust8x8 (8-318).
const NORM_8X8: [[i32; 6]; 6] = [
    [20, 18, 32, 19, 25, 24],
    [22, 19, 35, 21, 28, 26],
    [26, 23, 42, 24, 33, 31],
    [28, 25, 45, 26, 35, 33],
    [32, 28, 51, 30, 40, 38],
    [36, 32, 58, 34, 46, 43],
];

/// QPC from qPI (table 8-15), from 30 on.
const CHROMA_QP: [i8; 22] = [
    29, 30, 31, 32, 32, 33, 34, 34, 35, 35, 36, 36, 37, 37, 37, 38, 38, 38, 39, 39, 39, 39,
];

/// What a level is multiplied with, in raster order: `LevelScale << QP' / 6`, with 4 bits of fraction
/// for 4×4 blocks and 6 for 8×8 blocks.
pub(crate) struct Scales {
    /// By list (intra Y, Cb, Cr, inter Y, Cb, Cr) and QP'.
    pub four: Vec<[[i32; 16]; QPS]>,
    /// By list (intra Y, inter Y, intra Cb, inter Cb, intra Cr, inter Cr) and QP'.
    pub eight: Vec<[[i32; 64]; QPS]>,
    /// LevelScale4x4(QP' % 6, 0, 0) by list of `four`.
    dc: [[i32; 6]; 6],
    offsets: [i32; 2],
    bit_depth_offset: i32,
}

impl Scales {
    /// For slices with these parameter sets.
    pub fn new(sps: &Sps, pps: &Pps, matrices: &ScalingMatrices) -> Self {
        let four = matrices.m4.iter().map(|list| {
            let mut all = [[0; 16]; QPS];
            for (qp, scales) in all.iter_mut().enumerate() {
                for (i, scale) in scales.iter_mut().enumerate() {
                    *scale = (i32::from(list[i]) * norm_4x4(qp % 6, i)) << (qp / 6);
                }
            }
            all
        });
        let lists = if pps.transform_8x8 {
            &matrices.m8[..]
        } else {
            &[]
        };
        let eight = lists.iter().map(|list| {
            let mut all = [[0; 64]; QPS];
            for (qp, scales) in all.iter_mut().enumerate() {
                for (i, scale) in scales.iter_mut().enumerate() {
                    *scale = (i32::from(list[i]) * norm_8x8(qp % 6, i)) << (qp / 6);
                }
            }
            all
        });
        let dc = std::array::from_fn(|list| {
            std::array::from_fn(|rest| i32::from(matrices.m4[list][0]) * norm_4x4(rest, 0))
        });
        Self {
            four: four.collect(),
            eight: eight.collect(),
            dc,
            offsets: pps.chroma_qp_offset,
            bit_depth_offset: 6 * (i32::from(sps.bit_depth_chroma) - 8),
        }
    }

    /// LevelScale4x4(QP' % 6, 0, 0).
    pub fn dc(&self, list: usize, qp: i32) -> i32 {
        self.dc[list % 6][qp.rem_euclid(6) as usize]
    }

    /// QPC of Cb (0) or Cr (1) from QPY, without the offset of the bit depth (8-311).
    pub fn chroma_qp(&self, plane: usize, qp: i32) -> i32 {
        let index = (qp + self.offsets[plane & 1]).clamp(-self.bit_depth_offset, 51);
        match usize::try_from(index - 30) {
            Ok(at) => i32::from(CHROMA_QP.get(at).copied().unwrap_or(39)),
            Err(_) => index,
        }
    }

    /// QP'C.
    pub fn chroma_qp_prime(&self, plane: usize, qp: i32) -> i32 {
        self.chroma_qp(plane, qp) + self.bit_depth_offset
    }
}

fn norm_4x4(rest: usize, i: usize) -> i32 {
    let column = match (i / 4 % 2, i % 4 % 2) {
        (0, 0) => 0,
        (1, 1) => 1,
        _ => 2,
    };
    NORM_4X4[rest][column]
}

fn norm_8x8(rest: usize, i: usize) -> i32 {
    let (y, x) = (i / 8, i % 8);
    let column = match (y % 4, x % 4) {
        (0, 0) => 0,
        (1 | 3, 1 | 3) => 1,
        (2, 2) => 2,
        (0, 1 | 3) | (1 | 3, 0) => 3,
        (0, 2) | (2, 0) => 4,
        _ => 5,
    };
    NORM_8X8[rest][column]
}
