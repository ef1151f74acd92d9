//! RFC 6386 clauses 9.6 and 14.1: what coefficients are multiplied by.

use crate::header::{QuantizerIndices, Segmentation};

/// Clause 14.1: of DC coefficients, by index.
const DC: [i16; 128] = [
    4, 5, 6, 7, 8, 9, 10, 10, 11, 12, 13, 14, 15, 16, 17, 17, 18, 19, 20, 20, 21, 21, 22, 22, 23,
    23, 24, 25, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 37, 38, 39, 40, 41, 42, 43, 44,
    45, 46, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67,
    68, 69, 70, 71, 72, 73, 74, 75, 76, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 91,
    93, 95, 96, 98, 100, 101, 102, 104, 106, 108, 110, 112, 114, 116, 118, 122, 124, 126, 128, 130,
    132, 134, 136, 138, 140, 143, 145, 148, 151, 154, 157,
];
/// Clause 14.1: of the other coefficients, by index.
const AC: [i16; 128] = [
    4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
    29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52,
    53, 54, 55, 56, 57, 58, 60, 62, 64, 66, 68, 70, 72, 74, 76, 78, 80, 82, 84, 86, 88, 90, 92, 94,
    96, 98, 100, 102, 104, 106, 108, 110, 112, 114, 116, 119, 122, 125, 128, 131, 134, 137, 140,
    143, 146, 149, 152, 155, 158, 161, 164, 167, 170, 173, 177, 181, 185, 189, 193, 197, 201, 205,
    209, 213, 217, 221, 225, 229, 234, 239, 245, 249, 254, 259, 264, 269, 274, 279, 284,
];

/// What the coefficients of a segment's macroblocks are multiplied by: DC, all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Factors {
    pub y: [i16; 2],
    pub y2: [i16; 2],
    pub uv: [i16; 2],
}

impl Factors {
    /// Of one segment (clauses 9.3, 9.6 and 20.4).
    fn new(indices: &QuantizerIndices, segmentation: &Segmentation, segment: usize) -> Self {
        let frame = i32::from(indices.y_ac);
        let own = i32::from(segmentation.quantizer[segment]);
        let base = match (segmentation.enabled, segmentation.absolute) {
            (false, _) => frame,
            // The RFC leaves open whether this is clamped on its own; libvpx, which encodes what is
            // in use, does.
            (true, false) => (frame + own).clamp(0, 127),
            (true, true) => own.clamp(0, 127),
        };
        let at = |table: &[i16; 128], delta: i8| {
            let index = (base + i32::from(delta)).clamp(0, 127);
            table[index as usize]
        };
        let y2_ac = i32::from(at(&AC, indices.y2_ac)) * 155 / 100; // 440 at most
        Self {
            y: [at(&DC, indices.y_dc), at(&AC, 0)],
            y2: [at(&DC, indices.y2_dc) * 2, y2_ac.max(8) as i16],
            uv: [at(&DC, indices.uv_dc).min(132), at(&AC, indices.uv_ac)],
        }
    }

    /// Of each segment.
    pub fn of_segments(indices: &QuantizerIndices, segmentation: &Segmentation) -> [Self; 4] {
        std::array::from_fn(|segment| Self::new(indices, segmentation, segment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDICES: QuantizerIndices = QuantizerIndices {
        y_ac: 10,
        y_dc: -15,
        y2_dc: 0,
        y2_ac: -15,
        uv_dc: 15,
        uv_ac: 0,
    };

    #[test]
    fn factors_of_a_frame() {
        let factors = Factors::of_segments(&INDICES, &Segmentation::default());
        let expected = Factors {
            y: [DC[0], AC[10]],
            y2: [2 * DC[10], 8],
            uv: [DC[25], AC[10]],
        };
        assert_eq!(factors, [expected; 4]);
    }

    #[test]
    fn factors_of_segments() {
        let mut segmentation = Segmentation {
            enabled: true,
            absolute: true,
            quantizer: [127, 0, 1, 2],
            ..Segmentation::default()
        };
        let absolute = Factors::of_segments(&INDICES, &segmentation);
        assert_eq!(absolute[0].uv, [132, 284]);
        let ac = i32::from(AC[112]) * 155 / 100;
        assert_eq!(absolute[0].y2.map(i32::from), [314, ac]);
        assert_eq!(absolute[3].y, [DC[0], AC[2]]);
        segmentation.absolute = false;
        let relative = Factors::of_segments(&INDICES, &segmentation);
        assert_eq!(relative[0].y, [DC[112], AC[127]]);
        assert_eq!(relative[3].y, [DC[0], AC[12]]);
    }
}
