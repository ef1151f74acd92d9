//! The parameter sets that slices of H.264 and HEVC refer to.

use std::collections::BTreeMap;

/// A sequence parameter set of one of both codecs.
pub trait SequenceParameterSet: Sized {
    /// From a NAL unit; `None` where it is none that counts.
    fn parse(nal: &[u8]) -> Option<Self>;
    /// Its own id.
    fn id(&self) -> u8;
}

/// A picture parameter set of one of both codecs.
pub trait PictureParameterSet: Sized {
    /// From a NAL unit; `None` where it is none that counts.
    fn parse(nal: &[u8]) -> Option<Self>;
    /// Its own id.
    fn id(&self) -> u8;
    /// The id of the sequence parameter set that it refers to.
    fn sps_id(&self) -> u8;
}

/// The parameter sets in force, by id.
#[derive(Clone, Debug)]
pub struct ParameterSets<S, P> {
    sps: BTreeMap<u8, S>,
    pps: BTreeMap<u8, P>,
}

impl<S, P> Default for ParameterSets<S, P> {
    fn default() -> Self {
        Self {
            sps: BTreeMap::new(),
            pps: BTreeMap::new(),
        }
    }
}

impl<S: SequenceParameterSet, P: PictureParameterSet> ParameterSets<S, P> {
    /// Keeps a NAL unit that is a parameter set that we can read; says whether it was.
    pub fn insert(&mut self, nal: &[u8]) -> bool {
        if let Some(sps) = S::parse(nal) {
            self.sps.insert(sps.id(), sps);
            return true;
        }
        if let Some(pps) = P::parse(nal) {
            self.pps.insert(pps.id(), pps);
            return true;
        }
        false
    }

    /// The pair that a slice with this `pic_parameter_set_id` uses.
    pub fn of(&self, pps_id: u8) -> Option<(&S, &P)> {
        let pps = self.pps.get(&pps_id)?;
        Some((self.sps.get(&pps.sps_id())?, pps))
    }
}
