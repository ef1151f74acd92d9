//! What whoever trains on a snapshot should know.

use crate::counts::Counts;
use crate::{DatasetFrame, SplitRule};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Examples at most.
pub(crate) const MOST_EXAMPLES: usize = 5;

/// Something that is likely not meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Warning {
    /// What it is.
    pub code: WarningCode,
    /// In a sentence.
    pub message: String,
    /// How often; of an empty split, how many groups there are.
    pub count: u64,
    /// Up to 5.
    pub examples: Vec<String>,
}

/// Kinds of warnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// A split has no frames.
    EmptySplit,
    /// Images of two splits look the same: what is learnt from one is asked in the other.
    NearDuplicates,
    /// Annotations of images that have been replaced do not count.
    StaleAnnotations,
    /// Frames were left out in which something is marked that cannot be used.
    FaultyAnnotations,
    /// Annotations of frames that no manifest has do not count.
    OrphanedAnnotations,
}

/// How often something was found, and the first few in order of the alphabet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) count: u64,
    examples: BTreeSet<String>,
}

impl Tally {
    pub(crate) fn add(&mut self, example: String) {
        self.count = self.count.saturating_add(1);
        self.examples.insert(example);
        if self.examples.len() > MOST_EXAMPLES {
            self.examples.pop_last();
        }
    }

    /// None where nothing was found.
    pub(crate) fn warning(self, code: WarningCode, message: &str) -> Option<Warning> {
        (self.count > 0).then(|| Warning {
            code,
            message: message.to_owned(),
            count: self.count,
            examples: self.examples.into_iter().collect(),
        })
    }
}

/// The splits without frames.
pub(crate) fn empty_splits(
    rule: &SplitRule,
    counts: &Counts,
    frames: &[DatasetFrame],
) -> Vec<Warning> {
    let empty = counts.splits.iter().filter(|split| split.frames == 0);
    let mut groups = Tally::default();
    let mut found = BTreeSet::new();
    for frame in frames {
        if found.insert(frame.group.as_str()) {
            groups.add(frame.group.clone());
        }
    }
    let warning = |name: &str| Warning {
        code: WarningCode::EmptySplit,
        message: format!(
            "split `{name}` of {rule} is empty: of {} groups none falls into it; more videos, smaller groups or another salt fill it",
            groups.count
        ),
        count: groups.count,
        examples: groups.examples.iter().cloned().collect(),
    };
    empty.map(|split| warning(&split.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_tally_does_not_depend_on_the_order(names in proptest::collection::vec("[a-z]{1,2}", 0..20)) {
            let tally = |names: &mut dyn Iterator<Item = &String>| {
                let mut tally = Tally::default();
                names.for_each(|name| tally.add(name.clone()));
                tally.warning(WarningCode::StaleAnnotations, "m")
            };
            let one = tally(&mut names.iter());
            prop_assert_eq!(tally(&mut names.iter().rev()), one.clone());
            prop_assert_eq!(one.map_or(0, |it| it.count), names.len() as u64);
        }
    }
}
