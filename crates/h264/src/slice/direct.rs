//! Direct prediction of motion in B slices, clause 8.4.1.2.

use super::current::{NOT_AVAILABLE, ROW, own};
use super::reference::Mode;
use super::state::Slice;
use crate::macroblock::Kind;
use crate::picture::{MOTION_FIELD, Mv};
use crate::sample::Sample;

/// Motion at the same place in the first picture of list 1 (clause 8.4.1.2.1).
struct Colocated {
    /// Its reference, and which picture that is; `None`: intra.
    reference: Option<(i8, i32)>,
    mv: Mv,
    /// Shift of the vertical component, and division by 2 behind it: frame to field (0, true), field
    /// to frame (1, false).
    vertical: Vertical,
}

/// vertMvScale.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Vertical {
    OneToOne,
    FrameToField,
    FieldToFrame,
}

impl<'a, S: Sample> Slice<'a, S> {
    /// Motion of B_Skip and B_Direct_16x16.
    pub(super) fn direct_whole(&mut self) {
        self.mb.mb.direct = 15;
        self.direct(15);
        let whole = (0..2).all(|list| {
            let first = own(0, 0);
            let (ref_idx, mv) = (
                self.mb.ref_idx[list].get(first),
                self.mb.mv[list].get(first),
            );
            (0..16).all(|i| {
                let place = own(i % 4, i / 4);
                self.mb.ref_idx[list].get(place) == ref_idx && self.mb.mv[list].get(place) == mv
            })
        });
        if whole {
            self.mb.mb.kind.0 |= Kind::ONE_PARTITION;
        }
    }

    /// Motion of the 8×8 blocks of `eighths` (bit i: block i).
    pub(super) fn direct(&mut self, eighths: u8) {
        let shape = if self.p.sps.direct_8x8_inference {
            0
        } else {
            3
        };
        for eighth in (0..4).filter(|eighth| eighths >> eighth & 1 == 1) {
            self.mb.shapes[eighth] = shape;
        }
        self.check_reference(1, 0);
        if self.p.header.direct_spatial {
            self.spatial(eighths);
        } else {
            self.temporal(eighths);
        }
    }

    /// Calls `set` for each block that has motion of its own: with its rectangle and the block of the
    /// colocated macroblock.
    fn blocks(&self, eighths: u8) -> impl Iterator<Item = Area> + use<S> {
        let large = self.p.sps.direct_8x8_inference;
        (0..16).filter_map(move |i| {
            let eighth = i / 4;
            let (x, y) = (eighth % 2 * 2, eighth / 2 * 2);
            if eighths >> eighth & 1 == 0 || (large && i % 4 != 0) {
                return None;
            }
            Some(if large {
                Area {
                    rectangle: (x, y, 2, 2),
                    corner: (x / 2 * 3, y / 2 * 3),
                }
            } else {
                let (x, y) = (x + i % 2, y + i % 4 / 2);
                Area {
                    rectangle: (x, y, 1, 1),
                    corner: (x, y),
                }
            })
        })
    }

    /// Clause 8.4.1.2.2.
    fn spatial(&mut self, eighths: u8) {
        let mut refs = [-1_i8; 2];
        let mut mvs = [Mv::default(); 2];
        for list in 0..2 {
            let [a, b, c] = self.around_whole(list);
            // MinPositive: -1 and -2 are the largest as unsigned numbers.
            let least = (a as u8).min(b as u8).min(c as u8) as i8;
            refs[list] = least.max(-1);
            if least >= 0 {
                mvs[list] = self.predicted(list, 0, 0, 4, least);
            }
        }
        let none = refs[0] < 0 && refs[1] < 0;
        if none {
            refs = [0; 2];
        }
        let zero_possible = !none && refs.contains(&0) && !self.second_is_long();
        for area in self.blocks(eighths) {
            let still = zero_possible && self.colocated(area.corner).is_some_and(|it| it.still());
            for list in 0..2 {
                let mv = if still && refs[list] == 0 {
                    Mv::default()
                } else {
                    mvs[list]
                };
                self.set_motion(list, area.rectangle, refs[list], mv);
            }
        }
    }

    fn second_is_long(&self) -> bool {
        self.reference(1, 0)
            .is_some_and(|reference| reference.long_term)
    }

    /// Reference indices at the left, above, above right (or above left) of the macroblock.
    fn around_whole(&self, list: usize) -> [i8; 3] {
        let cache = &self.mb.ref_idx[list];
        let corner = own(0, 0) - ROW;
        let right = cache.get(corner + 4);
        let c = match right {
            NOT_AVAILABLE => cache.get(corner - 1),
            right => right,
        };
        [cache.get(own(0, 0) - 1), cache.get(corner), c]
    }

    /// Clause 8.4.1.2.3.
    fn temporal(&mut self, eighths: u8) {
        for area in self.blocks(eighths) {
            let Some(colocated) = self.colocated(area.corner) else {
                self.set_motion(0, area.rectangle, 0, Mv::default());
                self.set_motion(1, area.rectangle, 0, Mv::default());
                continue;
            };
            let mv = colocated.scaled_mv();
            let ref_idx = match colocated.reference {
                None => 0,
                Some((_, id)) => self.in_first_list(id),
            };
            let mode = self.mode().index();
            let scale = self
                .direct
                .scales
                .get(mode)
                .and_then(|scales| scales.get(usize::try_from(ref_idx).ok()?))
                .copied()
                .flatten();
            let (first, second) = match scale {
                _ if colocated.reference.is_none() => (Mv::default(), Mv::default()),
                None => (mv, Mv::default()),
                Some(scale) => {
                    let part = |v: i16| ((scale * i32::from(v) + 128) >> 8) as i16;
                    let first = Mv::new(part(mv.x), part(mv.y));
                    let second = Mv::new(first.x.wrapping_sub(mv.x), first.y.wrapping_sub(mv.y));
                    (first, second)
                }
            };
            self.set_motion(0, area.rectangle, ref_idx, first);
            self.set_motion(1, area.rectangle, 0, second);
        }
    }

    /// The lowest index in list 0 of the picture that the colocated block refers to; what is not there
    /// is noted as lost.
    fn in_first_list(&mut self, id: i32) -> i8 {
        let parity = match (self.mode(), self.field) {
            (Mode::Field(parity), _) | (_, Some(parity)) => Some(parity),
            _ => None,
        };
        let wanted = match parity {
            None => id | 3,
            Some(parity) if id & 3 == 3 => id & !3 | 1 << parity,
            Some(_) => id,
        };
        let list = self.lists.of(self.mode(), 0);
        match list.iter().position(|reference| reference.id == wanted) {
            Some(index) => index as i8,
            None => {
                self.note_lost(
                    "the picture that the colocated macroblock refers to is not in list 0",
                );
                0
            }
        }
    }

    /// The colocated block of block (x, y); `None` where there is no picture.
    fn colocated(&self, (x, y): (usize, usize)) -> Option<Colocated> {
        let reference = self.reference(1, 0)?;
        let picture = reference.picture.as_ref()?;
        let motion = &picture.motion;
        let width = self.target.format.width_mbs;
        let pair = self.mb.row & !1;
        let mut row = self.mb.row;
        if self.field.is_some() && !picture.mbaff {
            row = pair | usize::from(reference.parity >> 1 & 1);
        }
        let is_field = motion.flags.get(row * width + self.mb.x)? & MOTION_FIELD != 0;
        let (row, y, vertical) = match (self.mb.interlaced, is_field) {
            (false, true) => {
                let y = (self.mb.row & 1) * 2 + y / 2;
                (pair + self.direct.near, y, Vertical::FieldToFrame)
            }
            (true, false) => (pair + y / 2, y / 2 * 2, Vertical::FrameToField),
            _ => (row, y, Vertical::OneToOne),
        };
        let index = row * width + self.mb.x;
        let (eighth, block) = (index * 4 + y / 2 * 2 + x / 2, index * 16 + y * 4 + x);
        for list in 0..2 {
            let ref_idx = *motion.ref_idx[list].get(eighth)?;
            if ref_idx >= 0 {
                return Some(Colocated {
                    reference: Some((ref_idx, *motion.ref_id[list].get(eighth)?)),
                    mv: *motion.mv[list].get(block)?,
                    vertical,
                });
            }
        }
        Some(Colocated {
            reference: None,
            mv: Mv::default(),
            vertical,
        })
    }
}

/// A rectangle of blocks, and the block that stands for it in the colocated macroblock.
struct Area {
    rectangle: (usize, usize, usize, usize),
    corner: (usize, usize),
}

impl Colocated {
    /// colZeroFlag, but for the reference's being short-term.
    fn still(&self) -> bool {
        let near = |v: i16| (-1..=1).contains(&v);
        self.reference.is_some_and(|(index, _)| index == 0) && near(self.mv.x) && near(self.mv.y)
    }

    /// mvCol in the units of the current macroblock.
    fn scaled_mv(&self) -> Mv {
        let y = match self.vertical {
            Vertical::OneToOne => self.mv.y,
            Vertical::FrameToField => self.mv.y / 2,
            Vertical::FieldToFrame => self.mv.y.wrapping_mul(2),
        };
        Mv::new(self.mv.x, y)
    }
}
