//! Counts of what shapes lose in a format.

use super::format::Loss;
use std::collections::BTreeMap;

/// How often each loss was.
#[derive(Debug, Default)]
pub(super) struct Losses(BTreeMap<Loss, u64>);

impl Losses {
    /// Once more.
    pub(super) fn count(&mut self, loss: Loss) {
        *self.0.entry(loss).or_default() += 1;
    }

    /// The counts.
    pub(super) fn into_counts(self) -> BTreeMap<Loss, u64> {
        self.0
    }
}
