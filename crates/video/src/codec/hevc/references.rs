//! Which pictures can be referred to, and which of them are exact. The decoders take mid-grey for
//! a reference that is missing (clause 8.3.3) and say nothing: so it is looked for before.

use super::engine::CODEC;
use crate::DecodeError;
use crate::bitstream::ParameterSets;
use crate::bitstream::hevc::{
    PictureReferences, PocCounter, Pps, SliceHeader, Sps, is_random_access,
};
use crate::codec::picture::damaged;
use std::collections::{BTreeMap, VecDeque};

/// Counts of the last pictures that no other may have: as many as decoders hold, twice over.
const RECENT: usize = 32;

/// The decoded picture buffer, without pictures.
#[derive(Default)]
pub(super) struct References {
    sets: ParameterSets<Sps, Pps>,
    counter: PocCounter,
    /// Pictures that may be referred to by picture order count, and what is wrong with each.
    pictures: BTreeMap<i64, Option<String>>,
    /// Picture order counts of the last pictures of the sequence.
    recent: VecDeque<i64>,
    current: Option<Current>,
    /// Decoding has begun at a random access point.
    begun: bool,
}

/// The picture whose slices come in.
struct Current {
    count: i64,
    /// What is wrong with what it may refer to.
    doubt: Option<String>,
    /// It has slices that refer to others.
    inter: bool,
}

impl References {
    /// Takes in a parameter set.
    pub fn parameter_set(&mut self, unit: &[u8]) {
        self.sets.insert(unit);
    }

    /// The sequence ends, or another decoder begins: the next picture starts anew.
    pub fn end_sequence(&mut self) {
        self.counter = PocCounter::default();
        self.begun = false;
    }

    /// Takes in a slice segment that is about to be decoded.
    ///
    /// # Errors
    /// [`DecodeError::Damaged`] where its header cannot be read, where decoding would begin at a
    /// picture that is no random access point, and where a second picture begins.
    pub fn slice(&mut self, unit: &[u8]) -> Result<(), DecodeError> {
        let header = SliceHeader::parse(unit, &self.sets)
            .ok_or_else(|| damaged(CODEC, "slice header that cannot be read"))?;
        if header.first_in_picture {
            if self.current.is_some() {
                return Err(damaged(CODEC, "two pictures in one access unit"));
            }
            self.begin(&header, unit)?;
        }
        let current = self.current.as_mut();
        let current = current.ok_or_else(|| damaged(CODEC, "first slice is missing"))?;
        current.inter |= header.slice_type.is_some_and(|kind| kind != 2);
        Ok(())
    }

    fn begin(&mut self, header: &SliceHeader, unit: &[u8]) -> Result<(), DecodeError> {
        let kind = header.nal_unit_type;
        if !self.begun && !is_random_access(kind) {
            let what = format!("no random access point to begin at, NAL unit type {kind}");
            return Err(damaged(CODEC, what));
        }
        self.begun = true;
        let unreadable = || damaged(CODEC, "reference picture sets that cannot be read");
        let (sps, _) = self.sets.of(header.pps_id).ok_or_else(unreadable)?;
        let references = PictureReferences::parse(unit, &self.sets).ok_or_else(unreadable)?;
        let order = self.counter.next(sps, header);
        let lsb_cycle = 1_i64 << sps.log2_max_poc_lsb;
        if order.restart {
            self.pictures.clear();
            self.recent.clear();
        }
        if self.recent.contains(&order.count) {
            let what = format!("a second picture {}", order.count);
            return Err(damaged(CODEC, what));
        }
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(order.count);
        let doubt = self.keep(&references, order.count, lsb_cycle);
        self.current = Some(Current {
            count: order.count,
            doubt,
            inter: false,
        });
        Ok(())
    }

    /// Forgets pictures that are in no set (clause 8.3.2); what is wrong with those that the
    /// picture itself may refer to.
    fn keep(&mut self, sets: &PictureReferences, count: i64, lsb_cycle: i64) -> Option<String> {
        let mut kept = BTreeMap::new();
        let mut doubt = None;
        let short_term = sets.short_term.iter().map(|picture| {
            let of = count.saturating_add(picture.delta);
            (of, self.pictures.get_key_value(&of), picture.used)
        });
        let long_term = sets.long_term.iter().map(|picture| {
            let lsb = i64::from(picture.lsb);
            let Some(cycles) = picture.msb_cycles else {
                let mut found = self.pictures.iter();
                let found = found.find(|(of, _)| of.rem_euclid(lsb_cycle) == lsb);
                return (lsb, found, picture.used);
            };
            let back = i64::from(cycles).saturating_mul(lsb_cycle);
            let of = (count - count.rem_euclid(lsb_cycle) + lsb).saturating_sub(back);
            (of, self.pictures.get_key_value(&of), picture.used)
        });
        for (of, found, used) in short_term.chain(long_term) {
            match found {
                Some((&of, damage)) => {
                    kept.insert(of, damage.clone());
                    if used && doubt.is_none() {
                        doubt.clone_from(damage);
                    }
                }
                None if used && doubt.is_none() => {
                    doubt = Some(format!("picture {of}, which it refers to, is missing"));
                }
                None => {}
            }
        }
        self.pictures = kept;
        doubt
    }

    /// Ends the picture: why it cannot be trusted. `lost` where its own data was damaged.
    pub fn end(&mut self, lost: Option<String>) -> Option<String> {
        let current = self.current.take()?;
        let damage = lost.or(current.doubt.filter(|_| current.inter));
        self.pictures.insert(current.count, damage.clone());
        damage
    }
}
