//! Transfer curves as tables: the same numbers on every platform, since `libm` computes them.

use libm::{exp, pow};

const STEPS: usize = 4096;

/// A function over 0–1 in 4097 steps.
pub(crate) struct Curve(Vec<f32>);

impl Curve {
    /// Of a function of gamma-coded values, looked up with [`Curve::code`].
    pub fn of_code(f: impl Fn(f64) -> f64) -> Self {
        Self(
            (0..=STEPS)
                .map(|i| f(i as f64 / STEPS as f64) as f32)
                .collect(),
        )
    }

    /// Of a function of linear values, looked up with [`Curve::linear`]. Steps are even in the
    /// square root, which is about even to the eye.
    pub fn of_linear(f: impl Fn(f64) -> f64) -> Self {
        Self::of_code(|root| f(root * root))
    }

    /// Value at a gamma-coded argument, clamped to 0–1.
    #[inline(always)]
    pub fn code(&self, x: f32) -> f32 {
        let index = (x * STEPS as f32 + 0.5) as usize;
        self.0.get(index.min(STEPS)).copied().unwrap_or(0.0)
    }

    /// Value at a linear argument, clamped to 0–1.
    #[inline(always)]
    pub fn linear(&self, x: f32) -> f32 {
        self.code(if x > 0.0 { x.sqrt() } else { 0.0 })
    }
}

/// BT.709 and BT.2020 camera curve, linear light to code.
pub(crate) fn bt709_oetf(linear: f64) -> f64 {
    if linear < BT709_KNEE {
        4.5 * linear
    } else {
        BT709_ALPHA * pow(linear, 0.45) - (BT709_ALPHA - 1.0)
    }
}

/// Inverse of [`bt709_oetf`].
pub(crate) fn bt709_inverse(code: f64) -> f64 {
    if code < 4.5 * BT709_KNEE {
        code / 4.5
    } else {
        pow((code + (BT709_ALPHA - 1.0)) / BT709_ALPHA, 1.0 / 0.45)
    }
}

const BT709_ALPHA: f64 = 1.099_296_826_809_44;
const BT709_KNEE: f64 = 0.018_053_968_510_807;

/// sRGB, linear light to code (IEC 61966-2-1).
pub(crate) fn srgb_encode(linear: f64) -> f64 {
    if linear <= 0.003_130_8 {
        12.92 * linear
    } else {
        1.055 * pow(linear, 1.0 / 2.4) - 0.055
    }
}

const PQ_M1: f64 = 2610.0 / 16384.0;
const PQ_M2: f64 = 2523.0 / 4096.0 * 128.0;
const PQ_C1: f64 = 3424.0 / 4096.0;
const PQ_C2: f64 = 2413.0 / 4096.0 * 32.0;
const PQ_C3: f64 = 2392.0 / 4096.0 * 32.0;

/// PQ code to cd/m² (SMPTE ST 2084).
pub(crate) fn pq_to_nits(code: f64) -> f64 {
    let root = pow(code.clamp(0.0, 1.0), 1.0 / PQ_M2);
    let ratio = (root - PQ_C1).max(0.0) / (PQ_C2 - PQ_C3 * root);
    10_000.0 * pow(ratio, 1.0 / PQ_M1)
}

/// cd/m² to PQ code (SMPTE ST 2084).
pub(crate) fn pq_from_nits(nits: f64) -> f64 {
    let power = pow((nits / 10_000.0).clamp(0.0, 1.0), PQ_M1);
    pow((PQ_C1 + PQ_C2 * power) / (1.0 + PQ_C3 * power), PQ_M2)
}

/// HLG code to scene light, 0–1 (BT.2100 table 5).
pub(crate) fn hlg_to_scene(code: f64) -> f64 {
    const A: f64 = 0.178_832_77;
    const B: f64 = 0.284_668_92;
    const C: f64 = 0.559_910_73;
    if code <= 0.5 {
        code * code / 3.0
    } else {
        (exp((code - C) / A) + B) / 12.0
    }
}
