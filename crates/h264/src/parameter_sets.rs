//! The parameter sets that slices refer to, clause 7.4.1.2.1.

use crate::Error;
use crate::pps::{self, Pps};
use crate::sps::Sps;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A PPS as it came, and parsed with the SPS that it was last used with.
struct Coded {
    rbsp: Vec<u8>,
    sps_id: u32,
    parsed: Option<(Arc<Sps>, Arc<Pps>)>,
}

/// Parameter sets by id.
#[derive(Default)]
pub(crate) struct ParameterSets {
    sps: BTreeMap<u32, Arc<Sps>>,
    pps: BTreeMap<u32, Coded>,
}

impl ParameterSets {
    /// Takes in an SPS; one that says what is known already stays the same object.
    ///
    /// # Errors
    /// As [`Sps::parse`].
    pub fn sps(&mut self, rbsp: &[u8]) -> Result<(), Error> {
        let sps = Sps::parse(rbsp)?;
        if self.sps.get(&sps.id).is_none_or(|old| **old != sps) {
            self.sps.insert(sps.id, Arc::new(sps));
        }
        Ok(())
    }

    /// Takes in a PPS. It is parsed when a slice refers to it: its SPS may come later.
    ///
    /// # Errors
    /// Its ids are out of range.
    pub fn pps(&mut self, rbsp: &[u8]) -> Result<(), Error> {
        let (id, sps_id) = pps::ids(rbsp)?;
        if self.pps.get(&id).is_none_or(|old| old.rbsp != rbsp) {
            let coded = Coded {
                rbsp: rbsp.to_vec(),
                sps_id,
                parsed: None,
            };
            self.pps.insert(id, coded);
        }
        Ok(())
    }

    /// The parameter sets of a slice.
    ///
    /// # Errors
    /// One is not there, or as [`Pps::parse`].
    pub fn of(&mut self, pps_id: u32) -> Result<(Arc<Sps>, Arc<Pps>), Error> {
        let missing =
            |what: &str, id| Error::damaged(format!("{what} parameter set {id} is missing"));
        let coded = self
            .pps
            .get_mut(&pps_id)
            .ok_or_else(|| missing("picture", pps_id))?;
        let sps = self
            .sps
            .get(&coded.sps_id)
            .ok_or_else(|| missing("sequence", coded.sps_id))?;
        if let Some((with, pps)) = &coded.parsed
            && Arc::ptr_eq(with, sps)
        {
            return Ok((sps.clone(), pps.clone()));
        }
        let pps = Arc::new(Pps::parse(&coded.rbsp, sps)?);
        coded.parsed = Some((sps.clone(), pps.clone()));
        Ok((sps.clone(), pps))
    }
}
