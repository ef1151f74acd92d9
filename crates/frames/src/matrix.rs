//! YCbCr to RGB in numbers, H.273 section 8.3.

use crate::curve::{Curve, bt709_inverse, bt709_oetf};
use framemill_video::{Matrix, Range};
use std::sync::OnceLock;

/// How the three planes become R, G and B.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// By a matrix.
    YCbCr,
    /// They are G, B and R.
    Rgb,
    /// BT.2020 constant luminance.
    ConstantLuminance,
}

/// Conversion of rows of sample codes to R, G and B from 0 to 255 (more and less where the
/// codes are outside the RGB cube).
pub(crate) struct RowMatrix {
    pub layout: Layout,
    /// 0–255 luma is `luma * code + luma_offset`.
    pub luma: f32,
    pub luma_offset: f32,
    /// −127.5–127.5 chroma is `chroma * code + chroma_offset`.
    pub chroma: f32,
    chroma_offset: f32,
    /// What Cb adds to R, G and B.
    pub cb: [f32; 3],
    /// What Cr adds to R, G and B.
    pub cr: [f32; 3],
}

impl RowMatrix {
    /// For samples of `bit_depth` bits, 8 to 16.
    pub fn new(matrix: Matrix, range: Range, bit_depth: u8) -> Self {
        let shift = f64::from(1u32 << u32::from(bit_depth.clamp(8, 16) - 8));
        let (black, luma, chroma) = match range {
            Range::Limited => (16.0 * shift, 219.0 * shift, 224.0 * shift),
            Range::Full => (0.0, 256.0 * shift - 1.0, 256.0 * shift - 1.0),
        };
        let (cb, cr) = match matrix {
            Matrix::Bt709 => coefficients(0.2126, 0.0722),
            Matrix::Fcc => coefficients(0.30, 0.11),
            Matrix::Bt601 => coefficients(0.299, 0.114),
            Matrix::Smpte240 => coefficients(0.212, 0.087),
            Matrix::Bt2020 | Matrix::Bt2020Cl => coefficients(0.2627, 0.0593),
            Matrix::YCgCo => ([-1.0, 1.0, -1.0], [1.0, 0.0, -1.0]),
            Matrix::Identity => ([0.0; 3], [0.0; 3]),
        };
        Self {
            layout: match matrix {
                Matrix::Identity => Layout::Rgb,
                Matrix::Bt2020Cl => Layout::ConstantLuminance,
                _ => Layout::YCbCr,
            },
            luma: (255.0 / luma) as f32,
            luma_offset: (-255.0 * black / luma) as f32,
            chroma: (255.0 / chroma) as f32,
            chroma_offset: (-255.0 * 128.0 * shift / chroma) as f32,
            cb,
            cr,
        }
    }

    /// From luma only.
    pub fn grey(&self, luma: &[f32], rgb: &mut [Vec<f32>; 3]) {
        self.planes([luma; 3], rgb);
    }

    /// From planes of R, G and B.
    pub fn planes(&self, planes: [&[f32]; 3], rgb: &mut [Vec<f32>; 3]) {
        for (plane, out) in planes.into_iter().zip(rgb) {
            for (out, code) in out.iter_mut().zip(plane) {
                *out = self.luma * code + self.luma_offset;
            }
        }
    }

    /// By the matrix.
    pub fn convert(&self, luma: &[f32], cb: &[f32], cr: &[f32], rgb: &mut [Vec<f32>; 3]) {
        for (i, out) in rgb.iter_mut().enumerate() {
            let (from_cb, from_cr) = (self.chroma * self.cb[i], self.chroma * self.cr[i]);
            let offset = self.luma_offset + self.chroma_offset * (self.cb[i] + self.cr[i]);
            for (((out, y), cb), cr) in out.iter_mut().zip(luma).zip(cb).zip(cr) {
                *out = self.luma * y + from_cb * cb + from_cr * cr + offset;
            }
        }
    }

    /// BT.2020 table 4, constant luminance: Cb and Cr are differences of the gamma-coded B and
    /// R to the gamma-coded *linear* luminance, and G follows from the linear values.
    pub fn constant_luminance(
        &self,
        luma: &[f32],
        cb: &[f32],
        cr: &[f32],
        rgb: &mut [Vec<f32>; 3],
    ) {
        static CURVES: OnceLock<(Curve, Curve)> = OnceLock::new();
        let (to_linear, to_code) =
            CURVES.get_or_init(|| (Curve::of_code(bt709_inverse), Curve::of_linear(bt709_oetf)));
        let [red, green, blue] = rgb;
        let out = red.iter_mut().zip(green).zip(blue);
        for ((((r, g), b), y), (cb, cr)) in out.zip(luma).zip(cb.iter().zip(cr)) {
            let y = (self.luma * y + self.luma_offset) / 255.0;
            let cb = (self.chroma * cb + self.chroma_offset) / 255.0;
            let cr = (self.chroma * cr + self.chroma_offset) / 255.0;
            let blue = y + cb * if cb <= 0.0 { 1.9404 } else { 1.5816 };
            let red = y + cr * if cr <= 0.0 { 1.7184 } else { 0.9936 };
            let (y, linear_blue, linear_red) =
                (to_linear.code(y), to_linear.code(blue), to_linear.code(red));
            let linear_green = (y - 0.2627 * linear_red - 0.0593 * linear_blue) / 0.6780;
            (*r, *g, *b) = (
                red * 255.0,
                to_code.linear(linear_green) * 255.0,
                blue * 255.0,
            );
        }
    }
}

/// What Cb and Cr add to R, G and B for these luma weights of red and blue.
fn coefficients(kr: f64, kb: f64) -> ([f32; 3], [f32; 3]) {
    let kg = 1.0 - kr - kb;
    let (blue, red) = (2.0 * (1.0 - kb), 2.0 * (1.0 - kr));
    (
        [0.0, (-kb * blue / kg) as f32, blue as f32],
        [red as f32, (-kr * red / kg) as f32, 0.0],
    )
}
