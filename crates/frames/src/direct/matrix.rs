//! From a video's YCbCr to a JPEG's, full-range BT.601, in whole numbers and without RGB between.
//!
//! R, G and B are linear in Y, Cb and Cr, and JPEG's Y, Cb and Cr in R, G and B. Both luma weights
//! add up to 1, so that luma is luma of the video and something of chroma, and chroma needs no
//! luma. Colours outside the RGB cube are not moved into it, as a detour over RGB bytes would:
//! whoever decodes the JPEG does.

use crate::matrix::RowMatrix;
use crate::vector::{Pair, eights, loaded, narrowed};

/// Bits of fraction of all factors. The largest factor is below 2.
const FRACTION: i32 = 14;
const ONE: i16 = 1 << FRACTION;
/// Bits of fraction of what chroma adds to luma: at most 53 at luma resolution, 1.5 times as much
/// where the filter overshoots.
const DETAIL: i32 = 8;
/// JPEG's luma weights, T.871 section 7.
const WEIGHTS: [f64; 3] = [0.299, 0.587, 0.114];
/// Code of chroma without colour.
const NEUTRAL: i32 = 128;

/// Factors for 8-bit video, with [`FRACTION`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JpegMatrix {
    luma: i16,
    luma_offset: i32,
    /// What Cb and Cr add to luma.
    detail: [i16; 2],
    /// What Cb and Cr are in JPEG's Cb, and in its Cr.
    chroma: [[i16; 2]; 2],
}

impl JpegMatrix {
    /// For 8-bit samples with this matrix, whose layout is YCbCr.
    pub fn new(matrix: &RowMatrix) -> Self {
        let fixed = |value: f64| (value * f64::from(1 << FRACTION)).round();
        let [from_cb, from_cr] = [matrix.cb, matrix.cr].map(|rgb| {
            let rgb = rgb.map(|value| f64::from(value) * f64::from(matrix.chroma));
            let luma: f64 = rgb.iter().zip(WEIGHTS).map(|(a, b)| a * b).sum();
            [luma, (rgb[2] - luma) / 1.772, (rgb[0] - luma) / 1.402].map(|it| fixed(it) as i16)
        });
        let row = |i: usize| [from_cb[i], from_cr[i]];
        Self {
            luma: fixed(f64::from(matrix.luma)) as i16,
            luma_offset: fixed(f64::from(matrix.luma_offset)) as i32,
            detail: row(0),
            chroma: [row(1), row(2)],
        }
    }

    /// Whether luma is a JPEG's already.
    pub fn keeps_luma(&self) -> bool {
        self.luma == ONE && self.luma_offset == 0 && !self.has_detail()
    }

    /// Whether chroma is a JPEG's already.
    pub fn keeps_chroma(&self) -> bool {
        self.chroma == [[ONE, 0], [0, ONE]]
    }

    /// Whether luma depends on chroma.
    pub fn has_detail(&self) -> bool {
        self.detail != [0, 0]
    }

    /// What rows of Cb and Cr add to luma, for [`Self::luma`] once upsampled. All are sixteens.
    pub fn detail(&self, [cb, cr]: [&[i16]; 2], out: &mut [i16]) {
        let bits = FRACTION - DETAIL;
        let neutral = NEUTRAL * (i32::from(self.detail[0]) + i32::from(self.detail[1]));
        let offset = (1 << (bits - 1)) - neutral;
        let rows = cb.as_chunks().0.iter().zip(cr.as_chunks().0);
        for (out, (cb, cr)) in out.as_chunks_mut().0.iter_mut().zip(rows) {
            let pair = Pair::of(loaded(cb), loaded(cr));
            *out = pair.times(self.detail).shifted(offset, bits).to_array();
        }
    }

    /// A row of luma, to which `detail` adds what chroma does. All are sixteens.
    pub fn luma(&self, luma: &[i16], detail: &[i16], out: &mut [u8]) {
        let factors = [self.luma, 1 << (FRACTION - DETAIL)];
        let offset = self.luma_offset + (1 << (FRACTION - 1));
        let sum = |luma, detail| {
            let pair = Pair::of(loaded(luma), loaded(detail));
            pair.times(factors).shifted(offset, FRACTION)
        };
        let rows = eights(luma).iter().zip(eights(detail));
        for (out, ([y0, y1], [d0, d1])) in out.as_chunks_mut().0.iter_mut().zip(rows) {
            *out = narrowed(sum(y0, d0), sum(y1, d1));
        }
    }

    /// A row of JPEG's Cb and Cr from sums of `1 << doublings` samples each. All are sixteens.
    pub fn chroma(&self, [cb, cr]: [&[i16]; 2], doublings: i32, out: [&mut [u8]; 2]) {
        let bits = FRACTION + doublings;
        for (out, factors) in out.into_iter().zip(self.chroma) {
            let one = i32::from(factors[0]) + i32::from(factors[1]);
            let neutral = NEUTRAL * ((1 << FRACTION) - one);
            let offset = (neutral << doublings) + (1 << (bits - 1));
            let sum = |cb, cr| {
                let pair = Pair::of(loaded(cb), loaded(cr));
                pair.times(factors).shifted(offset, bits)
            };
            let rows = eights(cb).iter().zip(eights(cr));
            for (out, ([cb0, cb1], [cr0, cr1])) in out.as_chunks_mut().0.iter_mut().zip(rows) {
                *out = narrowed(sum(cb0, cr0), sum(cb1, cr1));
            }
        }
    }
}
