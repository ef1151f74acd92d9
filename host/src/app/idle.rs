//! For `--until-idle`: when there is nothing more to do.

use framemill_sources::{FolderState, Queue};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A source of other machines counts as empty once nothing came for so long.
pub(super) const QUIET: Duration = Duration::from_secs(10);

/// What has to be quiet.
pub(super) struct Idle {
    /// How far the folder's watcher is, where there is one.
    pub(super) looked: Option<watch::Receiver<FolderState>>,
    pub(super) swept: watch::Receiver<u64>,
    pub(super) queue: Option<Arc<Queue>>,
    /// Whether there is no other source.
    pub(super) all_embedded: bool,
    pub(super) running: Vec<watch::Receiver<usize>>,
}

impl Idle {
    /// Stops once the folder has been read, no file is growing and the queue is empty; where
    /// the queue is somewhere else, once nothing came for a while.
    pub(super) async fn wait(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut quiet_since = Instant::now();
        while !stop.is_cancelled() {
            // The folder first: what it finds is in the queue before its state says so.
            let looked = self.looked.as_ref().is_none_or(|looked| {
                let state = *looked.borrow();
                state.looks > 0 && state.unstable == 0
            });
            let waiting = self
                .queue
                .as_ref()
                .map(|queue| match queue.pending() {
                    // Something waits for it.
                    Err(error) if error.passes() => Ok(1),
                    pending => pending,
                })
                .transpose()?;
            let busy = self.running.iter().any(|running| *running.borrow() > 0);
            let found_all = looked && *self.swept.borrow() > 0;
            if !found_all || busy || waiting.is_some_and(|waiting| waiting > 0) {
                quiet_since = Instant::now();
            } else if self.all_embedded || quiet_since.elapsed() >= QUIET {
                stop.cancel();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }
}
