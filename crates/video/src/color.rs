//! What the numbers in a YCbCr frame mean. Code points are those of ITU-T H.273 (CICP), which
//! H.264, HEVC, AV1, MP4 `colr` and Matroska `Colour` all share.

use serde::{Deserialize, Serialize};

/// The four facts needed to turn YCbCr into RGB. `None` is "the stream does not say".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColorDescription {
    /// Matrix coefficients, H.273 table 4.
    pub matrix: Option<Matrix>,
    /// Full (0–255) or limited (16–235) sample range.
    pub range: Option<Range>,
    /// Chromaticity of the primaries, H.273 table 2.
    pub primaries: Option<Primaries>,
    /// Transfer characteristics, H.273 table 3.
    pub transfer: Option<Transfer>,
}

impl ColorDescription {
    /// The facts of `self`, and where it is silent those of `other`.
    pub fn or(self, other: Self) -> Self {
        Self {
            matrix: self.matrix.or(other.matrix),
            range: self.range.or(other.range),
            primaries: self.primaries.or(other.primaries),
            transfer: self.transfer.or(other.transfer),
        }
    }

    /// From H.273 code points; 2 ("unspecified"), 0 and reserved values become `None`,
    /// except matrix 0, which is RGB.
    pub fn from_cicp(primaries: u8, transfer: u8, matrix: u8, full_range: Option<bool>) -> Self {
        Self {
            matrix: Matrix::from_cicp(matrix),
            range: full_range.map(|full| if full { Range::Full } else { Range::Limited }),
            primaries: Primaries::from_cicp(primaries),
            transfer: Transfer::from_cicp(transfer),
        }
    }
}

/// Sample range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Range {
    /// Luma 16–235 at 8 bit ("TV", "MPEG").
    Limited,
    /// Luma 0–255 at 8 bit ("PC", "JPEG").
    Full,
}

/// Declares an enum of H.273 code points with its serde names and the conversion from a code.
macro_rules! cicp {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $label:literal : $($code:literal)|+),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $label)] $variant),+ }
        impl $name {
            /// From the H.273 code point; `None` where it says nothing we know.
            pub fn from_cicp(code: u8) -> Option<Self> {
                match code { $($($code)|+ => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

cicp!(
    /// Matrix coefficients.
    Matrix {
        /// GBR stored as planes.
        Identity = "rgb": 0,
        /// BT.709.
        Bt709 = "bt709": 1,
        /// FCC 73.682.
        Fcc = "fcc": 4,
        /// BT.601, 625 and 525 lines alike.
        Bt601 = "bt601": 5 | 6,
        /// SMPTE 240M.
        Smpte240 = "smpte240m": 7,
        /// YCgCo.
        YCgCo = "ycgco": 8,
        /// BT.2020 non-constant luminance.
        Bt2020 = "bt2020nc": 9,
        /// BT.2020 constant luminance.
        Bt2020Cl = "bt2020c": 10,
    }
);

cicp!(
    /// Colour primaries.
    Primaries {
        /// BT.709.
        Bt709 = "bt709": 1,
        /// BT.470 M.
        Bt470M = "bt470m": 4,
        /// BT.470 B/G, BT.601 625 lines.
        Bt601Pal = "bt470bg": 5,
        /// BT.601 525 lines, SMPTE 240M.
        Bt601Ntsc = "smpte170m": 6 | 7,
        /// Generic film.
        Film = "film": 8,
        /// BT.2020.
        Bt2020 = "bt2020": 9,
        /// SMPTE RP 431-2.
        DciP3 = "smpte431": 11,
        /// Display P3.
        DisplayP3 = "smpte432": 12,
    }
);

cicp!(
    /// Transfer characteristics.
    Transfer {
        /// BT.709, BT.601, BT.2020 (10 and 12 bit): one curve.
        Bt709 = "bt709": 1 | 6 | 14 | 15,
        /// Gamma 2.2.
        Gamma22 = "gamma22": 4,
        /// Gamma 2.8.
        Gamma28 = "gamma28": 5,
        /// SMPTE 240M.
        Smpte240 = "smpte240m": 7,
        /// Linear.
        Linear = "linear": 8,
        /// xvYCC, IEC 61966-2-4.
        XvYcc = "iec61966-2-4": 11,
        /// sRGB.
        Srgb = "srgb": 13,
        /// Perceptual quantizer, SMPTE ST 2084: HDR.
        Pq = "pq": 16,
        /// Hybrid log-gamma, ARIB STD-B67: HDR.
        Hlg = "hlg": 18,
    }
);
