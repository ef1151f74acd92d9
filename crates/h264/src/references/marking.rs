//! Decoded reference pictures: marking (clause 8.2.5) and gaps in `frame_num` (clause 8.2.5.2).

use crate::error::Error;
use crate::poc::has_unmark_all;
use crate::slice_header::{Marking, Mmco, SliceHeader, SliceKind, Structure};
use crate::sps::Sps;

/// An entry of a reference list.
#[derive(Clone, Debug)]
pub(crate) struct Reference<P> {
    /// `None`: there is no such picture.
    pub payload: Option<P>,
    pub structure: Structure,
    pub poc: i32,
    /// Of the fields of its frame.
    pub pocs: [i32; 2],
    pub long_term: bool,
    /// Number of its frame, the same in both fields.
    pub id: u32,
}

/// How a field is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Unused,
    Short,
    Long,
}

/// A frame, or its first field, that is used for reference.
#[derive(Clone, Debug)]
pub(super) struct Entry<P> {
    /// `None`: "non-existing".
    pub(super) payload: Option<P>,
    /// Of what does not exist: it was lost. The encoder had it, and its lists held it.
    pub(super) lost: bool,
    pub(super) id: u32,
    pub(super) frame_num: u32,
    pub(super) long_idx: u32,
    pub(super) pocs: [i32; 2],
    pub(super) marks: [Mark; 2],
}

impl<P> Entry<P> {
    pub(super) fn any(&self, mark: Mark) -> bool {
        self.marks.contains(&mark)
    }

    pub(super) fn both(&self, mark: Mark) -> bool {
        self.marks == [mark; 2]
    }

    pub(super) fn used(&self) -> bool {
        self.marks != [Mark::Unused; 2]
    }

    /// FrameNumWrap (8-27).
    pub(super) fn wrap(&self, current: u32, max: i64) -> i64 {
        let number = i64::from(self.frame_num);
        if self.frame_num > current {
            number - max
        } else {
            number
        }
    }
}

/// The reference pictures.
#[derive(Clone, Debug)]
pub(crate) struct Dpb<P> {
    pub(super) entries: Vec<Entry<P>>,
    next_id: u32,
    /// PrevRefFrameNum; `None` before the first picture.
    previous: Option<u32>,
    /// MaxLongTermFrameIdx + 1; `None` where what set it was not seen.
    long_limit: Option<u32>,
    /// MaxFrameNum.
    pub(super) max_frame_num: i64,
    /// Id of the frame being decoded, and of the frame whose second field is awaited.
    current: u32,
}

impl<P> Default for Dpb<P> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            next_id: 0,
            previous: None,
            long_limit: None,
            max_frame_num: 16,
            current: 0,
        }
    }
}

/// Fields of a structure: 0 top, 1 bottom.
fn fields(structure: Structure) -> std::ops::Range<usize> {
    match structure {
        Structure::Frame => 0..2,
        Structure::Top => 0..1,
        Structure::Bottom => 1..2,
    }
}

impl<P: Clone> Dpb<P> {
    /// Refuses long-term indices that there cannot be: a picture marked so would stand where another
    /// one is referred to.
    ///
    /// # Errors
    /// With the index.
    pub fn check(&self, header: &SliceHeader) -> Result<(), Error> {
        let Marking::Adaptive(operations) = &header.marking else {
            return Ok(());
        };
        let mut limit = self.long_limit;
        for operation in operations {
            match *operation {
                Mmco::LimitLong(new) => limit = Some(new),
                Mmco::UnmarkAll => limit = Some(0),
                Mmco::ShortToLong(_, idx) | Mmco::CurrentToLong(idx)
                    if limit.is_some_and(|limit| idx >= limit) =>
                {
                    return Err(Error::damaged(format!(
                        "long_term_frame_idx {idx} is not below {}",
                        limit.unwrap_or_default()
                    )));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Begins a picture (`second`: the second field of a frame); what is wrong with it, if anything.
    /// `left_out`: pictures may be missing before it that nothing behind them refers to.
    pub fn start(
        &mut self,
        sps: &Sps,
        header: &SliceHeader,
        second: bool,
        left_out: bool,
    ) -> Option<String> {
        self.max_frame_num = 1 << sps.log2_max_frame_num;
        if !second {
            self.next_id = self.next_id.wrapping_add(1);
            self.current = self.next_id;
        }
        if header.idr {
            return None;
        }
        let max = self.max_frame_num as u32;
        let previous = self.previous?;
        let expected = (previous + 1) % max;
        if second || header.frame_num == previous || header.frame_num == expected {
            return None;
        }
        let missing = (header.frame_num + max - expected) % max;
        // An encoder may leave pictures out, and then does not refer to them.
        let lost = !sps.gaps_allowed && !left_out;
        self.fill_gap(sps, header.frame_num, missing, lost);
        if lost {
            self.long_limit = None;
        }
        let told = lost && header.kind != SliceKind::I;
        told.then(|| {
            format!("{missing} reference pictures are missing before it (gap in frame_num)")
        })
    }

    /// Clause 8.2.5.2: frames that are not there take their places, so that others keep theirs.
    fn fill_gap(&mut self, sps: &Sps, frame_num: u32, missing: u32, lost: bool) {
        let max = self.max_frame_num as u32;
        let held = sps.max_num_ref_frames.max(1);
        for back in (1..=missing.min(held)).rev() {
            let number = (frame_num + max - back) % max;
            self.slide(sps, number);
            self.next_id = self.next_id.wrapping_add(1);
            self.entries.push(Entry {
                payload: None,
                lost,
                id: self.next_id,
                frame_num: number,
                long_idx: 0,
                pocs: [i32::MAX; 2],
                marks: [Mark::Short; 2],
            });
            self.previous = Some(number);
        }
        self.next_id = self.next_id.wrapping_add(1);
        self.current = self.next_id;
    }

    /// Sliding window (clause 8.2.5.3).
    fn slide(&mut self, sps: &Sps, current: u32) {
        self.entries.retain(Entry::used);
        let limit = sps.max_num_ref_frames.max(1) as usize;
        while self.entries.len() >= limit {
            let max = self.max_frame_num;
            let short = self
                .entries
                .iter()
                .enumerate()
                .filter(|(_, entry)| entry.any(Mark::Short));
            let Some((oldest, _)) = short.min_by_key(|(_, entry)| entry.wrap(current, max)) else {
                // All are long-term references, which no stream may do: the oldest goes.
                self.entries.remove(0);
                continue;
            };
            self.entries.remove(oldest);
        }
    }

    /// Marks references once a picture is decoded (clause 8.2.5.1).
    pub fn finish(&mut self, sps: &Sps, header: &SliceHeader, payload: P, mut pocs: [i32; 2]) {
        if header.nal_ref_idc == 0 {
            return;
        }
        let own = self
            .entries
            .iter()
            .position(|entry| entry.id == self.current && entry.used());
        let mut long = None;
        match &header.marking {
            Marking::Idr { long_term } => {
                // The second field of an IDR picture is not IDR.
                self.entries.clear();
                self.long_limit = Some(u32::from(*long_term));
                long = long_term.then_some(0);
            }
            Marking::SlidingWindow if own.is_none() => self.slide(sps, header.frame_num),
            Marking::SlidingWindow => {}
            Marking::Adaptive(operations) => {
                for &operation in operations {
                    self.operate(header, operation, &mut long);
                }
            }
        }
        let mut frame_num = header.frame_num;
        if has_unmark_all(header) {
            frame_num = 0;
            let least = pocs[0].min(pocs[1]);
            pocs = pocs.map(|poc| {
                if poc == i32::MAX {
                    poc
                } else {
                    poc.saturating_sub(least)
                }
            });
        }
        self.add(sps, header.structure, payload, pocs, frame_num, long);
        self.previous = Some(frame_num);
    }

    /// Adds the current picture, or its second field.
    fn add(
        &mut self,
        sps: &Sps,
        structure: Structure,
        payload: P,
        pocs: [i32; 2],
        frame_num: u32,
        long: Option<u32>,
    ) {
        let mark = if long.is_some() {
            Mark::Long
        } else {
            Mark::Short
        };
        let id = self.current;
        let at = match self.entries.iter().position(|entry| entry.id == id) {
            Some(at) => at,
            None => {
                // Operations that freed too little: the level's bound holds all the same.
                self.entries.retain(Entry::used);
                while self.entries.len() >= sps.max_num_ref_frames.max(1) as usize {
                    self.entries.remove(0);
                }
                self.entries.push(Entry {
                    payload: None,
                    lost: false,
                    id,
                    frame_num,
                    long_idx: 0,
                    pocs: [i32::MAX; 2],
                    marks: [Mark::Unused; 2],
                });
                self.entries.len() - 1
            }
        };
        if let Some(entry) = self.entries.get_mut(at) {
            entry.payload = Some(payload);
            entry.frame_num = frame_num;
            entry.long_idx = long.unwrap_or(entry.long_idx);
            for field in fields(structure) {
                entry.pocs[field] = pocs[field];
                entry.marks[field] = mark;
            }
        }
    }

    /// A memory management control operation (clause 8.2.5.4). What refers to pictures that are not
    /// there changes nothing.
    fn operate(&mut self, header: &SliceHeader, operation: Mmco, long: &mut Option<u32>) {
        match operation {
            Mmco::UnmarkShort(difference) => {
                if let Some((at, fields)) = self.short(header, difference) {
                    self.unmark(at, fields);
                }
            }
            Mmco::UnmarkLong(number) => {
                if let Some((at, fields)) = self.long(header, number) {
                    self.unmark(at, fields);
                }
            }
            Mmco::ShortToLong(difference, idx) => {
                if let Some((at, fields)) = self.short(header, difference) {
                    let id = self.entries.get(at).map_or(0, |entry| entry.id);
                    self.free_long(idx, id);
                    if let Some(entry) = self.entries.get_mut(at) {
                        entry.long_idx = idx;
                        fields.for_each(|field| entry.marks[field] = Mark::Long);
                    }
                }
            }
            Mmco::LimitLong(limit) => {
                self.long_limit = Some(limit);
                for entry in self
                    .entries
                    .iter_mut()
                    .filter(|entry| entry.long_idx >= limit)
                {
                    unmark_long(entry);
                }
            }
            Mmco::UnmarkAll => {
                self.entries.clear();
                self.long_limit = Some(0);
                *long = None;
            }
            Mmco::CurrentToLong(idx) => {
                self.free_long(idx, self.current);
                *long = Some(idx);
            }
        }
    }

    /// Another frame that has a long-term index loses it.
    fn free_long(&mut self, idx: u32, owner: u32) {
        let others = self
            .entries
            .iter_mut()
            .filter(|entry| entry.long_idx == idx && entry.id != owner);
        others.for_each(unmark_long);
    }

    fn unmark(&mut self, at: usize, fields: std::ops::Range<usize>) {
        if let Some(entry) = self.entries.get_mut(at) {
            fields.for_each(|field| entry.marks[field] = Mark::Unused);
        }
    }

    /// The frame or field of a difference of picture numbers (8-39).
    pub(super) fn short(
        &self,
        header: &SliceHeader,
        difference: i64,
    ) -> Option<(usize, std::ops::Range<usize>)> {
        let number = current_number(header) - difference;
        let max = self.max_frame_num;
        let current = header.frame_num;
        let wanted = |entry: &Entry<P>, number: i64| entry.wrap(current, max) == number;
        self.find(header.structure, number, Mark::Short, wanted)
    }

    /// The frame or field of a LongTermPicNum.
    pub(super) fn long(
        &self,
        header: &SliceHeader,
        number: u32,
    ) -> Option<(usize, std::ops::Range<usize>)> {
        let wanted = |entry: &Entry<P>, number: i64| i64::from(entry.long_idx) == number;
        self.find(header.structure, i64::from(number), Mark::Long, wanted)
    }

    /// A frame of both marks by its number; a field by its frame's number × 2, + 1 where it is of the
    /// parity of the current one (8-28 to 8-33).
    fn find(
        &self,
        structure: Structure,
        number: i64,
        mark: Mark,
        wanted: impl Fn(&Entry<P>, i64) -> bool,
    ) -> Option<(usize, std::ops::Range<usize>)> {
        let parity = match structure {
            Structure::Frame => {
                let found = |entry: &Entry<P>| entry.both(mark) && wanted(entry, number);
                return self.entries.iter().position(found).map(|at| (at, 0..2));
            }
            Structure::Top => 0,
            Structure::Bottom => 1,
        };
        let same = number.rem_euclid(2) == 1;
        let field = if same { parity } else { 1 - parity };
        let frame = number.div_euclid(2);
        let found = |entry: &Entry<P>| entry.marks[field] == mark && wanted(entry, frame);
        self.entries
            .iter()
            .position(found)
            .map(|at| (at, field..field + 1))
    }
}

fn unmark_long<P>(entry: &mut Entry<P>) {
    for mark in entry.marks.iter_mut().filter(|mark| **mark == Mark::Long) {
        *mark = Mark::Unused;
    }
}

/// CurrPicNum.
pub(super) fn current_number(header: &SliceHeader) -> i64 {
    match header.structure {
        Structure::Frame => i64::from(header.frame_num),
        _ => 2 * i64::from(header.frame_num) + 1,
    }
}
