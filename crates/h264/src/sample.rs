//! Samples of 8 bit, and of more.

use crate::vector::{self, Vector};
use std::fmt::Debug;
use std::ops::{AddAssign, Neg};
use wide::{i16x8, i32x8, u8x16};

/// A sample as it is stored: `u8` for 8 bit, `u16` for 9 to 14.
pub(crate) trait Sample: Copy + Default + Debug + PartialEq + Send + Sync + 'static {
    /// A transform coefficient: 16 bit are enough for 8 bit samples (clause 8.5.12 bounds them).
    type Coefficient: Copy
        + Default
        + Debug
        + PartialEq
        + AddAssign
        + Neg
        + Into<i32>
        + Send
        + 'static;
    /// Eight samples in numbers of twice as many bits.
    type Vector: Vector;

    /// As a number.
    fn int(self) -> i32;
    /// From a number that is in range already; higher bits are cut off.
    fn from_int(value: i32) -> Self;
    /// Eight samples as numbers.
    fn load(samples: [Self; 8]) -> Self::Vector;
    /// Eight numbers that are in range, or with 8 bits anywhere, as samples: the nearest there are.
    fn store(numbers: Self::Vector) -> [Self; 8];
    /// `Clip1`, with `max` the largest value of the bit depth.
    #[inline(always)]
    fn clip(value: i32, max: i32) -> Self {
        Self::from_int(value.clamp(0, max))
    }
    /// A coefficient from a number; higher bits are cut off.
    fn coefficient(value: i32) -> Self::Coefficient;
    /// Eight coefficients, which become zero.
    fn take(coefficients: &mut [Self::Coefficient; 8]) -> Self::Vector;

    /// 16 lines of 8 samples as 8 columns.
    #[inline(always)]
    fn turn(lines: &[[Self; 8]; 16]) -> [[Self; 16]; 8] {
        let mut columns = [[Self::default(); 16]; 8];
        for (y, line) in lines.iter().enumerate() {
            for (x, &sample) in line.iter().enumerate() {
                columns[x][y] = sample;
            }
        }
        columns
    }

    /// 8 lines of 4 samples as 4 columns.
    #[inline(always)]
    fn turn_chroma(lines: &[[Self; 4]; 8]) -> [[Self; 8]; 4] {
        let mut columns = [[Self::default(); 8]; 4];
        for (y, line) in lines.iter().enumerate() {
            for (x, &sample) in line.iter().enumerate() {
                columns[x][y] = sample;
            }
        }
        columns
    }

    /// [`Sample::turn`] the other way round.
    #[inline(always)]
    fn turn_back(columns: &[[Self; 16]; 8]) -> [[Self; 8]; 16] {
        let mut lines = [[Self::default(); 8]; 16];
        for (x, column) in columns.iter().enumerate() {
            for (y, &sample) in column.iter().enumerate() {
                lines[y][x] = sample;
            }
        }
        lines
    }
}

/// Interleaves the first with the second half of 128 bytes: of their 7 bits, places move up by one
/// and the highest becomes the lowest.
#[inline(always)]
fn interleave(all: [u8x16; 8]) -> [u8x16; 8] {
    let [a, b, c, d, e, f, g, h] = all;
    let (low, high) = (u8x16::unpack_low, u8x16::unpack_high);
    [
        low(a, e),
        high(a, e),
        low(b, f),
        high(b, f),
        low(c, g),
        high(c, g),
        low(d, h),
        high(d, h),
    ]
}

impl Sample for u8 {
    type Coefficient = i16;
    type Vector = i16x8;

    #[inline(always)]
    fn int(self) -> i32 {
        i32::from(self)
    }

    #[inline(always)]
    fn from_int(value: i32) -> Self {
        value as Self
    }

    #[inline(always)]
    fn load(samples: [Self; 8]) -> i16x8 {
        vector::load_u8(samples)
    }

    #[inline(always)]
    fn store(numbers: i16x8) -> [Self; 8] {
        vector::store_u8(numbers)
    }

    #[inline(always)]
    fn coefficient(value: i32) -> i16 {
        value as i16
    }

    #[inline(always)]
    fn take(coefficients: &mut [i16; 8]) -> i16x8 {
        // Not i16x8::new, after which compilers load number by number what is to be interleaved.
        let taken = i16x8::from_slice_unaligned(&*coefficients);
        *coefficients = [0; 8];
        taken
    }

    // A place is 3 bits of the line and 2 of the column: 3 times interleaved, the line's are lowest.
    #[inline(always)]
    fn turn_chroma(lines: &[[u8; 4]; 8]) -> [[u8; 8]; 4] {
        let mut halves = [u8x16::ZERO; 2];
        for (half, lines) in halves.iter_mut().zip(lines.as_chunks::<4>().0) {
            *half = u8x16::new(*lines.as_flattened().first_chunk().unwrap_or(&[0; 16]));
        }
        for _ in 0..3 {
            let [first, second] = halves;
            halves = [
                u8x16::unpack_low(first, second),
                u8x16::unpack_high(first, second),
            ];
        }
        let mut columns = [[0; 8]; 4];
        for (pair, half) in columns.as_chunks_mut::<2>().0.iter_mut().zip(halves) {
            let samples = half.to_array();
            pair[0].copy_from_slice(&samples[..8]);
            pair[1].copy_from_slice(&samples[8..]);
        }
        columns
    }

    // A place is 4 bits of the line and 3 of the column: 4 times interleaved, the line's are lowest.
    #[inline(always)]
    fn turn(lines: &[[u8; 8]; 16]) -> [[u8; 16]; 8] {
        let pair = |i: usize| {
            let mut both = [0; 16];
            both[..8].copy_from_slice(&lines[2 * i]);
            both[8..].copy_from_slice(&lines[2 * i + 1]);
            u8x16::new(both)
        };
        let all = [
            pair(0),
            pair(1),
            pair(2),
            pair(3),
            pair(4),
            pair(5),
            pair(6),
            pair(7),
        ];
        let turned = interleave(interleave(interleave(interleave(all))));
        turned.map(u8x16::to_array)
    }

    #[inline(always)]
    fn turn_back(columns: &[[u8; 16]; 8]) -> [[u8; 8]; 16] {
        let all = columns.map(u8x16::new);
        let turned = interleave(interleave(interleave(all)));
        let turned = turned.map(u8x16::to_array);
        let mut lines = [[0; 8]; 16];
        for (y, line) in lines.iter_mut().enumerate() {
            line.copy_from_slice(&turned[y / 2][y % 2 * 8..y % 2 * 8 + 8]);
        }
        lines
    }
}

impl Sample for u16 {
    type Coefficient = i32;
    type Vector = i32x8;

    #[inline(always)]
    fn int(self) -> i32 {
        i32::from(self)
    }

    #[inline(always)]
    fn from_int(value: i32) -> Self {
        value as Self
    }

    #[inline(always)]
    fn load(samples: [Self; 8]) -> i32x8 {
        vector::load_u16(samples)
    }

    #[inline(always)]
    fn store(numbers: i32x8) -> [Self; 8] {
        vector::store_u16(numbers)
    }

    #[inline(always)]
    fn coefficient(value: i32) -> i32 {
        value
    }

    #[inline(always)]
    fn take(coefficients: &mut [i32; 8]) -> i32x8 {
        i32x8::new(std::mem::take(coefficients))
    }
}
