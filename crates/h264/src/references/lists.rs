//! Reference picture lists, clause 8.2.4.

use super::marking::{Dpb, Entry, Mark, Reference, current_number};
use crate::slice_header::{Modification, SliceHeader, SliceKind, Structure};

/// A frame or a field: which entry, which fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pick {
    entry: usize,
    structure: Structure,
}

/// RefPicList0 and RefPicList1 of a slice, and what of them is missing.
pub(crate) fn lists<P: Clone>(
    dpb: &Dpb<P>,
    header: &SliceHeader,
    pocs: [i32; 2],
) -> ([Vec<Reference<P>>; 2], Option<String>) {
    let maker = Maker { dpb, header };
    let initial = match header.kind {
        SliceKind::I => return ([Vec::new(), Vec::new()], None),
        SliceKind::P => [maker.initial_p(), Vec::new()],
        SliceKind::B => maker.initial_b(pocs),
    };
    let mut problem = maker.doubt();
    let mut number = 0;
    let lists = initial.map(|list| {
        let list = maker.modified(list, number, &mut problem);
        number += 1;
        list.into_iter().map(|pick| maker.reference(pick)).collect()
    });
    (lists, problem)
}

struct Maker<'a, P> {
    dpb: &'a Dpb<P>,
    header: &'a SliceHeader,
}

impl<P: Clone> Maker<'_, P> {
    fn frames(&self) -> bool {
        self.header.structure == Structure::Frame
    }

    fn wrap(&self, entry: &Entry<P>) -> i64 {
        entry.wrap(self.header.frame_num, self.dpb.max_frame_num)
    }

    /// Entries of which a frame (both fields) or, for fields, any field is marked.
    fn marked(&self, mark: Mark) -> Vec<usize> {
        let used = |entry: &Entry<P>| match self.frames() {
            true => entry.both(mark),
            false => entry.any(mark),
        };
        let entries = self.dpb.entries.iter().enumerate();
        entries
            .filter(|(_, entry)| used(entry))
            .map(|(at, _)| at)
            .collect()
    }

    fn long(&self) -> Vec<usize> {
        let mut long = self.marked(Mark::Long);
        long.sort_by_key(|&at| self.dpb.entries[at].long_idx);
        long
    }

    /// Why lists may not be those of the encoder. Lists of B slices go by order counts, and those of lost pictures are not known: what stands
    /// behind such a picture may be at another place than the encoder had it.
    fn doubt(&self) -> Option<String> {
        let lost = |entry: &Entry<P>| entry.lost && entry.used();
        let doubtful = self.header.kind == SliceKind::B && self.dpb.entries.iter().any(lost);
        doubtful.then(|| "a lost reference picture may have been in its lists".to_owned())
    }

    /// Clauses 8.2.4.2.1 and 8.2.4.2.2.
    fn initial_p(&self) -> Vec<Pick> {
        let mut short = self.marked(Mark::Short);
        short.sort_by_key(|&at| -self.wrap(&self.dpb.entries[at]));
        self.picks(&short, &self.long())
    }

    /// Clauses 8.2.4.2.3 and 8.2.4.2.4.
    fn initial_b(&self, pocs: [i32; 2]) -> [Vec<Pick>; 2] {
        let current = match self.header.structure {
            Structure::Frame => pocs[0].min(pocs[1]),
            Structure::Top => pocs[0],
            Structure::Bottom => pocs[1],
        };
        let poc = |at: usize| self.dpb.entries[at].pocs[0].min(self.dpb.entries[at].pocs[1]);
        let short: Vec<_> = self
            .marked(Mark::Short)
            .into_iter()
            .filter(|&at| self.dpb.entries[at].payload.is_some())
            .collect();
        // In a field the first field of its own frame may have the same count.
        let is_before = |at: usize| match self.frames() {
            true => poc(at) < current,
            false => poc(at) <= current,
        };
        let (mut before, mut after): (Vec<_>, Vec<_>) =
            short.into_iter().partition(|&at| is_before(at));
        before.sort_by_key(|&at| std::cmp::Reverse(poc(at)));
        after.sort_by_key(|&at| poc(at));
        let long = self.long();
        let first = self.picks(&[&before[..], &after[..]].concat(), &long);
        let mut second = self.picks(&[&after[..], &before[..]].concat(), &long);
        if second.len() > 1 && first == second {
            second.swap(0, 1);
        }
        [first, second]
    }

    fn picks(&self, short: &[usize], long: &[usize]) -> Vec<Pick> {
        if self.frames() {
            let frame = |&entry: &usize| Pick {
                entry,
                structure: Structure::Frame,
            };
            return short.iter().chain(long).map(frame).collect();
        }
        let mut picks = self.alternate(short, Mark::Short);
        picks.extend(self.alternate(long, Mark::Long));
        picks
    }

    /// Clause 8.2.4.2.5: fields of frames, parities taking turns.
    fn alternate(&self, frames: &[usize], mark: Mark) -> Vec<Pick> {
        let own = usize::from(self.header.structure == Structure::Bottom);
        let of = |parity: usize| {
            let there = move |&&at: &&usize| self.dpb.entries[at].marks[parity] == mark;
            frames.iter().filter(there).map(move |&entry| Pick {
                entry,
                structure: if parity == 0 {
                    Structure::Top
                } else {
                    Structure::Bottom
                },
            })
        };
        let (mut same, mut other) = (of(own), of(1 - own));
        let mut picks = Vec::new();
        loop {
            match same.next() {
                Some(pick) => picks.push(pick),
                None => {
                    picks.extend(other);
                    return picks;
                }
            }
            match other.next() {
                Some(pick) => picks.push(pick),
                None => {
                    picks.extend(same);
                    return picks;
                }
            }
        }
    }

    /// Clause 8.2.4.3, and the list's length.
    fn modified(
        &self,
        list: Vec<Pick>,
        number: usize,
        problem: &mut Option<String>,
    ) -> Vec<Option<Pick>> {
        let count = self.header.ref_counts[number];
        let mut list: Vec<_> = list.into_iter().map(Some).collect();
        list.resize(count, None);
        let max = match self.frames() {
            true => self.dpb.max_frame_num,
            false => 2 * self.dpb.max_frame_num,
        };
        let current = current_number(self.header);
        let mut predicted = current;
        for (index, modification) in self.header.modifications[number]
            .iter()
            .enumerate()
            .take(count)
        {
            let found = match *modification {
                Modification::Short(difference) => {
                    predicted = (predicted + difference).rem_euclid(max);
                    let wanted = if predicted > current {
                        predicted - max
                    } else {
                        predicted
                    };
                    self.dpb.short(self.header, current - wanted)
                }
                Modification::Long(wanted) => self.dpb.long(self.header, wanted),
            };
            let pick = found.map(|(entry, fields)| Pick {
                entry,
                structure: match fields {
                    _ if fields.len() == 2 => Structure::Frame,
                    _ if fields.start == 0 => Structure::Top,
                    _ => Structure::Bottom,
                },
            });
            if pick.is_none() {
                problem.get_or_insert_with(|| {
                    format!("reference picture {index} of list {number} is missing")
                });
            }
            list.insert(index, pick);
            let mut place = 0;
            list.retain(|other| {
                place += 1;
                place <= index + 1 || pick.is_none() || *other != pick
            });
            list.truncate(count);
            list.resize(count, None);
        }
        list
    }

    fn reference(&self, pick: Option<Pick>) -> Reference<P> {
        let found = pick.and_then(|pick| Some((pick, self.dpb.entries.get(pick.entry)?)));
        let Some((pick, entry)) = found else {
            return Reference {
                payload: None,
                structure: self.header.structure,
                poc: 0,
                pocs: [0; 2],
                long_term: false,
                id: 0,
            };
        };
        let (poc, field) = match pick.structure {
            Structure::Frame => (entry.pocs[0].min(entry.pocs[1]), 0),
            Structure::Top => (entry.pocs[0], 0),
            Structure::Bottom => (entry.pocs[1], 1),
        };
        Reference {
            payload: entry.payload.clone(),
            structure: pick.structure,
            poc,
            pocs: entry.pocs,
            long_term: entry.marks[field] == Mark::Long,
            id: entry.id,
        }
    }
}
