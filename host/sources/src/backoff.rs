//! Waiting out an outage.

use std::time::Duration;

/// An outage: told once, waited for with growing pauses, and told again when it is over.
#[derive(Default)]
pub(super) struct Backoff {
    count: u32,
    told: bool,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(500);
    const LAST: Duration = Duration::from_secs(30);

    /// Tells of an outage, once.
    pub(super) fn note(&mut self, what: &str, reason: &str) {
        if !std::mem::replace(&mut self.told, true) {
            tracing::warn!("no answer, waiting: {reason}: {what}");
        }
    }

    /// Tells of an outage, and backoff.
    pub(super) async fn wait(&mut self, what: &str, reason: &str) {
        self.note(what, reason);
        let pause = Self::FIRST.saturating_mul(1 << self.count.min(8));
        self.count = self.count.saturating_add(1);
        tokio::time::sleep(pause.min(Self::LAST)).await;
    }

    /// It works; says whether there was an outage.
    pub(super) fn over(&mut self, what: &str) -> bool {
        self.count = 0;
        let told = std::mem::take(&mut self.told);
        if told {
            tracing::info!("answers again: {what}");
        }
        told
    }
}
