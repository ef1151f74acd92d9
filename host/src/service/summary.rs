//! How deliveries ended, counted.

use framemill_sources::SourceError;
use tokio::task::JoinError;

/// What became of the messages of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunSummary {
    /// The work was done, or had been already, or there was none.
    pub done: u64,
    /// Objects that cannot be processed, or only in part.
    pub rejected: u64,
    /// Messages that were given up.
    pub dead_lettered: u64,
    /// Deliveries that failed and come back.
    pub retried: u64,
    /// Messages that were released because of the stop.
    pub released: u64,
}

/// How the task of one delivery ended.
pub(super) type Ended = Result<Result<DeliveryResult, SourceError>, JoinError>;

/// How one delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeliveryResult {
    Done,
    Rejected,
    DeadLettered,
    Retried,
    Released,
}

impl DeliveryResult {
    /// Stable name for metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Rejected => "rejected",
            Self::DeadLettered => "dead_lettered",
            Self::Retried => "retried",
            Self::Released => "released",
        }
    }
}

/// What became of the message.
///
/// # Errors
/// Where the source is broken.
pub(super) fn result_of(ended: Ended) -> Result<DeliveryResult, SourceError> {
    match ended {
        // A defect of ours must not end the service; the message went back as it broke off.
        Err(error) => {
            tracing::error!("framemill itself failed: report it with the log: {error}");
            Ok(DeliveryResult::Retried)
        }
        Ok(Err(error @ SourceError::Unreachable { .. })) => {
            // The work is done, but its message is not settled: it comes back.
            tracing::warn!("message cannot be settled, it comes back: {error}");
            Ok(DeliveryResult::Retried)
        }
        Ok(ended) => ended,
    }
}

impl RunSummary {
    pub(super) fn add(&mut self, result: DeliveryResult, more: u64) {
        let count = match result {
            DeliveryResult::Done => &mut self.done,
            DeliveryResult::Rejected => &mut self.rejected,
            DeliveryResult::DeadLettered => &mut self.dead_lettered,
            DeliveryResult::Retried => &mut self.retried,
            DeliveryResult::Released => &mut self.released,
        };
        *count = count.saturating_add(more);
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            done: self.done.saturating_add(other.done),
            rejected: self.rejected.saturating_add(other.rejected),
            dead_lettered: self.dead_lettered.saturating_add(other.dead_lettered),
            retried: self.retried.saturating_add(other.retried),
            released: self.released.saturating_add(other.released),
        }
    }

    /// Whether a video failed for good.
    pub fn failed(&self) -> bool {
        self.rejected > 0 || self.dead_lettered > 0
    }
}
