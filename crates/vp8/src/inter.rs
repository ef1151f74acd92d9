//! RFC 6386 clause 18: prediction from other frames.

use crate::frame_tag::Version;
use crate::interpolation::{Bilinear, Kernel, SixTap};
use crate::motion::{Motion, Vector};
use crate::picture::{Picture, Pixels, Plane};
use std::slice::Chunks;

/// Rows and columns of the largest block, and of what the taps reach around it.
const WINDOW: usize = 16 + 5;

/// Where a block of the reference frame begins: whole pixels and eighths of one.
#[derive(Clone, Copy, Debug)]
struct Place {
    x: i32,
    y: i32,
    fraction_x: usize,
    fraction_y: usize,
}

impl Place {
    /// Column `x` and row `y` of a plane displaced by these eighths of a pixel.
    fn new(x: usize, y: usize, eighths_x: i32, eighths_y: i32) -> Self {
        Self {
            x: x as i32 + (eighths_x >> 3),
            y: y as i32 + (eighths_y >> 3),
            fraction_x: (eighths_x & 7) as usize,
            fraction_y: (eighths_y & 7) as usize,
        }
    }
}

/// Predicts the macroblock in column `x` and row `y`.
pub(crate) fn predict(
    reference: &Picture,
    version: Version,
    at: (usize, usize),
    motion: &Motion,
    into: &mut Pixels,
) {
    match version {
        Version::SixTap => predict_with::<SixTap>(reference, !0, at, motion, into),
        Version::Bilinear => predict_with::<Bilinear>(reference, !0, at, motion, into),
        Version::FullPixelChroma => predict_with::<Bilinear>(reference, !7, at, motion, into),
    }
}

/// `chroma_mask`: the bits of chroma vectors that count.
fn predict_with<K: Kernel>(
    reference: &Picture,
    chroma_mask: i32,
    (x, y): (usize, usize),
    motion: &Motion,
    into: &mut Pixels,
) {
    let planes = &reference.planes;
    // A quarter of a luma pixel is an eighth of a chroma pixel.
    let chroma_place = |x, y, (dx, dy)| Place::new(x, y, dx & chroma_mask, dy & chroma_mask);
    match motion {
        Motion::Zero | Motion::Whole(_) => {
            let vector = motion.vectors([0; 4])[0];
            let place = luma_place(16 * x, 16 * y, vector);
            block::<K, 16, 16>(&planes[0], place, &mut into.y, (0, 0));
            let (dx, dy) = (i32::from(vector.x), i32::from(vector.y));
            let place = chroma_place(8 * x, 8 * y, (dx, dy));
            for (plane, into) in planes[1..].iter().zip(&mut into.chroma) {
                block::<K, 8, 8>(plane, place, into, (0, 0));
            }
        }
        Motion::Split { vectors, fine } => {
            for at in [0, 2, 8, 10] {
                let quarter = [at, at + 1, at + 4, at + 5];
                let (column, row) = (at % 4 * 4, at / 4 * 4);
                if *fine {
                    for at in quarter {
                        let (column, row) = (at % 4 * 4, at / 4 * 4);
                        let place = luma_place(16 * x + column, 16 * y + row, vectors[at]);
                        block::<K, 4, 16>(&planes[0], place, &mut into.y, (column, row));
                    }
                } else {
                    let place = luma_place(16 * x + column, 16 * y + row, vectors[at]);
                    block::<K, 8, 16>(&planes[0], place, &mut into.y, (column, row));
                }
                let average = average(quarter.map(|at| vectors[at]));
                let (column, row) = (column / 2, row / 2);
                let place = chroma_place(8 * x + column, 8 * y + row, average);
                for (plane, into) in planes[1..].iter().zip(&mut into.chroma) {
                    block::<K, 4, 8>(plane, place, into, (column, row));
                }
            }
        }
    }
}

fn luma_place(x: usize, y: usize, vector: Vector) -> Place {
    Place::new(x, y, 2 * i32::from(vector.x), 2 * i32::from(vector.y))
}

/// Clause 18.1: the chroma vector, `x` and `y`, of four luma subblocks.
fn average(vectors: [Vector; 4]) -> (i32, i32) {
    let average = |sum: i32| {
        let magnitude = (sum.abs() + 2) >> 2;
        if sum < 0 { -magnitude } else { magnitude }
    };
    let (mut x, mut y) = (0, 0);
    for vector in vectors {
        x += i32::from(vector.x);
        y += i32::from(vector.y);
    }
    (average(x), average(y))
}

/// Predicts `W` by `W` pixels at this column and row of `into`.
fn block<K: Kernel, const W: usize, const N: usize>(
    plane: &Plane,
    place: Place,
    into: &mut [[u8; N]; N],
    (column, row): (usize, usize),
) {
    let reach = |fraction| {
        if fraction == 0 {
            (0, 0)
        } else {
            (K::BEFORE, K::MORE)
        }
    };
    let (x, y) = (reach(place.fraction_x), reach(place.fraction_y));
    let origin = (place.x - x.0, place.y - y.0);
    let size = (W + x.1, W + y.1);
    let mut window = [0; WINDOW * WINDOW];
    let rows = match inside(plane, origin, size) {
        Some(start) => plane.samples[start..].chunks(plane.width),
        None => {
            extend(plane, origin, size, &mut window);
            window.chunks(WINDOW)
        }
    };
    let into = into[row..row + W].iter_mut();
    let into = into.filter_map(|row| row[column..].first_chunk_mut::<W>());
    interpolate::<K, W>(rows, (place.fraction_x, place.fraction_y), into);
}

/// Clause 18.3: between columns, then between rows.
fn interpolate<'a, K: Kernel, const W: usize>(
    rows: Chunks<u8>,
    fractions: (usize, usize),
    into: impl Iterator<Item = &'a mut [u8; W]>,
) {
    match fractions {
        (0, 0) => into
            .zip(rows)
            .for_each(|(to, from)| to.copy_from_slice(&from[..W])),
        (x, 0) => into.zip(rows).for_each(|(to, from)| K::row(from, x, to)),
        (x, y) => {
            let mut between = [[0; W]; WINDOW];
            for (to, from) in between.iter_mut().zip(rows).take(W + K::MORE) {
                match x {
                    0 => to.copy_from_slice(&from[..W]),
                    _ => K::row(from, x, to),
                }
            }
            for (to, from) in into.zip(between.windows(K::MORE + 1)) {
                K::column(from, y, to);
            }
        }
    }
}

/// Where in the plane a window begins that is within the frame.
fn inside(plane: &Plane, (x, y): (i32, i32), (width, height): (usize, usize)) -> Option<usize> {
    let (x, y) = (usize::try_from(x).ok()?, usize::try_from(y).ok()?);
    let fits = x + width <= plane.width && y + height <= plane.height;
    fits.then_some(y * plane.width + x)
}

/// A window that is partly or wholly outside of the frame, where the pixels at its edges go on
/// (clause 5).
fn extend(
    plane: &Plane,
    (x, y): (i32, i32),
    (width, height): (usize, usize),
    window: &mut [u8; WINDOW * WINDOW],
) {
    let clamp =
        |at: i32, more: usize, of: usize| (at + more as i32).clamp(0, of as i32 - 1) as usize;
    for (number, row) in window.chunks_mut(WINDOW).take(height).enumerate() {
        let from = clamp(y, number, plane.height) * plane.width;
        let from = &plane.samples[from..from + plane.width];
        for (number, pixel) in row.iter_mut().take(width).enumerate() {
            *pixel = from[clamp(x, number, plane.width)];
        }
    }
}
