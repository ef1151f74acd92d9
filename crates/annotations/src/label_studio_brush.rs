//! Masks as Label Studio's brush writes them: RGBA pixels, row by row, packed by `@thi.ng/rle-pack`.
//!
//! A stream of bits: 32 for the number of bytes, 5 for the bits of a byte less 1, four times 4 for the
//! bits of a length less 1; then runs. A run begins with 1 where one byte is repeated, with 0 where
//! each byte follows; two bits say which length it has, and the length is one less than the run.

use crate::Mask;
use crate::mask::MOST_PIXELS;

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// Up to 32 bits; `None` past the end.
    fn read(&mut self, count: u32) -> Option<u32> {
        let mut value = 0_u32;
        for _ in 0..count {
            let byte = *self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }
}

/// The pixels that are not transparent.
///
/// # Errors
/// Where it is not this format, or not of an image of this size.
pub(crate) fn mask_of_rle(bytes: &[u8], width: u32, height: u32) -> Result<Mask, String> {
    let pixels = unpacked(bytes, width, height)?;
    Ok(Mask::of_rows(width, height, |x, y| {
        let place = y as usize * width as usize + x as usize;
        pixels.get(place).copied().unwrap_or(false)
    }))
}

/// For each pixel whether its alpha is not 0.
fn unpacked(bytes: &[u8], width: u32, height: u32) -> Result<Vec<bool>, String> {
    let ends = || "the mask ends early".to_owned();
    let mut bits = Bits { bytes, at: 0 };
    let count = u64::from(bits.read(32).ok_or_else(ends)?);
    let expected = u64::from(width) * u64::from(height) * 4;
    if count != expected {
        return Err(format!(
            "the mask has {count} bytes, and the image {expected}: 4 for each of {width} × {height} pixels"
        ));
    }
    if count / 4 > MOST_PIXELS {
        return Err(format!("the mask has over {MOST_PIXELS} pixels"));
    }
    let word = bits.read(5).ok_or_else(ends)? + 1;
    let mut lengths = [0; 4];
    for length in &mut lengths {
        *length = bits.read(4).ok_or_else(ends)? + 1;
    }
    let mut pixels = vec![false; (count / 4) as usize];
    let mut at = 0_u64;
    while at < count {
        let repeated = bits.read(1).ok_or_else(ends)? == 1;
        let kind = bits.read(2).ok_or_else(ends)? as usize;
        let run = u64::from(bits.read(lengths[kind & 3]).ok_or_else(ends)?) + 1;
        let end = (at + run).min(count);
        if repeated {
            if bits.read(word).ok_or_else(ends)? > 0 {
                (at..end).for_each(|place| mark(&mut pixels, place));
            }
            at = end;
            continue;
        }
        while at < end {
            if bits.read(word).ok_or_else(ends)? > 0 {
                mark(&mut pixels, at);
            }
            at += 1;
        }
    }
    Ok(pixels)
}

/// A byte that is not 0: of a pixel's four only the last is its alpha.
fn mark(pixels: &mut [bool], place: u64) {
    if let (3, Some(pixel)) = (place % 4, pixels.get_mut((place / 4) as usize)) {
        *pixel = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Packs as the library does it where runs are either repeated or not, with lengths of 3, 4, 8 and
    /// 16 bits.
    fn packed(data: &[u8]) -> Vec<u8> {
        let mut bits = Vec::new();
        let mut write = |value: usize, count: u32| {
            (0..count)
                .rev()
                .for_each(|i| bits.push(value >> i & 1 == 1));
        };
        write(data.len(), 32);
        write(7, 5);
        for length in [2, 3, 7, 15] {
            write(length, 4);
        }
        let mut rest = data;
        while let Some(&first) = rest.first() {
            let run = rest
                .iter()
                .take_while(|&&byte| byte == first)
                .count()
                .min(1 << 16);
            let kind = [8, 16, 256, 65536]
                .iter()
                .position(|&most| run <= most)
                .unwrap_or(3);
            write(usize::from(run > 1), 1);
            write(kind, 2);
            write(run - 1, [3, 4, 8, 16][kind]);
            write(usize::from(first), 8);
            rest = &rest[run..];
        }
        let byte = |bits: &[bool]| {
            (0..8).fold(0, |all, i| all << 1 | u8::from(bits.get(i) == Some(&true)))
        };
        bits.chunks(8).map(byte).collect()
    }

    proptest! {
        #[test]
        fn masks_are_read_back(pixels in proptest::collection::vec(any::<bool>(), 6 * 4)) {
            let data: Vec<u8> = pixels.iter().flat_map(|&inside| [if inside { 255 } else { 0 }; 4]).collect();
            let mask = mask_of_rle(&packed(&data), 6, 4).unwrap();
            prop_assert_eq!(mask, Mask::of_rows(6, 4, |x, y| pixels[(y * 6 + x) as usize]));
        }

        #[test]
        fn any_bytes_are_a_mask_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = mask_of_rle(&bytes, 6, 4);
            let head = [&[0, 0, 0, 96][..], &bytes].concat();
            let _ = mask_of_rle(&head, 6, 4);
        }
    }

    #[test]
    fn another_images_mask_is_refused() {
        let error = mask_of_rle(&packed(&[255; 16]), 6, 4).unwrap_err();
        assert!(error.contains("16 bytes"), "{error}");
    }
}
