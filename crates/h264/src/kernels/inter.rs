//! Interpolation of reference pictures (clause 8.4.2.2), a tile of eight samples at a time: eight of a line, or where a block is four wide four of two lines.

use super::block::{Block, clipped, mean};
use super::{row, row_mut};
use crate::sample::Sample;
use crate::vector::Vector;

/// A place in a reference picture.
#[derive(Clone, Copy)]
struct Source<'a, S> {
    samples: &'a [S],
    at: usize,
    stride: usize,
}

impl<S: Sample> Source<'_, S> {
    fn moved(&self, x: usize, y: usize) -> Self {
        Self {
            samples: self.samples,
            at: self.at + y * self.stride + x,
            stride: self.stride,
        }
    }

    /// From before the block's first sample.
    fn back(&self, x: usize, y: usize) -> Self {
        Self {
            samples: self.samples,
            at: self.at.wrapping_sub(y * self.stride + x),
            stride: self.stride,
        }
    }

    /// The tile at column `x` of line `y`; past the end of the picture there are zeros.
    #[inline(always)]
    fn tile<const W: usize>(&self, x: usize, y: usize) -> S::Vector {
        if W >= 8 {
            self.eight::<8>(x, y, |line| S::load(*line))
        } else {
            self.four::<4>(x, y, |lines| Self::both(lines, 0))
        }
    }

    /// What `make` makes of `N` samples of a line.
    #[inline(always)]
    fn eight<const N: usize>(
        &self,
        x: usize,
        y: usize,
        make: impl FnOnce(&[S; N]) -> S::Vector,
    ) -> S::Vector {
        let at = self.at.wrapping_add(y * self.stride + x);
        match row(self.samples, at) {
            Some(line) => make(line),
            None => S::Vector::splat(0),
        }
    }

    /// What `make` makes of `N` samples of each of two lines.
    #[inline(always)]
    fn four<const N: usize>(
        &self,
        x: usize,
        y: usize,
        make: impl FnOnce([&[S; N]; 2]) -> S::Vector,
    ) -> S::Vector {
        let at = self.at.wrapping_add(y * self.stride + x);
        match (
            row(self.samples, at),
            row(self.samples, at.wrapping_add(self.stride)),
        ) {
            (Some(first), Some(second)) => make([first, second]),
            _ => S::Vector::splat(0),
        }
    }

    /// Four samples of two lines each, from `i` on.
    #[inline(always)]
    fn both<const N: usize>([first, second]: [&[S; N]; 2], i: usize) -> S::Vector {
        let mut samples = [S::default(); 8];
        samples[..4].copy_from_slice(&first[i..i + 4]);
        samples[4..].copy_from_slice(&second[i..i + 4]);
        S::load(samples)
    }
}

/// Eight samples of a line, from `i` on.
#[inline(always)]
fn eight<S: Sample, const N: usize>(line: &[S; N], i: usize) -> S::Vector {
    let mut samples = [S::default(); 8];
    samples.copy_from_slice(&line[i..i + 8]);
    S::load(samples)
}

/// Lines of a tile.
const fn lines_of(width: usize) -> usize {
    if width >= 8 { 1 } else { 2 }
}

/// Writes a block of tiles, one below the other: `column` gives a function for each column of them. The
/// inner loop is unrolled: what interrupts endless loops in a sandbox costs something in each turn.
#[inline(never)]
fn each<S: Sample, const W: usize, F: FnMut(usize) -> S::Vector>(
    out: &mut [S],
    block: Block,
    column: impl Fn(usize) -> F,
) {
    for x in (0..W).step_by(8) {
        let mut tile = column(x);
        for four in (0..block.height).step_by(4) {
            for i in 0..4 / lines_of(W) {
                let y = four + i * lines_of(W);
                if put::<S, W>(out, block, x, y, tile(y)).is_none() {
                    return;
                }
            }
        }
    }
}

/// Writes the tile at column `x` of line `y`; `None` where there is no such place.
#[inline(always)]
fn put<S: Sample, const W: usize>(
    out: &mut [S],
    block: Block,
    x: usize,
    y: usize,
    tile: S::Vector,
) -> Option<()> {
    let samples = S::store(tile);
    let at = block.at + y * block.stride + x;
    if W >= 8 {
        *row_mut(out, at)? = samples;
        return Some(());
    }
    row_mut::<S, 4>(out, at)?.copy_from_slice(&samples[..4]);
    row_mut::<S, 4>(out, at + block.stride)?.copy_from_slice(&samples[4..]);
    Some(())
}

/// Luma samples at quarter positions (`dx`, `dy`) right and below of `from`: table 8-12. Two samples
/// before and three behind each line and column must be there.
#[inline]
pub(crate) fn luma<S: Sample>(
    (samples, at, stride): (&[S], usize, usize),
    out: &mut [S],
    block: Block,
    (dx, dy): (u8, u8),
    max: i32,
) {
    let source = Source {
        samples,
        at,
        stride,
    };
    match block.width {
        16 => luma_of::<S, 16>(source, out, block, (dx, dy), max),
        8 => luma_of::<S, 8>(source, out, block, (dx, dy), max),
        _ => luma_of::<S, 4>(source, out, block, (dx, dy), max),
    }
}

fn luma_of<S: Sample, const W: usize>(
    source: Source<'_, S>,
    out: &mut [S],
    block: Block,
    (dx, dy): (u8, u8),
    max: i32,
) {
    // Neighbours of a quarter sample: the nearest at half and whole positions.
    let right = source.moved(usize::from(dx == 3), 0);
    let below = source.moved(0, usize::from(dy == 3));
    let whole = |from: Source<'_, S>, x, y| from.tile::<W>(x, y);
    match (dx, dy) {
        (0, 0) => each::<S, W, _>(out, block, |x| move |y| whole(source, x, y)),
        (2, 0) => each::<S, W, _>(out, block, |x| move |y| half_x::<S, W>(source, x, y, max)),
        (_, 0) => each::<S, W, _>(out, block, |x| {
            move |y| mean(half_x::<S, W>(source, x, y, max), whole(right, x, y))
        }),
        (0, 2) => each::<S, W, _>(out, block, |x| {
            let mut window = columns::<S, W>(source, x);
            move |y| half_y::<S, W>(&mut window, source, x, y, max)
        }),
        (0, _) => each::<S, W, _>(out, block, |x| {
            let mut window = columns::<S, W>(source, x);
            move |y| {
                mean(
                    half_y::<S, W>(&mut window, source, x, y, max),
                    whole(below, x, y),
                )
            }
        }),
        (2, 2) => each::<S, W, _>(out, block, |x| {
            let mut window = sums::<S, W>(source, x);
            move |y| middle::<S, W>(&mut window, source, x, y, max)
        }),
        (2, _) => each::<S, W, _>(out, block, |x| {
            let mut window = sums::<S, W>(source, x);
            move |y| {
                mean(
                    middle::<S, W>(&mut window, source, x, y, max),
                    half_x::<S, W>(below, x, y, max),
                )
            }
        }),
        (_, 2) => each::<S, W, _>(out, block, |x| {
            let mut sums = sums::<S, W>(source, x);
            let mut window = columns::<S, W>(right, x);
            move |y| {
                mean(
                    middle::<S, W>(&mut sums, source, x, y, max),
                    half_y::<S, W>(&mut window, right, x, y, max),
                )
            }
        }),
        _ => each::<S, W, _>(out, block, |x| {
            let mut window = columns::<S, W>(right, x);
            move |y| {
                mean(
                    half_x::<S, W>(below, x, y, max),
                    half_y::<S, W>(&mut window, right, x, y, max),
                )
            }
        }),
    }
}

/// (8-241, 8-242) without rounding, of the sums of the outer, middle and inner pairs.
#[inline(always)]
fn taps<V: Vector>(outer: V, middle: V, inner: V) -> V {
    let four = (inner << 2) - middle;
    outer + four + (four << 2)
}

/// Along a line; `from` is two samples before it.
#[inline(always)]
fn along<S: Sample, const W: usize>(from: Source<'_, S>, x: usize, y: usize) -> S::Vector {
    if W >= 8 {
        return from.eight::<13>(x, y, |line| {
            let at = |i| eight::<S, 13>(line, i);
            taps(at(0) + at(5), at(1) + at(4), at(2) + at(3))
        });
    }
    from.four::<9>(x, y, |lines| {
        let at = |i| Source::<S>::both(lines, i);
        taps(at(0) + at(5), at(1) + at(4), at(2) + at(3))
    })
}

/// Half samples between those of a line: b.
#[inline(always)]
fn half_x<S: Sample, const W: usize>(
    from: Source<'_, S>,
    x: usize,
    y: usize,
    max: i32,
) -> S::Vector {
    rounded::<S>(along::<S, W>(from.back(2, 0), x, y), max)
}

/// The window that [`half_y`] slides down.
#[inline(always)]
fn columns<S: Sample, const W: usize>(from: Source<'_, S>, x: usize) -> Window<S::Vector> {
    let raised = from.back(0, 2);
    Window::new(lines_of(W), |y| raised.tile::<W>(x, y))
}

/// The window that [`middle`] slides down.
#[inline(always)]
fn sums<S: Sample, const W: usize>(from: Source<'_, S>, x: usize) -> Window<S::Vector> {
    let raised = from.back(2, 2);
    Window::new(lines_of(W), |y| along::<S, W>(raised, x, y))
}

/// Half samples between those of a column: h.
#[inline(always)]
fn half_y<S: Sample, const W: usize>(
    window: &mut Window<S::Vector>,
    from: Source<'_, S>,
    x: usize,
    y: usize,
    max: i32,
) -> S::Vector {
    let raised = from.back(0, 2);
    let [outer, middle, inner] = window.slide(lines_of(W), y, |y| raised.tile::<W>(x, y));
    rounded::<S>(taps(outer, middle, inner), max)
}

/// Half samples in the middle of four: j.
#[inline(always)]
fn middle<S: Sample, const W: usize>(
    window: &mut Window<S::Vector>,
    from: Source<'_, S>,
    x: usize,
    y: usize,
    max: i32,
) -> S::Vector {
    let raised = from.back(2, 2);
    let sums = window.slide(lines_of(W), y, |y| along::<S, W>(raised, x, y));
    centre::<S>(sums, max)
}

/// Six tiles below each other.
struct Window<V>([V; 6]);

impl<V: Vector> Window<V> {
    /// The tiles that the first sums need, but those that [`Window::slide`] adds.
    #[inline(always)]
    fn new(step: usize, tile: impl Fn(usize) -> V) -> Self {
        let (a, b, c, d) = (tile(0), tile(1), tile(2), tile(3));
        let e = if step == 1 { tile(4) } else { d };
        Self([a, b, c, d, e, e])
    }

    /// Sums of the outer, middle and inner pairs of the tiles from line `y` on, which is `step` lines
    /// below that of the call before, or the first.
    #[inline(always)]
    fn slide(&mut self, step: usize, y: usize, tile: impl Fn(usize) -> V) -> [V; 3] {
        let [a, b, c, d, e, _] = self.0;
        let e = if step == 1 { e } else { tile(y + 4) };
        let f = tile(y + 5);
        self.0 = if step == 1 {
            [b, c, d, e, f, f]
        } else {
            [c, d, e, f, f, f]
        };
        [a + f, b + e, c + d]
    }
}

/// (8-243, 8-244).
#[inline(always)]
fn rounded<S: Sample>(sums: S::Vector, max: i32) -> S::Vector {
    clipped::<S>((sums + S::Vector::splat(16)) >> 5, max)
}

/// Half samples in the middle of four (8-245 to 8-247). The division by 1024 is done in steps, so that
/// it fits into 16 bits; rounding down in between changes nothing, and what saturates is clipped anyway.
#[inline(always)]
fn centre<S: Sample>([outer, middle, inner]: [S::Vector; 3], max: i32) -> S::Vector {
    let quarter = ((outer - middle) >> 2) - middle;
    let sixteenth = (quarter.add_saturated(inner) >> 2) + inner;
    clipped::<S>((sixteenth + S::Vector::splat(32)) >> 6, max)
}

/// Chroma samples at eighth positions (8-266). One sample behind each line and column must be there.
#[inline]
pub(crate) fn chroma<S: Sample>(
    (samples, at, stride): (&[S], usize, usize),
    out: &mut [S],
    block: Block,
    (dx, dy): (u8, u8),
) {
    let source = Source {
        samples,
        at,
        stride,
    };
    match block.width {
        8 => {
            chroma_of::<S, 8>(source, out, block, (dx, dy));
        }
        4 => {
            chroma_of::<S, 4>(source, out, block, (dx, dy));
        }
        _ => chroma_two(source, out, block, (dx, dy)),
    }
}

#[inline(never)]
fn chroma_of<S: Sample, const W: usize>(
    source: Source<'_, S>,
    out: &mut [S],
    block: Block,
    (dx, dy): (u8, u8),
) -> Option<()> {
    let splat = |value: i32| S::Vector::splat(value);
    let (dx, dy) = (i32::from(dx), i32::from(dy));
    let (left, right, upper, lower) = (splat(8 - dx), splat(dx), splat(8 - dy), splat(dy));
    // Along a line first, with 3 bits of fraction; exact, as nothing is rounded in between.
    let line = |y: usize| {
        if W >= 8 {
            return source.eight::<9>(0, y, |line| {
                eight::<S, 9>(line, 0) * left + eight::<S, 9>(line, 1) * right
            });
        }
        source.four::<5>(0, y, |lines| {
            Source::<S>::both(lines, 0) * left + Source::<S>::both(lines, 1) * right
        })
    };
    let blended =
        |above: S::Vector, below: S::Vector| (above * upper + below * lower + splat(32)) >> 6;
    if W >= 8 {
        let mut above = line(0);
        for y in (0..block.height).step_by(2) {
            let (middle, below) = (line(y + 1), line(y + 2));
            put::<S, W>(out, block, 0, y, blended(above, middle))?;
            put::<S, W>(out, block, 0, y + 1, blended(middle, below))?;
            above = below;
        }
        return Some(());
    }
    for y in (0..block.height).step_by(2) {
        put::<S, W>(out, block, 0, y, blended(line(y), line(y + 1)))?;
    }
    Some(())
}

/// The same of blocks two wide.
fn chroma_two<S: Sample>(source: Source<'_, S>, out: &mut [S], block: Block, (dx, dy): (u8, u8)) {
    let (dx, dy) = (i32::from(dx), i32::from(dy));
    for y in 0..block.height {
        let at = source.at + y * source.stride;
        let upper = row::<S, 3>(source.samples, at).copied().unwrap_or_default();
        let lower = row::<S, 3>(source.samples, at + source.stride)
            .copied()
            .unwrap_or_default();
        let Some(to) = row_mut::<S, 2>(out, block.at + y * block.stride) else {
            return;
        };
        for x in 0..2 {
            let line = |line: [S; 3]| line[x].int() * (8 - dx) + line[x + 1].int() * dx;
            let sum = line(upper) * (8 - dy) + line(lower) * dy;
            to[x] = S::from_int((sum + 32) >> 6);
        }
    }
}
