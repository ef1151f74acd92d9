//! An RGB image and its rotation.

use framemill_video::Rotation;

/// 8 bit RGB, row by row without padding: `data.len() == width * height * 3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RgbImage {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// R, G, B of each pixel.
    pub data: Vec<u8>,
}

/// Side of the squares in which a quarter rotation copies, so that both the rows it reads and
/// those it writes stay in the cache.
const TILE: usize = 32;

impl RgbImage {
    /// All black; `None` where the size cannot be addressed.
    pub(crate) fn black(width: u32, height: u32) -> Option<Self> {
        let bytes = usize::try_from(width)
            .ok()?
            .checked_mul(usize::try_from(height).ok()?)?
            .checked_mul(3)
            .filter(|bytes| isize::try_from(*bytes).is_ok())?;
        let mut data = Vec::new();
        data.try_reserve_exact(bytes).ok()?;
        data.resize(bytes, 0);
        Some(Self {
            width,
            height,
            data,
        })
    }

    /// Rotated clockwise.
    pub(crate) fn rotated(mut self, rotation: Rotation) -> Self {
        match rotation {
            Rotation::R0 => self,
            Rotation::R180 => {
                self.data.as_chunks_mut::<3>().0.reverse();
                self
            }
            Rotation::R90 => self.rotate_quarter(|x, y, _, height| (height - 1 - y, x)),
            Rotation::R270 => self.rotate_quarter(|x, y, width, _| (y, width - 1 - x)),
        }
    }

    /// Rotated by a quarter; `place` gives a pixel's new column and row from its old ones and the
    /// old size.
    fn rotate_quarter(self, place: impl Fn(usize, usize, usize, usize) -> (usize, usize)) -> Self {
        let (width, height) = (self.width as usize, self.height as usize);
        let mut data = vec![0; self.data.len()];
        let (from, _) = self.data.as_chunks::<3>();
        let (to, _) = data.as_chunks_mut::<3>();
        for top in (0..height).step_by(TILE) {
            for left in (0..width).step_by(TILE) {
                for y in top..height.min(top + TILE) {
                    for x in left..width.min(left + TILE) {
                        let (column, row) = place(x, y, width, height);
                        to[row * height + column] = from[y * width + x];
                    }
                }
            }
        }
        Self {
            width: self.height,
            height: self.width,
            data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 3 × 2, pixels numbered row by row.
    fn numbered() -> RgbImage {
        RgbImage {
            width: 3,
            height: 2,
            data: (0..6).flat_map(|i| [i, i + 100, i + 200]).collect(),
        }
    }

    fn rows(image: &RgbImage) -> Vec<Vec<u8>> {
        let row = |row: &[u8]| row.chunks(3).map(|pixel| pixel[0]).collect();
        image
            .data
            .chunks(image.width as usize * 3)
            .map(row)
            .collect()
    }

    #[test]
    fn rotation_is_clockwise() {
        let rotated = |rotation| rows(&numbered().rotated(rotation));
        assert_eq!(rotated(Rotation::R0), [[0, 1, 2], [3, 4, 5]]);
        assert_eq!(rotated(Rotation::R90), [[3, 0], [4, 1], [5, 2]]);
        assert_eq!(rotated(Rotation::R180), [[5, 4, 3], [2, 1, 0]]);
        assert_eq!(rotated(Rotation::R270), [[2, 5], [1, 4], [0, 3]]);
        assert_eq!(numbered().rotated(Rotation::R90).data[..3], [3, 103, 203]);
    }

    #[test]
    fn four_quarter_rotations_are_none_beyond_a_tile_too() {
        let mut image = RgbImage::black(77, 45).unwrap();
        for (i, byte) in image.data.iter_mut().enumerate() {
            *byte = (i * 7 % 251) as u8;
        }
        let rotate_quarter = |image: RgbImage| image.rotated(Rotation::R90);
        assert_eq!(
            rotate_quarter(rotate_quarter(rotate_quarter(rotate_quarter(
                image.clone()
            )))),
            image
        );
        assert_eq!(
            rotate_quarter(rotate_quarter(image.clone())),
            image.clone().rotated(Rotation::R180)
        );
        assert_eq!(
            image.clone().rotated(Rotation::R90).rotated(Rotation::R270),
            image
        );
    }
}
