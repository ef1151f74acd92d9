//! HDR to SDR: one fixed operator, so that a frame's image depends on that frame only.
//!
//! Code ─▶ display light in cd/m² (PQ: ST 2084; HLG: BT.2100 with a 1000 cd/m² display)
//! ─▶ the BT.2390 EETF from 1000 cd/m² to the 203 cd/m² of SDR white (BT.2408), on the largest
//! of R, G and B, the others scaled along so that hue stays ─▶ BT.709 primaries ─▶ sRGB.

use crate::curve::{Curve, hlg_to_scene, pq_from_nits, pq_to_nits, srgb_encode};
use framemill_video::{ColorDescription, Primaries, Transfer};
use std::sync::OnceLock;

/// Brightest light that is distinguished, cd/m².
const PEAK: f64 = 1000.0;
/// HDR reference white, BT.2408; becomes (nearly) SDR white.
const WHITE: f64 = 203.0;

struct Tables {
    /// PQ code to light, 1 is [`PEAK`].
    pq: Curve,
    /// HLG code to scene light.
    hlg: Curve,
    /// Scene luminance to the gain of the HLG system gamma, 1.2 less 1.
    hlg_gain: Curve,
    /// Light, 1 is [`PEAK`], to SDR light, 1 is SDR white.
    eetf: Curve,
    /// SDR light to code, 0–255.
    encode: Curve,
}

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| Tables {
        pq: Curve::of_code(|code| pq_to_nits(code) / PEAK),
        hlg: Curve::of_code(hlg_to_scene),
        hlg_gain: Curve::of_linear(|luminance| libm::pow(luminance, 0.2)),
        eetf: Curve::of_linear(|light| eetf(light * PEAK) / WHITE),
        encode: Curve::of_linear(|light| 255.0 * srgb_encode(light)),
    })
}

/// BT.2390-10 section 5.4.1 without black lift: light of a [`PEAK`] display, in cd/m², to that
/// of a [`WHITE`] display.
fn eetf(nits: f64) -> f64 {
    let source_peak = pq_from_nits(PEAK);
    let max = pq_from_nits(WHITE) / source_peak;
    let knee = 1.5 * max - 0.5;
    let e1 = (pq_from_nits(nits) / source_peak).clamp(0.0, 1.0);
    if e1 < knee {
        return nits;
    }
    let t = (e1 - knee) / (1.0 - knee);
    let (t2, t3) = (t * t, t * t * t);
    let e2 = (2.0 * t3 - 3.0 * t2 + 1.0) * knee
        + (t3 - 2.0 * t2 + t) * (1.0 - knee)
        + (3.0 * t2 - 2.0 * t3) * max;
    pq_to_nits(e2 * source_peak)
}

/// BT.2020 to BT.709 primaries, BT.2087 annex 2 inverted.
const BT2020_TO_BT709: [[f32; 3]; 3] = [
    [1.660_491, -0.587_641_1, -0.072_849_9],
    [-0.124_550_5, 1.132_899_9, -0.008_349_4],
    [-0.018_150_8, -0.100_578_9, 1.118_729_7],
];

/// Display P3 to BT.709 primaries.
const P3_TO_BT709: [[f32; 3]; 3] = [
    [1.224_940_2, -0.224_940_2, 0.0],
    [-0.042_056_9, 1.042_056_9, 0.0],
    [-0.019_637_6, -0.078_636_1, 1.098_273_7],
];

const IDENTITY: [[f32; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// The operator for one colour description.
pub(crate) struct ToneMap {
    hlg: bool,
    gamut: &'static [[f32; 3]; 3],
    tables: &'static Tables,
}

impl ToneMap {
    /// `None` where the video is not HDR.
    pub fn of(color: &ColorDescription) -> Option<Self> {
        let hlg = match color.transfer? {
            Transfer::Pq => false,
            Transfer::Hlg => true,
            _ => return None,
        };
        let gamut = match color.primaries {
            // BT.2100 knows no other primaries than BT.2020's.
            None | Some(Primaries::Bt2020) => &BT2020_TO_BT709,
            Some(Primaries::DisplayP3 | Primaries::DciP3) => &P3_TO_BT709,
            Some(_) => &IDENTITY,
        };
        Some(Self {
            hlg,
            gamut,
            tables: tables(),
        })
    }

    /// Replaces HDR codes by SDR codes, both 0–255.
    pub fn apply(&self, [red, green, blue]: &mut [Vec<f32>; 3]) {
        for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
            [*r, *g, *b] = self.pixel([*r, *g, *b]);
        }
    }

    fn pixel(&self, codes: [f32; 3]) -> [f32; 3] {
        let light = self.light(codes.map(|code| code * (1.0 / 255.0)));
        let largest = light[0].max(light[1]).max(light[2]);
        let gain = if largest > 0.0 {
            self.tables.eetf.linear(largest) / largest
        } else {
            0.0
        };
        let [r, g, b] = light.map(|light| light * gain);
        self.gamut.map(|row| {
            self.tables
                .encode
                .linear(row[0] * r + row[1] * g + row[2] * b)
        })
    }

    /// Display light, 1 is [`PEAK`].
    fn light(&self, codes: [f32; 3]) -> [f32; 3] {
        if !self.hlg {
            return codes.map(|code| self.tables.pq.code(code));
        }
        let scene = codes.map(|code| self.tables.hlg.code(code));
        let luminance = 0.2627 * scene[0] + 0.6780 * scene[1] + 0.0593 * scene[2];
        let gain = self.tables.hlg_gain.linear(luminance);
        scene.map(|light| light * gain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(transfer: Transfer, codes: [f64; 3]) -> [f32; 3] {
        let color = ColorDescription {
            transfer: Some(transfer),
            ..ColorDescription::default()
        };
        let codes = codes.map(|code| (code * 255.0) as f32);
        ToneMap::of(&color).unwrap().pixel(codes)
    }

    #[test]
    fn sdr_is_left_alone() {
        let sdr = |transfer| ColorDescription {
            transfer,
            ..ColorDescription::default()
        };
        assert!(ToneMap::of(&sdr(None)).is_none());
        assert!(ToneMap::of(&sdr(Some(Transfer::Bt709))).is_none());
    }

    #[test]
    fn grey_stays_grey_and_brightness_never_falls() {
        for transfer in [Transfer::Pq, Transfer::Hlg] {
            let mut before = 0.0;
            for step in 0..=1000 {
                let [r, g, b] = map(transfer, [f64::from(step) / 1000.0; 3]);
                assert!((r - g).abs() < 0.6 && (g - b).abs() < 0.6, "{r} {g} {b}");
                assert!(g >= before, "{transfer:?} {step}: {g} after {before}");
                before = g;
            }
            assert!(before > 254.4, "{transfer:?} peak is {before}");
        }
    }

    #[test]
    fn reference_white_is_nearly_white_and_black_is_black() {
        let [white, ..] = map(Transfer::Pq, [pq_from_nits(203.0); 3]);
        assert!((225.0..250.0).contains(&white), "{white}");
        let [hlg_white, ..] = map(Transfer::Hlg, [0.75; 3]);
        assert!((white - hlg_white).abs() < 1.5, "{white} {hlg_white}");
        assert_eq!(map(Transfer::Pq, [0.0; 3]), [0.0; 3]);
        assert_eq!(map(Transfer::Hlg, [0.0; 3]), [0.0; 3]);
        // 18 % grey of a 203 cd/m² white is below the knee: exactly what sRGB makes of it.
        let [grey, ..] = map(Transfer::Pq, [pq_from_nits(0.18 * 203.0); 3]);
        assert!(
            (grey - 255.0 * srgb_encode(0.18) as f32).abs() < 0.6,
            "{grey}"
        );
    }

    #[test]
    fn saturated_colours_keep_their_order() {
        let [r, g, b] = map(Transfer::Pq, [0.5, 0.45, 0.4]);
        assert!(r > g && g > b, "{r} {g} {b}");
    }

    #[test]
    fn pq_curves_are_inverse_and_match_the_standard() {
        for nits in [0.1, 1.0, 100.0, 203.0, 1000.0, 10_000.0] {
            assert!((pq_to_nits(pq_from_nits(nits)) / nits - 1.0).abs() < 1e-9);
        }
        // BT.2408 table 1: 203 cd/m² is 58 % PQ; 1000 cd/m² is 75 %.
        assert!((pq_from_nits(203.0) - 0.5807).abs() < 1e-3);
        assert!((pq_from_nits(1000.0) - 0.7518).abs() < 1e-3);
        // BT.2100: HLG 50 % is 1/12 of scene light.
        assert!((hlg_to_scene(0.5) - 1.0 / 12.0).abs() < 1e-9);
        assert!((hlg_to_scene(1.0) - 1.0).abs() < 1e-6);
    }
}
