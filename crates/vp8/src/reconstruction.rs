//! RFC 6386 clause 14: a macroblock's pixels, before the loop filter.

use crate::frame_tag::Version;
use crate::inter;
use crate::intra::{Around, LastRow};
use crate::modes::{Luma, Macroblock, Prediction, SubMode};
use crate::picture::{Picture, Pixels};
use crate::tokens::{Coefficients, Y2};
use crate::transform::{add_dc, add_inverse_dct, inverse_wht};

/// What macroblocks are predicted from.
pub(crate) struct Sources<'a> {
    /// The frame itself, up to the macroblock.
    pub current: &'a Picture,
    /// See [`LastRow`].
    pub last_row: &'a LastRow,
    /// By [`Reference`](crate::motion::Reference); they may lack in key frames only.
    pub references: &'a Option<[&'a Picture; 3]>,
    pub version: Version,
}

/// Makes the macroblock in column `x` and row `y`. `coefficients` are used up.
pub(crate) fn reconstruct(
    sources: &Sources,
    at: (usize, usize),
    macroblock: &Macroblock,
    coefficients: &mut Coefficients,
    pixels: &mut Pixels,
) {
    if macroblock.prediction.has_y2() && coefficients.ends[Y2] > 0 {
        spread_y2(coefficients);
    }
    match &macroblock.prediction {
        Prediction::Intra { luma, chroma } => {
            let (x, y) = at;
            let (last, current) = (sources.last_row, sources.current);
            let around = Around::<16>::new(last, current, 0, x, y);
            match luma {
                Luma::Whole(mode) => {
                    around.predict(*mode, &mut pixels.y);
                    add_luma(coefficients, &mut pixels.y);
                }
                Luma::Subblocks(modes) => subblocks(&around, modes, coefficients, &mut pixels.y),
            }
            for (plane, pixels) in pixels.chroma.iter_mut().enumerate() {
                Around::<8>::new(last, current, 1 + plane, x, y).predict(*chroma, pixels);
            }
        }
        Prediction::Inter { reference, motion } => {
            if let Some(references) = sources.references {
                let reference = references[*reference as usize];
                inter::predict(reference, sources.version, at, motion, pixels);
            }
            add_luma(coefficients, &mut pixels.y);
        }
    }
    for (plane, pixels) in pixels.chroma.iter_mut().enumerate() {
        add_plane(coefficients, 16 + 4 * plane, 2, pixels);
    }
}

/// Clause 14.2: Y2 becomes the DC coefficients of luma.
fn spread_y2(coefficients: &mut Coefficients) {
    let dc = inverse_wht(&coefficients.blocks[Y2]);
    for (at, dc) in dc.into_iter().enumerate() {
        coefficients.blocks[at][0] = dc;
        coefficients.ends[at] = coefficients.ends[at].max(1);
    }
}

/// Clause 12.3: each luma subblock is predicted from those before it.
fn subblocks(
    around: &Around<16>,
    modes: &[SubMode; 16],
    coefficients: &Coefficients,
    pixels: &mut [[u8; 16]; 16],
) {
    for (at, mode) in modes.iter().enumerate() {
        let predicted = around.subblock(pixels, at).predict(*mode);
        let (x, y) = (at % 4 * 4, at / 4 * 4);
        for (row, predicted) in pixels[y..].iter_mut().zip(predicted) {
            row[x..x + 4].copy_from_slice(&predicted);
        }
        add_block(coefficients, at, pixels, x, y);
    }
}

fn add_luma(coefficients: &Coefficients, pixels: &mut [[u8; 16]; 16]) {
    add_plane(coefficients, 0, 4, pixels);
}

/// Adds the residue of `side` by `side` blocks, of which `first` is the first.
fn add_plane<const N: usize>(
    coefficients: &Coefficients,
    first: usize,
    side: usize,
    pixels: &mut [[u8; N]; N],
) {
    for row in 0..side {
        for column in 0..side {
            add_block(
                coefficients,
                first + row * side + column,
                pixels,
                4 * column,
                4 * row,
            );
        }
    }
}

/// Adds the residue of block `at` at column `x` and row `y`.
fn add_block<const N: usize>(
    coefficients: &Coefficients,
    at: usize,
    pixels: &mut [[u8; N]; N],
    x: usize,
    y: usize,
) {
    let block = &coefficients.blocks[at];
    let Some(rows) = pixels[y..].first_chunk_mut::<4>() else {
        return;
    };
    match coefficients.ends[at] {
        0 => {}
        1 => add_dc(block[0], rows, x),
        _ => add_inverse_dct(block, rows, x),
    }
}
