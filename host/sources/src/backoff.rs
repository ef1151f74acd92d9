//! Backoff while a server does not answer.

use std::time::Duration;

/// An outage: logged once, waited out with growing pauses, and logged again when it is over.
#[derive(Default)]
pub(super) struct Backoff {
    count: u32,
    logged: bool,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(500);
    const LAST: Duration = Duration::from_secs(30);

    /// Logs an outage, once.
    pub(super) fn note(&mut self, what: &str, reason: &str) {
        if !std::mem::replace(&mut self.logged, true) {
            tracing::warn!("no answer, waiting: {reason}: {what}");
        }
    }

    /// Logs an outage, and waits: each time twice as long.
    pub(super) async fn wait(&mut self, what: &str, reason: &str) {
        self.note(what, reason);
        let pause = Self::FIRST.saturating_mul(1 << self.count.min(8));
        self.count = self.count.saturating_add(1);
        tokio::time::sleep(pause.min(Self::LAST)).await;
    }

    /// The server answers; returns whether there was an outage.
    pub(super) fn over(&mut self, what: &str) -> bool {
        self.count = 0;
        let logged = std::mem::take(&mut self.logged);
        if logged {
            tracing::info!("answers again: {what}");
        }
        logged
    }
}
