//! Sweeps while the service runs.

use super::builder::AppBuilder;
use super::idle::QUIET;
use super::sweep::Sweep;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A sweep that broke off is tried again after this time.
const SWEEP_AGAIN: Duration = Duration::from_secs(60);
/// A sweep waits this many times its interval for a calm moment.
const BUSY_SWEEPS: u32 = 24;

/// Starts the sweeps of the common bucket. The receiver says how many there were.
pub(super) async fn start_sweeps(
    app: &mut AppBuilder,
    running: &[watch::Receiver<usize>],
    background: &mut JoinSet<anyhow::Result<()>>,
) -> anyhow::Result<watch::Receiver<u64>> {
    let (count, receiver) = watch::channel(0);
    let settings = app.settings.clone();
    let Some(every) = settings.sweep_every else {
        count.send_replace(1);
        return Ok(receiver);
    };
    let embedded = settings.source.is_embedded();
    let sweep = Sweep {
        store: app.store(&settings.store)?,
        bucket: settings.store.bucket().to_owned(),
        rules: app.sweep_rules().await?,
        skip: settings.skipped(),
        // An embedded queue knows what it holds: nothing can be queued twice.
        age: if embedded {
            settings.stable_for
        } else {
            settings.sweep_age
        },
    };
    let running = running.to_vec();
    background.spawn(async move {
        loop {
            if !embedded {
                calm(&running, every).await;
            }
            match sweep.run(&|_| {}).await {
                Ok(all) => {
                    for swept in all {
                        tracing::info!(
                            function = swept.function,
                            objects = swept.objects,
                            queued = swept.queued,
                            failed = swept.failed,
                            "swept"
                        );
                    }
                    count.send_modify(|count| *count = count.saturating_add(1));
                    tokio::time::sleep(every).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "sweep broke off, and is tried again");
                    tokio::time::sleep(every.min(SWEEP_AGAIN)).await;
                }
            }
        }
    });
    Ok(receiver)
}

/// Waits until no message is being worked on for a while: as long as messages come, what has no
/// manifest waits for its turn and is not lost. But not for ever: there may always be some.
async fn calm(running: &[watch::Receiver<usize>], every: Duration) {
    let start = Instant::now();
    let mut since = Instant::now();
    while since.elapsed() < QUIET && start.elapsed() < every.saturating_mul(BUSY_SWEEPS) {
        tokio::time::sleep(Duration::from_millis(500)).await;
        if running.iter().any(|running| *running.borrow() > 0) {
            since = Instant::now();
        }
    }
}
