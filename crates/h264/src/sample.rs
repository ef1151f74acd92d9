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

    /// 16 samples of a column.
    type Column: Copy;
    /// 16 lines of 8 samples as 8 columns.
    fn turn(lines: &[[Self; 8]; 16]) -> [Self::Column; 8];
    /// [`Sample::turn`] the other way round.
    fn turn_back(columns: [Self::Column; 8]) -> [[Self; 8]; 16];
    /// The upper and the lower eight samples of a column as numbers.
    fn halves(column: Self::Column) -> [Self::Vector; 2];
    /// A column from numbers, as [`Sample::store`] takes them.
    fn joined(halves: [Self::Vector; 2]) -> Self::Column;
    /// 8 lines of 4 samples as 4 columns.
    fn turn_chroma(lines: &[[Self; 4]; 8]) -> [Self::Vector; 4];
    /// 2 columns, as [`Sample::store`] takes them, as 8 lines.
    fn turn_pair(left: Self::Vector, right: Self::Vector) -> [[Self; 2]; 8];
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

    type Column = u8x16;

    // A place is 4 bits of the line and 3 of the column: 4 times interleaved, the line's are lowest.
    #[inline(always)]
    fn turn(lines: &[[u8; 8]; 16]) -> [u8x16; 8] {
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
        interleave(interleave(interleave(interleave(all))))
    }

    #[inline(always)]
    fn turn_back(columns: [u8x16; 8]) -> [[u8; 8]; 16] {
        let turned = interleave(interleave(interleave(columns)));
        let mut lines = [[0; 8]; 16];
        for (lines, both) in lines.as_chunks_mut::<2>().0.iter_mut().zip(turned) {
            lines.as_flattened_mut().copy_from_slice(&both.to_array());
        }
        lines
    }

    #[inline(always)]
    fn halves(column: u8x16) -> [i16x8; 2] {
        vector::widened(column)
    }

    #[inline(always)]
    fn joined([upper, lower]: [i16x8; 2]) -> u8x16 {
        u8x16::narrow_i16x8(upper, lower)
    }

    // A place is 3 bits of the line and 2 of the column: 3 times interleaved, the line's are lowest.
    #[inline(always)]
    fn turn_chroma(lines: &[[u8; 4]; 8]) -> [i16x8; 4] {
        let half =
            |lines: &[[u8; 4]]| u8x16::new(*lines.as_flattened().first_chunk().unwrap_or(&[0; 16]));
        let mut halves = [half(&lines[..4]), half(&lines[4..])];
        for _ in 0..3 {
            let [first, second] = halves;
            halves = [
                u8x16::unpack_low(first, second),
                u8x16::unpack_high(first, second),
            ];
        }
        let ([a, b], [c, d]) = (vector::widened(halves[0]), vector::widened(halves[1]));
        [a, b, c, d]
    }

    #[inline(always)]
    fn turn_pair(left: i16x8, right: i16x8) -> [[u8; 2]; 8] {
        let (left, right) = (
            u8x16::narrow_i16x8(left, left),
            u8x16::narrow_i16x8(right, right),
        );
        bytemuck::cast(u8x16::unpack_low(left, right).to_array())
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

    type Column = [u16; 16];

    #[inline(always)]
    fn turn(lines: &[[u16; 8]; 16]) -> [[u16; 16]; 8] {
        std::array::from_fn(|x| std::array::from_fn(|y| lines[y][x]))
    }

    #[inline(always)]
    fn turn_back(columns: [[u16; 16]; 8]) -> [[u16; 8]; 16] {
        std::array::from_fn(|y| std::array::from_fn(|x| columns[x][y]))
    }

    #[inline(always)]
    fn halves(column: [u16; 16]) -> [i32x8; 2] {
        [0, 8].map(|first| vector::load_u16(std::array::from_fn(|i| column[first + i])))
    }

    #[inline(always)]
    fn joined(halves: [i32x8; 2]) -> [u16; 16] {
        let halves = halves.map(vector::store_u16);
        std::array::from_fn(|i| halves[i / 8][i % 8])
    }

    #[inline(always)]
    fn turn_chroma(lines: &[[u16; 4]; 8]) -> [i32x8; 4] {
        std::array::from_fn(|x| vector::load_u16(std::array::from_fn(|y| lines[y][x])))
    }

    #[inline(always)]
    fn turn_pair(left: i32x8, right: i32x8) -> [[u16; 2]; 8] {
        let (left, right) = (vector::store_u16(left), vector::store_u16(right));
        std::array::from_fn(|y| [left[y], right[y]])
    }
}
