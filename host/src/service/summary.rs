//! How deliveries ended, counted.

use framemill_sources::SourceError;

/// What became of the messages of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunSummary {
    /// The work was done, or had been already, or there was none.
    pub done: u64,
    /// Objects that cannot be processed.
    pub rejected: u64,
    /// Messages that were given up.
    pub dead_lettered: u64,
    /// Deliveries that failed and come back.
    pub retried: u64,
    /// Messages that were released because of the stop.
    pub released: u64,
}

/// How one delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeliveryResult {
    Done,
    Rejected,
    DeadLettered,
    Retried,
    Released,
}

impl RunSummary {
    pub(super) fn add(
        &mut self,
        ended: Result<Result<DeliveryResult, SourceError>, tokio::task::JoinError>,
    ) -> anyhow::Result<()> {
        let ended = match ended {
            Ok(ended) => ended,
            // A defect of ours must not end the service; the message went back as it broke off.
            Err(error) => {
                tracing::error!("framemill itself failed: report it with the log: {error}");
                Ok(DeliveryResult::Retried)
            }
        };
        let count = match ended {
            Ok(DeliveryResult::Done) => &mut self.done,
            Ok(DeliveryResult::Rejected) => &mut self.rejected,
            Ok(DeliveryResult::DeadLettered) => &mut self.dead_lettered,
            Ok(DeliveryResult::Retried) => &mut self.retried,
            Ok(DeliveryResult::Released) => &mut self.released,
            Err(error @ SourceError::Unreachable { .. }) => {
                // The work is done, but its message is not settled: it comes back.
                tracing::warn!("message cannot be settled, it comes back: {error}");
                &mut self.retried
            }
            Err(error) => return Err(error.into()),
        };
        *count = count.saturating_add(1);
        Ok(())
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
