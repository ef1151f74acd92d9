//! What became of candidates.

use crate::warning::{Tally, Warning, WarningCode};
use serde::Serialize;

/// What became of the candidates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BuildReport {
    /// All there were.
    pub candidates: u64,
    /// Frames of the snapshot.
    pub frames: u64,
    /// Left out by a condition.
    pub filtered: u64,
    /// Left out as too little is known of them.
    pub below_min_state: u64,
    /// Left out as something is marked that cannot be used.
    pub faulty: u64,
    /// Annotations that do not count, as the image is another one since. Of candidates that a condition
    /// on the frame itself leaves out, they are not counted.
    pub stale: u64,
    /// Annotations of frames that no manifest has.
    pub orphaned: u64,
    /// About what was left out. Not of the snapshot, which is the same whatever else there was.
    pub warnings: Vec<Warning>,
}

/// What was left out and is likely not meant to be.
#[derive(Debug, Default)]
pub(crate) struct LeftOut {
    pub(crate) stale: Tally,
    pub(crate) faulty: Tally,
    pub(crate) orphaned: Tally,
}

impl LeftOut {
    /// The report, with all of it.
    pub(crate) fn told(self, report: BuildReport) -> BuildReport {
        let (stale, faulty, orphaned) = (self.stale.count, self.faulty.count, self.orphaned.count);
        let found = [
            self.stale.warning(
                WarningCode::StaleAnnotations,
                "annotations do not count: they are of another image than the frame has now; have those frames labeled again",
            ),
            self.faulty.warning(
                WarningCode::FaultyAnnotations,
                "frames are left out: something is marked in them that cannot be used; mend it in the labeling system",
            ),
            self.orphaned.warning(
                WarningCode::OrphanedAnnotations,
                "annotations do not count: no manifest has their frames; extract those videos again as they were, or have the frames labeled that there are",
            ),
        ];
        BuildReport {
            stale,
            faulty,
            orphaned,
            warnings: found.into_iter().flatten().collect(),
            ..report
        }
    }
}
